"""What each part of sight and motion is worth in points, training-free, on a manifest with groups.

    python benchmarks/motion_parts.py MANIFEST.csv [--split test] [--shots 1 5] [--episodes 2000]

All rows answer the same source-disjoint 5-way episodes by both matches. A part is taken away by setting its numbers to
zero: the flow, or the backbone's picture of what changes. `python benchmarks/speed.py` says what a part costs.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from lga.backbone.load import load_backbone
from lga.backbone.offline import VISUAL
from lga.config import BackboneConfig, MethodConfig, ProtocolConfig
from lga.datasets.episodes import plan_episodes
from lga.datasets.manifest import read_manifest
from lga.evaluation.dataset import load_dataset
from lga.evaluation.outcome import run_episodes
from lga.evaluation.statistics import accuracy
from lga.features.cache import default_cache
from lga.methods.lga import lga_method
from lga.methods.protocol import Dataset
from lga.motion.descriptor import FLOW

CHANGE = slice(2 * VISUAL, 3 * VISUAL)
"""The offline backbone's numbers for the picture of what changes."""


def without_flow(dataset: Dataset) -> Dataset:
    """Pose alone."""
    if dataset.motion is None:
        raise SystemExit("motion cannot be measured here: `lga motion show` says why")
    motion = dataset.motion.clone()
    motion[:, FLOW] = 0
    return replace(dataset, motion=motion)


def without_change(dataset: Dataset) -> Dataset:
    """No picture of what changes."""
    frames = dataset.frames.clone()
    frames[..., CHANGE] = 0
    return replace(dataset, frames=frames)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--split", default=None)
    parser.add_argument("--shots", type=int, nargs="+", default=[1, 5])
    parser.add_argument("--episodes", type=int, default=2000)
    chosen = parser.parse_args(arguments)
    clips, backbone = read_manifest(chosen.manifest, split=chosen.split), load_backbone(BackboneConfig())
    loaded = load_dataset(clips, backbone, MethodConfig(), cache=default_cache())
    whole = loaded.dataset
    rows = {
        "no motion": (whole, MethodConfig(motion="none")),
        "no motion, no head": (whole, MethodConfig(motion="none", head="none")),
        "flow alone": (whole, MethodConfig(motion="flow")),
        "pose alone": (without_flow(whole), MethodConfig()),
        "flow and pose": (whole, MethodConfig()),
        "flow and pose, no head": (whole, MethodConfig(head="none")),
        "flow and pose, no change stream": (without_change(whole), MethodConfig()),
        "no motion, no change stream": (without_change(whole), MethodConfig(motion="none")),
    }
    protocols = [ProtocolConfig(shots=shots, episodes=chosen.episodes, source_disjoint=True) for shots in chosen.shots]
    drawn = [plan_episodes(loaded.label, loaded.group, protocol) for protocol in protocols]
    table = Table("", *(f"{shots}-shot" for shots in chosen.shots), title=f"{len(loaded.clips)} clips")
    for name, (dataset, method) in track(rows.items(), console=Console(stderr=True), transient=True):
        with torch.no_grad():
            scorer = lga_method(method)(dataset)
            found = [accuracy(run_episodes({name: scorer}, one)[name]) for one in drawn]
        table.add_row(name, *(f"{100 * one.mean:.1f}" for one in found))
    Console().print(table)


if __name__ == "__main__":
    main()
