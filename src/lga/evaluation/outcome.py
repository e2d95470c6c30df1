"""Few-shot evaluation: any methods answer the same episodes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from torch import Tensor

from lga.datasets.episodes import Episodes
from lga.errors import LGAError
from lga.features.extract import Progress
from lga.methods.protocol import Scorer, Tasks

EPISODES_AT_ONCE = 2048
"""Episodes between two steps of the progress; bounds the memory that their logits take."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a method answered; rows are episodes, queries stand class after class."""

    query: Int[ndarray, "episodes queries"]
    """the clip asked about"""
    truth: Int[ndarray, "episodes queries"]
    """its class"""
    predicted: Int[ndarray, "episodes queries"]
    """the class it was taken for"""
    log_posterior: Float[ndarray, "episodes queries way"]
    """the right class is query number // queries a class"""

    @property
    def hits(self) -> Bool[ndarray, "episodes queries"]:
        """Which answers are right."""
        return self.predicted == self.truth


def run_episodes(
    scorers: Mapping[str, Scorer], episodes: Episodes, *, progress: Progress | None = None
) -> dict[str, Outcome]:
    """Let every method answer every query of the same episodes.

    Raises:
        LGAError: a method's scores are not finite; it is named.
    """
    tasks, done, total = Tasks.of(episodes), 0, len(scorers) * len(episodes.classes)
    blocks = [Tasks(*some) for some in zip(*(one.split(EPISODES_AT_ONCE) for one in _parts(tasks)), strict=True)]
    outcomes: dict[str, Outcome] = {}
    for name, scorer in scorers.items():
        posterior: list[Tensor] = []
        for block in blocks:
            logits = scorer(block).detach()
            if not bool(logits.isfinite().all()):
                raise LGAError(
                    f"method {name}: its scores of episodes {sum(map(len, posterior))} and on are not finite numbers; "
                    "check its settings and weights"
                )
            posterior.append(logits.log_softmax(-1).cpu())
            done += len(logits)
            if progress is not None:
                progress(done, total)
        outcomes[name] = answered(episodes, torch.cat(posterior).numpy())
    return outcomes


def answered(episodes: Episodes, log_posterior: Float[ndarray, "episodes queries way"]) -> Outcome:
    """Take the likeliest class of each query; the first of equals."""
    queries = episodes.query.shape[2]
    return Outcome(
        rearrange(episodes.query, "e w q -> e (w q)"),
        np.repeat(episodes.classes, queries, 1),
        np.take_along_axis(episodes.classes, log_posterior.argmax(-1), 1),
        log_posterior,
    )


def _parts(tasks: Tasks) -> tuple[Tensor, Tensor, Tensor]:
    return tasks.classes, tasks.query, tasks.support
