"""How far two clips are apart when their frames must be met in order: a soft alignment of two sequences."""

from math import log

import torch
from einops import einsum
from jaxtyping import Float
from torch import Tensor


def cosine_distances(
    query: Float[Tensor, "*batch queries frames dim"],
    support: Float[Tensor, "*batch support others dim"],
    *,
    guard: float = 0.0,
) -> Float[Tensor, "*batch queries support frames others"]:
    """1 - cos between every frame of every query and every frame of every support clip.

    `guard` is added to the product of the two lengths; with 0 the scale of the features does not matter. A frame of
    all zeros has distance 1 to everything.

    Source: OTAM (arXiv:1906.11415), the frame distance; a guard of 0.01 is in CLIP-FSAR's official code.
    """
    dot = einsum(query, support, "... q i d, ... s j d -> ... q s i j")
    lengths = query.norm(dim=-1)[..., :, None, :, None] * support.norm(dim=-1)[..., None, :, None, :] + guard
    return 1 - dot / lengths.clamp_min(torch.finfo(dot.dtype).tiny)


def align_frames(distance: Float[Tensor, "*pairs frames others"], *, smoothing: float = 0.1) -> Float[Tensor, "*pairs"]:
    """The soft cost of the cheapest way to meet the second clip's frames in the order of the first's.

    A path starts and ends at any frame of the first clip, visits every frame of the second and never goes back.
    Formally: a column of zeros is put on either side; the first row is a cumulative sum; every other cell is its own
    distance plus the soft minimum, -smoothing * log sum exp(-x / smoothing), of the cells to its left and upper left,
    in the first and last column also of the cell above. Exact in log space, so it is finite for clips of any length.
    The soft minimum lies below the minimum: the cost of a clip and itself is negative. Not symmetric.

    Raises:
        ValueError: if the smoothing is not positive.

    Source: OTAM (arXiv:1906.11415), ordered temporal alignment, relaxed; borders as in the official code of CLIP-FSAR.
    """
    if smoothing <= 0:
        raise ValueError(f"the smoothing must be positive, not {smoothing}")
    score = -distance / smoothing
    reached = score[..., :1, 0]
    rows = [reached]
    for t in range(1, score.shape[-2]):
        reached = score[..., t : t + 1, 0] + torch.logaddexp(reached, torch.full_like(reached, log(2.0)))
        rows.append(reached)
    column = torch.cat(rows, -1)
    for m in range(1, score.shape[-1]):
        inner = torch.logaddexp(column[..., :-1], column[..., 1:])
        column = score[..., m] + torch.cat([column[..., :1], inner], -1)
    ways = column.new_full(column.shape[-1:], log(2.0))
    ways[-1] = 0.0
    return -smoothing * (column + ways).logsumexp(-1)
