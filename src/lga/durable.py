"""What a file system needs to be asked so that a write is there after a power failure, and whole at every moment."""

import ctypes
import errno
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

from lga.temporary import find_abandoned, remove, temporary_path

SWAP = 2
"""The flag of `renameat2` (Linux) and of `renamex_np` (macOS) that exchanges two places."""
HERE = -100
"""AT_FDCWD of Linux: paths are relative to the working folder."""
UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM)
"""How a system or a file system says that it cannot exchange, or cannot sync folders."""
Swap = Callable[[bytes, bytes], int]


def make_folders(folder: Path) -> None:
    """Make a folder and those above it that are missing, each of them on the disk.

    Raises:
        OSError: the system refuses.
    """
    if not folder.is_dir():
        make_folders(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def sync_file(path: Path) -> None:
    """Return when the file's content is on the disk.

    Raises:
        OSError: it cannot be.
    """
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Return when the names in a folder are on the disk, where the file system can promise that.

    Raises:
        OSError: it cannot be.
    """
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:  # it may be written into and not be read
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Return when all that a folder holds is on the disk.

    Raises:
        OSError: it cannot be.
    """
    for place, _, names in os.walk(folder):
        for name in names:
            sync_file(Path(place, name))
        sync_folder(Path(place))


def put_in_place(fresh: Path, folder: Path) -> None:
    """Let a folder take the place of another one; what was there then lies at `fresh`, or is gone.

    One call of the system does it where there is such a call. Else there is a moment without the folder, and
    `bring_back` finds what was displaced if the process dies in it.

    Raises:
        OSError: the system refuses; what was there is there still, or `bring_back` will find it.
    """
    if not folder.exists():
        fresh.rename(folder)
    elif not exchange(fresh, folder):
        old = temporary_path(folder, "old")
        folder.rename(old)
        try:
            fresh.rename(folder)
        except BaseException:
            if not folder.exists():
                old.rename(folder)
            raise
        remove(old)
    sync_folder(folder.parent)


def bring_back(folder: Path) -> None:
    """Put a folder back that a process displaced, which died before it had put another one in its place.

    Raises:
        OSError: the system refuses.
    """
    if not os.path.lexists(folder):
        for old in find_abandoned(folder, "old")[:1]:
            old.rename(folder)
            sync_folder(folder.parent)


def exchange(one: Path, other: Path) -> bool:
    """Exchange what lies at two places in one call of the system; False where it, or the file system, has none.

    Raises:
        OSError: the system refuses for another reason.
    """
    swap = _swap()
    if swap is None:
        return False
    if swap(os.fsencode(one), os.fsencode(other)) == 0:
        return True
    number = ctypes.get_errno()
    if number in UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), os.fspath(one))


@cache
def _swap() -> Swap | None:
    """The system's call, if it has one."""
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "darwin":
            swap_paths = library.renamex_np
            swap_paths.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint]
            return lambda one, other: swap_paths(one, other, SWAP)
        swap_at = library.renameat2
    except (OSError, AttributeError, TypeError):
        return None
    swap_at.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    return lambda one, other: swap_at(HERE, one, HERE, other, SWAP)
