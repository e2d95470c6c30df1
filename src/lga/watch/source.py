"""Where a long video comes from, and the time line of its frames."""

import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import av
from av.container import InputContainer
from av.error import FFmpegError, InvalidDataError
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from lga.video.decode import LIMITS, open_container, picture_stream
from lga.video.display import Display
from lga.video.files import check_size
from lga.video.measure import lasts_as_a_whole, promised_duration, start_of
from lga.video.order import ShownOrder, says_decoding_only
from lga.video.timeline import GLITCH, LONGEST_STILL, Placed, Timeline, leaps
from lga.watch.address import STANDARD_INPUT, Address
from lga.watch.moments import Damage, Finish, Shown

STUBBORN = 64
"""After this many failed reads in a row a source counts as ended."""
SEAM = 8
"""Packets before the seam of two recordings, one of which FFmpeg takes for damaged because their counters differ."""


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
                stack.enter_context(container)
            elif address.live:
                file = stack.enter_context(_bytes(address))
                container = stack.enter_context(av.open(file, "r", options=options, metadata_errors="replace"))
            else:
                container = open_container(stack.enter_context(_bytes(address)), options, stack)
            source = Source(address, container)
        except (FFmpegError, OSError) as error:
            raise address.refusal(f"no video that can be watched ({error.strerror or error})") from error
        yield source


class Source:
    """An open source; `duration` is what its header promises, in seconds, None where it is live or says nothing.

    In a file, time is counted as a player does it: from its first sound or picture, whichever is earlier.
    """

    def __init__(self, address: Address, container: InputContainer):
        self._address, self._path, self._container = address, Path(address.name), container
        self._stream = picture_stream(self._path, container)
        self._display = Display.of(self._stream)
        self._order = ShownOrder(anew=says_decoding_only(self._stream))
        self._late, self.duration, origin = 0.0, None, None
        self._others, self._over = False, 0.0
        if not address.live and self._stream.start_time is not None:
            first = start_of(self._stream)
            origin = min(first, max((container.start_time or 0) / av.time_base, 0.0))
            self._late = first - origin
            self.duration = promised_duration(container, self._stream) or None
            self.duration = None if self.duration is None else self._late + self.duration
            self._others = lasts_as_a_whole(container, self._stream)
        self._origin = origin
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
            check_size(self._path, *self._display.size(picture))
            before = self._line.end if decoded else self._late
            placed = self._line.place(self._line.end if picture.pts is None else picture.time)
            if placed is None:
                continue
            trouble = trouble or self._hole(placed, None if decoded else before)
            if trouble is not None:
                yield Damage(min(before, placed.time), placed.time, trouble)
            on_screen = placed.time if decoded or placed.time > GLITCH else 0.0  # nothing else is there before
            trouble, decoded = None, True
            yield Shown(on_screen, picture, self._display)
        if not decoded:
            raise self._address.refusal(f"not one picture can be decoded ({trouble or 'it is empty'})")
        end = self._line.end
        there = max(end, self._over)
        if self.duration is not None and self.duration - there > 0.1 * self.duration + 1 / self.rate:
            trouble = trouble or f"cut short: {there:.1f} s of the promised {self.duration:.1f} s are there"
        if trouble is not None:
            yield Damage(end, max(end, self.duration or end), trouble)
        yield Finish(end)

    def _hole(self, placed: Placed, begin: float | None) -> str | None:
        """Why there is no picture before this one, which may be the first: then they should `begin` here."""
        if placed.gap is not None:
            return f"no picture for over {LONGEST_STILL:.0f} s"
        if begin is not None and placed.time - begin > GLITCH:
            return "cannot be decoded (its key frame is missing)"
        return None

    def _pictures(self) -> Iterator[VideoFrame | str]:
        """Every decoded picture, or why there is none."""
        waiting: list[Packet[VideoStream] | str] = []
        for packet in self._packets():
            waiting.append(packet)
            first = waiting[0]
            seam = len(waiting) > 1 and _joined(waiting[-2], packet)
            if not isinstance(first, str) and first.is_corrupt and len(waiting) <= SEAM and not seam:
                continue
            for one in waiting:
                yield from self._decode(one, whole=seam)
            waiting = []
        for one in waiting:
            yield from self._decode(one)

    def _decode(self, packet: "Packet[VideoStream] | str", *, whole: bool = False) -> Iterator[VideoFrame | str]:
        """The pictures of a packet; where it is known to be `whole`, what FFmpeg says of lost parts is not believed."""
        if isinstance(packet, str):
            yield packet
            return
        if packet.is_corrupt and not whole:
            yield "damaged (part of a picture is missing)"
        try:
            frames = packet.decode()
        except FFmpegError as error:
            yield f"damaged ({error.strerror})"
            return
        for frame in self._order.stamped(packet, frames):
            yield "damaged (what it builds on is missing)" if frame.is_corrupt else frame

    def _packets(self) -> "Iterator[Packet[VideoStream] | str]":
        """Every packet, or why one cannot be read; a source that breaks off is an error."""
        failed, first = 0, True
        while failed < STUBBORN:
            try:
                for packet in self._demuxed():
                    failed = 0
                    if first and packet.is_keyframe:
                        self._begin_with(packet)
                    first = False
                    yield packet
                return
            except InvalidDataError as error:
                failed += 1
                yield f"damaged ({error.strerror})"
            except (FFmpegError, OSError) as error:
                raise self._address.refusal(f"broke off ({error.strerror or error})") from error

    def _demuxed(self) -> "Iterator[Packet[VideoStream]]":
        """The packets of the pictures; where the header speaks of all streams together, these are looked at too."""
        if not self._others:
            yield from self._container.demux(self._stream)
            return
        for packet in self._container.demux():
            if packet.pts is not None and self._origin is not None:
                ends = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                self._over = max(self._over, ends - self._origin)
            if packet.stream.index == self._stream.index:
                yield cast("Packet[VideoStream]", packet)

    def _begin_with(self, packet: "Packet[VideoStream]") -> None:
        """Where the first picture comes later than FFmpeg looked, and can be decoded, nothing is missing before it."""
        if self._origin is not None and packet.pts is not None:
            self._late = max(self._late, float(packet.pts * packet.time_base) - self._origin)


def _joined(packet: "Packet[VideoStream] | str", after: "Packet[VideoStream] | str") -> bool:
    """Whether another recording begins between two packets."""
    if isinstance(packet, str) or isinstance(after, str) or packet.dts is None or after.dts is None:
        return False
    return leaps(float((after.dts - packet.dts) * packet.time_base))


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
