"""Segments as subtitles, as a spreadsheet and as lines of JSON."""

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import asdict

from lga.watch.moments import Damage
from lga.watch.segments import Segment


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
