"""What was found in a long video: subtitles, tables, and the video with its labels drawn in."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw

from lga import files
from lga.explain.lettering import shorten, write
from lga.video.write import VideoWriter
from lga.watch.address import Address
from lga.watch.moments import Damage, Shown
from lga.watch.segments import Segment
from lga.watch.source import open_source


def to_srt(segments: Iterable[Segment]) -> str:
    """Subtitles as every player reads them, in order: the label and how sure it is."""
    blocks = (
        f"{number}\n{clock(segment.start, ',')} --> {clock(segment.end, ',')}\n{caption(segment)}\n"
        for number, segment in enumerate(_in_order(segments), 1)
    )
    return "\n".join(blocks)


def to_vtt(segments: Iterable[Segment]) -> str:
    """Subtitles as browsers read them (WebVTT), in order: the label and how sure it is."""
    blocks = (
        f"{clock(segment.start)} --> {clock(segment.end)}\n{_plain(caption(segment))}\n"
        for segment in _in_order(segments)
    )
    return "\n".join(["WEBVTT\n", *blocks])


def _plain(text: str) -> str:
    """A text in which WebVTT finds no markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def to_csv(segments: Iterable[Segment]) -> str:
    """A row a segment, in order: start, end (seconds), label, confidence."""
    rows = [(f"{s.start:.3f}", f"{s.end:.3f}", s.label, f"{s.confidence:.4f}") for s in _in_order(segments)]
    return files.to_csv([("start", "end", "label", "confidence"), *rows])


def to_json(finding: Segment | Damage) -> str:
    """One line of JSON; `kind` is segment or damage."""
    kind = "segment" if isinstance(finding, Segment) else "damage"
    plain = {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(finding).items()}
    return json.dumps({"kind": kind, **plain}, ensure_ascii=False)


def caption(segment: Segment) -> str:
    """A segment's label and confidence, for people."""
    return f"{segment.label}  {segment.confidence:.0%}"


def clock(seconds: float, point: str = ".") -> str:
    """Seconds as hours:minutes:seconds.milliseconds."""
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{point}{thousandths:03}"


def _in_order(segments: Iterable[Segment]) -> list[Segment]:
    return sorted(segments, key=lambda segment: (segment.start, segment.end, segment.label))


PAPER, INK, BAR = (16, 16, 16), (245, 245, 245), (90, 200, 120)
"""Colours of the strip, of its letters and of its bar."""


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
    with open_source(address, timeout=10.0) as source, VideoWriter(path) as writer:
        for shown in source.shown():
            if not isinstance(shown, Shown):
                continue
            if shown.time >= until:
                return
            now = [segment for segment in segments if segment.start <= shown.time < segment.end]
            picture = shown.picture()
            writer.write(shown.time, lettered(picture, now, shown.time) if now else picture)
            if progress is not None:
                progress(shown.time, source.duration)


def lettered(
    picture: UInt8[np.ndarray, "height width 3"], now: Sequence[Segment], time: float
) -> UInt8[np.ndarray, "height width 3"]:
    """The picture with a strip for each segment: its label, its confidence and how much of it is over."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    draw = ImageDraw.Draw(image)
    size = max(8, image.height // 18)
    tall = 2 * size
    for row, segment in enumerate(now, 1):
        top = image.height - row * tall
        draw.rectangle((0, top, image.width, top + tall - 1), fill=PAPER)
        text = shorten(caption(segment), size, image.width - size)
        write(draw, (size // 2, top + size * 0.85), text, size=size, color=INK, anchor="lm")
        share = (time - segment.start) / (segment.end - segment.start)
        thick = max(2, size // 4)
        draw.rectangle((0, top + tall - thick, round(share * (image.width - 1)), top + tall - 1), fill=BAR)
    return np.array(image)
