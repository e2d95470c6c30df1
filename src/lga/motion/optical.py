"""Dense optical flow by OpenCV, averaged into cells."""

from collections.abc import Sequence

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, UInt8
from torch import Tensor

SHORT = 128
"""Pixels of the short side of the pictures that flow is computed on."""
CELLS = 32
"""Cells along the short side."""
LONGEST = 4
"""A picture longer than so many short sides is squeezed to that."""


def shrink_grey(picture: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "rows columns"]:
    """The picture in grey, its short side `SHORT` pixels."""
    import cv2

    return cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), _size(picture, SHORT), interpolation=cv2.INTER_AREA)


class DenseFlow:
    """Computes flow; holds OpenCV's working memory, so each thread needs its own.

    Source: dense inverse search, Kroeger et al. (arXiv:1603.03590), OpenCV's fast preset.
    """

    def __init__(self):
        import cv2

        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def __call__(
        self, pairs: Sequence[tuple[UInt8[np.ndarray, "_ _"], UInt8[np.ndarray, "_ _"], float]]
    ) -> Float[Tensor, "moments 2 rows columns"]:
        """The motion between two grey pictures, in short sides a second, to the right and down.

        A pair holds the earlier picture, the later one, and how many seconds lie between them; 0 gives no motion.
        """
        import cv2

        size = _size(pairs[0][0], CELLS)
        cells = np.zeros((len(pairs), size[1], size[0], 2), np.float32)
        for place, (earlier, later, seconds) in enumerate(pairs):
            if seconds > 0 and earlier.shape == later.shape:  # a stream may change its size on the way
                moved = self._flow.calc(earlier, later, None)  # pyright: ignore[reportCallIssue, reportArgumentType]
                cells[place] = cv2.resize(moved, size, interpolation=cv2.INTER_AREA) / (seconds * SHORT)
        return rearrange(torch.from_numpy(cells), "t r c v -> t v r c").contiguous()


def _size(picture: np.ndarray, short: int) -> tuple[int, int]:
    """Width and height with this short side."""
    height, width = picture.shape[:2]
    scale = short / min(height, width)
    return min(round(width * scale), LONGEST * short), min(round(height * scale), LONGEST * short)
