"""The feature cache of 0.1.0, a small file for every clip and sentence: found, named and cleared, no longer read."""

import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path

from lga.errors import LGAError
from lga.files import kind_of

FOLDERS = ("clips", "motion", "text")
ENTRY = re.compile(r"[0-9a-f]{62}\.safetensors")
INITIALS = re.compile(r"[0-9a-f]{2}")


def former_entries(folder: Path) -> Iterator[Path]:
    """Its files in a cache folder, known by their names; whatever else lies there is somebody else's."""
    groups = chain.from_iterable(_inside(folder / name) for name in FOLDERS)
    for group in (one for one in groups if INITIALS.fullmatch(one.name)):
        yield from (one for one in _inside(group) if ENTRY.fullmatch(one.name))


def has_former(folder: Path) -> bool:
    """Whether there are any."""
    return next(former_entries(folder), None) is not None


def clear_former(folder: Path) -> int:
    """Remove its files and the folders that are empty then; how many files went.

    Raises:
        LGAError: one of them cannot be removed.
    """
    gone = list(former_entries(folder))
    try:
        for one in gone:
            one.unlink(missing_ok=True)
    except OSError as error:
        raise LGAError(f"{error.filename}: cannot be removed ({error.strerror}); check who owns it") from error
    for emptied in [*{one.parent for one in gone}, *(folder / name for name in FOLDERS)]:
        with suppress(OSError):
            emptied.rmdir()
    return len(gone)


def _inside(folder: Path) -> list[Path]:
    """What lies in a folder; nothing where there is none to be read."""
    try:
        return sorted(folder.iterdir()) if kind_of(folder) == "folder" and not folder.is_symlink() else []
    except (OSError, LGAError):
        return []
