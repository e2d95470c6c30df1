"""Write pictures as an mp4 file, whole or not at all."""

import io
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import BinaryIO

import av
import numpy as np
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream
from jaxtyping import UInt8

from lga.errors import LGAError
from lga.files import Draft, one_line

CODEC = "libx264" if "libx264" in av.codecs_available else "mpeg4"
TICKS = 1000
"""Time stamps a second of a video whose frame rate varies."""


class _Sink:
    """The file that FFmpeg writes to, which never tells it that the disk is full.

    FFmpeg writes on after an error, into what the error left half made, and that can end the process. So it writes
    into the void instead, and `check` says what happened.
    """

    def __init__(self, path: Path):
        self._file: BinaryIO | None = path.open("w+b")
        self._trouble: OSError | None = None
        self._place = self._size = 0

    def write(self, data: bytes) -> int:
        """Write, or only count once the disk was full."""
        size = len(data)
        self._try(lambda file: file.write(data))
        self._place += size
        self._size = max(self._size, self._place)
        return size

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place of the file, which is there whether it could be written or not."""
        self._place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._try(lambda file: file.seek(self._place))
        return self._place

    def tell(self) -> int:
        """Where it writes next."""
        return self._place

    def writable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def check(self) -> None:
        """Raise what went wrong while FFmpeg wrote.

        Raises:
            OSError: something did.
        """
        if self._trouble is not None:
            raise self._trouble

    def finish(self) -> None:
        """Have everything in the file.

        Raises:
            OSError: it is not.
        """
        self._try(lambda file: file.flush())
        self.close()
        self.check()

    def close(self) -> None:
        """Write nothing more."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                file.close()

    def _try(self, act: Callable[[BinaryIO], object]) -> None:
        if self._file is None or self._trouble is not None:
            return
        try:
            act(self._file)
        except OSError as error:
            self._trouble = error


class VideoWriter:
    """An mp4 without sound, written beside `path` and put there by `close`, or by leaving the `with` block.

    The size is that of the first picture, rounded down to even sides; later pictures are scaled to it. If the block
    ends with an error, what was at `path` before stays. Without a single picture no file is written.

    With `fps`, a whole number of frames a second, the frame rate is constant and encoding takes one thread, so that
    the same pictures give the same bytes. Without it, pictures have the times they are given, to a millisecond.
    Threads may share a writer; what is written after it was closed is dropped.
    """

    def __init__(self, path: Path, *, fps: int | None = None):
        """Begin a file in the folder of `path`, which is made if it is missing.

        Raises:
            LGAError: the place cannot be written.
        """
        self._path = path
        self._fps, self._tick = fps, Fraction(1, fps or TICKS)
        self._lock = Lock()
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._last, self._step = -1, 1 if fps else 40
        with one_line(path):
            self._draft = Draft(path)
        with self._as_one_line():
            self._file = _Sink(self._draft.part)
            self._container = av.open(self._file, "w", format="mp4")

    def __enter__(self) -> "VideoWriter":
        """Write in a `with` block."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Put the file in its place, or remove what was written if the block ended with an error."""
        if kind is None:
            self.close()
        else:
            with self._lock:
                self._discard()

    def write(self, time: float, picture: UInt8[np.ndarray, "height width 3"]) -> None:
        """Take an RGB picture that comes on screen at `time` (seconds), later than the one before.

        Raises:
            LGAError: it cannot be encoded or written, for instance because the disk is full.
        """
        with self._lock, self._as_one_line():
            if self._container is None:
                return
            stream = self._stream = self._stream or self._begin(self._container, picture)
            stamp = max(self._last + 1, round(time / self._tick))
            if self._last >= 0:
                self._step = stamp - self._last
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
            frame = frame.reformat(stream.width, stream.height, "yuv420p")
            frame.pts, frame.time_base, self._last = stamp, self._tick, stamp
            self._mux(self._container, stream, frame)

    def close(self) -> None:
        """Finish the file and put it in its place; closing twice does no harm.

        Raises:
            LGAError: it cannot be written, for instance because the disk is full.
        """
        with self._lock, self._as_one_line():
            if self._container is None:
                return
            if self._stream is None:
                self._discard()
                return
            self._mux(self._container, self._stream, None)
            self._container.close()
            self._file.finish()
            self._container = None
            self._draft.keep()

    def _begin(self, container: OutputContainer, picture: UInt8[np.ndarray, "height width 3"]) -> VideoStream:
        options = {"preset": "veryfast", "crf": "20"} if CODEC == "libx264" else {"q": "4"}
        stream = container.add_stream(CODEC, rate=self._fps or 25, options=options)
        stream.height, stream.width = (max(2, side - side % 2) for side in picture.shape[:2])
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = self._tick
        if self._fps:
            stream.codec_context.thread_count = 1
        return stream

    def _mux(self, container: OutputContainer, stream: VideoStream, frame: av.VideoFrame | None) -> None:
        for packet in stream.encode(frame):
            packet.duration = self._step  # else the last picture goes too early
            container.mux(packet)
        self._file.check()

    def _discard(self) -> None:
        """Give up what was written: from now on nothing reaches the disk, whatever FFmpeg still has in hand."""
        container, self._container = self._container, None
        if container is not None:
            self._file.close()
            with suppress(FFmpegError, OSError):
                container.close()
        self._draft.drop()

    @contextmanager
    def _as_one_line(self) -> Generator[None]:
        try:
            with one_line(self._path):
                try:
                    yield
                except FFmpegError as error:
                    raise OSError(error.errno, error.strerror or str(error)) from error
        except LGAError:
            self._discard()
            raise
