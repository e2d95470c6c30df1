"""Logistic regression: fit a linear classifier to each episode's examples."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from einops import repeat
from jaxtyping import Float
from torch import Tensor

from lga.core.logistic import fit_logistic
from lga.methods.protocol import Dataset, Scorer, Tasks, seen_clips
from lga.methods.scoring import FEATURES_AT_ONCE, in_blocks, meet

STRENGTHS = (1.0, 10.0, 100.0)
"""The inverse strengths of regularisation (scikit-learn's C) that the examples choose from."""


def linear(dataset: Dataset, *, strengths: Sequence[float] = STRENGTHS, alone: float = 10.0) -> Scorer:
    """Multinomial logistic regression with an L2 penalty on the examples' mean frames, scaled to length 1.

    With several examples a class, each episode takes the strength with the lowest cross-entropy on held-out examples:
    as many folds as shots, each holding one example of every class. With a single example the strength is `alone`.
    No intercept: an episode's classes have equally many examples. Everything comes from the inner products of all
    clips, made once.

    Source: Tian et al., "Rethinking few-shot image classification" (arXiv:2003.11539), the classifier on normalised
    features; choosing its strength within the episode is our choice.
    """
    clips = F.normalize(seen_clips(dataset), dim=-1)
    product = (clips @ clips.T).double()

    def score(tasks: Tasks) -> Float[Tensor, "episodes queries way"]:
        n_way, shots = tasks.support.shape[1:]
        query, support = meet(tasks)
        gram = product[support.mT, support]
        support_label = repeat(torch.arange(n_way, device=gram.device), "w -> (w k)", k=shots)
        target = F.one_hot(support_label, n_way).to(gram.dtype).expand(len(gram), -1, -1)
        best = _choose(gram, target, strengths, shots) if shots > 1 else gram.new_full((len(gram),), alone)
        return (product[query, support] @ fit_logistic(gram, target, best)).to(clips.dtype)

    def numbers(tasks: Tasks) -> int:
        n_way, shots = tasks.support.shape[1:]
        return shots * n_way * (n_way * shots) ** 2

    return in_blocks(score, numbers, most=FEATURES_AT_ONCE)


def _choose(
    gram: Float[Tensor, "episodes support support"],
    target: Float[Tensor, "episodes support way"],
    strengths: Sequence[float],
    shots: int,
) -> Float[Tensor, " episodes"]:
    """The strength that suits each episode's held-out examples best."""
    place = torch.arange(gram.shape[-1], device=gram.device)
    kept = torch.stack([place[place % shots != fold] for fold in range(shots)])
    held = torch.stack([place[place % shots == fold] for fold in range(shots)])
    inner = gram[:, kept[:, :, None], kept[:, None, :]]
    asked = gram[:, held[:, :, None], kept[:, None, :]]
    losses = [
        -(target[:, held] * (asked @ fit_logistic(inner, target[:, kept], one)).log_softmax(-1)).sum((-3, -2, -1))
        for one in strengths
    ]
    return gram.new_tensor(strengths)[torch.stack(losses, -1).argmin(-1)]
