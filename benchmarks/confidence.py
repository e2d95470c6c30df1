"""How often an answer is right that is called sure, likely or unsure, on a manifest with groups.

    python benchmarks/confidence.py MANIFEST.csv [--ways 3 5 10] [--shots 1 2 3 5] [--episodes 60] [--json]

An episode teaches some classes; asked about are all other clips of these classes and of the untaught ones, except those
from an example's group (as in `openset.py`). `taught` counts clips of taught actions alone. `half` counts as if half of
the clips asked about showed an untaught action, for which every name is wrong. Beside each share of right answers
stands, in brackets, how many of the clips are called so. With one example a class nothing is ever none of yours.
"""

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from openset import Episode, compared, draw
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor

from lga.backbone.load import load_backbone
from lga.confidence import WORDS, confidence, confidence_word
from lga.config import BackboneConfig, MethodConfig
from lga.core.openset import max_logit
from lga.datasets.manifest import read_manifest
from lga.evaluation.dataset import load_dataset
from lga.features.cache import default_cache
from lga.methods.lga import Matrix, pairwise_matrix
from lga.model.matching import LGA
from lga.model.task import learn
from lga.recognition import fit_rejection

Counts = dict[str, np.ndarray]
"""For each word: answers and right ones among the taught clips, and the same with all clips weighed to halves."""


def counted(episode: Episode, matrix: Matrix, label: Tensor, method: MethodConfig, shots: int) -> Counts:
    """The words of one episode's answers, and how many are right."""
    ways, known, count = len(episode.classes), episode.known, len(episode.asked)
    examples = compared(matrix, episode.support, episode)
    support_label = torch.arange(ways).repeat_interleave(shots)
    learnt = learn(examples, support_label, ways, LGA(method, matrix.space).rule(float(shots)))
    rejection = fit_rejection(examples, learnt)
    score = learnt.weights.weigh(learnt.scores(compared(matrix, episode.asked, episode)))
    probability, best = score.softmax(-1).max(-1)
    right = episode.classes[best] == label[episode.asked]
    found: Counts = {word: np.zeros(4) for word in WORDS}
    for place in range(count):
        known_score = rejection.known_score(float(max_logit(score[place])))
        sure = confidence(float(probability[place]), known_score)
        passes = rejection.judge(known_score)[0]
        inside = place < known
        hit = bool(right[place]) and inside if passes else not inside
        weight = 1 / known if inside else 1 / (count - known)
        found[confidence_word(sure, known=passes)] += [inside, inside and hit, weight, weight * hit]
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, or everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--ways", type=int, nargs="+", default=[3, 5, 10])
    parser.add_argument("--shots", type=int, nargs="+", default=[1, 2, 3, 5])
    parser.add_argument("--episodes", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    method, backbone = MethodConfig(), load_backbone(BackboneConfig())
    loaded = load_dataset(read_manifest(chosen.manifest), backbone, method, cache=default_cache())
    matrix = pairwise_matrix(loaded.dataset, method)
    taught = np.arange(len(loaded.labels))
    report: dict[int, dict[str, list[float]]] = {}
    for shots in chosen.shots:
        total: Counts = {word: np.zeros(4) for word in WORDS}
        for ways in chosen.ways:
            random = np.random.default_rng([chosen.seed, ways, shots])
            for _ in track(range(chosen.episodes), f"{ways}-way {shots}-shot", console=Console(stderr=True)):
                episode = draw(random, loaded, taught, ways, shots)
                for word, some in counted(episode, matrix, loaded.dataset.label, method, shots).items():
                    total[word] += some
        whole = sum(total.values())
        report[shots] = {
            word: [*(one[1::2] / np.maximum(one[::2], 1e-9)), *(one[::2] / whole[::2])] for word, one in total.items()
        }
    if chosen.json:
        given = {"ways": chosen.ways, "episodes": chosen.episodes, "seed": chosen.seed}
        print(json.dumps({"manifest": str(chosen.manifest), **given, "shots": report}, indent=2, default=float))
        return
    table = Table("word", *(f"{shots}-shot: taught, half" for shots in report), title=str(chosen.manifest))
    for word in WORDS:
        cells = [one[word] for one in report.values()]
        table.add_row(word, *(f"{a:.2f} ({c:.2f}), {b:.2f} ({d:.2f})" for a, b, c, d in cells))
    Console(width=None if os.isatty(1) else 140).print(table)


if __name__ == "__main__":
    main()
