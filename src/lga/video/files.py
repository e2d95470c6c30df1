"""What counts as a clip on disk: a video file, or a folder of frame pictures."""

import hashlib
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path

from lga.errors import LGAError, VideoError
from lga.files import LFS_ADVICE, LFS_POINTER, Kind, kind_of
from lga.labels import printable
from lga.video.series import choose_series

KINDS: Mapping[str, tuple[str, ...]] = {
    "mov": (".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".f4v"),
    "matroska": (".mkv", ".webm"),
    "avi": (".avi", ".divx"),
    "gif": (".gif",),
    "mpegts": (".ts", ".mts", ".m2ts", ".m2t"),
    "mpeg": (".mpg", ".mpeg", ".vob"),
    "asf": (".wmv", ".asf"),
    "flv": (".flv",),
    "ogg": (".ogv",),
}
"""The video files that are read, by FFmpeg's name for the kind, and what their names end in. The name only says what
may be a clip: which kind a file is says its content."""
FORMATS = ",".join(KINDS)
VIDEO_SUFFIXES = frozenset(suffix for suffixes in KINDS.values() for suffix in suffixes)
PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
SYSTEM_NAMES = frozenset(
    {
        *("thumbs.db", "thumbs.db:encryptable", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "folder.htt"),
        *("$recycle.bin", "recycler", "recycled", "system volume information", "$extend", "found.000", "lost.dir"),
        *("__macosx", "icon\r", "network trash folder", "temporary items", "thevolumesettingsfolder"),
        *("@eadir", "@tmp", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "lost+found", "__pycache__"),
    }
)
"""Files and folders that Windows, macOS, Linux, Android and network storage leave among one's own; case-folded."""
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


def counts(name: str) -> bool:
    """Whether a file or folder of this name is somebody's own: neither hidden nor what a system leaves behind."""
    return not name.startswith(".") and name.casefold() not in SYSTEM_NAMES


def has_video_name(path: Path) -> bool:
    """Whether a file's name ends as a video's does, in capitals or not."""
    return path.suffix.casefold() in VIDEO_SUFFIXES


def is_clip(path: Path) -> bool:
    """Whether `path` looks like a clip: see `why_no_clip`, which says why not.

    Raises:
        VideoError: a folder that may not be listed.
    """
    return why_no_clip(path) is None


def why_no_clip(path: Path) -> str | None:
    """Why `path` does not count as a clip and what to do about it; None if it does.

    A clip is a file whose name ends as a video's does, or a folder with nothing but pictures in it. What is hidden or
    belongs to a system never counts and is overlooked inside a folder; links are followed. No file is opened.

    Raises:
        VideoError: a folder that may not be listed.
    """
    if not counts(path.name):
        return "hidden, or a system's own file; rename it if it is a clip"
    kind = _kind(path)
    if kind == "folder":
        return _why_no_clip_folder(path)
    if kind != "file":
        return "a link that leads nowhere" if _is_link(path) else f"{KIND_WORDS[kind]}; give a video file or a folder"
    if has_video_name(path):
        return None
    if path.suffix.casefold() in PICTURE_SUFFIXES:
        return "a single picture; frame pictures are a clip when they fill a folder of their own"
    return f"its name does not end as a video's does ({', '.join(sorted(VIDEO_SUFFIXES))}); rename or convert it"


def _why_no_clip_folder(folder: Path) -> str | None:
    inside = _entries(folder)
    others = [one for one in inside if not one.is_picture]
    if inside and not others:
        return None
    if not inside:
        return "an empty folder"
    if len(others) < len(inside):
        return f"frame pictures with something else among them ({printable(others[0].path.name)}); move that away"
    return "a folder without frame pictures; if clips lie in it, move them up or give them one by one"


def find_clips(folder: Path) -> tuple[Path, ...]:
    """Every clip below a folder, which is none itself, in order: the files and folders for which `is_clip` is true.

    Links are followed, each folder is listed once, links that lead nowhere or in a circle are passed over.

    Raises:
        VideoError: a folder is missing or may not be listed.
    """
    found: list[Path] = []
    seen: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        if (place := identity(here)) in seen:
            continue
        seen.add(place)
        inside = _entries(here)
        if here != folder and inside and all(one.is_picture for one in inside):
            found.append(here)
            continue
        found += [one.path for one in inside if one.kind == "file" and has_video_name(one.path)]
        waiting += [one.path for one in inside if one.kind == "folder"]
    return tuple(sorted(found))


def identity(path: Path) -> tuple[int, int]:
    """What two names of one file or folder share.

    Raises:
        VideoError: it is missing or out of reach.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise refusal(path, f"cannot be listed ({error.strerror})") from error
    except ValueError as error:
        raise refusal(path, NO_NAME) from error
    return found.st_dev, found.st_ino


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
    found = sorted((each.path for each in _entries(folder) if each.is_picture), key=_natural)
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
        raise refusal(path, f"no such file or folder{_advice(path)}") from error
    except OSError as error:
        raise refusal(path, f"cannot be reached ({error.strerror})") from error
    except ValueError as error:
        raise refusal(path, NO_NAME) from error
    if stat.S_ISDIR(found.st_mode):
        return True
    if not stat.S_ISREG(found.st_mode):
        raise refusal(path, "neither a file nor a folder")
    if found.st_size == 0:
        raise refusal(path, "the file is empty")
    return False


def _advice(path: Path) -> str:
    """What may be meant by a path that is not there, where it is written as other places write paths."""
    if any(part.startswith("~") for part in path.parts):
        return "; ~ is part of a name here, write the folder that it stands for"
    if "\\" in str(path) and os.sep != "\\":
        return "; \\ is part of a name here, folders are parted by /"
    if re.search(r"(^|/)(file|https?):", str(path)):
        return "; a path is wanted, not a URL"
    return ""


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


NO_NAME = "no name that a file can have"
KIND_WORDS = {"other": "neither a file nor a folder", "nothing": "no such file or folder"}


@dataclass(frozen=True, slots=True)
class _Entry:
    """Something in a folder that counts."""

    path: Path
    kind: Kind

    @property
    def is_picture(self) -> bool:
        return self.kind == "file" and self.path.suffix.casefold() in PICTURE_SUFFIXES


def visible(folder: Path) -> list[Path]:
    """What lies in a folder and counts, in order of its names.

    Raises:
        VideoError: it may not be listed.
    """
    try:
        return sorted(each for each in folder.iterdir() if counts(each.name))
    except OSError as error:
        raise refusal(folder, f"cannot be listed ({error.strerror}); check that you may read it") from error


def _entries(folder: Path) -> list[_Entry]:
    """The same with its kinds, and fast: a benchmark has millions of frame pictures, too many to ask for each."""
    try:
        with os.scandir(folder) as listing:
            return [_Entry(Path(one.path), _kind_of_entry(one)) for one in listing if counts(one.name)]
    except OSError as error:
        raise refusal(folder, f"cannot be listed ({error.strerror}); check that you may read it") from error


def _kind_of_entry(entry: os.DirEntry[str]) -> Kind:
    if entry.is_symlink():
        return _kind(Path(entry.path))
    if entry.is_file():
        return "file"
    return "folder" if entry.is_dir() else "other"


def _kind(path: Path) -> Kind:
    """As `kind_of`, but what cannot be reached is not there."""
    try:
        return kind_of(path)
    except LGAError:
        return "nothing"


def _is_link(path: Path) -> bool:
    try:
        return path.is_symlink()
    except (OSError, ValueError):  # a name that cannot be one
        return False


def _natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    parts = re.split(r"([0-9]+)", path.name.casefold())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], path.name


def _file_digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            if file.read(len(LFS_POINTER)) == LFS_POINTER:
                raise refusal(path, LFS_ADVICE)
            file.seek(0)
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise refusal(path, f"cannot be read ({error.strerror})") from error
