"""Which windows of a video are asked about: of several lengths, never across a cut, each as soon as it is complete."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from lga.motion import flow, pose
from lga.motion.encoder import MovingMoment, describe_moments

SOFT, HARD = 0.99, 0.05
"""Quantiles: one change in 100 within the examples is larger, 5 of 100 between them are smaller."""
ROUND = 1e-6
"""Seconds that two moments may lie apart and still be the same."""
FROZEN_SPEED = 5e-4
"""Short sides a second below which a picture stands still: stills in a compressed video had up to 1e-4, the slowest
film clips of an action from 4e-3."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of video, in seconds, and the encoded moments nearest to the centres of its equal parts."""

    start: float
    end: float
    times: tuple[float, ...]
    tokens: Float[Tensor, "frames dim"]
    motion: Float[Tensor, " numbers"] | None = None
    """how it moves, as `lga.motion.descriptor` describes a clip; None where it was not measured"""
    speed: float | None = None
    """how fast its picture moves, on average, in short sides a second; None where it was not measured"""
    part: bool = False
    """whether it only helps to answer for the windows that hold it"""

    @property
    def frozen(self) -> bool:
        """Whether the picture stands still."""
        return self.speed is not None and self.speed < FROZEN_SPEED

    def holds(self, other: "Window") -> bool:
        """Whether the other lies within it."""
        return self.start <= other.start + ROUND and other.end <= self.end + ROUND


Held = tuple[float, Float[Tensor, " dim"], MovingMoment | None]
"""A moment's time, its token, and what moved then."""


class WindowPlan:
    """Takes encoded moments in order and gives every window that they complete.

    A scene begins at a cut (neighbouring tokens further apart than `cut`, a cosine distance; None knows no cuts) or
    after a gap in the moments. Windows begin at its begin and every `stride` after; a scene that is over and no longer
    than the longest window is asked about as a whole, too. One moment alone is no scene: it shows two, half and half.
    With `part`, windows of that length come as parts, on the same grid, each before the windows that hold it.
    As many moments as fit into the longest window are held, and no more.

    Raises:
        ValueError: a part is not shorter than every window.
    """

    def __init__(
        self,
        frames: int,
        rate: float,
        lengths: Sequence[float],
        stride: float,
        *,
        cut: float | None = None,
        part: float | None = None,
    ):
        if part is not None and not part < min(lengths):
            raise ValueError(f"a part is shorter than every window, not {part} beside {min(lengths)} s")
        self._frames, self._rate, self._stride, self._cut, self._part = frames, rate, stride, cut, part
        self._lengths = tuple(sorted({*lengths, *(() if part is None else (part,))}))
        self.held: deque[Held] = deque(maxlen=ceil(self._lengths[-1] * rate) + 2)
        self._begin, self._count = 0.0, 0
        self._asked = [0] * len(self._lengths)

    def add(self, time: float, token: Float[Tensor, " dim"], moving: MovingMoment | None = None) -> Iterator[Window]:
        """Take the moment at `time` seconds and give the windows that it completes."""
        if self.held and self._begins_scene(time, token):
            yield from self.finish()
        if not self.held:
            self._begin, self._count, self._asked = time, 0, [0] * len(self._lengths)
            moving = None if moving is None else moving.begun()
        self.held.append((time, token, moving))
        self._count += 1
        over = time + 1 / self._rate + ROUND
        for number, length in enumerate(self._lengths):
            while (start := self._begin + self._asked[number] * self._stride) + length <= over:
                self._asked[number] += 1
                yield self._window(start, start + length, part=length == self._part)

    def finish(self) -> Iterator[Window]:
        """Close the scene and give the window that is the whole of it, if it was not asked about yet."""
        if self._count > 1:
            end = self.held[-1][0] + 1 / self._rate
            lasted = end - self._begin
            asked = any(abs(lasted - length) < ROUND for length in self._lengths if length != self._part)
            if lasted <= self._lengths[-1] + ROUND and not asked:
                yield self._window(self._begin, end)
        self.held.clear()

    def _begins_scene(self, time: float, token: Float[Tensor, " dim"]) -> bool:
        before, last, _ = self.held[-1]
        if time - before > 1.5 / self._rate:
            return True
        return self._cut is not None and 1 - float(F.cosine_similarity(last, token, dim=0)) > self._cut

    def _window(self, start: float, end: float, *, part: bool = False) -> Window:
        chosen = self._nearest(start, end, self._frames)
        times, tokens = tuple(time for time, _, _ in chosen), torch.stack([token for _, token, _ in chosen])
        return Window(start, end, times, tokens, self._motion(start, end), self._speed(start, end), part)

    def _nearest(self, start: float, end: float, count: int) -> list[Held]:
        """The moments held that are nearest to the centres of `count` equal parts."""
        first = self.held[0][0]
        centres = (start + (part + 0.5) * (end - start) / count for part in range(count))
        places = [min(max(round((centre - first) * self._rate), 0), len(self.held) - 1) for centre in centres]
        return [self.held[place] for place in places]

    def _motion(self, start: float, end: float) -> Float[Tensor, " numbers"] | None:
        moving = [one for _, _, one in self._nearest(start, end, flow.MOMENTS)]
        bodies = [one for _, _, one in self._nearest(start, end, pose.MOMENTS)]
        return describe_moments(moving, bodies)

    def _speed(self, start: float, end: float) -> float | None:
        """The mean speed of the moments held from `start` until `end`; None where one was not measured."""
        moving = [one for time, _, one in self.held if start - ROUND <= time < end - ROUND]
        speeds = [float(torch.hypot(one.cells[0], one.cells[1]).mean()) for one in moving if one is not None]
        return sum(speeds) / len(speeds) if speeds and len(speeds) == len(moving) else None


def fit_cut(frames: Float[Tensor, "examples frames dim"], support_label: Int[Tensor, " examples"]) -> float | None:
    """The change between neighbouring moments, as cosine distance, from which on they belong to two scenes.

    Halfway between the larger changes within the taught examples and the smaller ones between examples of different
    labels; None, which means no cut anywhere, where the first are not below the second or fewer than two labels have
    examples.
    """
    unit = F.normalize(frames, dim=-1)
    flat = unit.flatten(0, 1)
    label = support_label.repeat_interleave(frames.shape[1])
    between = (1 - flat @ flat.T)[label[:, None] != label]
    within = (1 - (unit[:, 1:] * unit[:, :-1]).sum(-1)).flatten()
    if not len(within) or not len(between):
        return None
    soft, hard = _quantile(within, SOFT), _quantile(between, HARD)
    return (soft + hard) / 2 if soft < hard else None


def _quantile(values: Float[Tensor, " values"], share: float) -> float:
    """The value at that rank; `torch.quantile` takes no more than 16 million values."""
    rank = min(int(share * len(values)), len(values) - 1) + 1
    return float(values.kthvalue(rank).values)
