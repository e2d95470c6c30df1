"""The paper's main table: published accuracy on the five benchmarks, and what is measured on a manifest beside it."""

from dataclasses import dataclass, replace
from pathlib import Path

from lga.config import MethodConfig
from lga.datasets.benchmarks import named_benchmark
from lga.datasets.partition import Benchmark
from lga.evaluation.compare import Section
from lga.evaluation.published import PUBLISHED, TITLES
from lga.evaluation.tables import Plan, Row
from lga.methods.catalogue import find_method

PUBLISHED_SPLIT = "test"
OWN_COLUMN = "this manifest"


@dataclass(frozen=True, slots=True)
class Column:
    """The column that the measured rows stand in."""

    benchmark: Benchmark | None
    """whose column it is; None for a column of its own"""
    why: str


def find_column(manifest: Path, split: str | None) -> Column:
    """The column for what is measured on a split of a manifest: a benchmark's where it has the published test classes.

    Raises:
        ManifestError: the manifest cannot be read.
    """
    named = named_benchmark(manifest)
    if named is None:
        return Column(None, f"{OWN_COLUMN} is none of the five benchmarks")
    benchmark, lists = named
    if split != PUBLISHED_SPLIT:
        what = "all its splits" if split is None else f"its split {split}"
        return Column(None, f"{OWN_COLUMN} is {TITLES[benchmark]}, {what}; published is the split {PUBLISHED_SPLIT}")
    return Column(benchmark, f"measured on the split {PUBLISHED_SPLIT} of {TITLES[benchmark]}, by the {lists}")


def main_table(base: MethodConfig, column: Column, *, train: bool) -> Plan:
    """The methods of the published table that can be measured; CLIP-FSAR, which has no form without training, trained.

    Trained rows are compared with trained LGA, and that with LGA without training.
    """
    lga = Row("LGA, measured", "stages, video and text match", base)
    rows = [lga, _peer("EMP-Net, measured", "emp_net_untrained", base)]
    if train:
        learned = replace(lga, name="LGA, trained here", trained=True)
        peers = {"CLIP-FSAR, trained here": "clip_fsar_combined", "EMP-Net, trained here": "emp_net"}
        rows += [learned, *(replace(_peer(*one, base), trained=True, against=learned.name) for one in peers.items())]
    shown = "published rows are what their sources give for CLIP ViT-B/16, empty where they give nothing; not run here"
    held = "figures of different columns, backbones or training say nothing of each other"
    sources = [f"{one.name}, published: {one.source}" for one in PUBLISHED]
    missing = () if train else ("CLIP-FSAR has no form without training; --train measures it",)
    return Plan("Main table", tuple(rows), lga.name, (column.why, shown, held, *missing, *sources))


def main_cells(section: Section, column: Column) -> list[list[str]]:
    """Published and measured accuracy in percent, a column for each benchmark; measured as mean ± half width."""
    columns: list[Benchmark | None] = [*TITLES, *(() if column.benchmark else (None,))]
    lines = [["row", *(OWN_COLUMN if one is None else TITLES[one] for one in columns)]]
    for row in PUBLISHED:
        found = [None if one is None else row.accuracy.get(one, {}).get(section.protocol.shots) for one in columns]
        if any(one is not None for one in found):
            lines.append([f"{row.name}, published", *("" if one is None else f"{one:.1f}" for one in found)])
    for name, reached in section.accuracy.items():
        text = " ".join(reached.text(1)[:2])
        lines.append([name, *(text if one == column.benchmark else "" for one in columns)])
    return lines


def published_value(column: Column) -> dict[str, object]:
    """The published rows and the measured rows' column as JSON-ready values."""
    rows = [
        {
            "name": one.name,
            "source": one.source,
            "accuracy": {where: {str(shots): x for shots, x in each.items()} for where, each in one.accuracy.items()},
        }
        for one in PUBLISHED
    ]
    return {"published": rows, "benchmark": column.benchmark}


def _peer(name: str, peer: str, base: MethodConfig) -> Row:
    return Row(name, find_method(peer).title, base, peer=peer)
