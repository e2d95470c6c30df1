"""Check a manifest before a long run: what is wrong, why it matters, and a corrected copy."""

import os
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import UInt8
from torch import Tensor

from lga.anatomy.lexicon import find_entry
from lga.config import ProtocolConfig
from lga.datasets.manifest import ManifestRow, ManifestTable, manifest_path, write_table
from lga.errors import AnatomyError, ManifestError, SettingsError, VideoError
from lga.labels import checked_label, lookup_key, printable, quote
from lga.video.clip import content_digest, uniform_times
from lga.video.decode import open_clip

DECODERS = min(8, os.cpu_count() or 1)
"""Threads that decode; FFmpeg has its own below them."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """What was found when a clip was opened."""

    digest: str = ""
    """sha256 of its content; empty if it cannot be read"""
    distinct: int = 0
    """how many different frames are on screen at the moments that a run looks at"""
    alike: str | None = None
    """what all of these show, where no pixel of them differs: nothing moves; None where something does"""
    trouble: str | None = None
    """why it cannot be used, in one line that starts with its path"""
    there: bool = True


def inspect_clips(
    paths: Sequence[Path], *, frames: int, progress: Callable[[int, int], None] | None = None
) -> Generator[Inspected]:
    """Inspect each clip, in order: decode it at `frames` moments, several clips at once in threads."""
    pool = ThreadPoolExecutor(DECODERS)
    try:
        for number, one in enumerate(pool.map(_inspect, paths, repeat(frames)), 1):
            if progress is not None:
                progress(number, len(paths))
            yield one
    finally:
        pool.shutdown(cancel_futures=True)


def _inspect(path: Path, frames: int) -> Inspected:
    try:
        digest = content_digest(path)
        with open_clip(path) as video:
            distinct, alike, first, before = 0, True, None, None
            for picture in video.pictures_at(uniform_times(video.duration, frames)):
                distinct += picture is not before
                first = picture if first is None else first
                alike = alike and (picture is before or _are_alike(picture, first))
                before = picture
        shown = None if first is None or not alike or distinct < 2 else _shown(first)
        return Inspected(digest, distinct, shown)
    except VideoError as error:
        return Inspected(trouble=str(error), there=os.path.exists(path))


ALIKE = 8
"""Levels of 255 by which coding may change what stays the same."""


def _are_alike(one: UInt8[Tensor, "height width 3"], other: UInt8[Tensor, "high wide 3"]) -> bool:
    """Whether no pixel differs by more than `ALIKE`."""
    if one.shape != other.shape:
        return False
    return int((torch.maximum(one, other) - torch.minimum(one, other)).max()) <= ALIKE


def _shown(picture: UInt8[Tensor, "height width 3"]) -> str:
    """What an empty picture shows, in a word, or that it is one picture."""
    if int(picture.max()) <= DARK:
        return "all black"
    return "all white" if int(picture.min()) >= BRIGHT else "one still picture"


DARK, BRIGHT = 20, 235
"""Up to and from which level a picture is black or white; a video's black may be 16 and its white 235."""

Kind = Literal[
    "bad row",
    "missing",
    "undecodable",
    "too short",
    "all alike",
    "duplicate",
    "clip in two splits",
    "class in two splits",
    "group in two splits",
    "spelling",
    "too few classes",
    "small class",
    "no lexicon entry",
]
LEADING = ("test", "val", "train")
"""What two splits share stays in the one that comes first here; splits of other names come last."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or (if not `serious`) worth knowing."""

    kind: Kind
    message: str
    serious: bool = True
    line: int | None = None
    """of the manifest; given where leaving this row out is the cure"""
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class SplitCount:
    """What is left of one split when the bad rows are out."""

    split: str
    """empty where the manifest has no splits"""
    classes: int
    clips: int
    usable: int
    """classes with enough clips for an episode"""


@dataclass(frozen=True, slots=True)
class ManifestReport:
    """What the check found."""

    examined: int
    splits: tuple[SplitCount, ...]
    findings: tuple[Finding, ...]
    spelling: dict[str, str]
    """for each label in a second spelling, the one that most rows use"""

    def count(self, kind: Kind) -> int:
        """How many findings are of a kind."""
        return sum(one.kind == kind for one in self.findings)


@dataclass(frozen=True, slots=True)
class _Clip:
    line: int
    path: Path
    label: str
    key: str
    group: str
    split: str
    digest: str = ""

    @property
    def rank(self) -> int:
        return LEADING.index(self.split) if self.split in LEADING else len(LEADING)


def check_manifest(
    table: ManifestTable,
    protocol: ProtocolConfig,
    *,
    split: str | None = None,
    frames: int = 8,
    progress: Callable[[int, int], None] | None = None,
) -> ManifestReport:
    """Check the rows of a manifest (of one split only, if given) and decode every clip at `frames` moments.

    Each check sees only the rows that passed the checks before it. So leaving out every row that a finding names, and
    spelling each label in one way, mends everything but too few classes.

    Raises:
        ManifestError: there is no row to check.
    """
    rows = [row for row in table.rows if split is None or table.cell(row, "split") == split]
    if not rows:
        there = sorted({table.cell(row, "split") for row in table.rows} - {""})
        wanted = "no rows" if split is None else f"no row has split {quote(split)}"
        raise ManifestError(f"{table.path}: {wanted}; it has {', '.join(there) or 'no splits'}")
    findings: list[Finding] = []
    clips = list(_sound_rows(table, rows, findings))
    spelling = _spellings(clips, findings)
    inspected = inspect_clips([clip.path for clip in clips], frames=frames, progress=progress)
    clips = list(_sound_clips(clips, inspected, frames, findings))
    clips = list(_first_copies(clips, findings))
    clips = list(_class_disjoint(clips, findings))
    clips = list(_group_disjoint(clips, findings, serious=protocol.source_disjoint))
    counts = tuple(
        _count_classes(table.path, one, [clip for clip in clips if clip.split == one], protocol, findings)
        for one in sorted({table.cell(row, "split") for row in rows})
    )
    findings += [
        Finding(
            "no lexicon entry", f"{quote(label)}: nothing is known of it; its sentences come from a template", False
        )
        for label in sorted({clip.label for clip in clips})
        if find_entry(label) is None
    ]
    return ManifestReport(len(rows), counts, tuple(findings), spelling)


def _sound_rows(table: ManifestTable, rows: Iterable[ManifestRow], findings: list[Finding]) -> Iterator[_Clip]:
    for row in rows:
        name, label = table.cell(row, "path"), table.cell(row, "label")
        try:
            if not name or "\0" in name:
                raise AnatomyError("the path is empty or not a path")
            checked_label(label)
        except AnatomyError as error:
            findings.append(Finding("bad row", f"{table.path}, line {row.line}: {error}", line=row.line))
            continue
        yield _Clip(
            row.line,
            table.path.parent / name,
            label,
            lookup_key(label),
            table.cell(row, "group"),
            table.cell(row, "split"),
        )


def _spellings(clips: Sequence[_Clip], findings: list[Finding]) -> dict[str, str]:
    """The rarer spellings of each label, and what to write instead."""
    found: dict[str, Counter[str]] = {}
    for clip in clips:
        found.setdefault(clip.key, Counter())[clip.label] += 1
    instead: dict[str, str] = {}
    for spelt in found.values():
        first, *others = (label for label, _ in spelt.most_common())
        instead |= dict.fromkeys(others, first)
        if others:
            names = " and ".join(f"{quote(label)} ({spelt[label]} rows)" for label in (first, *others))
            findings.append(Finding("spelling", f"{names} are one action; spell it one way"))
    return instead


def _sound_clips(
    clips: Sequence[_Clip], inspected: Iterable[Inspected], frames: int, findings: list[Finding]
) -> Iterator[_Clip]:
    for clip, seen in zip(clips, inspected, strict=True):
        if seen.trouble is not None:
            kind = "undecodable" if seen.there else "missing"
            findings.append(Finding(kind, seen.trouble, line=clip.line, path=clip.path))
        elif seen.distinct < frames:
            said = f"{printable(clip.path)}: {seen.distinct} different frames where {frames} are looked at"
            findings.append(Finding("too short", said, line=clip.line, path=clip.path))
        elif seen.alike is not None:
            said = f"{printable(clip.path)}: its {seen.distinct} pictures are all alike ({seen.alike}): nothing happens"
            findings.append(Finding("all alike", said, line=clip.line, path=clip.path))
        else:
            yield replace(clip, digest=seen.digest)


def _first_copies(clips: Sequence[_Clip], findings: list[Finding]) -> Iterator[_Clip]:
    first: dict[str, _Clip] = {}
    for clip in sorted(clips, key=lambda clip: (clip.rank, clip.line)):
        kept = first.setdefault(clip.digest, clip)
        if kept is not clip:
            kind = "duplicate" if kept.split == clip.split else "clip in two splits"
            other = "" if kept.key == clip.key else f", there labelled {quote(kept.label)} and here {quote(clip.label)}"
            said = f"{printable(clip.path)}: the same content as {printable(kept.path)} ({_place(kept)}){other}"
            findings.append(Finding(kind, said, line=clip.line, path=clip.path))
    yield from sorted(first.values(), key=lambda clip: clip.line)


def _class_disjoint(clips: Sequence[_Clip], findings: list[Finding]) -> Iterator[_Clip]:
    home: dict[str, _Clip] = {}
    for clip in sorted(clips, key=lambda clip: (clip.rank, clip.line)):
        home.setdefault(clip.key, clip)
    for clip in clips:
        if clip.split == home[clip.key].split:
            yield clip
        else:
            said = f"{printable(clip.path)}: {quote(clip.label)} is also a class of {quote(home[clip.key].split)}"
            findings.append(Finding("class in two splits", said, line=clip.line, path=clip.path))


def _group_disjoint(clips: Sequence[_Clip], findings: list[Finding], *, serious: bool) -> Iterator[_Clip]:
    home: dict[str, _Clip] = {}
    for clip in sorted(clips, key=lambda clip: (clip.rank, clip.line)):
        home.setdefault(clip.group, clip)
    for clip in clips:
        leaking = bool(clip.group) and clip.split != home[clip.group].split
        if leaking:
            said = f"{printable(clip.path)}: its group {quote(clip.group)} is also in {quote(home[clip.group].split)}"
            line = clip.line if serious else None
            findings.append(Finding("group in two splits", said, serious, line=line, path=clip.path))
        if not (leaking and serious):
            yield clip


def _count_classes(
    manifest: Path, split: str, clips: Sequence[_Clip], protocol: ProtocolConfig, findings: list[Finding]
) -> SplitCount:
    need = protocol.shots + protocol.queries
    counts = Counter(clip.key for clip in clips)
    labels = {clip.key: clip.label for clip in clips}
    usable = sum(count >= need for count in counts.values())
    where = f"split {quote(split)}" if split else str(manifest)
    if usable < protocol.ways:
        said = f"{where}: a {protocol.ways}-way episode needs {protocol.ways} classes with {protocol.shots}+"
        said += f"{protocol.queries} clips each, only {usable} of {len(counts)} have them"
        findings.append(Finding("too few classes", f"{said}; lower --ways, --shots or --queries"))
    for key, count in sorted(counts.items()):
        if count < need:
            said = f"{where}: {quote(labels[key])} has {count} of {need} clips, too few to take part in an episode"
            findings.append(Finding("small class", said, serious=False))
    return SplitCount(split, len(counts), len(clips), usable)


def _place(clip: _Clip) -> str:
    return f"line {clip.line}, split {clip.split}" if clip.split else f"line {clip.line}"


@dataclass(frozen=True, slots=True)
class FixedManifest:
    """The corrected manifest: what was written, and which rows were left out."""

    path: Path
    kept: int
    left_out: tuple[Finding, ...]
    """why each row that is missing was left out; one a row"""
    respelt: dict[str, str]


def refuse_to_overwrite(manifest: Path, target: Path) -> None:
    """Refuse to write over the manifest that is checked.

    Raises:
        SettingsError: the two are one file.
    """
    if target.resolve() == manifest.resolve() or (target.exists() and target.samefile(manifest)):
        raise SettingsError(f"--fix {target}: this is the manifest itself, which is never overwritten; name another")


def write_fixed(table: ManifestTable, report: ManifestReport, target: Path) -> FixedManifest:
    """Write the rows that no finding names, with all their columns; rows that were not checked are kept.

    A label in two spellings is written in the one that most rows use. Paths are changed only where `target` lies in
    another folder.

    Raises:
        ManifestError: no row is left.
        SettingsError: `target` is the manifest itself.
    """
    refuse_to_overwrite(table.path, target)
    left_out = {one.line: one for one in report.findings if one.line is not None}
    kept = [row for row in table.rows if row.line not in left_out]
    if not kept:
        raise ManifestError(f"{table.path}: no row is left when what is wrong is left out; nothing was written")
    write_table(target, table.columns, (tuple(_cells(table, row, report, target)) for row in kept))
    return FixedManifest(target, len(kept), tuple(left_out.values()), report.spelling)


def _cells(table: ManifestTable, row: ManifestRow, report: ManifestReport, target: Path) -> Iterator[str]:
    for column, cell in zip(table.columns, row.cells, strict=False):
        if column == "label":
            yield report.spelling.get(cell.strip(), cell)
        elif column == "path" and target.absolute().parent != table.path.absolute().parent:
            yield manifest_path(table.path.parent / cell.strip(), target)
        else:
            yield cell
    yield from row.cells[len(table.columns) :]
