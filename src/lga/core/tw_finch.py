"""TW-FINCH, a comparator of CLUSTER-Segment: frames join their nearest neighbour in sight and time, level by level."""

import torch
import torch.nn.functional as F
from einops import einsum, rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor


def tw_finch(frames: Float[Tensor, "batch frames dim"], stages: int) -> Int[Tensor, "batch frames"]:
    """Label every frame with its cluster, numbered in the order in which they begin; sometimes fewer than asked for.

    Clusters (at first the frames) are apart by 1 - cos of their mean features times the gap between their mean times.
    Each links to its nearest; what is linked becomes one cluster. That is repeated while at least `stages` are left;
    from there the nearest two are merged, one pair at a time. Where the first round already leaves fewer than
    `stages`, they are all there is: with 8 frames that is often so. A cluster need not be one stretch of time.

    Raises:
        ValueError: there is no stage at all.

    Source: Sarfraz et al. (arXiv:2103.11264), written from the paper; `lga.core.segment.twfinch_segment` fills up.
    """
    if stages < 1:
        raise ValueError(f"frames can be cut into 1 stage or more, not {stages}")
    length = frames.shape[1]
    label = torch.arange(length, device=frames.device).expand(len(frames), -1)
    if length == 1:
        return label
    label = _join(label, _nearest(_apart(frames, label)))
    for _ in range(length.bit_length()):
        coarser = _join(label, _nearest(_apart(frames, label)))
        label = coarser.where(_count(coarser) >= stages, label)
    while bool((_count(label) > stages).any()):
        label = _join(label, _closest(_apart(frames, label))).where(_count(label) > stages, label)
    return label


def fill_up(label: Int[Tensor, "batch frames"], stages: int) -> Int[Tensor, "batch frames"]:
    """Where a clip has fewer clusters than stages, halve its longest one (ties: the earliest) until it has enough.

    Source: our choice; the stages of two clips can only be compared where both have all of them.
    """
    length = label.shape[1]
    for _ in range(stages - 1):
        size = F.one_hot(label, length).sum(1)
        own = label == size.argmax(1, keepdim=True)
        late = own & (2 * own.cumsum(1) > size.amax(1, keepdim=True) + 1)
        more = label.where(~late, _count(label)).clamp_max(length - 1)
        split = _in_order(F.one_hot(more, length).argmax(1).gather(1, more))
        label = split.where(_count(label) < stages, label)
    return label


def _apart(
    frames: Float[Tensor, "batch frames dim"], label: Int[Tensor, "batch frames"]
) -> Float[Tensor, "batch frames frames"]:
    """How far every two clusters are apart; infinite from a cluster to itself and to numbers that no cluster has."""
    length = frames.shape[1]
    member = F.one_hot(label, length).to(frames.dtype)
    size = member.sum(1).clamp_min(1)
    sight = F.normalize(einsum(member, frames, "b t c, b t d -> b c d"), dim=-1)
    time = (torch.arange(length, device=frames.device).to(frames.dtype)[:, None] * member).sum(1) / size
    far = (1 - sight @ sight.mT).clamp_min(0) * (time[:, :, None] - time[:, None, :]).abs()
    idle = member.sum(1) == 0
    self_pair = torch.eye(length, dtype=torch.bool, device=frames.device)
    return far.masked_fill(idle[:, :, None] | idle[:, None, :] | self_pair, torch.inf)


def _nearest(apart: Float[Tensor, "batch frames frames"]) -> Bool[Tensor, "batch frames frames"]:
    """Each cluster's link to its nearest, the first of equals."""
    return F.one_hot(apart.argmin(2), apart.shape[2]).bool() & apart.isfinite()


def _closest(apart: Float[Tensor, "batch frames frames"]) -> Bool[Tensor, "batch frames frames"]:
    """The one link between the two clusters that are least apart, the first of equals."""
    length = apart.shape[2]
    place = F.one_hot(apart.flatten(1).argmin(1), length * length).bool()
    return rearrange(place, "b (i j) -> b i j", i=length)


def _join(label: Int[Tensor, "batch frames"], link: Bool[Tensor, "batch frames frames"]) -> Int[Tensor, "batch frames"]:
    """Make one cluster of what is linked, directly or through others; the earliest begins."""
    reach = (link | link.mT | torch.eye(link.shape[1], dtype=torch.bool, device=link.device)).float()
    for _ in range(link.shape[1].bit_length()):
        reach = (reach @ reach).clamp_max(1)
    first = reach.argmax(2)  # the least number of those within reach
    return _in_order(first.gather(1, label))


def _in_order(number: Int[Tensor, "batch frames"]) -> Int[Tensor, "batch frames"]:
    """The same clusters, whose numbers rise but leave some out, numbered without gaps."""
    taken = F.one_hot(number, number.shape[1]).amax(1)
    return (taken.cumsum(1) - 1).gather(1, number)


def _count(label: Int[Tensor, "batch frames"]) -> Int[Tensor, "batch 1"]:
    return label.amax(1, keepdim=True) + 1
