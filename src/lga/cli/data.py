"""`lga data import | check`: make the manifest of a benchmark, and look through one before a long run."""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from rich.table import Table
from tyro.conf import Positional

from lga.cli.options import OUT_FILE, Flag, light_table, plural, print_json, progress_bar, stderr, stdout
from lga.config import ProtocolConfig

if TYPE_CHECKING:
    from lga.datasets.benchmarks import Imported
    from lga.datasets.check import Finding, FixedManifest, ManifestReport

SHOWN = 3
"""Examples of a kind of finding, and missing clips, that are named; --json has all."""


@dataclass(frozen=True)
class Import:
    """Make the manifest of a few-shot benchmark from a folder of its videos.

    The videos may lie as they were published: hmdb51 and ucf101 in a folder for each class, kinetics100 likewise or
    flat, ssv2 flat. hmdb51 and ucf101 need no lists: all clips of a class belong to the class's split.

    Example: lga data import kinetics100 --videos k400/ --split-lists lists/kinetics100/ --out kinetics100.csv
    """

    benchmark: Positional[str]
    """hmdb51, ucf101, kinetics100, ssv2_small, ssv2_full, or one of your own that Python has put into
    lga.datasets.benchmarks.IMPORTERS"""
    videos: Path
    """folder with the videos"""
    out: Annotated[Path, OUT_FILE]
    """the manifest to write: a CSV with path,label,group,split,id,published,benchmark,lists"""
    split_lists: Path | None = None
    """folder with the published train.txt, val.txt and test.txt (or ..._few_shot.txt), checked against their sha256"""
    any_lists: Flag = False
    """take lists that are not the published ones; the manifest says so"""
    names: Literal["cleaned", "published"] = "cleaned"
    """class names as one would write them in a sentence, or as published"""
    partial: Flag = False
    """leave out classes without any clip instead of stopping"""
    json: Flag = False
    """print one JSON document with everything that is missing"""

    def run(self) -> int:
        """Import and say what was found; exit 1 if a class has no clip or a list is not the published one."""
        from lga.anatomy.lexicon import find_entry
        from lga.datasets.benchmarks import import_benchmark, write_benchmark

        with progress_bar("reading the folder"):
            imported = import_benchmark(
                self.benchmark, self.videos, lists=self.split_lists, any_lists=self.any_lists, partial=self.partial
            )
            write_benchmark(imported, self.out, names=self.names)
        labels = sorted({clip.action.label(self.names) for clip in imported.clips})
        unknown = [label for label in labels if find_entry(label) is None]
        if self.json:
            print_json(self._value(imported, labels, unknown))
            return 0
        known = f"{len(labels) - len(unknown)} of {len(labels)} classes are in the shipped lexicon"
        stdout().print(f"{imported.benchmark}, by the {imported.lists}", _import_table(imported), sep="\n")
        stdout().print(f"{self.out}: {known}", soft_wrap=True)
        _report_import(imported)
        return 0

    def _value(self, imported: "Imported", labels: list[str], unknown: list[str]) -> dict[str, object]:
        return {
            "manifest": str(self.out),
            "benchmark": imported.benchmark,
            "lists": imported.lists,
            "names": self.names,
            "splits": _import_counts(imported),
            "missing": list(imported.missing),
            "classes_without_clips": list(imported.empty),
            "doubles": [str(path) for path in imported.doubles],
            "unused_files": imported.unused,
            "lexicon": {"known": len(labels) - len(unknown), "unknown": unknown},
        }


@dataclass(frozen=True)
class Check:
    """Look through a manifest before a long run: decode every clip, and find what would stop or falsify the run.

    Exit 1 if there is any of: a row without path or label, a clip that is missing, cannot be decoded or has fewer
    different frames than are looked at, a clip twice by content, a clip or class in two splits, one label spelt in
    two ways, too few classes with enough clips for an episode. Exit 0 if there is none. Only noted: a group (source
    video, person) in two splits, unless --source-disjoint; classes with too few clips; labels without lexicon entry.
    With --fix the exit code is that of the manifest that was written.

    Example: lga data check clips.csv --fix clean.csv
    """

    manifest: Positional[Path]
    """CSV with the columns path,label[,group][,split]; paths relative to it"""
    split: str | None = None
    """look at the rows of this split only; what it shares with others is then not seen"""
    frames: Annotated[int, tyro.conf.arg(metavar="T")] = 8
    """frames that a run looks at in each clip"""
    ways: int = 5
    """classes in an episode"""
    shots: int = 5
    """examples of each class"""
    queries: int = 1
    """clips to recognise of each class"""
    source_disjoint: Flag = False
    """count a group in two splits as wrong"""
    fix: Annotated[Path | None, tyro.conf.arg(metavar="OUT.csv")] = None
    """write a manifest without the bad rows; of a clip or class in two splits, test's stays, then val's"""
    json: Flag = False
    """print one JSON document with every finding"""

    def run(self) -> int:
        """Check, and write the better manifest if wanted."""
        from lga.datasets.check import check_manifest, refuse_to_overwrite, write_fixed
        from lga.datasets.manifest import read_table
        from lga.errors import SettingsError

        if not 1 <= self.frames <= 256:
            raise SettingsError(f"--frames must be 1 to 256, not {self.frames}")
        protocol = ProtocolConfig(
            ways=self.ways, shots=self.shots, queries=self.queries, source_disjoint=self.source_disjoint
        )
        if self.fix is not None:
            refuse_to_overwrite(self.manifest, self.fix)
        table, began = read_table(self.manifest), time.monotonic()
        with progress_bar("checking") as (bar,):
            report = check_manifest(table, protocol, split=self.split, frames=self.frames, progress=bar)
        took = time.monotonic() - began
        fixed = None if self.fix is None else write_fixed(table, report, self.fix)
        if self.json:
            print_json(self._value(report, fixed, took))
        else:
            said = f"{self.manifest}: {plural(report.examined, 'clip')} checked in {took:.1f} s"
            stdout().print(said if report.findings else f"{said}; nothing is wrong", soft_wrap=True)
            stdout().print(_split_table(report), *([_finding_table(report)] if report.findings else []))
            _report_fixed(fixed)
        left = [one for one in report.findings if one.serious]
        return 1 if any(fixed is None or one.kind == "too few classes" for one in left) else 0

    def _value(self, report: "ManifestReport", fixed: "FixedManifest | None", took: float) -> dict[str, object]:
        value: dict[str, object] = {
            "manifest": str(self.manifest),
            "split": self.split,
            "frames": self.frames,
            "episode": {"ways": self.ways, "shots": self.shots, "queries": self.queries},
            "clips": report.examined,
            "seconds": round(took, 2),
            "clean": not any(one.serious for one in report.findings),
            "splits": [asdict(one) for one in report.splits],
            "findings": [_finding_value(one) for one in report.findings],
        }
        if fixed is not None:
            value["fix"] = {
                "manifest": str(fixed.path),
                "kept": fixed.kept,
                "left_out": [_finding_value(one) for one in fixed.left_out],
                "respelt": fixed.respelt,
            }
        return value


def _import_counts(imported: "Imported") -> dict[str, dict[str, int]]:
    from lga.datasets.partition import SPLITS

    counts: dict[str, dict[str, int]] = {}
    for split in SPLITS:
        clips = [clip for clip in imported.clips if clip.split == split]
        classes = len({clip.action.published for clip in clips})
        if clips or split in imported.wanted:
            counts[split] = {"classes": classes, "clips": len(clips), "wanted": imported.wanted.get(split, len(clips))}
    return counts


def _import_table(imported: "Imported") -> Table:
    table = light_table("split", "classes", "clips", "wanted")
    for split, count in _import_counts(imported).items():
        table.add_row(split, *(str(count[name]) for name in ("classes", "clips", "wanted")))
    return table


def _report_import(imported: "Imported") -> None:
    """Name what is missing and count what was left aside."""
    from lga.labels import printable

    for name in imported.missing[:SHOWN]:
        stderr().print(f"missing: {printable(Path(name))}", soft_wrap=True)
    if imported.missing:
        stderr().print(f"{plural(len(imported.missing), 'listed clip')} missing; --json names all of them")
    short = sum(imported.wanted.values()) - len(imported.clips)
    if short > len(imported.missing):
        stderr().print(f"{plural(short, 'clip')} fewer than published; with --split-lists they are named")
    if imported.empty:
        stderr().print(f"left out, without any clip: {', '.join(imported.empty)}", soft_wrap=True)
    for path in imported.doubles[:SHOWN]:
        stderr().print(f"left out, another file of the same clip was taken: {printable(path)}", soft_wrap=True)
    if imported.doubles:
        stderr().print(f"{plural(len(imported.doubles), 'file')} left out as a second copy")
    if imported.unused:
        stderr().print(f"{plural(imported.unused, 'other video')} in the folder; not of this benchmark")


def _split_table(report: "ManifestReport") -> Table:
    table = light_table("split", "classes", "sound clips", "classes with enough clips")
    for one in report.splits:
        table.add_row(one.split or "(none)", str(one.classes), str(one.clips), str(one.usable))
    return table


def _finding_table(report: "ManifestReport") -> Table:
    """A row a kind of finding: how many, how bad, and the first few."""
    table = light_table("found", "times", "", "the first of them", show_lines=True)
    for kind in dict.fromkeys(one.kind for one in report.findings):
        same = [one for one in report.findings if one.kind == kind]
        weight = "wrong" if same[0].serious else "note"
        table.add_row(kind, str(len(same)), weight, "\n".join(one.message for one in same[:SHOWN]))
    return table


def _finding_value(finding: "Finding") -> dict[str, object]:
    return {**asdict(finding), "path": None if finding.path is None else str(finding.path)}


def _report_fixed(fixed: "FixedManifest | None") -> None:
    if fixed is None:
        return
    for one in fixed.left_out:
        stderr().print(f"left out: {one.kind}: {one.message}", soft_wrap=True)
    for label, better in fixed.respelt.items():
        stderr().print(f"respelt: {label!r} as {better!r}", soft_wrap=True)
    stdout().print(f"{fixed.path}: {plural(fixed.kept, 'row')} kept, {len(fixed.left_out)} left out", soft_wrap=True)
