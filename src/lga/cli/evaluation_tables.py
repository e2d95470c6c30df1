"""What evaluations show: accuracies with their intervals, differences, and what the figures are from."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from lga.config import ProtocolConfig

if TYPE_CHECKING:
    from lga.engine.bench import LoadedBench
    from lga.engine.benchmark import Report
    from lga.engine.statistics import Interval

HEAD = ("95 %: episodes", "clips", "classes")


def accuracy_table(accuracy: "Mapping[str, Interval]", protocol: ProtocolConfig, loaded: "LoadedBench") -> Table:
    """A row a match; without examples the video match has nothing to say."""
    table = Table("match", "accuracy", *HEAD, title=protocol.title)
    for name, one in accuracy.items():
        if name == "video" and protocol.shots == 0:
            continue
        table.add_row(name, f"{100 * one.mean:.2f} %", *_intervals(one))
    table.caption = f"{len(loaded.clips)} clips of {len(loaded.labels)} classes; chance is {100 / protocol.ways:.1f} %"
    return table


def difference_table(rival: "Report", difference: "Mapping[str, Interval]", against: Sequence[str]) -> Table:
    """What other settings reach on the same episodes, and how much more this run's do."""
    table = Table("match", "accuracy", "this run is better by", *HEAD, title=f"against {' '.join(against)}")
    for name, one in difference.items():
        if name == "video" and rival.protocol.shots == 0:
            continue
        table.add_row(name, f"{100 * rival.accuracy[name].mean:.2f} %", f"{100 * one.mean:+.2f}", *_intervals(one))
    table.caption = "the same episodes, compared in pairs, in points"
    return table


def accuracy_value(accuracy: "Mapping[str, Interval]") -> dict[str, dict[str, object]]:
    """Accuracies as JSON-ready values."""
    return {name: asdict(one) for name, one in accuracy.items()}


def data_value(
    manifest: Path, split: str | None, descriptions: Path | None, loaded: "LoadedBench"
) -> dict[str, object]:
    """Which clips and sentences figures are from, as a JSON-ready value."""
    return {
        "manifest": str(manifest),
        "manifest_sha256": sha256(manifest.read_bytes()).hexdigest(),
        "split": split,
        "clips": len(loaded.clips),
        "classes": len(loaded.labels),
        "skipped": [{"path": str(one.path), "reason": one.reason} for one in loaded.skipped],
        "descriptions": None if descriptions is None else str(descriptions),
        "anatomies": loaded.origins,
    }


def versions_value() -> dict[str, str]:
    """The software that figures depend on."""
    return {name: version(name) for name in ("lga", "torch", "av", "numpy")}


def _intervals(one: "Interval") -> tuple[str, ...]:
    ranges = (f"{100 * low:.1f} to {100 * high:.1f}" for low, high in (one.clips, one.classes))
    return (f"± {100 * one.ci95:.2f}", *ranges)
