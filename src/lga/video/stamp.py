"""Whether a clip is the one that was read before, told without opening it."""

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from lga.video.files import is_folder, pictures_in, refusal

RESOLUTION = 2.0
"""Seconds within which a file system may give two changes the same time: FAT's, the coarsest."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """Sizes, times of change and file numbers of a clip: they differ when its content does, and now and then without.

    The time of a file's last status change is among them, which nobody can set back.
    """

    value: bytes
    """their sha256"""
    newest: float
    """when anything of it was changed last, in seconds since 1970"""

    def settled(self, now: float) -> bool:
        """Whether whatever changes the clip from `now` on will change its stamp.

        Git calls a file for which that does not hold racily clean.
        """
        return self.newest + RESOLUTION <= now


def clip_stamp(path: Path) -> Stamp:
    """The stamp of a video file, or of all pictures of a folder by their names.

    Raises:
        VideoError: the clip is missing or out of reach.
    """
    parts = {one.name: one for one in pictures_in(path)} if is_folder(path) else {"": path}
    whole, newest = sha256(), 0.0
    for name, part in parts.items():
        try:
            found = os.stat(part)
        except OSError as error:
            raise refusal(path, f"cannot be reached ({error.strerror})") from error
        line = f"{name!a} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}\n"
        whole.update(line.encode())
        newest = max(newest, found.st_mtime, found.st_ctime)
    return Stamp(whole.digest(), newest)
