"""Frames of clips as browsers show them."""

import os
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from lga.errors import VideoError
from lga.explain.markup import as_source, encoded
from lga.explain.strip import FrameTiles, fetch_frames
from lga.serve.schema import FrameValue
from lga.taught import Example
from lga.video.clip import content_digest

TILE, STRIP_TILE, STRIP_FRAMES = 200, 96, 8
"""Widths in pixels, and frames of a strip."""


def show_frames(frames_shown: FrameTiles, *, there: bool) -> list[FrameValue]:
    """All sampled frames of a clip in order, without pictures if it is not there any more."""
    frames = zip(frames_shown.times, frames_shown.frame_stage, strict=True)
    pictures: Sequence[str | None] = [None] * len(frames_shown.times)
    if there:
        tiles, reason = fetch_frames(frames_shown, range(len(frames_shown.times)), TILE)
        pictures = pictures if reason else [as_source(one, "JPEG") for one in tiles]
    return [
        FrameValue(time=time, stage=stage, picture=one) for (time, stage), one in zip(frames, pictures, strict=True)
    ]


def draw_row(example: Example) -> bytes | None:
    """A JPEG of an example's frames side by side; None if its clip is not there any more."""
    if not is_there(example):
        return None
    count = len(example.times)
    shown = [(2 * place + 1) * count // (2 * STRIP_FRAMES) for place in range(STRIP_FRAMES)]
    frames_shown = FrameTiles(Path(example.path), example.times, (0,) * count, (0.0, example.duration))
    tiles, reason = fetch_frames(frames_shown, shown, STRIP_TILE)
    if reason:
        return None
    row = Image.new("RGB", (STRIP_TILE * len(tiles), tiles[0].height))
    for place, tile in enumerate(tiles):
        row.paste(tile, (STRIP_TILE * place, 0))
    return encoded(row, "JPEG")


def is_there(example: Example) -> bool:
    """Whether an example's clip is still at its path, and the very one that was taught."""
    path = Path(example.path)
    try:
        return path.is_absolute() and os.path.exists(path) and content_digest(path) == example.digest
    except (VideoError, OSError):
        return False
