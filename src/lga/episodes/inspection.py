"""Open clips the way a run does, without encoding them."""

import os
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

from lga.errors import VideoError
from lga.video.clip import content_digest
from lga.video.decode import open_footage
from lga.video.sample import uniform_times

DECODERS = min(8, os.cpu_count() or 1)
"""Threads that decode; FFmpeg has its own below them."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """What was found on opening a clip."""

    digest: str = ""
    """sha256 of its content; empty if it cannot be read"""
    distinct: int = 0
    """how many different frames are on screen at the moments that a run looks at"""
    trouble: str | None = None
    """why it cannot be used, in one line that starts with its path"""
    there: bool = True


def inspect_clips(
    paths: Sequence[Path], *, frames: int, progress: Callable[[int, int], None] | None = None
) -> Generator[Inspected]:
    """Yield what is to be said of each clip, in order; each is decoded at `frames` moments, in threads."""
    pool = ThreadPoolExecutor(DECODERS)
    try:
        for number, one in enumerate(pool.map(_inspect, paths, repeat(frames)), 1):
            if progress is not None:
                progress(number, len(paths))
            yield one
    finally:
        pool.shutdown(cancel_futures=True)


def _inspect(path: Path, frames: int) -> Inspected:
    try:
        digest = content_digest(path)
        with open_footage(path) as footage:
            distinct, before = 0, None
            for picture in footage.pictures_at(uniform_times(footage.duration, frames)):
                distinct += picture is not before
                before = picture
        return Inspected(digest, distinct)
    except VideoError as error:
        return Inspected(trouble=str(error), there=os.path.exists(path))
