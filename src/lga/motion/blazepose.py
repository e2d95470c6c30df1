"""Find a body in pictures and follow it: BlazePose's networks, run by LiteRT."""

import os
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from einops import rearrange
from jaxtyping import Float, UInt8

DETECTOR_SIDE, BODY_SIDE = 224, 256
"""Pixels of the square pictures that the two networks read."""
SURE = 0.4
"""Scores from which on a detection, or a followed body, counts; 0 to 1."""
MOST = 40
"""Detections looked at, the surest first."""
MARGIN = 1.25
"""The square cut around a body, as a multiple of the circle around it."""
CENTRE, RIM = 33, 34
"""Points that the landmark network adds: the body's centre and a point on the circle around it."""
Network = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, slots=True)
class Detection:
    """A body that the detector found: its score and, in pixels, its centre and a point on the circle around it."""

    score: float
    centre: np.ndarray
    rim: np.ndarray


@dataclass(frozen=True, slots=True)
class Square:
    """Where a body is cut out: centre and side in pixels, turned clockwise by an angle so that it stands upright."""

    centre: np.ndarray
    side: float
    angle: float


class BodyTracker:
    """Finds a body and follows it from picture to picture; holds networks, so each thread needs its own.

    Where the detector sees several bodies none is followed: whose movement the action is cannot be told.

    Source: BlazePose (arXiv:2006.10204): a detector that is asked only when no body is followed, and a landmark network
    whose own points say where to look in the next picture.
    """

    def __init__(self, detector: Path, landmarks: Path):
        self._detector, self._landmarks = _network(detector), _network(landmarks)
        self._anchors = _anchors()

    def step(
        self, picture: UInt8[np.ndarray, "height width 3"], square: Square | None
    ) -> tuple[Float[np.ndarray, "points 2"] | None, Square | None]:
        """The body's points in pixels, if there is just one, and where to look for it in the next picture."""
        if square is None:
            detections = self.detect(picture)
            if len(detections) != 1:
                return None, None
            square = _around(detections[0].centre, detections[0].rim)
        points, score = self._locate(picture, square)
        if not score >= SURE:
            return None, None
        square = _around(points[CENTRE], points[RIM])
        return points, square if 4 < square.side < 4 * max(picture.shape) else None

    def detect(self, picture: UInt8[np.ndarray, "height width 3"]) -> list[Detection]:
        """All bodies in a picture, the surest first; overlapping detections are averaged by their scores."""
        import cv2

        height, width = picture.shape[:2]
        scale = DETECTOR_SIDE / max(height, width)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        left, top = (DETECTOR_SIDE - size[0]) // 2, (DETECTOR_SIDE - size[1]) // 2
        square = np.zeros((DETECTOR_SIDE, DETECTOR_SIDE, 3), np.float32)
        square[top : top + size[1], left : left + size[0]] = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        boxes, logits = self._detector(square / 127.5 - 1)
        score = 1 / (1 + np.exp(-np.clip(logits[:, 0], -80, 80)))
        best = np.argsort(-score)[:MOST]
        best = best[score[best] > SURE]
        centre = boxes[best, :2] / DETECTOR_SIDE + self._anchors[best]
        side = boxes[best, 2:4].max(-1) / DETECTOR_SIDE
        points = rearrange(boxes[best, 4:8], "b (p v) -> b p v", v=2) / DETECTOR_SIDE + self._anchors[best, None]
        found: list[Detection] = []
        left_over = np.ones(len(best), bool)
        for place, one in enumerate(best):
            if left_over[place]:
                same = left_over & (np.abs(centre - centre[place]).max(1) < side[place] / 2)
                left_over &= ~same
                weight = score[best[same], None, None]
                mean = (points[same] * weight).sum(0) / weight.sum()
                pixels = (mean * DETECTOR_SIDE - (left, top)) / scale
                found.append(Detection(float(score[one]), pixels[0], pixels[1]))
        return found

    def _locate(
        self, picture: UInt8[np.ndarray, "height width 3"], square: Square
    ) -> tuple[Float[np.ndarray, "points 2"], float]:
        """All points of the body in this square, in pixels of the picture, and how sure it is that there is one."""
        import cv2

        scale = square.side / BODY_SIDE
        turn = scale * np.array(
            [[np.cos(square.angle), -np.sin(square.angle)], [np.sin(square.angle), np.cos(square.angle)]]
        )
        origin = square.centre - turn @ np.full(2, BODY_SIDE / 2)
        cut = cv2.warpAffine(
            picture,
            np.column_stack([turn, origin]),
            (BODY_SIDE, BODY_SIDE),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        )
        points, score = self._landmarks(cut.astype(np.float32) / 255)
        return rearrange(points, "(p v) -> p v", v=5)[:, :2].astype(float) @ turn.T + origin, float(score[0])


def _around(centre: np.ndarray, rim: np.ndarray) -> Square:
    along = rim - centre
    return Square(centre, 2 * MARGIN * float(np.hypot(*along)), float(np.pi / 2 - np.arctan2(-along[1], along[0])))


def _anchors() -> Float[np.ndarray, "anchors 2"]:
    """The centres that the detector's boxes are counted from: 2, 2 and 6 a cell of three grids, in shares of the side.

    Source: the anchor settings of BlazePose's detector.
    """
    grids: list[np.ndarray] = []
    for stride, each in ((8, 2), (16, 2), (32, 6)):
        place = (np.arange(DETECTOR_SIDE // stride) + 0.5) * stride / DETECTOR_SIDE
        across, down = np.meshgrid(place, place)
        grids.append(np.repeat(np.stack([across.ravel(), down.ravel()], -1), each, axis=0))
    return np.concatenate(grids)


_LOADING = threading.Lock()


@contextmanager
def _silence() -> Generator[None]:
    """Nothing on standard error: LiteRT writes a line of its own there, past Python, and has no switch for it."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _network(path: Path) -> Network:
    from ai_edge_litert.interpreter import Interpreter  # pyright: ignore[reportMissingTypeStubs]

    with _LOADING, _silence():
        network: Any = Interpreter(str(path), num_threads=1)
        network.allocate_tensors()
    entry = network.get_input_details()[0]["index"]
    first, second = (one["index"] for one in network.get_output_details()[:2])

    def run(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        network.set_tensor(entry, picture[None].astype(np.float32))
        network.invoke()
        return network.get_tensor(first)[0], network.get_tensor(second)[0]

    return run
