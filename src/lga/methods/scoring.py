"""Score episodes from tables that were made once: index operations, in blocks of bounded memory."""

from collections.abc import Callable
from functools import reduce
from math import log

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor

from lga.core.distance import Pooling
from lga.core.score import look_up
from lga.methods.protocol import Scorer, Tasks

NUMBERS_AT_ONCE = 2**15
"""Numbers looked up together for some episodes: they stay in the processor's cache, and torch starts no threads."""
FEATURES_AT_ONCE = 2**22
"""Numbers of features that some episodes need together: 16 MiB in float32."""


def in_blocks(score: Scorer, numbers: Callable[[Tasks], int], *, most: int = NUMBERS_AT_ONCE) -> Scorer:
    """The same scorer, given few episodes at a time: `numbers` says how many numbers one takes, `most` is the limit."""

    def blockwise(tasks: Tasks) -> Float[Tensor, "episodes queries way"]:
        step = max(1, most // max(1, numbers(tasks) if len(tasks.classes) else 1))
        blocks = zip(tasks.classes.split(step), tasks.query.split(step), tasks.support.split(step), strict=True)
        return torch.cat([score(Tasks(*block)) for block in blocks])

    return blockwise


def meet(tasks: Tasks) -> tuple[Int[Tensor, "episodes queries 1"], Int[Tensor, "episodes 1 support"]]:
    """Rows and columns of every query and every example of its episode, both class after class."""
    return rearrange(tasks.query, "e w q -> e (w q) 1"), rearrange(tasks.support, "e w k -> e 1 (w k)")


def count_pairs(tasks: Tasks) -> int:
    """How many pairs of a query and an example, and of two examples of a class, an episode has."""
    n_way, shots = tasks.support.shape[1:]
    return n_way * shots * (tasks.query.shape[1] * tasks.query.shape[2] + shots)


def matrix_scorer(distance: Float[Tensor, "clips clips"], *, pooling: Pooling = "mean") -> Scorer:
    """A scorer from distances of queries (rows) to examples (columns), put together for each class by `pooling`."""

    def score(tasks: Tasks) -> Float[Tensor, "episodes queries way"]:
        query, support = rearrange(tasks.query, "e w q -> (w q) 1 1 e"), rearrange(tasks.support, "e w k -> k w e")
        return rearrange(-pool(look_up(distance, query, support), pooling), "q w e -> e q w").contiguous()

    return in_blocks(score, count_pairs)


def pool(
    distance: Float[Tensor, "queries shots way episodes"], pooling: Pooling
) -> Float[Tensor, "queries way episodes"]:
    """`class_distances` where all classes have equally many examples; episodes are the last axis."""
    if distance.shape[1] == 1:
        return distance[:, 0]
    if pooling == "mean":
        return distance.mean(1)
    # -log mean exp(-d); logsumexp goes to several threads whatever its size, at a higher price than the work
    return log(distance.shape[1]) - reduce(torch.logaddexp, (-distance).unbind(1))
