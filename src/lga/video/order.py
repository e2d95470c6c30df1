"""When the pictures of a file are shown that only says when they are decoded."""

from collections import deque
from collections.abc import Sequence
from typing import Any

from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

MOST_REORDERED = 16
"""Pictures that a decoder may hold back; what it holds longer was lost."""


def says_decoding_only(stream: Stream) -> bool:
    """Whether the file says when pictures are decoded alone, and FFmpeg cannot know when they are shown.

    An AVI only says the former; of MPEG-4 FFmpeg works out the latter, of H.264 it does not.
    """
    codec = stream.codec_context  # None where FFmpeg knows no such codec
    return stream.container.format.name == "avi" and bool(codec) and codec.name in ("h264", "hevc")


def stamp_of(packet: "Packet[Any]") -> int | None:
    """When a packet's picture is shown, in ticks; where the file does not say that, when it is decoded."""
    return packet.dts if packet.pts is None or says_decoding_only(packet.stream) else packet.pts


class ShownOrder:
    """Stamps decoded pictures `anew` where the file only says when they are decoded: the n-th shown has the n-th stamp.

    It has to be told of all packets from the beginning of the file on.
    """

    def __init__(self, *, anew: bool):
        self._anew = anew
        self._waiting: deque[int] = deque()

    def stamped(self, packet: "Packet[VideoStream]", frames: Sequence[VideoFrame]) -> Sequence[VideoFrame]:
        """The pictures that a decoder gave for a packet; packets are asked about in the order of the file."""
        if not self._anew:
            return frames
        if packet.dts is not None:
            self._waiting.append(packet.dts)
        for frame in frames:
            if self._waiting:
                frame.pts = self._waiting.popleft()
        while len(self._waiting) > MOST_REORDERED:
            self._waiting.popleft()
        return frames
