"""A clip as the method sees it: a few frames at known times, and what the file holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from einops import rearrange
from jaxtyping import UInt8
from torch import Tensor

from lga.backbone.protocol import Preprocessing
from lga.video.decode import VideoFile, open_clip
from lga.video.files import UNLIMITED, Limits, refusal
from lga.video.files import content_digest as content_digest
from lga.video.files import is_clip as is_clip
from lga.video.pictures import PictureFolder
from lga.video.transform import resize_and_crop

READER_VERSION = 1
"""Of everything in this room that changes which pictures or moments a clip has. Raise it with such a change: features
that were kept before are then made anew."""


def uniform_times(duration: float, count: int) -> tuple[float, ...]:
    """The centres of `count` equal parts of a clip, in seconds: the same moments every time.

    Raises:
        ValueError: `duration` is not a positive number of seconds, or `count` is below 1.

    Source: our choice; Temporal Segment Networks (arXiv:1608.00859) looks at segment centres when it tests.
    """
    return tuple((part + 0.5) * duration / count for part in _parts(duration, count))


def jittered_times(duration: float, count: int, *, generator: Random) -> tuple[float, ...]:
    """One moment drawn uniformly from each of `count` equal parts of a clip, in seconds: for training.

    Raises:
        ValueError: `duration` is not a positive number of seconds, or `count` is below 1.

    Source: our choice; Temporal Segment Networks (arXiv:1608.00859), "sparse sampling": one per segment.
    """
    return tuple((part + generator.random()) * duration / count for part in _parts(duration, count))


def _parts(duration: float, count: int) -> range:
    if not 0 < duration < float("inf"):
        raise ValueError(f"a clip lasts a positive number of seconds, not {duration}")
    if count < 1:
        raise ValueError(f"at least one moment must be asked for, not {count}")
    return range(count)


@runtime_checkable
class Onlooker(Protocol):
    """Someone who sees pictures of a clip while it is decoded, at moments of its own."""

    def times(self, duration: float, last: float, rate: float) -> Sequence[float]:
        """The moments, in seconds, of a clip of this length: its last picture comes at `last`, `rate` come a second."""
        ...

    def see(self, wanted: float, shown: float, picture: UInt8[np.ndarray, "height width 3"]) -> None:
        """Take the picture that is on screen at a wanted moment, since `shown` seconds; it is not kept."""
        ...


@dataclass(frozen=True, slots=True)
class Clip:
    """Sampled frames of one clip.

    `times` are the sampled moments and `duration` the clip's length, in seconds. With two views, a frame is
    the pair [earlier, later]; the sampled moment is the earlier one, but near the clip's end, where nothing
    comes later, it is the later one.
    """

    frames: UInt8[Tensor, "frames views height width 3"]
    times: tuple[float, ...]
    duration: float


def read_clip(
    path: Path,
    *,
    frames: int,
    how: Preprocessing,
    motion_gap: float = 0.0,
    generator: Random | None = None,
    limits: Limits = UNLIMITED,
    onlooker: Onlooker | None = None,
) -> Clip:
    """Sample `frames` moments of a video file or of a folder of frame pictures.

    Without a `generator` the moments are the centres of equal parts; with one, one is drawn from each part.
    With a `motion_gap` above 0, each frame has two views that many seconds apart: (t, t + gap), or
    (t - gap, t) where t + gap would be past the last frame. In a clip shorter than that they are closer
    together, or the same picture.
    A frame is resized as soon as it's decoded, so that one full-size picture is held at a time. An `onlooker` sees
    pictures of the same pass.

    Raises:
        VideoError: the clip is missing, damaged, not a clip or more than the limits allow.
        ValueError: `frames` is below 1 or `motion_gap` below 0.
    """
    if motion_gap < 0:
        raise ValueError(f"the views of a frame are 0 or more seconds apart, not {motion_gap}")
    with open_clip(path, limits) as source:
        duration = source.duration
        if generator is None:
            times = uniform_times(duration, frames)
        else:
            times = jittered_times(duration, frames, generator=generator)
        views = [_views(time, motion_gap, source.last) for time in times]
        return Clip(_fetch(path, source, views, how, onlooker), times, duration)


def _views(time: float, gap: float, last: float) -> tuple[float, ...]:
    if gap == 0:
        return (time,)
    return (time, time + gap) if time + gap <= last else (max(time - gap, 0.0), time)


def _fetch(
    path: Path,
    source: VideoFile | PictureFolder,
    views: Sequence[tuple[float, ...]],
    how: Preprocessing,
    onlooker: Onlooker | None,
) -> UInt8[Tensor, "frames views height width 3"]:
    """Fetch the wanted moments in one pass from early to late, each different picture resized once.

    NumPy does the copying: for pictures this small, torch's threads cost more than they save.
    """
    own = {time for pair in views for time in pair}
    others = frozenset(onlooker.times(source.duration, source.last, source.rate) if onlooker is not None else ())
    wanted = sorted(own | others)
    resized: list[UInt8[np.ndarray, "height width 3"]] = []
    where: dict[float, int] = {}
    before = None
    for time, (shown, picture) in zip(wanted, source.shown_at(wanted), strict=True):
        if onlooker is not None and time in others:
            onlooker.see(time, shown, picture.numpy())
        if time not in own:
            continue
        if picture is not before:
            square = resize_and_crop(rearrange(picture, "h w c -> 1 h w c"), how)[0]
            resized.append(np.ascontiguousarray(square.numpy()))
        before = picture
        where[time] = len(resized) - 1
    if len({picture.shape for picture in resized}) > 1:
        raise refusal(path, "its pictures have different shapes; this backbone needs them alike within a clip")
    chosen = [[where[time] for time in pair] for pair in views]
    return torch.from_numpy(np.stack(resized)[chosen])
