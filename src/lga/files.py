"""Write files and folders so that a crash or a second process never leaves half of one."""

import csv
import errno
import io
import json
import os
import re
import shutil
import stat
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal
from uuid import uuid4

from lga.errors import LGAError


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; readers see the old or the new one, never a part.

    Raises:
        LGAError: the disk is full, or the place cannot be written.
    """
    with replace_file(path) as part:
        part.write_bytes(data)


def write_together(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write some files of a folder, each whole or not at all, and none before all are on the disk.

    They take their places in the order given, so put last the one without which the others mean nothing. Other files
    in the folder stay.

    Raises:
        LGAError: the disk is full, or the place cannot be written.
    """
    with _one_line(folder):
        folder.mkdir(parents=True, exist_ok=True)
        parts = folder / f".{uuid4().hex}.part"
        parts.mkdir()
        try:
            for name, data in files.items():
                (parts / name).write_bytes(data)
                _flush(parts / name)
            for name in files:
                (parts / name).replace(folder / name)
        finally:
            shutil.rmtree(parts, ignore_errors=True)


@contextmanager
def replace_file(path: Path) -> Generator[Path]:
    """Fill a new file beside `path`; it takes its place when the block ends without an error.

    For files that are written bit by bit or by another library. What was there before is kept until then.

    Raises:
        LGAError: the disk is full, or the place cannot be written.
    """
    with _one_line(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{uuid4().hex}.part")
        try:
            yield part
            _flush(part)
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def append_durably(path: Path, data: bytes) -> None:
    """Add to the end of a file; when this returns it is on the disk, and a crash before leaves a part at most.

    Raises:
        LGAError: the disk is full, or the place cannot be written.
    """
    with _one_line(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab", buffering=0) as file:
            file.write(data)
            os.fsync(file.fileno())


@contextmanager
def replace_folder(folder: Path) -> Generator[Path]:
    """Fill a new folder beside `folder`; it takes its place when the block ends without an error.

    What was there before is kept until then and comes back if the exchange fails.

    Raises:
        LGAError: the disk is full, or the place cannot be written.
    """
    with _one_line(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = folder.with_name(f".{uuid4().hex}.part")
        fresh.mkdir()
        try:
            yield fresh
            _exchange(fresh, folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


def to_json(value: object) -> bytes:
    """JSON as people read it: indented, UTF-8, one newline at the end."""
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


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
def _one_line(path: Path) -> Generator[None]:
    """Turn what the system says into an error that names the place."""
    try:
        yield
    except OSError as error:
        raise LGAError(
            f"{path}: cannot be written ({error.strerror}); free some space or choose another place"
        ) from error


def _flush(path: Path) -> None:
    """Return when the file's content is on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _exchange(fresh: Path, folder: Path) -> None:
    if not folder.exists():
        fresh.rename(folder)
        return
    old = folder.with_name(f".{uuid4().hex}.old")
    old.mkdir()
    kept = old / "old"
    try:
        folder.rename(kept)
        fresh.rename(folder)
    except BaseException:
        if kept.exists() and not folder.exists():
            kept.rename(folder)
        with suppress(OSError):
            old.rmdir()
        raise
    shutil.rmtree(old, ignore_errors=True)


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
