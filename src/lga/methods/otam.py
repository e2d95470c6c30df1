"""OTAM: align two clips in time, softly, and take the cost of the alignment as their distance."""

from typing import Literal

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from lga.core.alignment import align_frames, cosine_distances
from lga.methods.protocol import Dataset, Scorer, Tasks, seen_frames
from lga.methods.scoring import FEATURES_AT_ONCE, in_blocks, matrix_scorer

PAIRS_AT_ONCE = 2**22
"""Frame pairs that are compared together while all clips meet all clips."""
Merge = Literal["frames", "distances"]


def otam(dataset: Dataset, *, smoothing: float = 0.1, merge: Merge = "frames") -> Scorer:
    """Both directions' alignment costs of a query and each class, summed.

    With several examples a class, "frames" averages their t-th frames into one prototype clip first, as the official
    code does; "distances" aligns with every example and averages the costs. With one example the two are the same.

    Source: OTAM (arXiv:1906.11415), smoothing 0.1; both directions summed as in CLIP-FSAR's official code.
    """
    frames = seen_frames(dataset)
    if merge == "distances":
        rows = frames.split(max(1, PAIRS_AT_ONCE // (len(frames) * frames.shape[1] ** 2)))
        distance = [align_both(cosine_distances(some, frames), smoothing=smoothing) for some in rows]
        return matrix_scorer(torch.cat(distance))

    def score(tasks: Tasks) -> Float[Tensor, "episodes queries way"]:
        return -align_classes(
            frames[rearrange(tasks.query, "e w q -> e (w q)")], frames[tasks.support].mean(2), smoothing=smoothing
        )

    return in_blocks(score, lambda tasks: tasks.support[0].numel() * frames[0].numel(), most=FEATURES_AT_ONCE)


def align_both(distance: Float[Tensor, "*pairs frames others"], *, smoothing: float) -> Float[Tensor, "*pairs"]:
    """The alignment costs of two clips in both directions, summed: symmetric.

    Source: CLIP-FSAR (arXiv:2303.02982), official code.
    """
    return align_frames(distance, smoothing=smoothing) + align_frames(distance.mT, smoothing=smoothing)


def align_classes(
    query: Float[Tensor, "episodes queries frames dim"],
    prototype: Float[Tensor, "episodes way others dim"],
    *,
    smoothing: float,
    guard: float = 0.0,
) -> Float[Tensor, "episodes queries way"]:
    """The alignment cost, both directions, of every query with every prototype clip of its episode.

    Source: OTAM, few-shot inference with averaged examples.
    """
    return align_both(cosine_distances(query, prototype, guard=guard), smoothing=smoothing)
