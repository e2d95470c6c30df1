"""Which frame was matched with which: the parts that a clip distance is the sum of."""

import torch
import torch.nn.functional as F
from einops import einsum
from jaxtyping import Float, Int
from torch import Tensor

from lga.core.distance import Reduction


def token_distances(
    tokens: Float[Tensor, "tokens dim"], others: Float[Tensor, "others dim"]
) -> Float[Tensor, "tokens others"]:
    """1 - cos of every token of one clip and every token of another.

    Source: LGA (arXiv:2507.16287), d(i,j) of AB-MHM.
    """
    return 1 - einsum(F.normalize(tokens, dim=-1), F.normalize(others, dim=-1), "i d, j d -> i j")


def nearest_tokens(
    distance: Float[Tensor, "tokens others"], stage: Int[Tensor, " tokens"], other_stage: Int[Tensor, " others"]
) -> tuple[Int[Tensor, " tokens"], Int[Tensor, " others"]]:
    """For every token the nearest one of the same stage in the other clip, both ways; -1 where there is none.

    Tokens of stage -1 are padding. Of equally near ones it is the first.

    Source: LGA, AB-MHM: the minima that it sums.
    """
    together = (stage[:, None] == other_stage) & (stage >= 0)[:, None]
    apart = distance.masked_fill(~together, torch.inf)
    return apart.argmin(1).where(together.any(1), -1), apart.argmin(0).where(together.any(0), -1)


def stage_costs(
    distance: Float[Tensor, "tokens others"],
    stage: Int[Tensor, " tokens"],
    other_stage: Int[Tensor, " others"],
    stages: int,
    *,
    reduction: Reduction = "sum",
) -> Float[Tensor, " {stages}"]:
    """How much each stage adds to the AB-MHM distance of two clips; their sum is that distance.

    Source: LGA, AB-MHM, the sum over the stages written out.
    """
    forth, back = nearest_tokens(distance, stage, other_stage)
    cost = distance.new_zeros(stages)
    for nearest, far, own in ((forth, distance, stage), (back, distance.T, other_stage)):
        real = nearest >= 0
        found = far.gather(1, nearest.clamp_min(0)[:, None])[:, 0]
        size = (own[:, None] == own).sum(1) if reduction == "mean" else torch.ones_like(own)
        cost = cost.index_add(0, own[real], (found / size)[real])
    return cost


def frame_distances(
    distance: Float[Tensor, "tokens others"],
    frame: Int[Tensor, " tokens"],
    other_frame: Int[Tensor, " others"],
    frames: int,
) -> Float[Tensor, "{frames} {frames}"]:
    """The distance of every frame to every other clip's frame: the least between their tokens.

    A frame that two stages see has two tokens; frames without any are infinitely far.

    Source: our choice, to show what AB-MHM sees.
    """
    place = frame[:, None] * frames + other_frame
    empty = distance.new_full((frames * frames,), torch.inf)
    return empty.scatter_reduce(0, place.flatten(), distance.flatten(), "amin").unflatten(0, (frames, frames))
