"""Episodes a second: planning, scoring given the matrix, and the matrix itself, beside a plain loop over episodes.

    python benchmarks/episodes.py [--clips N ...] [--ways N ...] [--shots N ...] [--episodes N] [--dim N]

Every figure is the best of three; processor time stands beside wall time because only it means something on a shared
machine. The plain loop learns and scores one episode after another; both must give the same logits.
"""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from lga.backbone.protocol import Space
from lga.config import MethodConfig, ProtocolConfig
from lga.datasets.episodes import plan_episodes
from lga.methods.lga import Matrix, lga_scorer, pairwise_matrix
from lga.methods.protocol import Dataset, Tasks
from lga.model.matching import LGA
from lga.model.task import Match, learn

CLASSES, FRAMES = 24, 8
PAPER = MethodConfig(pooling="mean", hub_correction=0.0, segmenter="cluster", motion="none", head="none", alpha="shots")
KINDS: dict[str, tuple[MethodConfig, Match]] = {
    "paper, video": (PAPER, "video"),
    "pooling and hubs, combined": (MethodConfig(motion="none", head="none", alpha="shots"), "combined"),
    "default, video": (MethodConfig(), "video"),
    "default, combined": (MethodConfig(), "combined"),
}


def best(work: Callable[[], object], times: int = 3) -> tuple[float, float]:
    """The least wall and processor time of some work, in seconds."""
    wall, processor = [], []
    for _ in range(times):
        began, used = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - began)
        processor.append(time.process_time() - used)
    return min(wall), min(processor)


def plain_loop(matrix: Matrix, tasks: Tasks, method: MethodConfig, match: Match) -> Tensor:
    """One episode after another, each as a task of its own."""
    ways, shots = tasks.support.shape[1:]
    support_label = torch.arange(ways).repeat_interleave(shots)
    rule = LGA(method, matrix.space).rule(float(shots))
    found = []
    for classes, query, support in zip(tasks.classes, tasks.query.flatten(1), tasks.support.flatten(1), strict=True):
        asked, examples = (matrix.table.of(some[None], support[None], classes[None]) for some in (query, support))
        learnt = learn(examples, support_label, ways, rule)
        found.append(learnt.only(match).weigh(learnt.scores(asked)))
    return torch.cat(found)


def matrix_of(clips: int, dim: int, console: Console) -> tuple[Matrix, np.ndarray]:
    """Time the matching of all random clips with all, and return it."""
    random = torch.Generator().manual_seed(0)
    label = np.arange(clips) % CLASSES
    text = torch.randn(CLASSES, 3, dim, generator=random)
    frames = torch.randn(clips, FRAMES, dim, generator=random)
    dataset = Dataset(frames, torch.from_numpy(label), text, text[:, 0], Space(dim, slice(0, dim), slice(0, dim)))
    done: list[Matrix] = []
    wall, processor = best(lambda: done.append(pairwise_matrix(dataset, PAPER)), times=1)
    console.print(f"matrix of {clips} clips, {FRAMES} x {dim}: {wall:.1f} s, {processor:.1f} s of processor time")
    return done[0], label


def rows(matrix: Matrix, label: np.ndarray, ways: int, shots: int, episodes: int) -> list[list[str]]:
    """A row a kind of match: planning, ours and the loop, in episodes a second; parity is checked."""
    protocol = ProtocolConfig(ways=ways, shots=shots, episodes=episodes)
    planning, _ = best(lambda: plan_episodes(label, None, protocol))
    tasks = Tasks.of(plan_episodes(label, None, protocol))
    few = Tasks(tasks.classes[:200], tasks.query[:200], tasks.support[:200])
    found: list[list[str]] = []
    for name, (method, match) in KINDS.items():
        scorer = lga_scorer(matrix, method, match=match)
        torch.testing.assert_close(scorer(few), plain_loop(matrix, few, method, match), rtol=1e-4, atol=1e-4)
        ours, used = best(lambda scorer=scorer: scorer(tasks))
        loop, _ = best(lambda method=method, match=match: plain_loop(matrix, few, method, match), times=1)
        rates = (episodes / planning, episodes / ours, episodes / used, 200 / loop)
        found.append([str(len(label)), str(ways), str(shots), name, *(f"{rate:,.0f}" for rate in rates)])
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, nargs="+", default=[1292])
    parser.add_argument("--ways", type=int, nargs="+", default=[5])
    parser.add_argument("--shots", type=int, nargs="+", default=[1, 5])
    parser.add_argument("--episodes", type=int, default=10_000)
    parser.add_argument("--dim", type=int, default=512)
    chosen = parser.parse_args(arguments)
    console = Console(width=None if os.isatty(1) else 140)
    table = Table("clips", "ways", "shots", "match", "planned/s", "scored/s", "per processor second", "plain loop/s")
    for clips in chosen.clips:
        matrix, label = matrix_of(clips, chosen.dim, console)
        for ways, shots in product(chosen.ways, chosen.shots):
            for row in rows(matrix, label, ways, shots, chosen.episodes):
                table.add_row(*row)
    console.print(table)
    load = os.getloadavg()[0]
    console.print(f"{torch.get_num_threads()} threads, {os.cpu_count()} processors, load {load:.1f}")


if __name__ == "__main__":
    main()
