"""Where a long video comes from, and the time line of its frames."""

import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer
from av.error import FFmpegError, InvalidDataError
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from lga.video.decode import LIMITS, picture_stream, promised_duration
from lga.video.files import check_size
from lga.watch.address import STANDARD_INPUT, Address
from lga.watch.moments import Damage, Finish, Shown

GLITCH = 0.5
"""A time stamp that goes back by less than this many seconds: the picture is left out. By more: a new recording."""
LONGEST_STILL = 10.0
"""Seconds that one picture may stay on screen."""
USUAL_STEP = 0.04
"""Seconds between pictures until two of them were seen."""


@dataclass(frozen=True, slots=True)
class Placed:
    """When a picture is shown, in seconds from the start, and where the gap before it begins, if there is one."""

    time: float
    gap: float | None = None


class Timeline:
    """Places pictures one after the other.

    Time stamps that go back, or forward by more than `LONGEST_STILL`, are those of another recording: it goes on
    one picture after the last. Only a file that promises a `duration` may be believed to show nothing for longer.
    Where something was lost, a decoder may give one picture from after the gap and then the last from before it: that
    one comes too late.
    """

    def __init__(self, origin: float | None = None, duration: float | None = None):
        self._origin, self._duration = origin, duration
        self._last: float | None = None
        self._last_but_one = 0.0
        self._step = USUAL_STEP

    @property
    def end(self) -> float:
        """When the last picture goes, in seconds; 0 before the first."""
        return 0.0 if self._last is None else self._last + self._step

    def place(self, stamp: float) -> Placed | None:
        """When the picture with this time stamp (seconds) is shown; None if it comes too late to be shown."""
        if self._origin is None:
            self._origin = stamp
        time = stamp - self._origin
        last = self._last
        if last is None:
            believed = self._duration is not None and 0 <= time <= self._duration
            time = time if believed else 0.0
            self._origin, self._last = stamp - time, time
            return Placed(time)
        step = time - last
        if -GLITCH < step <= 0 or self._last_but_one < time <= last:
            return None
        self._last_but_one = last
        if 0 < step <= LONGEST_STILL:
            self._step, self._last = min(max(step, 0.001), 1.0), time
            return Placed(time)
        if step > 0 and self._duration is not None and time <= self._duration + 1:
            self._last = time
            return Placed(time, gap=last + self._step)
        time = last + self._step
        self._origin, self._last = stamp - time, time
        return Placed(time)


STUBBORN = 64
"""After this many failed reads in a row a source counts as ended."""


@contextmanager
def open_source(address: Address, timeout: float) -> "Generator[Source]":
    """Open a source and close it afterwards; `timeout` is how many seconds a URL or a camera may keep silent.

    Raises:
        VideoError: nothing answers there, or it holds no pictures that can be read.
    """
    options = {**LIMITS, "format_whitelist": address.formats, "protocol_whitelist": address.protocols}
    with ExitStack() as stack:
        try:
            if address.kind in ("url", "camera"):
                wanted = "v4l2" if address.kind == "camera" else None
                if address.name.startswith("http"):  # no redirect and no proxy leads away from this machine
                    options |= {"max_redirects": "0", "http_proxy": ""}
                if address.name.startswith("rtsp"):  # over UDP the answer says where to, which may be another machine
                    options |= {"rtsp_transport": "tcp"}
                container = av.open(
                    address.name, "r", format=wanted, options=options, timeout=timeout, metadata_errors="replace"
                )
            else:
                file = stack.enter_context(_bytes(address))
                container = av.open(file, "r", options=options, metadata_errors="replace")
            stack.enter_context(container)
            source = Source(address, container)
        except (FFmpegError, OSError) as error:
            raise address.refusal(f"no video that can be watched ({error.strerror or error})") from error
        yield source


class Source:
    """An open source; `duration` is what its header promises, in seconds, None where it is live or says nothing."""

    def __init__(self, address: Address, container: InputContainer):
        self._address, self._path, self._container = address, Path(address.name), container
        self._stream = picture_stream(self._path, container)
        live = address.live
        self.duration = None if live else promised_duration(container, self._stream) or None
        tick, start = self._stream.time_base, self._stream.start_time
        origin = None if live or start is None or tick is None else float(start * tick)
        self._line = Timeline(origin, self.duration)

    @property
    def rate(self) -> float:
        """Pictures a second, about."""
        return float(self._stream.average_rate or 25)

    def shown(self) -> Iterator[Shown | Damage | Finish]:
        """Yield every picture in order, every damaged passage where it is, and the end.

        Raises:
            VideoError: not one picture can be decoded, pictures are absurdly large, or a stream breaks off with an
                error.
        """
        trouble: str | None = None
        decoded = False
        for picture in self._pictures():
            if isinstance(picture, str):
                trouble = trouble or picture
                continue
            check_size(self._path, picture.width, picture.height)
            before = self._line.end
            placed = self._line.place(before if picture.pts is None else picture.time)
            if placed is None:
                continue
            if placed.gap is not None or trouble is not None:
                still = f"no picture for over {LONGEST_STILL:.0f} s"
                yield Damage(min(before, placed.time), placed.time, trouble or still)
            trouble, decoded = None, True
            yield Shown(placed.time, picture)
        if not decoded:
            raise self._address.refusal(f"not one picture can be decoded ({trouble or 'it is empty'})")
        end = self._line.end
        if self.duration is not None and self.duration - end > 0.1 * self.duration + 1 / self.rate:
            trouble = trouble or f"cut short: {end:.1f} s of the promised {self.duration:.1f} s are there"
        if trouble is not None:
            yield Damage(end, max(end, self.duration or end), trouble)
        yield Finish(end)

    def _pictures(self) -> Iterator[VideoFrame | str]:
        """Every decoded picture, or why there is none."""
        for packet in self._packets():
            if isinstance(packet, str):
                yield packet
                continue
            if packet.is_corrupt:
                yield "damaged (part of a picture is missing)"
            try:
                frames = packet.decode()
            except FFmpegError as error:
                yield f"damaged ({error.strerror})"
                continue
            for frame in frames:
                yield "damaged (what it builds on is missing)" if frame.is_corrupt else frame

    def _packets(self) -> "Iterator[Packet[VideoStream] | str]":
        """Every packet, or why one cannot be read; a source that breaks off is an error."""
        failed = 0
        while failed < STUBBORN:
            try:
                for packet in self._container.demux(self._stream):
                    failed = 0
                    yield packet
                return
            except InvalidDataError as error:
                failed += 1
                yield f"damaged ({error.strerror})"
            except (FFmpegError, OSError) as error:
                raise self._address.refusal(f"broke off ({error.strerror or error})") from error


def _bytes(address: Address) -> BinaryIO:
    """The file, unbuffered where it is a pipe, so that a thread that waits for it holds no lock."""
    if address.name == STANDARD_INPUT and address.kind == "pipe":
        if sys.stdin.closed:
            raise address.refusal("standard input is closed")
        return open(sys.stdin.fileno(), "rb", buffering=0, closefd=False)
    try:
        return open(address.name, "rb", buffering=0 if address.live else -1)
    except OSError as error:
        raise address.refusal(f"cannot be read ({error.strerror})") from error
