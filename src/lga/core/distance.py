"""How far two clips are apart: mean Hausdorff metrics over frames, overall and stage by stage."""

from typing import Literal

import torch
import torch.nn.functional as F
from einops import einsum
from jaxtyping import Float, Int
from torch import Tensor

Reduction = Literal["sum", "mean"]
Pooling = Literal["softmin", "mean"]


def hausdorff(
    distance: Float[Tensor, "query support tokens others"],
    query_stage: Int[Tensor, "query tokens"],
    support_stage: Int[Tensor, "support others"],
    *,
    reduction: Reduction = "sum",
) -> Float[Tensor, "query support"]:
    """Sum, over the tokens of both clips, the distance to the nearest token of the same stage in the other clip.

    Tokens of stage -1 are padding. A stage that one of the two clips lacks adds nothing. "mean" divides each
    direction's sum in each stage by the number of tokens it has there, so that long stages weigh no more than short.

    Source: LGA, AB-MHM (sums, as in third-party research code); Bi-MHM (HyRSM, arXiv:2204.13423) is the same with
    one stage. "mean" is our setting.
    """
    same = query_stage[:, None, :, None] == support_stage[None, :, None, :]
    real = (query_stage >= 0)[:, None, :, None] & (support_stage >= 0)[None, :, None, :]
    apart = distance.masked_fill(~(same & real), torch.inf)
    total = distance.new_zeros(distance.shape[:2])
    for nearest, stage in ((apart.amin(3), query_stage[:, None]), (apart.amin(2), support_stage[None])):
        found = nearest.masked_fill(nearest.isinf(), 0.0)
        total = total + (found / _stage_size(stage) if reduction == "mean" else found).sum(-1)
    return total


def clip_distances(
    query: Float[Tensor, "query tokens dim"],
    query_stage: Int[Tensor, "query tokens"],
    support: Float[Tensor, "support others dim"],
    support_stage: Int[Tensor, "support others"],
    *,
    reduction: Reduction = "sum",
    block: int = 2**24,
) -> Float[Tensor, "query support"]:
    """AB-MHM between every query clip and every support clip: d(i,j) = 1 - cos, matched within each stage.

    Works through the queries in blocks of about `block` token pairs, so that memory stays bounded however many clips
    meet. A token of all zeros has distance 1 to everything. With all stages 0 this is Bi-MHM.

    Source: LGA (arXiv:2507.16287), "Aligned Bidirectional Mean Hausdorff Metric".
    """
    query, support = F.normalize(query, dim=-1), F.normalize(support, dim=-1)
    pairs = query.shape[1] * support.shape[0] * support.shape[1]
    rows = max(1, block // max(1, pairs))
    parts = [
        hausdorff(1 - einsum(some, support, "q i d, s j d -> q s i j"), stage, support_stage, reduction=reduction)
        for some, stage in zip(query.split(rows), query_stage.split(rows), strict=True)
    ]
    return torch.cat(parts)


def class_distances(
    distance: Float[Tensor, "*query support"], owner: Int[Tensor, " support"], way: int, *, pooling: Pooling = "mean"
) -> Float[Tensor, "*query way"]:
    """Put together the distances to each class's examples; classes may have different numbers of them.

    "mean" averages the distances. "softmin" is -log mean exp(-distance): the class is as near as the average of its
    examples' likelihoods says, so that near examples count and far ones hardly do. A class without examples gets the
    mean over the classes that have some, so that the video match neither favours it nor rules it out; without any
    example at all the result is 0.

    Source: LGA as in third-party research code ("mean"); "softmin" and classes without examples are our choice.
    """
    member = F.one_hot(owner, way).to(distance.dtype)
    count = member.sum(0)
    if pooling == "mean":
        pooled = distance @ member / count.clamp_min(1)
    else:
        own = (-distance[..., None]).masked_fill(member == 0, -torch.inf)
        pooled = (count.log() - own.logsumexp(-2)).masked_fill(count == 0, 0.0)
    neutral = pooled.sum(-1, keepdim=True) / (count > 0).sum().clamp_min(1)
    return torch.where(count > 0, pooled, neutral)


def _stage_size(stage: Int[Tensor, "*clips tokens"]) -> Int[Tensor, "*clips tokens"]:
    """How many tokens share each token's stage."""
    return (stage[..., :, None] == stage[..., None, :]).sum(-1)
