"""From pictures as they come to the moments that are encoded: each sampled once, with all its views."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import ceil, inf

import torch
from av.video.frame import VideoFrame
from einops import rearrange
from jaxtyping import UInt8
from torch import Tensor

from lga.backbone.protocol import Preprocessing
from lga.video.decode import upright
from lga.video.transform import resize_and_crop

SHARP = 1e-6
"""Seconds by which a picture may come late and still count as on screen."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A decoded picture and when it comes on screen, in seconds from the start."""

    time: float
    frame: VideoFrame


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


def sample_moments(
    shown: Iterable[Shown | Damage | Finish], rate: float, gap: float, how: Preprocessing
) -> Iterator[Moment | Damage | Finish]:
    """Sample `rate` moments a second at 0, 1 / rate, 2 / rate ...; with a `gap`, a moment has a view (t, t + gap).

    On screen is the last picture that came at or before the moment. Nothing is sampled in a damaged passage, and a
    moment whose second view would fall into one or behind the end is left out. One picture and the views of the
    moments within a gap are held.

    Raises:
        ValueError: the rate is not positive or the gap negative.
    """
    if not (0 < rate < inf and 0 <= gap < inf):
        raise ValueError(f"samples more than 0 moments a second, 0 or more seconds apart, not {rate} and {gap}")
    sampler = _Sampler(rate, gap, how)
    for item in shown:
        if isinstance(item, Shown):
            yield from sampler.play_to(item.time)
            sampler.held, sampler.square = item.frame, None
            continue
        yield from sampler.play_to(item.start if isinstance(item, Damage) else item.time)
        if isinstance(item, Damage):
            sampler.leap(item.end)
        yield item


class _Sampler:
    def __init__(self, rate: float, gap: float, how: Preprocessing):
        self.rate, self.gap, self.how = rate, gap, how
        self.number = 0
        self.begun: deque[tuple[float, UInt8[Tensor, "height width 3"]]] = deque()
        self.held: VideoFrame | None = None
        self.square: UInt8[Tensor, "height width 3"] | None = None

    def play_to(self, end: float) -> Iterator[Moment]:
        """What is sampled while the held picture is on screen, until `end`."""
        if self.held is None:
            self.leap(end)
            return
        while True:
            early = self.number / self.rate
            late = self.begun[0][0] + self.gap if self.begun else inf
            if min(early, late) >= end - SHARP:
                return
            square = self._square(self.held)
            if late <= early:
                time, first = self.begun.popleft()
                yield Moment(time, torch.stack([first, square]))
                continue
            self.number += 1
            if self.gap:
                self.begun.append((early, square))
            else:
                yield Moment(early, torch.stack([square]))

    def leap(self, end: float) -> None:
        """Forget what is on screen and go on at `end`."""
        self.begun.clear()
        self.held = self.square = None
        self.number = max(self.number, ceil((end - SHARP) * self.rate))

    def _square(self, frame: VideoFrame) -> UInt8[Tensor, "height width 3"]:
        if self.square is None:
            self.square = resize_and_crop(rearrange(upright(frame), "h w c -> 1 h w c"), self.how)[0].contiguous()
        return self.square
