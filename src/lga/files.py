"""Write files and folders so that a crash or a second process never leaves half of one."""

import json
import os
import shutil
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from lga.errors import LGAError


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; readers see the old or the new one, never a part.

    Raises:
        LGAError: the disk is full, or the place cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{uuid4().hex}.part")
        try:
            with part.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise LGAError(
            f"{path}: cannot be written ({error.strerror}); free some space or choose another place"
        ) from error


@contextmanager
def replace_folder(folder: Path) -> Generator[Path]:
    """Fill a new folder beside `folder`; it takes its place when the block ends without an error.

    What was there before is kept until then and comes back if the exchange fails.

    Raises:
        LGAError: the disk is full, or the place cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = folder.with_name(f".{uuid4().hex}.part")
        fresh.mkdir()
        try:
            yield fresh
            _exchange(fresh, folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise LGAError(
            f"{folder}: cannot be written ({error.strerror}); free some space or choose another place"
        ) from error


def to_json(value: object) -> bytes:
    """JSON as people read it: indented, UTF-8, one newline at the end."""
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


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


def as_paths(places: Iterable[str | Path]) -> list[Path]:
    """Several places as paths.

    Raises:
        LGAError: one place is given in place of several; a text would be taken apart letter by letter.
    """
    if isinstance(places, str | Path):
        raise LGAError(f"a list of paths is wanted, as in [{str(places)!r}], not the single path {str(places)!r}")
    return [Path(place) for place in places]
