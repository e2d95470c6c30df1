"""What counts as a clip on disk: a video file, or a folder of frame pictures."""

import hashlib
import re
import stat
from dataclasses import dataclass
from math import inf
from pathlib import Path

from lga.errors import VideoError
from lga.labels import printable
from lga.video.series import choose_series

VIDEO_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".gif"})
PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
MAX_SIDE = 16_384
MAX_PIXELS = 100_000_000
MAX_ASPECT = 100
MAX_BYTES = 800 * 2**20
"""What reading one clip may hold at once."""
SHOWN_BYTES = 16
"""Bytes for each pixel of a picture while it is made and resized: in RGB three times, and once as it is cut."""
WORK, WORK_A_BYTE = 2e9, 5e4
"""Pixels of all pictures that a clip may have, and how many more for each byte of its file."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one clip may cost; the defaults only refuse pictures that cannot be source."""

    seconds: float = inf
    """longest clip"""
    pixels: int = MAX_PIXELS
    """largest picture of a video file"""
    patience: float = inf
    """seconds that reading it may take"""


UNLIMITED = Limits()


def is_clip(path: Path) -> bool:
    """Whether `path` looks like a clip: a known video suffix, or a folder with nothing but pictures in it.

    Names that begin with a dot are never clips, and are overlooked inside a folder. Nothing is opened.

    Raises:
        VideoError: a folder that may not be listed.
    """
    if path.name.startswith("."):
        return False
    if path.is_dir():
        inside = _visible(path)
        return bool(inside) and all(_is_picture(each) for each in inside)
    return path.suffix.lower() in VIDEO_SUFFIXES and path.is_file()


def pictures_in(folder: Path) -> list[Path]:
    """The frame pictures of a folder in the order in which people count: frame9 before frame10.

    Raises:
        VideoError: the folder may not be listed, holds no picture, or several series of them.
    """
    return choose_pictures(folder)[0]


def choose_pictures(folder: Path) -> tuple[list[Path], str]:
    """As `pictures_in`, and in words which other pictures are left out.

    Raises:
        VideoError: the folder may not be listed, holds no picture, or several series of them.
    """
    found = sorted((each for each in _visible(folder) if _is_picture(each)), key=_natural)
    if not found:
        raise refusal(folder, f"a folder without frame pictures ({', '.join(sorted(PICTURE_SUFFIXES))})")
    chosen, others = choose_series(found)
    if not chosen:
        raise refusal(folder, f"several series of pictures ({others}); put each into a folder of its own")
    return chosen, others


def content_digest(path: Path) -> str:
    """The SHA-256 of a clip's bytes in hex; of a folder, that of its pictures' names and bytes in order.

    Raises:
        VideoError: the clip is missing or may not be read.
    """
    if is_folder(path):
        digest = hashlib.sha256()
        for picture in pictures_in(path):
            digest.update(f"{picture.name!a} {_file_digest(picture)}\n".encode())
        return digest.hexdigest()
    return _file_digest(path)


def is_folder(path: Path) -> bool:
    """Whether `path` is a folder rather than a file with something in it.

    Raises:
        VideoError: it is neither: missing, empty, a device or out of reach.
    """
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise refusal(path, "no such file or folder") from error
    except OSError as error:
        raise refusal(path, f"cannot be reached ({error.strerror})") from error
    if stat.S_ISDIR(found.st_mode):
        return True
    if not stat.S_ISREG(found.st_mode):
        raise refusal(path, "neither a file nor a folder")
    if found.st_size == 0:
        raise refusal(path, "the file is empty")
    return False


def refusal(path: Path | str, why: str) -> VideoError:
    """The error that names `path` (or a URL) and says `why`, in one printable line whatever the name holds."""
    return VideoError(f"{printable(path)}: {why}")


def check_size(path: Path, width: int, height: int, *, pixels: int = MAX_PIXELS) -> None:
    """Refuse pictures without area, too large to be a clip's, or thinner than a ribbon.

    Raises:
        VideoError: a side is 0 or above `MAX_SIDE` pixels, the area is above `pixels`, or one side is
            more than `MAX_ASPECT` times the other.
    """
    short, long = sorted((width, height))
    if short < 1 or long > MAX_SIDE or short * long > MAX_PIXELS or long > MAX_ASPECT * short:
        raise refusal(path, f"pictures of {width} x {height} pixels are refused as implausible")
    if short * long > pixels:
        raise refusal(path, f"pictures of {width} x {height} pixels; at most {pixels} pixels are taken")


def check_bytes(path: Path, width: int, height: int, *, stored: float) -> None:
    """Refuse pictures that take too much memory to be read; `stored` bytes a pixel are held beside what is shown.

    Raises:
        VideoError: they take more than `MAX_BYTES`.
    """
    needed = width * height * (stored + SHOWN_BYTES)
    if needed > MAX_BYTES:
        said = f"pictures of {width} x {height} pixels need about {needed / 2**20:.0f} MiB"
        raise refusal(path, f"{said}; at most {MAX_BYTES / 2**20:.0f} MiB are taken, so make it smaller")


def check_work(path: Path, width: int, height: int, *, pictures: float, size: int) -> None:
    """Refuse a small file that is made to be decoded for minutes; `size` is in bytes.

    Raises:
        VideoError: all its pictures have more pixels than a file of that size is good for.
    """
    if width * height * pictures > WORK + WORK_A_BYTE * size:
        said = f"{pictures:.0f} pictures of {width} x {height} pixels in {size} bytes"
        raise refusal(path, f"{said} take too long to be decoded; make them smaller or fewer")


def check_length(path: Path, seconds: float, limits: Limits) -> None:
    """Refuse a clip that is too long.

    Raises:
        VideoError: it is.
    """
    if seconds > limits.seconds:
        raise refusal(path, f"{seconds:.1f} s long; at most {limits.seconds:g} s are taken")


def _visible(folder: Path) -> list[Path]:
    try:
        return [each for each in folder.iterdir() if not each.name.startswith(".")]
    except OSError as error:
        raise refusal(folder, f"the folder cannot be listed ({error.strerror})") from error


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURE_SUFFIXES and path.is_file()


def _natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    parts = re.split(r"([0-9]+)", path.name.casefold())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], path.name


def _file_digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise refusal(path, f"cannot be read ({error.strerror})") from error
