"""None of these: how well clips of untaught actions are told from clips of taught ones, on a manifest with groups.

    python benchmarks/openset.py MANIFEST.csv [--ways 5] [--shots 1 3 5] [--episodes 300] [--taught LABEL ...] [--json]

An episode teaches some classes; asked about are all other clips of these classes and of the untaught ones, except those
from an example's group. `largest probability` (of the softmax) is the baseline, `max_logit` is what `lga recognize`
uses. Intervals are 95 %, normal over episodes; those of calibration errors are by bootstrap over episodes. `--taught`
restricts which classes may be taught: to choose on some and confirm on others.
"""

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy import ndarray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor

from lga.backbone.load import load_backbone
from lga.config import BackboneConfig, MethodConfig
from lga.core.openset import max_logit
from lga.datasets.manifest import read_manifest
from lga.evaluation.dataset import LoadedDataset, load_dataset
from lga.evaluation.statistics import bootstrap_units, calibration_gaps, expected_calibration_error, half_width
from lga.features.cache import default_cache
from lga.methods.lga import Matrix, pairwise_matrix
from lga.model.matching import LGA
from lga.model.task import Compared, Rule, ScoreWeights, learn
from lga.recognition import RECALL, fit_rejection

BASELINE, OURS = "largest probability", "max_logit"


@dataclass(frozen=True, slots=True)
class Episode:
    """Which classes and clips are taught, and which clips are asked about, those of taught classes first."""

    classes: Tensor
    support: Tensor
    asked: Tensor
    known: int


def draw(random: np.random.Generator, loaded: LoadedDataset, taught: ndarray, ways: int, shots: int) -> Episode:
    """One episode; no clip that is asked about comes from the group of an example."""
    label, group = loaded.label, loaded.group
    if group is None:
        raise SystemExit("the manifest needs a column `group`")
    while True:
        classes = random.choice(taught, ways, replace=False)
        support = np.concatenate([random.choice(np.flatnonzero(label == one), shots, False) for one in classes])
        free = np.flatnonzero(~np.isin(group, group[support]))
        inside = np.isin(label[free], classes)
        if set(label[free[inside]]) == set(classes) and not inside.all():
            asked = np.concatenate([free[inside], free[~inside]])
            return Episode(*map(torch.from_numpy, (classes, support, asked)), int(inside.sum()))


def compared(matrix: Matrix, clips: Tensor, episode: Episode) -> Compared:
    """Some clips beside the examples and the classes of an episode."""

    def chosen(table: Tensor | None, columns: Tensor) -> Tensor | None:
        return None if table is None else table[clips][:, columns]

    table = matrix.table
    by_example = (
        chosen(one, episode.support) for one in (table.distance, table.motion, table.appearance, table.moving)
    )
    return Compared(*by_example, table.similarity[clips][:, episode.classes])  # pyright: ignore


def usual_weights(rule: Rule) -> ScoreWeights:
    """What is expected before any example is seen."""
    parts = rule.usual * rule.distance, rule.usual * rule.head, rule.similarity
    return ScoreWeights(*(torch.tensor(one) for one in parts))


def separation(score: Tensor, known: int) -> tuple[float, float]:
    """AUROC, and how many unknown clips pass the threshold that nine in ten known clips pass."""
    mine, others = score[:known], score[known:]
    above = (mine[:, None] > others).double().mean() + 0.5 * (mine[:, None] == others).double().mean()
    return float(above), float((others >= mine.quantile(1 - RECALL)).double().mean())


def measured(
    episode: Episode, matrix: Matrix, loaded: LoadedDataset, method: MethodConfig, shots: int
) -> dict[str, object]:
    """Everything measured in one episode."""
    ways, known = len(episode.classes), episode.known
    support_label = torch.arange(ways).repeat_interleave(shots)
    examples = compared(matrix, episode.support, episode)
    learnt = learn(examples, support_label, ways, LGA(method, matrix.space).rule(float(shots)))
    rejection, scores = fit_rejection(examples, learnt), learnt.scores(compared(matrix, episode.asked, episode))
    score, unfitted = (weights.weigh(scores) for weights in (learnt.weights, usual_weights(learnt.rule)))
    truth = loaded.dataset.label[episode.asked[:known]]
    found: dict[str, object] = {
        f"{name}: {what}": value
        for name, one in ((BASELINE, score.softmax(-1).amax(-1)), (OURS, max_logit(score)))
        for what, value in zip(("AUROC", "false accepts"), separation(one, known), strict=True)
    }
    for what in ("AUROC", "false accepts"):
        found[f"difference: {what}"] = found[f"{OURS}: {what}"] - found[f"{BASELINE}: {what}"]  # pyright: ignore
    for name, one in (("usual weights", unfitted), ("leave-one-out", score)):
        right = episode.classes[one[:known].argmax(1)] == truth
        found[f"calibration: {name}"] = (one[:known].softmax(-1).amax(-1), right)
    if rejection.threshold is not None:
        sure = torch.tensor([rejection.known_score(one) for one in max_logit(score).tolist()])
        passed = (sure >= rejection.threshold).double()
        found["suggested: recall"], found["suggested: false accepts"] = map(
            float, (passed[:known].mean(), passed[known:].mean())
        )
        found["suggested: false accepts foretold"] = rejection.false_accept_rate
        even = torch.linspace(known, len(sure) - 1, known).long()  # as many unknown clips as known ones
        found["calibration: known score"] = (
            torch.cat([sure[:known], sure[even]]),
            torch.cat([torch.ones(known), torch.zeros(known)]),
        )
    return found


def summed_up(episodes: Sequence[dict[str, object]], name: str) -> tuple[float, float, float]:
    """Mean and 95 % interval over episodes of one thing measured."""
    values = [one[name] for one in episodes if name in one]
    if not name.startswith("calibration"):
        each = np.array(values, dtype=float)
        half = half_width(each)
        return float(each.mean()), float(each.mean() - half), float(each.mean() + half)
    pairs = [(sure.double().numpy(), hit.bool().numpy()) for sure, hit in values]  # pyright: ignore
    gaps = np.stack([calibration_gaps(sure, hit) for sure, hit in pairs])
    sizes = np.array([len(sure) for sure, _ in pairs])
    error = expected_calibration_error(*(np.concatenate(some) for some in zip(*pairs, strict=True)))
    return error, *bootstrap_units(lambda weight: np.abs(weight @ gaps).sum(1) / (weight @ sizes), len(pairs))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, or everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--ways", type=int, default=5)
    parser.add_argument("--shots", type=int, nargs="+", default=[1, 3, 5])
    parser.add_argument("--episodes", type=int, default=300)
    parser.add_argument("--taught", nargs="+", default=None)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    method, backbone = MethodConfig(), load_backbone(BackboneConfig())
    loaded = load_dataset(read_manifest(chosen.manifest), backbone, method, cache=default_cache())
    matrix = pairwise_matrix(loaded.dataset, method)
    taught = np.array([n for n, one in enumerate(loaded.labels) if chosen.taught is None or one in chosen.taught])
    report: dict[int, dict[str, tuple[float, float, float]]] = {}
    for shots in chosen.shots:
        random = np.random.default_rng([chosen.seed, shots])
        work = track(range(chosen.episodes), f"{shots}-shot", console=Console(stderr=True), transient=True)
        done = [measured(draw(random, loaded, taught, chosen.ways, shots), matrix, loaded, method, shots) for _ in work]
        names = dict.fromkeys(name for one in done for name in one)
        report[shots] = {name: summed_up(done, name) for name in names}
    if chosen.json:
        settings = {"manifest": str(chosen.manifest), "backbone": backbone.identity, "labels": loaded.labels}
        given = {"ways": chosen.ways, "episodes": chosen.episodes, "seed": chosen.seed, "taught": taught.tolist()}
        print(json.dumps({**settings, **given, "method": method.model_dump(), "shots": report}, indent=2))
        return
    table = Table("", *(f"{shots}-shot" for shots in report), title=f"{chosen.episodes} episodes, {chosen.ways} taught")
    for name in dict.fromkeys(name for one in report.values() for name in one):
        cells = [
            f"{m:.3f} [{low:.3f}, {high:.3f}]"
            for m, low, high in (one.get(name, (np.nan,) * 3) for one in report.values())
        ]
        table.add_row(name, *cells)
    Console(width=None if os.isatty(1) else 140).print(table)


if __name__ == "__main__":
    main()
