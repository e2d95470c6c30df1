"""Open a video file, learn how long it really is, and fetch the frames on screen at given moments.

FFmpeg is given an open file and never a name, and may use no protocol and few formats: a playlist, or a name
with "http:" or "%d" in it, can't make it open anything else.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import BinaryIO
from warnings import warn

import av
import torch
from av.container import InputContainer
from av.error import FFmpegError, InvalidDataError
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from jaxtyping import UInt8
from torch import Tensor

from lga.errors import ClipWarning
from lga.video.display import Display
from lga.video.files import (
    FORMATS,
    MAX_BYTES,
    SHOWN_BYTES,
    UNLIMITED,
    Limits,
    check_bytes,
    check_length,
    check_size,
    check_work,
    is_folder,
    refusal,
)
from lga.video.measure import BROADCAST, lacks_end, measure
from lga.video.order import ShownOrder, says_decoding_only, stamp_of
from lga.video.pictures import PictureFolder
from lga.video.timeline import Timeline
from lga.video.tone import DEEP_BYTES, WIDE

LARGEST = 8192 * 4352
"""Pixels of a picture of H.264 and H.265 at the highest level of a usual decoder, 6.2."""
LIMITS = {"format_whitelist": FORMATS, "protocol_whitelist": "none", "max_pixels": str(LARGEST)}
FURTHER = {"analyzeduration": "60000000"}
"""Microseconds of a file that FFmpeg looks through for pictures, where its usual five seconds do not suffice."""
HELD, HELD_OF_GIF = 5, 8
"""Pictures of that size that are held at once, by the decoder and ready to be shown."""
FASTEST = 120.0
"""Pictures a second that are believed of a header where nobody counted them."""
SEE_THROUGH = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""The decoders that give what is transparent in WebM; FFmpeg's own leave it out."""
HOLE = 1.0
"""Seconds at the beginning of which no picture can be decoded and the first one that can is shown instead."""
REORDERED = 2.5
"""Pictures by which the first decoded one may come late without a key frame being missed."""


@contextmanager
def open_clip(path: Path, limits: Limits = UNLIMITED) -> "Generator[VideoFile | PictureFolder]":
    """Open a video file or a folder of frame pictures and close it afterwards.

    Raises:
        VideoError: it holds no pictures that can be read, or more than the limits allow.
    """
    if is_folder(path):
        folder = PictureFolder(path)
        check_length(path, folder.duration, limits)
        yield folder
        return
    with ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
        except OSError as error:
            raise refusal(path, f"cannot be read ({error.strerror})") from error

        def opened() -> InputContainer:
            return open_container(file, LIMITS, stack)

        try:
            video = VideoFile(path, opened, limits)
        except (FFmpegError, OSError) as error:
            kinds = "mp4, mov, avi, mkv, webm, ts or gif"
            raise refusal(path, f"not a readable {kinds} video, or cut short ({error.strerror})") from error
        yield video


def open_container(file: BinaryIO, options: Mapping[str, str], stack: ExitStack) -> InputContainer:
    """Open a file's container from its beginning, until the stack is closed.

    Where FFmpeg has not looked far enough to know the size of the pictures, because sound comes long before them, it
    is told to look further.

    Raises:
        FFmpegError: it is none.
    """
    file.seek(0)
    container = stack.enter_context(av.open(file, mode="r", options=dict(options), metadata_errors="replace"))
    if all(stream.codec_context and stream.width for stream in container.streams.video):
        return container
    file.seek(0)
    return stack.enter_context(av.open(file, mode="r", options={**options, **FURTHER}, metadata_errors="replace"))


class VideoFile:
    """An open video file; times are seconds from the first frame that can be decoded.

    `duration` is how long the pictures last and `last` when the last one comes on screen. Both are measured
    on the packets at the end of the file, not believed from its header. Where they do not begin at the beginning of
    the file, because the key frame that they build on is missing, or where something is damaged and shown nevertheless,
    a `ClipWarning` says so, once.
    """

    def __init__(self, path: Path, opened: Callable[[], InputContainer], limits: Limits):
        """Measure what `opened` gives: the file, opened anew at every call."""
        self._path, self._opened, self._limits = path, opened, limits
        self._deadline = monotonic() + limits.patience
        self._bytes, self._count = path.stat().st_size, 0
        self._noted, self._doubtful = False, set[int]()
        self._open()
        check_size(path, *self._display.size(self._stream), pixels=limits.pixels)
        if not self._stream.time_base:
            raise refusal(path, "has no time stamps")
        self._tick = float(self._stream.time_base)
        self._start = self._stream.start_time or 0
        found = measure(path, self._container, self._stream, keep_time=self._keep_time)
        self._leaps = found.leaps
        palette = self._stream.pix_fmt == "pal8"  # which comes once, with some packet
        self._one_pass = found.leaps or palette or says_decoding_only(self._stream)
        late = 0 if self._one_pass else self._late()
        self._start += late
        self.last, self.duration = found.last - late * self._tick, found.duration - late * self._tick
        check_length(path, self.duration, limits)
        if lacks_end(path, self._container.format.name):
            self._note("its end is missing, and with it perhaps pictures; get the whole file if there is more of it")
        pictures = max(float(self._stream.frames), self.duration * min(self.rate, FASTEST))
        check_work(path, self._stream.width, self._stream.height, pictures=pictures, size=self._bytes)

    def _open(self) -> None:
        self._container = self._opened()
        self._stream = picture_stream(self._path, self._container)
        self._display = Display.of(self._stream)
        self._decoder = _decoder(self._stream)

    @property
    def rate(self) -> float:
        """Pictures a second, on average, as the header says."""
        return float(self._stream.average_rate or 25)

    def pictures_at(self, times: Sequence[float]) -> Iterator[UInt8[Tensor, "height width 3"]]:
        """Yield the RGB picture on screen at each of the ascending `times`, as `shown_at` does."""
        return (picture for _, picture in self.shown_at(times))

    def shown_at(self, times: Sequence[float]) -> Iterator[tuple[float, UInt8[Tensor, "height width 3"]]]:
        """Yield what is on screen at each of the ascending `times`: since when, and the RGB picture.

        One object per frame, or per field of an interlaced frame.

        On screen is the last frame that came at or before the moment, and before the first frame the first.
        Jumps to key frames where that is shorter than to decode on, and holds two frames at most.

        Raises:
            VideoError: the file is damaged where it is wanted.
        """
        run: _Run | None = None
        self._count = 0
        shown, before, picture = self._start, None, torch.empty(0)
        for time in times:
            wanted = self._start + int(time / self._tick + 1e-3)
            if run is None or (not self._one_pass and self._key_before(wanted) > run.held[0]):
                run = self._jump(wanted)
            run.play_to(wanted)
            moment, frame = run.held
            half = (frame.duration or 0) // 2 if frame.interlaced_frame else 0
            second = half > 0 and wanted >= moment + half
            if (moment, second) != before:
                if moment in self._doubtful:
                    at = (moment - self._start) * self._tick
                    self._note(f"damaged: what is shown at {at:.1f} s, and perhaps later, may not be what was filmed")
                shown, before, picture = moment + half * second, (moment, second), self._upright(frame, second)
            yield (shown - self._start) * self._tick, picture

    def _jump(self, wanted: int) -> "_Run":
        """Start to decode at the last key frame at or before `wanted`, further back if the index is wrong."""
        for seconds in (None,) if self._one_pass else (0, 1, 5, 25, 125, 625, None):
            target = self._start if seconds is None else max(self._start, wanted - int(seconds / self._tick))
            if not self._go_to(target):
                continue
            frames = self._frames()
            first = next(frames, None)
            if first is None or (first[0] > wanted and target > self._start):
                continue
            if (hole := (first[0] - wanted) * self._tick) > HOLE:
                raise refusal(self._path, f"damaged (no picture of {hole:.1f} s can be decoded)")
            return _Run(frames, first, next(frames, None))
        raise refusal(self._path, "no frame can be decoded")

    def _go_to(self, target: int) -> bool:
        """Read on from the last key frame at or before `target`, and say whether that is possible.

        To its beginning a file is opened anew where looking for time stamps does not lead there.
        """
        beginning = target == self._start
        if not (beginning and (self._one_pass or self._container.format.name in BROADCAST)):
            try:
                self._container.seek(target, stream=self._stream)
            except FFmpegError:
                if not beginning:
                    return False
            else:
                if self._decoder is not self._stream.codec_context:
                    self._decoder.flush_buffers()
                return True
        self._open()
        return True

    def _frames(self) -> Iterator[tuple[int, VideoFrame]]:
        """Every frame from here on and when it comes on screen, in ticks; one that comes too late is left out."""
        line = Timeline() if self._leaps else None
        for frame, doubtful in self._decoded():
            moment = _moment(frame)
            if line is not None:
                placed = line.place(moment * self._tick)
                if placed is None:
                    continue
                moment = self._start + round(placed.time / self._tick)
            if doubtful:
                self._doubtful.add(moment)
            yield moment, frame

    def _decoded(self) -> Iterator[tuple[VideoFrame, bool]]:
        """Decode on from here, and say of each frame whether it, or one that it may build on, is damaged.

        What can't be decoded right after a jump lacks its key frame: it is passed over.
        """
        begun, doubtful, order = False, False, ShownOrder(anew=says_decoding_only(self._stream))
        try:
            for packet in self._container.demux(self._stream):
                self._keep_time()
                try:
                    frames = self._decoder.decode(packet)
                except InvalidDataError:
                    if begun:
                        raise
                    if packet.is_keyframe:
                        self._note("damaged: a picture cannot be decoded, and a later one is shown in its place")
                    continue
                for frame in order.stamped(packet, frames):
                    self._keep_time()
                    self._count += 1  # the header may have spoken of fewer
                    check_work(self._path, frame.width, frame.height, pictures=float(self._count), size=self._bytes)
                    if frame.pts is None and frame.dts is None:
                        continue
                    lost = packet.is_corrupt and not self._leaps  # joined recordings: FFmpeg says it of whole packets
                    begun, doubtful = True, frame.is_corrupt or lost or (doubtful and not frame.key_frame)
                    yield frame, doubtful
        except (FFmpegError, OSError) as error:
            raise refusal(self._path, f"damaged ({error.strerror})") from error

    def _late(self) -> int:
        """How many ticks after the first packet's picture the first one comes that can be decoded.

        Only where the first packet holds no key frame is a picture decoded to learn that.
        """
        self._go_to(self._start)
        packet = next(self._container.demux(self._stream))
        moment = stamp_of(packet)
        most = REORDERED / self.rate / self._tick
        if packet.is_keyframe and (moment is None or moment - self._start <= most):
            return 0 if moment is None else max(moment - self._start, 0)
        self._open()  # a jump may pass over what comes before a key frame, and over the first one
        begins_with_key = next(self._container.demux(self._stream)).is_keyframe
        self._open()
        first = next((frame for frame, _ in self._decoded() if frame.key_frame), None)
        late = 0 if first is None else _moment(first) - self._start
        if late <= most:
            return 0
        if begins_with_key:  # FFmpeg did not look as far as the first picture
            return late
        said = f"its first {late * self._tick:.1f} s cannot be decoded, their key frame is missing; the rest is taken"
        self._note(said)
        return late

    def _note(self, said: str) -> None:
        """Say once what of the file is not as it should be."""
        if not self._noted:
            self._noted = True
            warn(str(refusal(self._path, said)), ClipWarning, stacklevel=3)

    def _upright(self, frame: VideoFrame, second: bool) -> UInt8[Tensor, "height width 3"]:
        check_size(self._path, *self._display.size(frame), pixels=self._limits.pixels)
        return self._display.upright(frame, second=second)

    def _keep_time(self) -> None:
        if monotonic() > self._deadline:
            raise refusal(self._path, f"takes longer to read than the {self._limits.patience:g} s that are allowed")

    def _key_before(self, wanted: int) -> int:
        """When the last known key frame at or before `wanted` comes; the start if the file has no index."""
        entries = self._stream.index_entries
        place = entries.search_timestamp(wanted, backward=True)
        return entries[place].timestamp if place >= 0 else self._start


@dataclass(slots=True)
class _Run:
    """Frames decoded one after the other: the one on screen and the one that comes next."""

    frames: Iterator[tuple[int, VideoFrame]]
    held: tuple[int, VideoFrame]
    coming: tuple[int, VideoFrame] | None

    def play_to(self, wanted: int) -> None:
        while self.coming is not None and self.coming[0] <= wanted:
            self.held, self.coming = self.coming, next(self.frames, None)


def picture_stream(path: Path, container: InputContainer) -> VideoStream:
    """The stream of moving pictures that a player shows, ready to be decoded; covers and other stills are none.

    Of several, those that can be decoded come first, then those marked as the default, then those that are not far
    shorter than the longest, and then FFmpeg's own choice.
    FFmpeg decodes it in one thread: in several, whether damage is reported and what is shown in its place depend on
    how many there are and on which is first.
    """
    moving = [stream for stream in container.streams.video if not _is_still(stream)]
    if not moving:
        raise refusal(path, "only sound in it" if container.streams.audio else "no video stream in it")
    longest = max(_length(stream) for stream in moving)
    best = container.streams.best("video")

    def liking(stream: VideoStream) -> tuple[bool, bool, bool, bool]:
        default = bool(stream.disposition & Disposition.default) and not stream.disposition & UNUSUAL
        known = bool(stream.codec_context) and bool(stream.width)
        return known, default, 2 * _length(stream) >= longest, best is not None and stream.index == best.index

    stream = max(moving, key=liking)
    if not stream.codec_context:
        raise refusal(path, "its pictures are in a coding that is not known here, or it was cut short")
    if not stream.width:
        raise refusal(path, "its pictures are too large to be a clip's, or it was cut short")
    width, height = Display.of(stream).size(stream)
    check_size(path, width, height)
    stored = _bytes_a_pixel(stream)
    check_bytes(path, width, height, stored=stored)
    stream.codec_context.options = {"max_pixels": str(int(min(LARGEST, MAX_BYTES / (stored + SHOWN_BYTES))))}
    stream.codec_context.thread_count = 1
    return stream


def _decoder(stream: VideoStream) -> VideoCodecContext:
    """The stream's own decoder, or one that gives what is transparent too."""
    own = stream.codec_context
    if stream.metadata.get("alpha_mode") != "1" or own.name not in SEE_THROUGH:
        return own
    other = VideoCodecContext.create(SEE_THROUGH[own.name], "r")
    if not isinstance(other, VideoCodecContext):
        return own
    other.options, other.thread_count = own.options, 1
    return other


STILLS = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
UNUSUAL = Disposition.hearing_impaired | Disposition.visual_impaired | Disposition.dependent


def _bytes_a_pixel(stream: VideoStream) -> float:
    """Of all decoded pictures that are held; where nobody knows yet, of the usual kind."""
    one = 1.5 if stream.pix_fmt is None else av.VideoFormat(stream.pix_fmt).padded_bits_per_pixel / 8
    held = HELD_OF_GIF if stream.codec_context.name == "gif" else HELD
    return held * one + (DEEP_BYTES if stream.codec_context.color_trc in WIDE else 0)


def _is_still(stream: VideoStream) -> bool:
    """Whether a stream is a cover, or a single picture beside a stream of several."""
    several = any(other.frames > 1 for other in stream.container.streams.video)
    return bool(stream.disposition & STILLS) or (stream.frames == 1 and several)


def _length(stream: VideoStream) -> float:
    """Seconds that a stream lasts as its header says; 0 where that is only known of the whole file."""
    return float((stream.duration or 0) * (stream.time_base or 0))


def _moment(frame: VideoFrame) -> int:
    return frame.pts if frame.pts is not None else frame.dts or 0
