"""Measure a clip's motion while its pictures are decoded: each is seen once and let go."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from lga.config import Motion
from lga.motion import flow, pose
from lga.motion.blazepose import BodyTracker, Square
from lga.motion.descriptor import NUMBERS, describe
from lga.motion.optical import DenseFlow, shrink_grey
from lga.motion.weights import DETECTOR, LANDMARKS, find_weights, weights_folder

GAP = 0.075
"""Seconds between the two pictures of a flow, as nearly as whole pictures allow."""
LONGEST_GAP = 1.0
"""Seconds between them at most, however few pictures a second there are."""
VERSION = 2
"""Of everything in this room that changes the numbers."""


@dataclass(frozen=True, slots=True)
class MovingMoment:
    """What moves at one moment of a video: its flow in cells, and the body's points; None where none is looked for."""

    cells: Float[Tensor, "2 rows columns"]
    body: Float[Tensor, "points 2"] | None

    def begun(self) -> "MovingMoment":
        """The same as the first of a scene: what the flow saw was the cut before it."""
        return replace(self, cells=torch.zeros_like(self.cells))


class MotionEncoder:
    """Measures motion; safe to use from several threads. `find_encoder` makes one for what can be had here."""

    def __init__(self, motion: Motion):
        self.motion: Motion = motion
        self._own = _Own()

    @property
    def identity(self) -> str:
        """What the numbers depend on, in one line of text."""
        return f"motion {VERSION}: {self.motion}"

    @property
    def dense_flow(self) -> DenseFlow:
        """This thread's own."""
        if self._own.flow is None:
            self._own.flow = DenseFlow()
        return self._own.flow

    @property
    def tracker(self) -> BodyTracker | None:
        """This thread's own; None where no body is searched for."""
        if self._own.tracker is None and self.motion == "flow+pose":
            folder = weights_folder()
            self._own.tracker = BodyTracker(folder / DETECTOR.name, folder / LANDMARKS.name)
        return self._own.tracker

    def find_body(
        self, picture: UInt8[np.ndarray, "height width 3"], square: Square | None
    ) -> tuple[Float[Tensor, "points 2"] | None, Square | None]:
        """A body's points as shares of the picture's height, NaN where nobody is found, and where to look next.

        None for the points where no body is searched for.
        """
        if self.tracker is None:
            return None, None
        points, square = self.tracker.step(picture, square)
        if points is None:
            return torch.full((pose.LANDMARKS, 2), torch.nan), square
        return torch.from_numpy(points[: pose.LANDMARKS] / picture.shape[0]).float(), square


class _Own(threading.local):
    """What each thread has of its own."""

    flow: DenseFlow | None = None
    tracker: BodyTracker | None = None


def describe_moments(
    moving: Sequence[MovingMoment | None], bodies: Sequence[MovingMoment | None]
) -> Float[Tensor, " motion"] | None:
    """A stretch of video as `describe` describes a clip, from its moments for the flow and those for the body.

    None where one was not measured; zeros where the picture changes its size on the way.
    """
    cells = [one.cells for one in moving if one is not None]
    if len(cells) < len(moving):
        return None
    if any(one.shape != cells[0].shape for one in cells):
        return torch.zeros(NUMBERS)
    points = [one.body for one in bodies if one is not None and one.body is not None]
    return describe(torch.stack(cells), torch.stack(points) if len(points) == len(bodies) else None)


def find_encoder(wanted: Motion) -> MotionEncoder | None:
    """An encoder of the motion that is wanted, or of what of it can be measured here; None for none."""
    motion, _ = available_motion(wanted)
    return None if motion == "none" else MotionEncoder(motion)


class MotionFollower:
    """A long video's motion, moment by moment: what `describe` takes, computed once for each.

    A moment's flow is that of the `GAP` seconds before it.
    """

    def __init__(self, encoder: MotionEncoder):
        self._encoder = encoder
        self._before: tuple[float, UInt8[np.ndarray, "height width"]] | None = None
        self._square: Square | None = None

    def look_ahead(self, shown: float, picture: UInt8[np.ndarray, "height width 3"]) -> None:
        """Take the picture `GAP` seconds before a moment; it came on screen at `shown` seconds."""
        self._before = (shown, shrink_grey(picture))

    def see(self, shown: float, picture: UInt8[np.ndarray, "height width 3"]) -> MovingMoment:
        """What moves at a moment, from the picture that is on screen then."""
        grey = shrink_grey(picture)
        earlier, before = self._before or (shown, grey)
        cells = self._encoder.dense_flow([(before, grey, shown - earlier)])[0]
        body, self._square = self._encoder.find_body(picture, self._square)
        return MovingMoment(cells, body)

    def forget(self) -> None:
        """What comes next has nothing to do with what came before."""
        self._before = self._square = None


class MotionOnlooker:
    """Sees one clip's pictures go by and measures its motion; for one clip, in one thread."""

    def __init__(self, encoder: MotionEncoder):
        self._encoder = encoder
        self._pairs: list[tuple[float, float]] = []
        self._poses: list[float] = []
        self._greys: dict[float, tuple[float, UInt8[np.ndarray, "height width"]]] = {}
        self._bodies: list[Float[Tensor, "points 2"]] = []
        self._square: Square | None = None

    def times(self, duration: float, last: float, rate: float) -> tuple[float, ...]:
        """The moments at which pictures are wanted, ascending, in seconds.

        The two of a flow are `GAP` apart, as nearly as whole pictures allow, around the centres of equal parts.
        """
        step = min(1 / rate, LONGEST_GAP) if rate > 0 else LONGEST_GAP
        gap = min(max(1, round(GAP / step)) * step, LONGEST_GAP)
        centres = [(part + 0.5) * duration / flow.MOMENTS for part in range(flow.MOMENTS)]
        begins = [min(max(centre - gap / 2, 0.0), max(last - gap, 0.0)) for centre in centres]
        self._pairs = [(begin, min(begin + gap, last)) for begin in begins]
        if self._encoder.tracker is not None:
            self._poses = [(part + 0.5) * duration / pose.MOMENTS for part in range(pose.MOMENTS)]
        return tuple(sorted({*self._poses, *(time for pair in self._pairs for time in pair)}))

    def see(self, wanted: float, shown: float, picture: UInt8[np.ndarray, "height width 3"]) -> None:
        """Take the picture that is on screen at a wanted time; it came on screen at `shown` seconds."""
        if any(wanted in pair for pair in self._pairs):
            known = next((one for one in reversed(self._greys.values()) if one[0] == shown), None)
            self._greys[wanted] = known or (shown, shrink_grey(picture))
        if wanted in self._poses:
            body, self._square = self._encoder.find_body(picture, self._square)
            if body is not None:
                self._bodies.append(body)

    def finish(self) -> Float[Tensor, " motion"]:
        """The clip's numbers, when every wanted picture was seen."""
        pairs = [
            (before, after, later - earlier)
            for (earlier, before), (later, after) in ((self._greys[a], self._greys[b]) for a, b in self._pairs)
        ]
        return describe(self._encoder.dense_flow(pairs), torch.stack(self._bodies) if self._bodies else None)


def available_motion(wanted: Motion) -> tuple[Motion, str]:
    """What of the wanted motion can be measured here, and why that is less than was wanted; '' if it is not."""
    if wanted == "none":
        return "none", ""
    if find_spec("cv2") is None:
        return "none", "motion needs OpenCV: pip install 'lga[motion]'; appearance alone is compared"
    if wanted == "flow":
        return "flow", ""
    if find_spec("ai_edge_litert") is None:
        return "flow", "pose needs LiteRT: pip install 'lga[pose]'; of motion, flow alone is compared"
    if find_weights() is None:
        return "flow", "pose needs its networks: `lga motion fetch` gets them; of motion, flow alone is compared"
    return "flow+pose", ""
