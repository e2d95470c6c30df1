"""From pictures as they come to the moments that are encoded: each sampled once, with all its views."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import ceil, inf

import numpy as np
import torch
from av.video.frame import VideoFrame
from einops import rearrange
from jaxtyping import UInt8
from torch import Tensor

from lga.backbone.protocol import Preprocessing
from lga.motion.encoder import GAP, MotionEncoder, MotionFollower, MovingMoment
from lga.video.display import SQUARE, Display
from lga.video.transform import resize_and_crop

SHARP = 1e-6
"""Seconds by which a picture may come late and still count as on screen."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A decoded picture and when it comes on screen, in seconds from the start."""

    time: float
    frame: VideoFrame
    display: Display = SQUARE
    """how it is meant to be seen"""

    def picture(self) -> UInt8[np.ndarray, "height width 3"]:
        """The RGB picture."""
        return self.display.picture(self.frame)


@dataclass(frozen=True, slots=True)
class Damage:
    """A passage that could not be watched, in seconds from the start, and why."""

    start: float
    end: float
    reason: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The pictures end here, in seconds from the start."""

    time: float


@dataclass(frozen=True, slots=True)
class Moment:
    """A sampled moment, in seconds from the start, and what was on screen then and, with a second view, soon after."""

    time: float
    views: UInt8[Tensor, "views height width 3"]
    moving: MovingMoment | None = None
    """what moved then; None where motion is not compared"""


def sample_moments(
    shown: Iterable[Shown | Damage | Finish],
    rate: float,
    gap: float,
    how: Preprocessing,
    motion: MotionEncoder | None = None,
) -> Iterator[Moment | Damage | Finish]:
    """Sample `rate` moments a second at 0, 1 / rate, 2 / rate ...; with a `gap`, a moment has a view (t, t + gap).

    On screen is the last picture that came at or before the moment. Nothing is sampled in a damaged passage, and a
    moment whose second view would fall into one or behind the end is left out. With `motion`, each says what moved.
    One picture and the views of the moments within a gap are held.

    Raises:
        ValueError: the rate is not positive or the gap negative.
    """
    if not (0 < rate < inf and 0 <= gap < inf):
        raise ValueError(f"samples more than 0 moments a second, 0 or more seconds apart, not {rate} and {gap}")
    sampler = _Sampler(rate, gap, how, motion)
    for item in shown:
        if isinstance(item, Shown):
            yield from sampler.play_to(item.time)
            sampler.show(item)
            continue
        yield from sampler.play_to(item.start if isinstance(item, Damage) else item.time)
        if isinstance(item, Damage):
            sampler.leap(item.end)
        yield item


class _Sampler:
    def __init__(self, rate: float, gap: float, how: Preprocessing, motion: MotionEncoder | None):
        self.rate, self.gap, self.how = rate, gap, how
        self.follower = None if motion is None else MotionFollower(motion)
        self.number = self.ahead = 0
        self.begun: deque[tuple[float, UInt8[Tensor, "height width 3"], MovingMoment | None]] = deque()
        self.held: Shown | None = None
        self.picture: UInt8[Tensor, "height width 3"] | None = None
        self.square: UInt8[Tensor, "height width 3"] | None = None

    def play_to(self, end: float) -> Iterator[Moment]:
        """What is sampled while the held picture is on screen, until `end`."""
        if self.held is None:
            self.leap(end)
            return
        while True:
            early = self.number / self.rate
            late = self.begun[0][0] + self.gap if self.begun else inf
            before = inf if self.follower is None or self.ahead > self.number else early - GAP
            if min(early, late, before) >= end - SHARP:
                return
            if self.follower is not None and before <= min(early, late):
                self.follower.look_ahead(self.held.time, self._upright(self.held).numpy())
                self.ahead = self.number + 1
                continue
            square = self._square(self.held)
            if late <= early:
                time, first, moving = self.begun.popleft()
                yield Moment(time, torch.stack([first, square]), moving)
                continue
            self.number += 1
            picture = self._upright(self.held).numpy()
            moving = None if self.follower is None else self.follower.see(self.held.time, picture)
            if self.gap:
                self.begun.append((early, square, moving))
            else:
                yield Moment(early, torch.stack([square]), moving)

    def show(self, shown: Shown) -> None:
        """Hold another picture."""
        self.held = shown
        self.square = self.picture = None

    def leap(self, end: float) -> None:
        """Forget what is on screen and go on at `end`."""
        self.begun.clear()
        self.held = self.square = self.picture = None
        if self.follower is not None:
            self.follower.forget()
        self.number = max(self.number, ceil((end - SHARP) * self.rate))

    def _square(self, shown: Shown) -> UInt8[Tensor, "height width 3"]:
        if self.square is None:
            picture = rearrange(self._upright(shown), "h w c -> 1 h w c")
            self.square = resize_and_crop(picture, self.how)[0].contiguous()
        return self.square

    def _upright(self, shown: Shown) -> UInt8[Tensor, "height width 3"]:
        if self.picture is None:
            self.picture = shown.display.upright(shown.frame)
        return self.picture
