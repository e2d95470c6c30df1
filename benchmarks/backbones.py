"""One rule for the scores on many backbones: simulated joint spaces, made of the real features of a manifest's clips.

    python benchmarks/backbones.py MANIFEST.csv [--split test] [--seeds 11 12 13 14 15] [--episodes 600] [--json]

No trained CLIP can be had everywhere, but its geometry is known: pictures lie in a narrow cone (cosines about .76 among
themselves), sentences in another one (picture and sentence about .26 +- .033), and how much the text knows differs from
one checkpoint to the next. A space is made of `offline`'s features by a random rotation of sight, meaning and gap
together; class signal is added to the meaning of the pictures until the text knows as much as wanted. The scale is
what fits the space's own clips without examples, as a checkpoint's is learned; `overclaims` says twice that.

    weak, middle, strong   one space, text that knows little (as `offline`'s), more, most
    overclaims             weak, with a scale twice too large
    apart weak / strong    sight and meaning side by side, as a sight-only model beside a dual
    apart blind            the same without motion, where sight is almost all noise

Each is asked with and without text in the fusion, where that matters. `best` is the best fixed weight of
the text for that cell, found on the answers themselves: no rule can be sure to reach it. `before` is the former rule
(`--alpha shots`).
"""

import argparse
import json
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor

from lga.backbone.load import load_backbone
from lga.backbone.protocol import Space
from lga.config import BackboneConfig, MethodConfig, ProtocolConfig
from lga.datasets.episodes import plan_episodes
from lga.datasets.manifest import read_manifest
from lga.evaluation.dataset import LoadedDataset, load_dataset
from lga.evaluation.statistics import expected_calibration_error
from lga.features.cache import default_cache
from lga.methods.lga import Matrix, lga_scorer, pairwise_matrix
from lga.methods.protocol import Dataset, Tasks
from lga.model.matching import LGA
from lga.model.task import ScoreWeights, learn

AXES, GAP = 400, 8
"""Numbers that sight keeps, and numbers in which every clip has a gap of its own."""
AMONG_PICTURES, WITH_TEXT, SPREAD = 0.76, 0.258, 0.033
"""Mean cosine among pictures, and mean and deviation of that between pictures and sentences, as CLIP's."""
SHARE, LENGTH = 0.55, 0.8
"""The part of a sentence that is meaning and not gap, and how long a sentence is beside a picture."""
WEIGHTS = np.geomspace(0.02, 30, 22)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of space."""

    name: str
    signal: float
    """how much of the class is in the meaning of the pictures"""
    together: bool = True
    claim: float = 1.0
    """the scale it says, over the one that fits"""
    sight: float = 1.0
    """how much of the sight is not noise"""


KINDS = (
    Kind("weak", 0.0),
    Kind("middle", 0.035),
    Kind("strong", 0.1),
    Kind("overclaims", 0.0, claim=2.0),
    Kind("apart weak", 0.0, together=False),
    Kind("apart strong", 0.1, together=False),
    Kind("apart blind", 0.035, together=False, sight=0.05),
)


def cosines(one: Tensor, other: Tensor) -> Tensor:
    """Of every row of the one and every row of the other."""
    return F.normalize(one, dim=-1) @ F.normalize(other, dim=-1).mT


def with_signal(dataset: Dataset, kind: Kind, random: torch.Generator) -> Tensor:
    """The meaning of all frames, with more or less of their class's sentences in it, clip by clip."""
    meaning, told = dataset.frames[..., dataset.space.semantic], dataset.sentences[..., dataset.space.semantic]
    direction = told.mean(1) - told.mean((0, 1))
    direction = direction / direction.norm(dim=-1).mean()
    strength = kind.signal * (1 + 0.5 * torch.randn(len(meaning), 1, generator=random))
    return meaning + meaning.norm(dim=-1).mean() * (strength * direction[dataset.label])[:, None]


def make_joint(dataset: Dataset, kind: Kind, seed: int) -> Dataset:
    """One space: pictures [a sight; b meaning; gap], sentences [0; c meaning; another gap], rotated together."""
    random = torch.Generator().manual_seed(seed)
    sight, told = dataset.frames[..., dataset.space.visual], dataset.sentences[..., dataset.space.semantic]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        sight = sight @ torch.svd_lowrank(sight.flatten(0, 1)[::3], q=AXES, niter=2)[2]
    meaning = with_signal(dataset, kind, random)
    sight, meaning, told = (one / one.norm(dim=-1).square().mean().sqrt() for one in (sight, meaning, told))
    met = cosines(meaning.mean(1), told.flatten(0, 1))
    own_sight, own_meaning = (
        float((some @ some.T).mean()) for some in (x.flatten(0, 1)[::7] for x in (sight, meaning))
    )
    b = SPREAD / float(met.std()) / SHARE
    while True:  # meaning takes less where it leaves no room for the gap
        a = math.sqrt(max(1e-4, ((1 - AMONG_PICTURES) - b * b * (1 - own_meaning)) / (1 - own_sight)))
        gap = 1 - a * a - b * b
        if gap > 0.05:
            break
        b *= 0.95
    shared = 0.6 * math.sqrt(1 - SHARE**2)
    toward = (WITH_TEXT - b * SHARE * float(met.mean())) / shared
    clip, frame = sight.shape[:2]
    away = math.sqrt(max(0.0, gap - toward**2))
    fixed = torch.tensor([toward, away, 0.0]).expand(clip, frame, 3)
    varied = 0.1 * math.sqrt(gap / GAP) * torch.randn(clip, 1, GAP, generator=random).expand(clip, frame, GAP)
    length = 10 * torch.exp(0.05 * torch.randn(clip, frame, 1, generator=random))
    pictures = torch.cat([a * sight, b * meaning, fixed, varied], -1) * length
    beside = torch.tensor([shared, 0.0, math.sqrt(1 - SHARE**2 - shared**2), *[0.0] * GAP])
    nothing = torch.zeros(*told.shape[:-1], AXES)
    sentences = 10 * LENGTH * torch.cat([nothing, SHARE * told, beside.expand(*told.shape[:-1], 3 + GAP)], -1)
    dim = pictures.shape[-1]
    turn = torch.linalg.qr(torch.randn(dim, dim, generator=random)).Q
    return joined_space(dataset, pictures @ turn, sentences @ turn, Space(dim, slice(0, dim), slice(0, dim)), kind)


def make_apart(dataset: Dataset, kind: Kind, seed: int) -> Dataset:
    """Sight as it is, or nearly all noise, beside the meaning of a joint space."""
    random, joint = torch.Generator().manual_seed(seed + 100), make_joint(dataset, replace(kind, claim=1.0), seed)
    sight = dataset.frames[..., dataset.space.visual]
    if kind.sight < 1:
        noise = sight.std((0, 1)) * torch.randn(len(sight), 1, sight.shape[-1], generator=random)
        sight = sight.mean((0, 1)) + kind.sight * (sight - sight.mean((0, 1))) + math.sqrt(1 - kind.sight**2) * noise
    seen, dim = sight.shape[-1], sight.shape[-1] + joint.space.dim
    pictures = torch.cat([3 * sight, joint.frames], -1)
    space = Space(dim, slice(0, seen), slice(seen, dim))
    made = joined_space(dataset, pictures, F.pad(joint.sentences, (seen, 0)), space, kind)
    return made if kind.sight == 1 else replace(made, motion=None)


def joined_space(dataset: Dataset, frames: Tensor, sentences: Tensor, space: Space, kind: Kind) -> Dataset:
    """The dataset in its new space; the scale is the likeliest one of all clips among all classes, times the claim."""
    clips, told = frames[..., space.semantic].mean(1), sentences[..., space.semantic]
    like = torch.stack([cosines(clips, told[:, stage]) for stage in range(told.shape[1])]).mean(0)
    scale = min(np.geomspace(1, 400, 60), key=lambda one: float(F.cross_entropy(one * like, dataset.label)))
    space = replace(space, scale=kind.claim * float(scale))
    return Dataset(frames, dataset.label, sentences, sentences.mean(1), space, dataset.motion)


def score(logits: Tensor) -> tuple[float, float]:
    """Accuracy in percent and expected calibration error of episodes with one query a class."""
    sure, answer = logits.softmax(-1).max(-1)
    hit = answer == torch.arange(logits.shape[1])
    error = expected_calibration_error(sure.double().numpy().ravel(), hit.numpy().ravel())
    return 100 * float(hit.double().mean()), error


def ask(matrix: Matrix, method: MethodConfig, tasks: Tasks) -> dict[str, float]:
    """The rule, each match alone, the former rule, and the best fixed weight, on the same episodes."""
    way, shots = tasks.support.shape[1:]
    label = torch.arange(way).repeat_interleave(shots)
    query, support = tasks.query.flatten(1), tasks.support.flatten(1)
    rule = LGA(method, matrix.space).rule(float(shots))
    learnt = learn(matrix.table.of(support, support, tasks.classes), label, way, rule)
    scores = learnt.scores(matrix.table.of(query, support, tasks.classes))
    one = torch.ones_like(learnt.stretch)

    def fixed(text: float) -> float:
        return score(ScoreWeights(rule.distance * one, rule.head * one, text * rule.similarity * one).weigh(scores))[0]

    accuracy, error = score(learnt.weights.weigh(scores))
    text = score(learnt.only("text").weigh(scores))[0]
    video = score(learnt.only("video").weigh(scores))[0] if shots else 100 / way
    former = score(lga_scorer(matrix, method.updated({"alpha": "shots"}))(tasks))[0]
    best = max(fixed(float(weight)) for weight in WEIGHTS) if shots else text
    return {"video": video, "text": text, "before": former, "best": best, "rule": accuracy, "ece": error}


def cells(loaded: LoadedDataset, seed: int, episodes: int) -> Iterator[dict[str, object]]:
    """Every kind of space of one seed, with and without text in the fusion, at 0, 1, 3 and 5 examples."""
    for kind in KINDS:
        made = (make_joint if kind.together else make_apart)(loaded.dataset, kind, seed)
        for text_injection in (1.0, 0.0) if kind.together else (1.0,):
            method = MethodConfig(text_injection=text_injection)
            matrix = pairwise_matrix(made, method)
            for shots in (0, 1, 3, 5):
                protocol = ProtocolConfig(shots=shots, episodes=episodes, seed=seed, source_disjoint=True)
                tasks = Tasks.of(plan_episodes(loaded.label, loaded.group, protocol))
                where = {"kind": kind.name, "text_injection": text_injection, "seed": seed, "shots": shots}
                yield {**where, "scale": made.space.scale, **ask(matrix, method, tasks)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, or every cell as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--split")
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13, 14, 15])
    parser.add_argument("--episodes", type=int, default=600)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    method, backbone = MethodConfig(), load_backbone(BackboneConfig())
    clips = read_manifest(chosen.manifest, split=chosen.split)
    loaded = load_dataset(clips, backbone, method, cache=default_cache())
    work = track(chosen.seeds, "spaces", console=Console(stderr=True), transient=True)
    found = [cell for seed in work for cell in cells(loaded, seed, chosen.episodes)]
    if chosen.json:
        given = {"manifest": str(chosen.manifest), "split": chosen.split, "episodes": chosen.episodes}
        print(json.dumps({**given, "backbone": backbone.identity, "cells": found}, indent=2))
        return
    heads = ("video", "text", "before", "best", "rule", "less than best", "less than better match", "ECE")
    table = Table(
        "space", "fused", "shots", *heads, title=f"{len(chosen.seeds)} spaces, {chosen.episodes} episodes each"
    )
    rows: dict[tuple[object, ...], list[dict[str, object]]] = {}
    for cell in found:
        rows.setdefault((cell["kind"], cell["text_injection"], cell["shots"]), []).append(cell)
    for (kind, text_injection, shots), some in rows.items():
        value = {name: np.array([cell[name] for cell in some], dtype=float) for name in heads[:5]}
        error = np.array([cell["ece"] for cell in some], dtype=float)
        behind = (value["best"] - value["rule"], np.maximum(value["video"], value["text"]) - value["rule"])
        table.add_row(
            str(kind),
            f"{text_injection:g}",
            str(shots),
            *(f"{value[name].mean():.1f}" for name in heads[:5]),
            *(f"{one.mean():.1f} (worst {one.max():.1f})" for one in behind),
            f"{error.mean():.3f} (worst {error.max():.3f})",
        )
    table.caption = "accuracy in percent, 5-way, source-disjoint, means over the spaces"
    Console(width=None if os.isatty(1) else 170).print(table)


if __name__ == "__main__":
    main()
