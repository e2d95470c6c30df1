"""How long a video really is: measured on its packets, not believed from its header."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from lga.video.files import refusal
from lga.video.order import stamp_of
from lga.video.timeline import leaps

BROADCAST = frozenset({"mpegts", "mpeg"})
"""Formats that go on for ever: their files promise no length, and their time stamps may leap within a file."""
WHOLE = frozenset({"matroska,webm", "asf", "flv"})
"""Formats whose header says how long everything lasts together, even where FFmpeg says it of each stream."""
STILL = 1 / 25
"""Seconds that a picture stays where nothing says how many come a second."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What the packets of a video say, in seconds from its first picture."""

    last: float
    """when the last picture comes on screen"""
    duration: float
    """how long the pictures last"""
    leaps: bool = False
    """whether the time stamps leap, so that several recordings follow each other"""


def start_of(stream: VideoStream) -> float:
    """The time stamp of the first picture, in seconds."""
    return float((stream.start_time or 0) * (stream.time_base or 0))


def promised_duration(container: InputContainer, stream: VideoStream) -> float:
    """How many seconds from the first picture on the header says there are; 0 where it says nothing.

    Of everything together writers give the time stamp of the end, or how much later than the start it is: the less is
    believed.
    """
    if container.format.name in BROADCAST:
        return 0.0
    if container.format.name == "avi" and stream.frames and stream.average_rate:
        return float(stream.frames / stream.average_rate)  # FFmpeg shortens the duration of a cut AVI
    if stream.duration is not None and stream.time_base is not None and not lasts_as_a_whole(container, stream):
        return float(stream.duration * stream.time_base)
    whole, first = (container.duration or 0) / av.time_base, start_of(stream)
    late = first - (container.start_time or 0) / av.time_base
    return max(whole - (max(first, late) if whole > first else late), 0.0)


def lasts_as_a_whole(container: InputContainer, stream: VideoStream) -> bool:
    """Whether the header says how long all streams last together, and nothing of the pictures alone."""
    return stream.duration is None or container.format.name in WHOLE


def measure(
    path: Path, container: InputContainer, stream: VideoStream, *, keep_time: Callable[[], None] = lambda: None
) -> Measure:
    """Look through the packets at the end of a file just opened, or through all where its time stamps may leap.

    `keep_time` is called with every packet and may raise.

    Raises:
        VideoError: there are no pictures, or the file is cut short.
    """
    still = 1 / float(stream.average_rate) if stream.average_rate else STILL
    promised, start = promised_duration(container, stream), start_of(stream)  # which FFmpeg may change while it reads
    tail = _tail(container, stream, start, promised, keep_time) or _tail(container, stream, start, 0.0, keep_time)
    if tail is None:
        raise refusal(path, "the video holds no frames")
    there = tail.overall if lasts_as_a_whole(container, stream) else tail.end
    if promised - there > 0.1 * promised + still:
        raise refusal(path, f"cut short: {there:.1f} s of the promised {promised:.1f} s are there")
    return Measure(tail.last, tail.end if tail.end > tail.last else tail.last + still, tail.leaps)


@dataclass(frozen=True, slots=True)
class _Tail:
    """In seconds from the first picture: when the last one comes, when it goes, and when everything is over."""

    last: float
    end: float
    overall: float
    leaps: bool


def _tail(
    container: InputContainer, stream: VideoStream, start: float, seconds: float, keep_time: Callable[[], None]
) -> _Tail | None:
    """Look through the packets from `seconds` after the `start` to the end of the file without decoding any.

    The last picture stays as long as its packet says. Only in the family of mp4 a packet lasts until the next one is
    decoded: where pictures are shown in another order than they are decoded in, it says nothing of that picture, and
    the packet that is decoded last, whose duration no other one follows, says how long the last picture stays.
    """
    until_next = "mp4" in container.format.name
    seam = _Seams() if container.format.name in BROADCAST else None
    last = stays = overall = -1.0
    for packet in _packets(container, stream, seconds):
        keep_time()
        if (moment := stamp_of(packet)) is None:
            continue
        length = float((packet.duration or 0) * packet.time_base)
        begin = float(moment * packet.time_base) - start
        if packet.stream_index == stream.index:
            begin += 0.0 if seam is None else seam.shift(packet)
            stays = length if begin > last or until_next else stays
            last = max(last, begin)
        overall = max(overall, begin + length)
    return _Tail(last, last + max(stays, 0.0), overall, seam is not None and seam.found) if last >= 0 else None


def _packets(container: InputContainer, stream: VideoStream, seconds: float) -> "Iterator[Packet[Stream]]":
    """The packets from there on, as far as the file goes on."""
    with suppress(FFmpegError):  # the file breaks off here: what came before it counts
        if container.format.name not in BROADCAST:
            ticks = 0 if stream.time_base is None else int(seconds / float(stream.time_base))
            container.seek((stream.start_time or 0) + ticks, stream=stream)
        for packet in container.demux():
            if not packet.is_corrupt and not packet.is_discard:
                yield packet


class _Seams:
    """By how much the time stamps of a recording are put off so that it follows the one before it."""

    def __init__(self):
        self.found, self._shift = False, 0.0
        self._last: float | None = None
        self._length = 0.0

    def shift(self, packet: "Packet[Stream]") -> float:
        """Seconds to be added to the time stamps of a packet; packets are asked about in the order of the file."""
        stamp = packet.pts if packet.dts is None else packet.dts
        time = float((stamp or 0) * packet.time_base) + self._shift
        if self._last is not None and leaps(time - self._last):
            self._shift += self._last + self._length - time
            time, self.found = self._last + self._length, True
        self._last, self._length = time, float((packet.duration or 0) * packet.time_base)
        return self._shift


def lacks_end(path: Path, format_name: str) -> bool:
    """Whether a file is shorter than its own structure says, as far as that is simple to see.

    A GIF has a last byte, an AVI says its size at its beginning, and an mp4 consists of boxes that say theirs.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        if format_name == "gif":
            file.seek(max(size - 4096, 0))
            return not file.read().rstrip(b"\0").endswith(b";")
        if format_name == "avi":
            return int.from_bytes(file.read(8)[4:], "little") + 8 > size
        return "mp4" in format_name and _box_runs_over(file, size)


BOXES = frozenset({b"moov", b"mdat", b"moof", b"ftyp", b"free", b"mfra", b"sidx"})


def _box_runs_over(file: BinaryIO, size: int) -> bool:
    """Whether the last box of an mp4 is longer than what is left of the file."""
    place = 0
    while place + 16 <= size:
        file.seek(place)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        length = int.from_bytes(head[8:], "big") if length == 1 else length
        if head[4:8] not in BOXES or length < 8:  # something that is not ours to judge, or a box up to the end
            return False
        place += length
    return place > size
