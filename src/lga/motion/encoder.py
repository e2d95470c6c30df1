"""Measure a clip's motion while its pictures are decoded: each is seen once and let go."""

import threading
from functools import cached_property
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
VERSION = 1
"""Of everything in this room that changes the numbers."""


class MotionEncoder:
    """Measures motion; safe to use from several threads. `find_encoder` makes one for what can be had here."""

    def __init__(self, motion: Motion):
        self.motion: Motion = motion
        self._local = threading.local()

    @property
    def identity(self) -> str:
        """What the numbers depend on, in one line of text."""
        return f"motion {VERSION}: {self.motion}"

    def begin(self, duration: float, last: float, rate: float) -> "MotionReader":
        """Start on a clip: its length in seconds, when its last picture comes, and its pictures a second."""
        return MotionReader(self, duration, last, rate)

    @property
    def dense_flow(self) -> DenseFlow:
        """This thread's own."""
        if not hasattr(self._local, "flow"):
            self._local.flow = DenseFlow()
        return self._local.flow

    @property
    def tracker(self) -> BodyTracker | None:
        """This thread's own; None where no body is looked for."""
        if self.motion != "flow+pose":
            return None
        if not hasattr(self._local, "tracker"):
            folder = weights_folder()
            self._local.tracker = BodyTracker(folder / DETECTOR.name, folder / LANDMARKS.name)
        return self._local.tracker


def find_encoder(wanted: Motion) -> MotionEncoder | None:
    """An encoder of the motion that is wanted, or of what of it can be measured here; None for none."""
    motion, _ = available_motion(wanted)
    return None if motion == "none" else MotionEncoder(motion)


class MotionReader:
    """One clip's motion, picture by picture: `times` are the moments at which its pictures are wanted, in order."""

    def __init__(self, encoder: MotionEncoder, duration: float, last: float, rate: float):
        self._encoder = encoder
        step = min(1 / rate, LONGEST_GAP) if rate > 0 else LONGEST_GAP
        gap = min(max(1, round(GAP / step)) * step, LONGEST_GAP)
        centres = [(part + 0.5) * duration / flow.MOMENTS for part in range(flow.MOMENTS)]
        begins = [min(max(centre - gap / 2, 0.0), max(last - gap, 0.0)) for centre in centres]
        self._pairs = [(begin, min(begin + gap, last)) for begin in begins]
        self._poses = (
            [(part + 0.5) * duration / pose.MOMENTS for part in range(pose.MOMENTS)] if encoder.tracker else []
        )
        self._greys: dict[float, tuple[float, UInt8[np.ndarray, "height width"]]] = {}
        self._bodies: list[Float[Tensor, "points 2"]] = []
        self._square: Square | None = None

    @cached_property
    def times(self) -> tuple[float, ...]:
        """Seconds of the pictures that are wanted, ascending."""
        return tuple(sorted({*self._poses, *(time for pair in self._pairs for time in pair)}))

    @cached_property
    def _grey_times(self) -> frozenset[float]:
        return frozenset(time for pair in self._pairs for time in pair)

    def see(self, wanted: float, shown: float, picture: UInt8[np.ndarray, "height width 3"]) -> None:
        """Take the picture that is on screen at a wanted time; it came on screen at `shown` seconds."""
        if wanted in self._grey_times:
            known = next((one for one in reversed(self._greys.values()) if one[0] == shown), None)
            self._greys[wanted] = known or (shown, shrink_grey(picture))
        tracker = self._encoder.tracker
        if tracker is not None and wanted in self._poses:
            points, self._square = tracker.step(picture, self._square)
            nowhere = torch.full((pose.LANDMARKS, 2), torch.nan)
            found = nowhere if points is None else torch.from_numpy(points[: pose.LANDMARKS] / picture.shape[0]).float()
            self._bodies.append(found)

    def finish(self) -> Float[Tensor, " {NUMBERS}"]:
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
