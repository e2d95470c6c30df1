"""What methods answer: any number of them, on the same episodes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from torch import Tensor, nn

from lga.datasets.episodes import Episodes
from lga.errors import LGAError
from lga.features.extract import Progress
from lga.methods.protocol import Dataset, Method, Scorer, Tasks

EPISODES_AT_ONCE = 2048
"""Episodes between two steps of the progress; bounds the memory that their logits take."""


@dataclass(frozen=True, slots=True, repr=False)
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

    def __repr__(self) -> str:
        """On one line."""
        episodes, queries = self.query.shape
        return f"Outcome({episodes} episodes of {queries} queries, {100 * self.hits.mean():.1f} % right)"


def read_dataset(method: Method, dataset: Dataset) -> Scorer:
    """Let a method read the dataset; a module is put into evaluation mode first, so that nothing in it is random."""
    if isinstance(method, nn.Module):
        method.eval()
    return method(dataset)


def run_episodes(
    scorers: Mapping[str, Scorer], episodes: Episodes, *, progress: Progress | None = None
) -> dict[str, Outcome]:
    """Let every method answer every query of the same episodes.

    Raises:
        LGAError: a method's scores are not finite, or not one for every query and class; it is named.
    """
    tasks, done, total = Tasks.of(episodes), 0, len(scorers) * len(episodes.classes)
    blocks = [Tasks(*some) for some in zip(*(one.split(EPISODES_AT_ONCE) for one in _parts(tasks)), strict=True)]
    outcomes: dict[str, Outcome] = {}
    for name, scorer in scorers.items():
        posterior: list[Tensor] = []
        for block in blocks:
            logits = _checked(scorer(block), block, name, first=sum(map(len, posterior)))
            posterior.append(logits.log_softmax(-1).cpu())
            done += len(logits)
            if progress is not None:
                progress(done, total)
        outcomes[name] = answered(episodes, torch.cat(posterior).numpy())
    return outcomes


def _checked(logits: object, tasks: Tasks, name: str, *, first: int) -> Tensor:
    """The scores of some episodes, of which `first` is the number of the first, if they can be believed."""
    episodes, n_way, queries = tasks.query.shape
    wanted = (episodes, n_way * queries, n_way)
    if not isinstance(logits, Tensor) or tuple(logits.shape) != wanted:
        came = f"a tensor of shape {tuple(logits.shape)}" if isinstance(logits, Tensor) else type(logits).__name__
        raise LGAError(
            f"method {name}: its scores must be a tensor of shape {wanted}, episodes x queries x classes, not {came}"
        )
    if not bool(logits.isfinite().all()):
        raise LGAError(
            f"method {name}: its scores of episodes {first} and on are not finite numbers; check its settings and "
            "weights"
        )
    return logits.detach()


def answered(episodes: Episodes, log_posterior: Float[ndarray, "episodes queries way"]) -> Outcome:
    """The outcome where each query is taken for its likeliest class; of equally likely ones, the first."""
    queries = episodes.query.shape[2]
    return Outcome(
        rearrange(episodes.query, "e w q -> e (w q)"),
        np.repeat(episodes.classes, queries, 1),
        np.take_along_axis(episodes.classes, log_posterior.argmax(-1), 1),
        log_posterior,
    )


def _parts(tasks: Tasks) -> tuple[Tensor, Tensor, Tensor]:
    return tasks.classes, tasks.query, tasks.support
