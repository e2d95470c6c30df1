"""Prototypical networks: a class is the mean of its examples."""

from typing import Literal

import torch
from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor

from lga.methods.protocol import Dataset, Scorer, Tasks, seen_clips
from lga.methods.scoring import count_pairs, in_blocks, meet

Metric = Literal["cosine", "euclidean"]


def protonet(dataset: Dataset, *, metric: Metric = "cosine", scale: float = 10.0) -> Scorer:
    """Compare a query's mean frame with the mean of each class's examples' mean frames.

    "cosine" gives `scale` times the cosine, "euclidean" the negative squared distance. Both come from the inner
    products of all clips, made once: <q, p> is a mean of products, and so is |p|^2.

    Source: Snell et al. (arXiv:1703.05175), eq. 1 and 2 ("euclidean"); the cosine with a scale of 10 is that of
    Meta-Baseline (arXiv:2003.04390).
    """
    clips = seen_clips(dataset)
    product = clips @ clips.T
    square = product.diagonal()

    def score(tasks: Tasks) -> Float[Tensor, "episodes queries way"]:
        shots = tasks.support.shape[2]
        cross = reduce(product[meet(tasks)], "e q (w k) -> e q w", "mean", k=shots)
        own = product[tasks.support[..., :, None], tasks.support[..., None, :]].mean((-2, -1))[:, None]
        asked = rearrange(square[tasks.query], "e w q -> e (w q) 1")
        if metric == "euclidean":
            return 2 * cross - asked - own
        return scale * cross / (asked * own).clamp_min(torch.finfo(cross.dtype).tiny).sqrt()

    return in_blocks(score, count_pairs)
