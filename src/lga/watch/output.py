"""What was found in a long video: subtitles, tables, and the video with its labels drawn in."""

import csv
import io
import json
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from threading import Lock
from uuid import uuid4

import av
import numpy as np
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream
from jaxtyping import UInt8
from PIL import Image, ImageDraw

from lga.errors import LGAError
from lga.explain.lettering import shorten, write
from lga.labels import printable
from lga.video.decode import turned
from lga.watch.address import Address
from lga.watch.moments import Damage, Shown
from lga.watch.segments import Segment
from lga.watch.source import open_source


def to_srt(segments: Iterable[Segment]) -> str:
    """Subtitles as every player reads them, in order: the label and how sure it is."""
    blocks = (
        f"{number}\n{clock(one.start, ',')} --> {clock(one.end, ',')}\n{caption(one)}\n"
        for number, one in enumerate(_in_order(segments), 1)
    )
    return "\n".join(blocks)


def to_csv(segments: Iterable[Segment]) -> str:
    """A row a segment, in order: start, end (seconds), label, confidence."""
    file = io.StringIO()
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(("start", "end", "label", "confidence"))
    rows.writerows((f"{s.start:.3f}", f"{s.end:.3f}", s.label, f"{s.confidence:.4f}") for s in _in_order(segments))
    return file.getvalue()


def to_json(found: Segment | Damage) -> str:
    """One line of JSON; `kind` is segment or damage."""
    kind = "segment" if isinstance(found, Segment) else "damage"
    plain = {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(found).items()}
    return json.dumps({"kind": kind, **plain}, ensure_ascii=False)


def caption(segment: Segment) -> str:
    """A segment's label and confidence, for people."""
    return f"{segment.label}  {segment.confidence:.0%}"


def clock(seconds: float, point: str = ".") -> str:
    """Seconds as hours:minutes:seconds.milliseconds."""
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{point}{thousandths:03}"


def _in_order(segments: Iterable[Segment]) -> list[Segment]:
    return sorted(segments, key=lambda one: (one.start, one.end, one.label))


CODEC = "libx264" if "libx264" in av.codecs_available else "mpeg4"
TICK = Fraction(1, 1000)
PAPER, INK, BAR = (16, 16, 16), (245, 245, 245), (90, 200, 120)
"""Colours of the strip, of its letters and of its bar."""


class VideoWriter:
    """Writes pictures with their times as an mp4 without sound, all of the first one's size; safe to close twice."""

    def __init__(self, path: Path):
        self._path, self._lock = path, Lock()
        self._container: OutputContainer | None = av.open(str(path), "w", format="mp4")
        self._stream: VideoStream | None = None
        self._last, self._step = -1, 40

    def record(self, shown: Shown) -> None:
        """Take a picture as it was decoded."""
        self.write(shown.time, turned(shown.frame))

    def write(self, time: float, picture: UInt8[np.ndarray, "height width 3"]) -> None:
        """Take an RGB picture that comes on screen at `time` (seconds)."""
        with self._lock:
            if self._container is None:
                return
            stream = self._stream = self._stream or _video_stream(self._container, picture)
            stamp = max(self._last + 1, round(time * 1000))
            if self._last >= 0:
                self._step = stamp - self._last
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
            frame = frame.reformat(stream.width, stream.height, "yuv420p")
            frame.pts, frame.time_base, self._last = stamp, TICK, stamp
            self._mux(self._container, stream, frame)

    def close(self) -> None:
        """Finish the file."""
        with self._lock:
            if self._container is not None:
                if self._stream is not None:
                    self._mux(self._container, self._stream, None)
                self._container.close()
            self._container = None

    def _mux(self, container: OutputContainer, stream: VideoStream, frame: av.VideoFrame | None) -> None:
        for packet in stream.encode(frame):
            packet.duration = self._step  # else the last picture goes too early
            container.mux(packet)


@contextmanager
def video_writer(path: Path) -> Generator[VideoWriter]:
    """Write a video that appears under its name when the block ends without an error, and whole.

    Raises:
        LGAError: the place cannot be written.
    """
    part = path.with_name(f".{uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = VideoWriter(part)
        try:
            yield writer
        finally:
            writer.close()
        part.replace(path)
    except (FFmpegError, OSError) as error:
        why = error.strerror or error
        raise LGAError(f"{printable(path)}: cannot be written ({why}); choose another place") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def annotate(
    address: Address,
    segments: Sequence[Segment],
    path: Path,
    *,
    until: float = float("inf"),
    progress: Callable[[float, float | None], None] | None = None,
) -> None:
    """Write the video once more, up to `until` (seconds), with every segment named while it lasts.

    Raises:
        VideoError: the source cannot be read.
        LGAError: the place cannot be written.
    """
    with open_source(address, timeout=10.0) as source, video_writer(path) as writer:
        for one in source.shown():
            if not isinstance(one, Shown):
                continue
            if one.time >= until:
                return
            now = [segment for segment in segments if segment.start <= one.time < segment.end]
            picture = turned(one.frame)
            writer.write(one.time, lettered(picture, now, one.time) if now else picture)
            if progress is not None:
                progress(one.time, source.duration)


def lettered(
    picture: UInt8[np.ndarray, "height width 3"], now: Sequence[Segment], time: float
) -> UInt8[np.ndarray, "height width 3"]:
    """The picture with a strip for each segment: its label, its confidence and how much of it is over."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    draw = ImageDraw.Draw(image)
    size = max(8, image.height // 18)
    tall = 2 * size
    for row, one in enumerate(now, 1):
        top = image.height - row * tall
        draw.rectangle((0, top, image.width, top + tall - 1), fill=PAPER)
        text = shorten(caption(one), size, image.width - size)
        write(draw, (size // 2, top + size * 0.85), text, size=size, color=INK, anchor="lm")
        share = (time - one.start) / (one.end - one.start)
        thick = max(2, size // 4)
        draw.rectangle((0, top + tall - thick, round(share * (image.width - 1)), top + tall - 1), fill=BAR)
    return np.array(image)


def _video_stream(container: OutputContainer, picture: UInt8[np.ndarray, "height width 3"]) -> VideoStream:
    options = {"preset": "veryfast", "crf": "20"} if CODEC == "libx264" else {"q": "4"}
    stream = container.add_stream(CODEC, rate=25, options=options)
    stream.height, stream.width = (max(2, side - side % 2) for side in picture.shape[:2])
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = TICK
    return stream
