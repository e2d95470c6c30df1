"""From a decoded frame to the RGB picture as it is meant to be seen."""

import struct
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from jaxtyping import UInt8
from torch import Tensor

from lga.video.tone import WIDE, tone_mapped


@dataclass(frozen=True, slots=True)
class Display:
    """How the frames of a stream are shown; `ratio` is a stored pixel's width divided by its height.

    Of frames with square pixels, upright, whole, opaque and in usual colours, every byte is what FFmpeg converts.
    """

    ratio: Fraction = Fraction(1)
    opaque: bool = False
    """whether what is transparent is white already, as FFmpeg has it in a GIF"""

    @classmethod
    def of(cls, stream: VideoStream) -> "Display":
        """As a stream says, whether its container or its coding does."""
        opaque = stream.codec_context.name == "gif"
        return cls(stream.sample_aspect_ratio or Fraction(1), opaque)

    def size(self, stored: VideoFrame | VideoStream) -> tuple[int, int]:
        """Width and height in square pixels before it is turned: one side is as stored, the other enlarged."""
        if self.ratio > 1:
            return round(stored.width * self.ratio), stored.height
        return stored.width, round(stored.height / self.ratio)

    def upright(self, frame: VideoFrame, *, second: bool = False) -> UInt8[Tensor, "height width 3"]:
        """The picture as a tensor of its own."""
        return torch.from_numpy(np.ascontiguousarray(self.picture(frame, second=second)))

    def picture(self, frame: VideoFrame, *, second: bool = False) -> UInt8[np.ndarray, "height width 3"]:
        """The RGB picture in square pixels, as the display matrix wants it: one of eight ways to turn and mirror it.

        Of an interlaced frame it is the first field, or the `second`.
        """
        width, height = self.size(frame)
        if frame.interlaced_frame:
            frame = one_field(frame, second=second)
        if frame.color_trc in WIDE:
            picture = tone_mapped(frame, width, height)
        elif not self.opaque and any(component.is_alpha for component in frame.format.components):
            picture = on_white(frame.to_ndarray(format="rgba", width=width, height=height, threads=1))
        else:
            picture = frame.to_ndarray(format="rgb24", width=width, height=height, threads=1)
        return _turned(frame, picture)


SQUARE = Display()
"""Of a stream with square pixels."""


def on_white(picture: UInt8[np.ndarray, "height width 4"]) -> UInt8[np.ndarray, "height width 3"]:
    """The RGB picture over white, where it is transparent (alpha below 255)."""
    if int(picture[..., 3].min()) == 255:
        return np.ascontiguousarray(picture[..., :3])
    shown = np.empty((*picture.shape[:2], 3), np.uint8)
    for row in range(len(picture)):  # a large picture is not held in 32 bits at once
        alpha = picture[row, :, 3:].astype(np.uint32)
        shown[row] = (picture[row, :, :3] * alpha + 255 * (255 - alpha) + 127) // 255
    return shown


def one_field(frame: VideoFrame, *, second: bool) -> VideoFrame:
    """One of the two moments that an interlaced frame shows by turns, its missing lines filled in.

    Source: our choice among FFmpeg's filters; `estdif` traces edges and needs no frame before or after.
    """
    graph = Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    graph.link_nodes(source, graph.add("estdif", "mode=field"), graph.add("buffersink")).configure()
    graph.vpush(frame)
    graph.vpush(None)
    first = graph.vpull()
    return graph.vpull() if second else first


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
