"""From a decoded frame to the RGB picture as it is meant to be seen."""

import struct
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from jaxtyping import UInt8
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Display:
    """How the frames of a stream are shown; `ratio` is a stored pixel's width divided by its height.

    Of frames with square pixels, upright and in usual colours, every byte is what FFmpeg converts.
    """

    ratio: Fraction = Fraction(1)

    @classmethod
    def of(cls, stream: VideoStream) -> "Display":
        """As a stream says, whether its container or its coding does."""
        return cls(stream.sample_aspect_ratio or Fraction(1))

    def size(self, stored: VideoFrame | VideoStream) -> tuple[int, int]:
        """Width and height in square pixels before it is turned: one side is as stored, the other enlarged."""
        if self.ratio > 1:
            return round(stored.width * self.ratio), stored.height
        return stored.width, round(stored.height / self.ratio)

    def upright(self, frame: VideoFrame) -> UInt8[Tensor, "height width 3"]:
        """The picture as a tensor of its own."""
        return torch.from_numpy(np.ascontiguousarray(self.picture(frame)))

    def picture(self, frame: VideoFrame) -> UInt8[np.ndarray, "height width 3"]:
        """The RGB picture in square pixels, as the display matrix wants it: one of eight ways to turn and mirror it."""
        width, height = self.size(frame)
        return _turned(frame, frame.to_ndarray(format="rgb24", width=width, height=height, threads=1))


SQUARE = Display()
"""Of a stream with square pixels."""


def _turned(frame: VideoFrame, picture: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "high wide 3"]:
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return picture
    across_x, down_x, _, across_y, down_y = struct.unpack_from("=5i", bytes(matrix))
    if abs(across_x) < abs(down_x):  # x runs down the screen and y across it
        picture, right, down = picture.swapaxes(0, 1), across_y, down_x
    else:
        right, down = across_x, down_y
    return picture[:: -1 if down < 0 else 1, :: -1 if right < 0 else 1]
