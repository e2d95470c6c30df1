"""Distances of clips, matched frame by frame within each stage, and of classes."""

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from einops import einsum
from jaxtyping import Bool, Float, Int
from torch import Tensor

Reduction = Literal["sum", "mean"]
Pooling = Literal["softmin", "mean"]

PAIRS_AT_ONCE = 2**20
"""Pairs of tokens compared together."""
VECTORS_AT_ONCE = 2**11
"""Vectors of the examples held against the queries together: a matrix product that the caches hold."""


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
    block: int = PAIRS_AT_ONCE,
) -> Float[Tensor, "query support"]:
    """AB-MHM between every query clip and every support clip: d(i,j) = 1 - cos, matched within each stage.

    Works through the clips in blocks of about `block` token pairs, so that memory stays bounded however many clips
    meet. A token of all zeros has distance 1 to everything. With all stages 0 this is Bi-MHM.

    Source: LGA (arXiv:2507.16287), "Aligned Bidirectional Mean Hausdorff Metric".
    """
    unit = F.normalize(query, dim=-1), F.normalize(support, dim=-1)
    return unit_distances(*unit, (query_stage, support_stage), reduction=reduction, block=block)


def unit_distances(
    query: Float[Tensor, "query vectors dim"],
    support: Float[Tensor, "support others dim"],
    stage: tuple[Int[Tensor, "query tokens"], Int[Tensor, "support theirs"]],
    frame: tuple[Int[Tensor, "query tokens"] | None, Int[Tensor, "support theirs"] | None] = (None, None),
    *,
    reduction: Reduction = "sum",
    block: int = PAIRS_AT_ONCE,
) -> Float[Tensor, "query support"]:
    """`clip_distances` of vectors whose length is 1, or 0, already.

    `frame` says which of its clip's vectors every token is; None: the vectors are the tokens. Where tokens are frames,
    some of them seen by two stages, this compares each frame once.

    Source: as `clip_distances`; the blocks are our choice: fastest of 2**16 to 2**24 on an Intel Xeon with AVX-512.
    """
    columns = max(1, VECTORS_AT_ONCE // max(1, support.shape[1]))
    rows = max(1, block // max(1, query.shape[1] * min(columns, len(support)) * support.shape[1]))

    def between(some: slice, others: slice) -> Float[Tensor, "some others"]:
        near = 1 - einsum(query[some], support[others], "q i d, s j d -> q s i j")
        for axis, tokens in ((2, frame[0]), (3, frame[1])):
            if tokens is not None:
                near = _spread(near, tokens[some if axis == 2 else others], axis)
        return hausdorff(near, stage[0][some], stage[1][others], reduction=reduction)

    parts = [
        torch.cat([between(some, others) for others in _slices(len(support), columns)], 1)
        for some in _slices(len(query), rows)
    ]
    return torch.cat(parts)


def _slices(count: int, step: int) -> list[slice]:
    """Consecutive slices of at most `step`; at least one, which may be empty."""
    return [slice(start, start + step) for start in range(0, max(1, count), step)]


def _spread(
    near: Float[Tensor, "query support tokens others"], tokens: Int[Tensor, "clips chosen"], axis: int
) -> Float[Tensor, "query support chosen_or_tokens chosen_or_others"]:
    """The distances of frames at the tokens' places: along axis 2 those of the queries, along 3 those of the others."""
    place = tokens[:, None, :, None] if axis == 2 else tokens[None, :, None, :]
    shape = list(near.shape)
    shape[axis] = tokens.shape[1]
    return near.gather(axis, place.expand(shape))


def whole_clip_distances(
    query: Float[Tensor, "query tokens dim"],
    query_stage: Int[Tensor, "query tokens"],
    support: Float[Tensor, "support others dim"],
    support_stage: Int[Tensor, "support others"],
    *,
    reduction: Reduction = "sum",
) -> Float[Tensor, "query support"]:
    """Bi-MHM between every query clip and every support clip: `clip_distances` as if each clip had one stage.

    Source: HyRSM (arXiv:2204.13423), Bi-MHM.
    """
    stages = query_stage.clamp_max(0), support_stage.clamp_max(0)
    return clip_distances(query, stages[0], support, stages[1], reduction=reduction)


Matcher = Callable[..., Float[Tensor, "query support"]]
"""Takes what `clip_distances` takes: tokens and stages of the queries, those of the examples, and `reduction=`."""

MATCHERS: dict[str, Matcher] = {"ab_mhm": clip_distances, "bi_mhm": whole_clip_distances}
"""By the name that `MethodConfig.matcher` gives; put your own function here to use it."""


def class_distances(
    distance: Float[Tensor, "*query support"],
    support_label: Int[Tensor, " support"],
    way: int,
    *,
    pooling: Pooling = "mean",
    gone: Bool[Tensor, "query support"] | None = None,
) -> Float[Tensor, "*query way"]:
    """Put together the distances to each class's examples; classes may have different numbers of them.

    "mean" averages the distances. "softmin" is -log mean exp(-distance): the class is as near as the average of its
    examples' likelihoods says, so that near examples count and far ones hardly do. `gone` says which examples a query
    leaves out. A class without examples gets the mean over the classes that have some, so that the video match neither
    favours it nor rules it out; without any example at all the result is 0.

    Source: LGA as in third-party research code ("mean"); "softmin" and classes without examples are our choice.
    """
    taken = torch.ones_like(support_label, dtype=distance.dtype) if gone is None else (~gone).to(distance.dtype)
    count = class_sums(taken, support_label, way)
    if pooling == "mean":
        kept = distance if gone is None else distance.masked_fill(gone, 0.0)
        pooled = class_sums(kept, support_label, way) / count.clamp_min(1)
    else:
        kept = distance if gone is None else distance.masked_fill(gone, torch.inf)
        least = _class_least(kept, support_label, way).where(count > 0, 0.0)
        near = (_of_class(least, support_label) - kept).exp()
        total = class_sums(near, support_label, way).where(count > 0, 1.0)
        pooled = least + count.clamp_min(1).log() - total.log()
    neutral = pooled.sum(-1, keepdim=True) / (count > 0).sum(-1, keepdim=True).clamp_min(1)
    return torch.where(count > 0, pooled, neutral)


def class_sums(
    values: Float[Tensor, "*batch examples"], support_label: Int[Tensor, " examples"], way: int
) -> Float[Tensor, "*batch {way}"]:
    """The sum over the examples of each class, 0 for a class without any.

    Source: our choice; a product with rows of zeros and ones would take `way` times as long.
    """
    if _in_order(support_label, way):
        return values.unflatten(-1, (way, len(support_label) // way)).sum(-1)
    return values.new_zeros((*values.shape[:-1], way)).index_add(-1, support_label, values)


def _class_least(
    values: Float[Tensor, "*batch examples"], support_label: Int[Tensor, " examples"], way: int
) -> Float[Tensor, "*batch {way}"]:
    """The least over the examples of each class, infinite for a class without any."""
    if len(support_label) and _in_order(support_label, way):
        return values.unflatten(-1, (way, len(support_label) // way)).amin(-1)
    none = values.new_full((*values.shape[:-1], way), torch.inf)
    return none.scatter_reduce(-1, support_label.expand(values.shape), values, "amin")


def _of_class(
    values: Float[Tensor, "*batch way"], support_label: Int[Tensor, " examples"]
) -> Float[Tensor, "*batch examples"]:
    """The value of each example's class."""
    if _in_order(support_label, values.shape[-1]):
        shots = len(support_label) // values.shape[-1]
        return values[..., None].expand(*values.shape, shots).flatten(-2)
    return values[..., support_label]


def _in_order(support_label: Int[Tensor, " examples"], way: int) -> bool:
    """Whether all classes have equally many examples, one class after the other."""
    shots, odd = divmod(len(support_label), way)
    order = torch.arange(way, device=support_label.device).repeat_interleave(shots)
    return not odd and torch.equal(support_label, order.to(support_label.dtype))


def _stage_size(stage: Int[Tensor, "*clips tokens"]) -> Int[Tensor, "*clips tokens"]:
    """How many tokens share each token's stage."""
    return (stage[..., :, None] == stage[..., None, :]).sum(-1)


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
