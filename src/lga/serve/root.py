"""Clips that are named by their path below a folder: opened once, step by step, so that no path leads out of it."""

import errno
import os
import shutil
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from lga.errors import SettingsError
from lga.files import one_line

DESCRIPTORS = Path("/proc/self/fd")
"""Where Linux lists what this process has open by number; to open it there is to open that very file again."""
LINKS = 40
"""Links that are followed on the way to one file, as many as Linux follows."""


def check_root(root: Path | None) -> None:
    """Refuse a root where the system cannot open a file below a folder without following links.

    Raises:
        SettingsError: it cannot.
    """
    if root is not None and not {os.open, os.stat, os.readlink} <= os.supports_dir_fd:
        raise SettingsError("--root: this system cannot keep paths below a folder (Linux and macOS can); upload clips")


@contextmanager
def find_beneath(root: Path, path: str, folder: Path) -> Generator[Path]:
    """Where to read what `open_beneath` opens, until the block ends: whoever opens that place gets the very same file.

    Where the system has no such place, that is a copy in `folder`.

    Raises:
        OSError: there is no such file below the root, or it may not be read.
        ValueError: there is a zero in the path.
        LGAError: the disk is full.
    """
    with open_beneath(root, path) as file:
        if DESCRIPTORS.is_dir():
            yield DESCRIPTORS / str(file.fileno())
            return
        with request_folder(folder) as own:
            copy = own / "clip"
            with one_line(copy), copy.open("xb") as target:
                shutil.copyfileobj(file, target)
            yield copy


@contextmanager
def request_folder(folder: Path) -> Generator[Path]:
    """A folder in `folder` that lasts as long as a request.

    `folder` is made again where it is gone: folders for temporary files are cleaned, and a server may idle for days.

    Raises:
        LGAError: the disk is full.
    """
    with one_line(folder):
        folder.mkdir(mode=0o700, exist_ok=True)
        own = TemporaryDirectory(dir=folder, ignore_cleanup_errors=True)
    with own:
        yield Path(own.name)


def open_beneath(root: Path, path: str) -> BinaryIO:
    """Open a file below a folder; links are followed as long as they stay below it, absolute ones too.

    Each step is taken from the folder that the step before has opened, and no step follows a link by itself. So it
    does not matter what is exchanged for what meanwhile: nothing outside the root is ever opened.

    Raises:
        OSError: there is no such file below the root, it is no regular file, or it may not be read.
        ValueError: there is a zero in the path.
    """
    folders = [os.open(root, os.O_RDONLY | os.O_DIRECTORY)]
    try:
        steps, links = _steps(root, path), 0
        while steps and links <= LINKS:
            step, here = steps.pop(), folders[-1]
            if step == "..":
                os.close(folders.pop())
                if not folders:
                    raise _error(errno.EXDEV)
                continue
            mode = os.stat(step, dir_fd=here, follow_symlinks=False).st_mode
            if stat.S_ISLNK(mode):
                steps += _follow(root, step, folders)
                links += 1
            elif stat.S_ISREG(mode) and not steps:
                return _open_file(step, here)
            else:
                folders.append(os.open(step, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here))
        raise _error(errno.ELOOP if steps else errno.EISDIR)
    finally:
        for folder in folders:
            os.close(folder)


def _follow(root: Path, link: str, folders: list[int]) -> list[str]:
    """The steps that a link in the last of the open folders stands for; an absolute one begins at the root again."""
    target = os.readlink(link, dir_fd=folders[-1])
    while os.path.isabs(target) and len(folders) > 1:
        os.close(folders.pop())
    return _steps(root, target)


def _steps(root: Path, path: str) -> list[str]:
    """The names on the way, the last one first; an absolute path is taken as what it names below the root."""
    if not os.path.isabs(path):
        return list(reversed(Path(path).parts))
    for top in (root.absolute(), root.resolve()):
        if Path(path).is_relative_to(top):
            return list(reversed(Path(path).relative_to(top).parts))
    raise _error(errno.EXDEV)


def _open_file(name: str, folder: int) -> BinaryIO:
    """Open what was a regular file a moment ago, and refuse what it may have become: a link, a pipe or a device."""
    opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise _error(errno.EINVAL)
    return os.fdopen(opened, "rb")


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
