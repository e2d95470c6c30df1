"""Find the clips below a folder in one pass, and tell from a clip's name which one it is and what it was cut from."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lga.episodes.partition import Videos
from lga.errors import ManifestError
from lga.video.files import PICTURE_SUFFIXES, VIDEO_SUFFIXES, printable

YOUTUBE = re.compile(r"([A-Za-z0-9_-]{11})(?:_[0-9]+_[0-9]+)?")
FILM = re.compile(r"(.+)_[a-z]+_[a-z]+_np[0-9]+_[a-z]+_[a-z]+_[0-9]+")
GROUP = re.compile(r"v_.+_(g[0-9]+)_c[0-9]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FoundClip:
    """A clip on disk: its name without the suffix, and the name of the folder that holds it."""

    path: Path
    stem: str
    folder: str


def find_clips(folder: Path) -> tuple[FoundClip, ...]:
    """Every clip below a folder, in order: video files, and folders with nothing but pictures in them.

    Links are followed, each folder is listed once, names that begin with a dot are passed over. Nothing is opened.

    Raises:
        ManifestError: a folder is missing or may not be listed.
    """
    found: list[FoundClip] = []
    seen: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            status = here.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(here) as listing:
                inside = [one for one in listing if not one.name.startswith(".")]
            below = [Path(one.path) for one in inside if one.is_dir()]
        except OSError as error:
            raise ManifestError(
                f"{printable(here)}: cannot be listed ({error.strerror}); give the folder with the videos"
            ) from error
        names = [os.path.splitext(one.name) for one in inside]
        if here != folder and inside and not below and all(suffix.lower() in PICTURE_SUFFIXES for _, suffix in names):
            found.append(FoundClip(here, here.name, here.parent.name))
            continue
        for one, (stem, suffix) in zip(inside, names, strict=True):
            if suffix.lower() in VIDEO_SUFFIXES and one.is_file():
                found.append(FoundClip(Path(one.path), stem, here.name))
        waiting += below
    return tuple(sorted(found, key=lambda clip: str(clip.path)))


def clip_key(videos: Videos, stem: str) -> str | None:
    """What a clip is known by whatever its suffix and time stamps: a YouTube id, a number or its name. None: neither.

    `stem` is the name without a suffix.
    """
    if videos == "kinetics":
        match = YOUTUBE.fullmatch(stem)
        return match[1] if match else None
    if videos == "ssv2":
        return stem if stem.isascii() and stem.isdecimal() else None
    return stem


def source_group(videos: Videos, stem: str, folder: str) -> str:
    """The video that a clip was cut from, as far as its name tells; a clip of unknown origin is its own.

    Source: HMDB51's names are film_action_attributes_number, UCF101's v_Action_gNN_cNN with groups numbered anew in
    each class; of Kinetics every clip is another video, and Something-Something does not tell.
    """
    return GROUPS[videos](stem, folder)


def _film(stem: str, folder: str) -> str:
    match = FILM.fullmatch(stem)
    action = folder.replace(" ", "_")
    if match is None or not match[1].lower().endswith(f"_{action}".lower()):
        return stem
    return match[1][: -len(action) - 1]


def _numbered_group(stem: str, folder: str) -> str:
    match = GROUP.fullmatch(stem)
    return f"{folder}_{match[1]}" if match else stem


def _own(stem: str, _folder: str) -> str:
    return stem


def _video(stem: str, _folder: str) -> str:
    return clip_key("kinetics", stem) or stem


GROUPS: dict[Videos, Callable[[str, str], str]] = {
    "hmdb51": _film,
    "ucf101": _numbered_group,
    "kinetics": _video,
    "ssv2": _own,
}
