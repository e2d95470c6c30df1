"""Write files and folders so that a crash or a second process never leaves half of one."""

import csv
import errno
import io
import json
import os
import re
import stat
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Literal

from lga.durable import bring_back, make_folders, put_in_place, sync_file, sync_folder, sync_tree
from lga.errors import LGAError
from lga.temporary import remove, sweep, temporary_path


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; readers see the old or the new one, never a part.

    Raises:
        LGAError: the disk is full, or the place cannot be written.
    """
    with replace_file(path) as part:
        part.write_bytes(data)


@contextmanager
def replace_file(path: Path) -> Generator[Path]:
    """Fill a new file beside `path`; it takes its place when the block ends without an error.

    For files that are written bit by bit or by another library. What was there before is kept until then, and what
    killed processes left there is removed. Where `path` is a link, the file that it names is replaced.

    Raises:
        LGAError: the disk is full, or the place cannot be written.
    """
    with one_line(path):
        draft = Draft(path)
        try:
            yield draft.part
            draft.keep()
        finally:
            draft.drop()


class Draft:
    """A new file beside its target, for what is longer than a block: it is kept or dropped later.

    `part` is where to write. Errors are the system's own; put `one_line` around all of it.
    """

    def __init__(self, path: Path):
        """Choose the place, with the folders it needs, and remove what killed processes left there.

        Raises:
            OSError: the system refuses.
            LGAError: a device or a pipe is there.
        """
        self._target = _prepared(path)
        self.part = temporary_path(self._target)

    def keep(self) -> None:
        """Put what was written in its place; when this returns, both are on the disk.

        Raises:
            OSError: the system refuses; what was there before stays.
        """
        sync_file(self.part)
        self.part.replace(self._target)
        sync_folder(self._target.parent)

    def drop(self) -> None:
        """Remove what was written, unless it was kept."""
        remove(self.part)


@contextmanager
def scratch_folder(path: Path) -> Generator[Path]:
    """A folder beside `path` for what is needed while it is made, removed when the block ends, or swept later.

    Raises:
        LGAError: the disk is full, or the place cannot be written.
    """
    with one_line(path):
        folder = temporary_path(_prepared(path))
        folder.mkdir()
    try:
        yield folder
    finally:
        remove(folder)


def append_durably(path: Path, data: bytes) -> None:
    """Add to the end of a file; when this returns it is on the disk.

    A disk that becomes full keeps nothing of it, a crash a part at most.

    Raises:
        LGAError: the disk is full, or the place cannot be written.
    """
    with one_line(path):
        make_folders(path.parent)
        is_new = not path.exists()
        with path.open("ab", buffering=0) as file:
            end, rest = file.seek(0, os.SEEK_END), data
            try:
                while rest:  # a disk that has room for a part takes that part and says nothing
                    rest = rest[file.write(rest) :]
                os.fsync(file.fileno())
            except OSError:
                if file.seek(0, os.SEEK_END) == end + len(data) - len(rest):  # nobody else has added to it since
                    file.truncate(end)
                raise
        if is_new:
            sync_folder(path.parent)


def remove_file(path: Path) -> None:
    """Remove a file if it is there, with what killed processes left of it.

    Raises:
        LGAError: the system refuses.
    """
    with one_line(path):
        path.unlink(missing_ok=True)
        sweep(path)
        sync_folder(path.parent)


@contextmanager
def replace_folder(folder: Path) -> Generator[Path]:
    """Fill a new folder beside `folder`; it takes its place when the block ends without an error.

    What was there before is kept until then and comes back if the exchange fails, or at the next write if the process
    was killed in it. Where `folder` is a link, the folder that it names is replaced.

    Raises:
        LGAError: the disk is full, or the place cannot be written.
    """
    with one_line(folder):
        target = _prepared(folder)
        if target.exists() and not target.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        bring_back(target)
        fresh = temporary_path(target)
        fresh.mkdir()
        try:
            yield fresh
            sync_tree(fresh)
            put_in_place(fresh, target)
        finally:
            remove(fresh)


def _prepared(path: Path) -> Path:
    """The place that a path leads to, with the folders it needs, and nothing left there by killed processes."""
    if kind_of(path) == "other":
        raise LGAError(f"{path}: is a device or a pipe, where nothing can be replaced; choose another place")
    if path.is_symlink():  # no folders are made for it: they may be on a disk that is not there
        target = Path(os.path.realpath(path))
        if target.is_symlink():
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    else:
        make_folders(path.parent)
        target = path
    sweep(target)
    return target


def to_json(value: object) -> bytes:
    """JSON as people read it: indented, UTF-8, one newline at the end."""
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def checksum_of(value: object) -> str:
    """The sha256 of what a value says as JSON, however its file is laid out."""
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


FORMULA = re.compile(r"'*\s*[=@+\-＝＠＋－]")
PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def to_csv(rows: Iterable[Iterable[object]]) -> str:
    """A table as CSV; a cell that a spreadsheet would run as a formula gets an apostrophe, which `from_cell` takes off.

    Numbers stay as they are.
    """
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([_to_cell(str(cell)) for cell in row] for row in rows)
    return text.getvalue()


def from_cell(cell: str) -> str:
    """What `to_csv` was given for this cell."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def _to_cell(cell: str) -> str:
    return f"'{cell}" if FORMULA.match(cell) and not PLAIN_NUMBER.fullmatch(cell) else cell


@contextmanager
def one_line(path: Path) -> Generator[None]:
    """Turn what the system says while a place is written into an error that names it.

    Raises:
        LGAError: the disk is full, or the place cannot be written.
    """
    if "\0" in str(path):
        raise LGAError(f"{path}: cannot be written (no name holds a zero); choose another place")
    try:
        yield
    except OSError as error:
        raise LGAError(
            f"{path}: cannot be written ({error.strerror}); free some space or choose another place"
        ) from error


Kind = Literal["file", "folder", "other", "nothing"]
"""What can lie at a place; "other" is a device or a pipe."""


def kind_of(path: Path) -> Kind:
    """What lies at a place, links followed.

    Unlike `Path.exists` and its kin it has one answer for whatever the system says: a name that cannot be one, too
    long or with a zero in it, and a link that leads nowhere or in a circle, are nothing.

    Raises:
        LGAError: the place may not be reached.
    """
    try:
        mode = path.stat().st_mode
    except ValueError:
        return "nothing"
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL):
            return "nothing"
        raise LGAError(f"{path}: cannot be reached ({error.strerror}); check that you may read it") from error
    if stat.S_ISDIR(mode):
        return "folder"
    return "file" if stat.S_ISREG(mode) else "other"


LFS_POINTER = b"version https://git-lfs.github.com/spec/"
"""How the files begin that Git leaves in place of large ones where Git LFS is not installed."""
LFS_ADVICE = "a pointer of Git LFS, not the file itself; run `git lfs pull` where it lies, or download it"


def as_paths(places: Iterable[str | Path]) -> list[Path]:
    """Several places as paths.

    Raises:
        LGAError: one place is given in place of several; a text would be taken apart letter by letter.
    """
    if isinstance(places, str | Path):
        raise LGAError(f"a list of paths is wanted, as in [{str(places)!r}], not the single path {str(places)!r}")
    return [Path(place) for place in places]


def user_cache() -> Path:
    """This program's folder among the user's caches: `lga` in `XDG_CACHE_HOME`, else in `~/.cache`."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "lga"
