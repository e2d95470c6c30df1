"""The support head: a linear classifier that is solved from a task's own examples, in closed form."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lga.core.distance import class_sums

PENALTY = 0.3
"""Of the squared weights; 0.3 to 1 agree within half a point on both corpora that it was chosen on."""


def invert_gram(
    gram: Float[Tensor, "*episodes examples examples"],
) -> tuple[Float[Tensor, "*episodes examples examples"], Float[Tensor, "*episodes examples 1"]]:
    """What maps targets to coefficients, and the weights with which they average to the intercept.

    From the examples' inner products, for any number of tasks at once. The intercept is not penalised, so that adding
    the same vector to all features changes nothing.

    Source: as `solve_head`.
    """
    inverse = torch.cholesky_inverse(_cholesky(gram))
    row = inverse.sum(-1, keepdim=True)
    level = row / row.sum(-2, keepdim=True)
    return torch.addcmul(inverse, level, row.mT, value=-1), level


def _cholesky(gram: Float[Tensor, "*episodes examples examples"]) -> Float[Tensor, "*episodes examples examples"]:
    """Of the penalised Gram matrix; not a number where that has none, which only rounding of huge numbers does."""
    shifted = gram.clone()
    shifted.diagonal(dim1=-2, dim2=-1).add_(PENALTY)
    lower, failed = torch.linalg.cholesky_ex(shifted)
    return lower.masked_fill((failed > 0)[..., None, None], torch.nan)


def solve_head(
    solved: Float[Tensor, "*episodes examples examples"],
    level: Float[Tensor, "*episodes examples 1"],
    support_label: Int[Tensor, " examples"],
    way: int,
) -> tuple[Float[Tensor, "*episodes examples way"], Float[Tensor, "*episodes way"]]:
    """Coefficients and offset of a linear classifier, from what `invert_gram` gives.

    It is ridge regression on the classes. Each class's share of the examples is taken off its intercept, so that a
    class with many examples is not the likelier for it.

    Source: kernel ridge regression; as the head of a few-shot learner, R2-D2 (arXiv:1805.08136). Multinomial
    logistic regression is as accurate (docs/offline.md) but has no closed form, nor one with examples left out.
    """
    if not len(support_label):
        return solved.new_zeros((*solved.shape[:-1], way)), solved.new_zeros((*solved.shape[:-2], way))
    share = torch.bincount(support_label, minlength=way).to(solved.dtype) / len(support_label)
    return class_sums(solved, support_label, way), class_sums(level[..., 0], support_label, way) - share


def head_scores(
    query: Float[Tensor, "*episodes queries examples"],
    coefficient: Float[Tensor, "*episodes examples way"],
    offset: Float[Tensor, "*episodes way"],
    *,
    support_label: Int[Tensor, " examples"],
) -> Float[Tensor, "*episodes queries way"]:
    """The score of every query for every class, from its inner products with the examples and what `solve_head` gave.

    Scores sum to 0 over the classes that have examples; a class without any scores 0, and so do all without examples.

    Source: as `solve_head`.
    """
    present = F.one_hot(support_label, offset.shape[-1]).sum(0) > 0
    return _centred(query @ coefficient + offset[..., None, :], present)


def head_scores_without(
    solved: Float[Tensor, "*episodes examples examples"],
    support_label: Int[Tensor, " examples"],
    way: int,
    *,
    label: bool,
    asked: Int[Tensor, " asked"] | None = None,
) -> Float[Tensor, "*episodes asked way"]:
    """The scores of every example, as `solve_head` gives them without it, or, with `label`, without any of its label.

    With `asked` only those examples' scores, and no others', are worked out. `solved` is what `invert_gram` gives:
    leaving a block of examples out is a correction by the inverse's own block.
    Where nothing else is left the scores are 0.

    Source: the exact leave-one-out of ridge regression (Allen's PRESS, 1974), for blocks.
    """
    mine = support_label if asked is None else support_label[asked]
    member = F.one_hot(mine, way).to(solved.dtype)
    count = torch.bincount(support_label, minlength=way).to(solved.dtype)
    gone = count * member if label else member
    left = count.sum() - gone.sum(-1, keepdim=True)
    if not len(mine) or not bool((left > 0).any()):
        return solved.new_zeros((*solved.shape[:-2], len(mine), way))
    if label:
        found = _without_label(solved, support_label, way, mine.unique().tolist())
        found = found if asked is None else found[..., asked, :]
    else:
        rows, own = (solved, solved.diagonal(dim1=-2, dim2=-1))
        rows, own = (rows, own) if asked is None else (rows[..., asked, :], own[..., asked])
        found = member - class_sums(rows, support_label, way) / own[..., None]
    share = (count - gone) / left.clamp_min(1)
    return _centred(found - share, count - gone > 0)


def _without_label(
    solved: Float[Tensor, "*episodes examples examples"],
    support_label: Int[Tensor, " examples"],
    way: int,
    labels: Sequence[int],
) -> Float[Tensor, "*episodes examples way"]:
    """What the head without their label says of the examples of some labels, before it is centred.

    It is 0 for all others, and where nothing else is left.
    """
    weight = class_sums(solved, support_label, way)
    found = torch.zeros_like(weight)
    for one in labels:
        own = (support_label == one).nonzero()[:, 0]
        if len(own) < len(support_label):
            block = solved[..., own, :][..., own]
            target = F.one_hot(support_label[own], way).to(solved.dtype)
            found[..., own, :] = target - torch.linalg.solve(block, weight[..., own, :])
    return found


def _centred(
    score: Float[Tensor, "*batch queries way"], present: Bool[Tensor, "*queries_or_1 way"]
) -> Float[Tensor, "*batch queries way"]:
    """Scores less their mean over the classes that are present; 0 for the others."""
    kept = score * present
    mean = kept.sum(-1, keepdim=True) / present.sum(-1, keepdim=True).clamp_min(1)
    return (kept - mean) * present
