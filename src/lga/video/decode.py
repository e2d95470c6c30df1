"""Open a video file, learn how long it really is, and fetch the frames on screen at given moments.

FFmpeg is given an open file and never a name, and may use no protocol and few formats: a playlist, or a name
with "http:" or "%d" in it, can't make it open anything else.
"""

import struct
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import av
import numpy as np
import torch
from av.container import InputContainer
from av.error import FFmpegError, InvalidDataError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from jaxtyping import UInt8
from torch import Tensor

from lga.video.files import FORMATS, MAX_PIXELS, UNLIMITED, Limits, check_length, check_size, is_folder, refusal
from lga.video.pictures import PictureFolder

LIMITS = {"format_whitelist": FORMATS, "protocol_whitelist": "none", "max_pixels": str(MAX_PIXELS)}


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
        try:
            container = stack.enter_context(av.open(file, mode="r", options=LIMITS, metadata_errors="replace"))
            video = VideoFile(path, container, limits)
        except (FFmpegError, OSError) as error:
            kinds = "mp4, mov, avi, mkv, webm or gif"
            raise refusal(path, f"not a readable {kinds} video, or cut short ({error.strerror})") from error
        yield video


class VideoFile:
    """An open video file; times are seconds from its first frame.

    `duration` is how long the pictures last and `last` when the last one comes on screen. Both are measured
    on the packets at the end of the file, not believed from its header.
    """

    def __init__(self, path: Path, container: InputContainer, limits: Limits):
        self._path, self._container, self._limits = path, container, limits
        self._deadline = monotonic() + limits.patience
        self._stream = picture_stream(path, container)
        check_size(path, self._stream.width, self._stream.height, pixels=limits.pixels)
        if not self._stream.time_base:
            raise refusal(path, "has no time stamps")
        self._tick = float(self._stream.time_base)
        self._start = self._stream.start_time or 0
        self.last, self.duration = self._measure()
        check_length(path, self.duration, limits)

    @property
    def rate(self) -> float:
        """Pictures a second, on average, as the header says."""
        return float(self._stream.average_rate or 25)

    def pictures_at(self, times: Sequence[float]) -> Iterator[UInt8[Tensor, "height width 3"]]:
        """Yield the RGB picture on screen at each of the ascending `times`, as `shown_at` does."""
        return (picture for _, picture in self.shown_at(times))

    def shown_at(self, times: Sequence[float]) -> Iterator[tuple[float, UInt8[Tensor, "height width 3"]]]:
        """Yield what is on screen at each of the ascending `times`: since when, and the RGB picture.

        One object per frame.

        On screen is the last frame that came at or before the moment, and before the first frame the first.
        Jumps to key frames where that is shorter than to decode on, and holds two frames at most.

        Raises:
            VideoError: the file is damaged where it is wanted.
        """
        run: _Run | None = None
        shown, picture = self._start - 1, torch.empty(0)
        for time in times:
            wanted = self._start + int(time / self._tick + 1e-3)
            if run is None or self._key_before(wanted) > _moment(run.held):
                run = self._jump(wanted)
            run.play_to(wanted)
            if _moment(run.held) != shown:
                shown, picture = _moment(run.held), self._upright(run.held)
            yield (shown - self._start) * self._tick, picture

    def _jump(self, wanted: int) -> "_Run":
        """Start to decode at the last key frame at or before `wanted`, further back if the index is wrong."""
        for seconds in (0, 1, 5, 25, 125, 625, None):
            target = self._start if seconds is None else max(self._start, wanted - int(seconds / self._tick))
            try:
                self._container.seek(target, stream=self._stream)
            except FFmpegError as error:
                if target == self._start:
                    raise refusal(self._path, f"cannot be searched ({error.strerror})") from error
                continue
            frames = self._frames()
            first = next(frames, None)
            if first is not None and (_moment(first) <= wanted or target == self._start):
                return _Run(frames, first, next(frames, None))
        raise refusal(self._path, "no frame can be decoded")

    def _frames(self) -> Iterator[VideoFrame]:
        """Decode on from here; what can't be decoded right after a jump lacks its key frame: pass it over."""
        begun = False
        try:
            for packet in self._container.demux(self._stream):
                self._keep_time()
                try:
                    frames = packet.decode()
                except InvalidDataError:
                    if begun:
                        raise
                    continue
                for frame in frames:
                    self._keep_time()
                    if frame.pts is not None or frame.dts is not None:
                        begun = True
                        yield frame
        except (FFmpegError, OSError) as error:
            raise refusal(self._path, f"damaged ({error.strerror})") from error

    def _upright(self, frame: VideoFrame) -> UInt8[Tensor, "height width 3"]:
        check_size(self._path, frame.width, frame.height, pixels=self._limits.pixels)
        return upright(frame)

    def _keep_time(self) -> None:
        if monotonic() > self._deadline:
            raise refusal(self._path, f"takes longer to read than the {self._limits.patience:g} s that are allowed")

    def _key_before(self, wanted: int) -> int:
        """When the last known key frame at or before `wanted` comes; the start if the file has no index."""
        entries = self._stream.index_entries
        place = entries.search_timestamp(wanted, backward=True)
        return entries[place].timestamp if place >= 0 else self._start

    def _measure(self) -> tuple[float, float]:
        promised = promised_duration(self._container, self._stream)
        tail = self._tail(promised) or self._tail(0.0)
        if tail is None:
            raise refusal(self._path, "the video holds no frames")
        still = 1 / float(self._stream.average_rate or 25)
        there = tail.end if self._stream.duration is not None else tail.overall
        if promised - there > 0.1 * promised + still:
            raise refusal(self._path, f"cut short: {there:.1f} s of the promised {promised:.1f} s are there")
        return tail.last, tail.end if tail.end > tail.last else tail.last + still

    def _tail(self, seconds: float) -> "_Tail | None":
        """Look through the packets from `seconds` to the end of the file without decoding any."""
        last = end = overall = -1.0
        try:
            self._container.seek(self._start + int(seconds / self._tick), stream=self._stream)
            for packet in self._container.demux():
                self._keep_time()
                moment = packet.dts if packet.pts is None else packet.pts
                if moment is None or packet.is_corrupt or packet.is_discard:
                    continue
                begin = float(moment * packet.time_base) - self._start * self._tick
                finish = begin + float((packet.duration or 0) * packet.time_base)
                overall = max(overall, finish)
                if packet.stream_index == self._stream.index:
                    last, end = max(last, begin), max(end, finish)
        except FFmpegError:  # the file breaks off here: what came before it counts
            pass
        return _Tail(last, end, overall) if last >= 0 else None


@dataclass(frozen=True, slots=True)
class _Tail:
    """Seconds: when the last frame comes, when it goes, and when the last stream of any kind ends."""

    last: float
    end: float
    overall: float


@dataclass(slots=True)
class _Run:
    """Frames decoded one after the other: the one on screen and the one that comes next."""

    frames: Iterator[VideoFrame]
    held: VideoFrame
    coming: VideoFrame | None

    def play_to(self, wanted: int) -> None:
        while self.coming is not None and _moment(self.coming) <= wanted:
            self.held, self.coming = self.coming, next(self.frames, None)


def picture_stream(path: Path, container: InputContainer) -> VideoStream:
    """The first stream of moving pictures, ready to be decoded; a song's cover is none.

    FFmpeg decodes it in one thread: in several, whether damage is reported and what is shown in its place depend on
    how many there are and on which is first.
    """
    for stream in container.streams.video:
        if stream.disposition & stream.disposition.attached_pic:
            continue
        if not stream.codec_context:
            raise refusal(path, "its pictures are in a coding that is not known here, or it was cut short")
        if not stream.width:
            raise refusal(path, "its pictures are too large to be a clip's, or it was cut short")
        check_size(path, stream.width, stream.height)
        stream.codec_context.options = {"max_pixels": LIMITS["max_pixels"]}
        stream.codec_context.thread_count = 1
        return stream
    raise refusal(path, "only sound in it" if container.streams.audio else "no video stream in it")


def promised_duration(container: InputContainer, stream: VideoStream) -> float:
    """How many seconds the header says there are; 0 where it says nothing."""
    if container.format.name == "avi" and stream.frames and stream.average_rate:
        return float(stream.frames / stream.average_rate)  # FFmpeg shortens the duration of a cut AVI
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / av.time_base


def _moment(frame: VideoFrame) -> int:
    return frame.pts if frame.pts is not None else frame.dts or 0


def upright(frame: VideoFrame) -> UInt8[Tensor, "height width 3"]:
    """The picture as it is meant to be seen."""
    return torch.from_numpy(np.ascontiguousarray(turned(frame)))


def turned(frame: VideoFrame) -> UInt8[np.ndarray, "height width 3"]:
    """The RGB picture as the display matrix wants it shown: one of eight ways to turn and mirror it."""
    picture = frame.to_ndarray(format="rgb24", threads=1)
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return picture
    across_x, down_x, _, across_y, down_y = struct.unpack_from("=5i", bytes(matrix))
    if abs(across_x) < abs(down_x):  # x runs down the screen and y across it
        picture, right, down = picture.swapaxes(0, 1), across_y, down_x
    else:
        right, down = across_x, down_y
    return picture[:: -1 if down < 0 else 1, :: -1 if right < 0 else 1]
