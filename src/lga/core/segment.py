"""Visual anatomy: cut a clip's frames into ordered stages, as masks."""

from collections.abc import Callable, Sequence
from itertools import combinations, pairwise

import torch
import torch.nn.functional as F
from einops import einsum, repeat
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lga.core.tw_finch import fill_up, tw_finch

TIE = 1e-6
"""Similarities closer than this count as equal: float32 rounding must not decide where a stage ends."""
EVENNESS = 4.0
"""What `motion_segment` holds against stages of unequal length, beside the share of the motion's variance: 4 gives
the least border error on planted stages, 2 and 6 a third of a point more."""

CLEARLY = 0.1
"""By how much more stages have to explain more than fewer do in `count_stages`: on simulated courses of one to five
stages with noise .05 to .1 is right most often."""


def cluster_segment(frames: Float[Tensor, "batch frames dim"], stages: int) -> Int[Tensor, "batch frames"]:
    """Label every frame with its stage, by merging the most similar neighbours.

    Starts from one cluster per frame and merges, T - L times, the adjacent pair whose mean features have the highest
    cosine similarity (ties, within `TIE`: the earliest pair). The scale of the features does not matter, their origin
    does; an all-zero frame has similarity 0 to everything.

    Raises:
        ValueError: if there are fewer frames than stages, or no stage at all.

    Source: LGA (arXiv:2507.16287), "Visual Anatomy", CLUSTER-Segment; which of ties is merged is our choice.
    """
    length = _checked_length(frames, stages)
    cut = frames.new_ones(len(frames), length - 1, dtype=torch.bool)  # a border after frame t?
    label = torch.arange(length, device=frames.device).expand(len(frames), -1)
    for _ in range(length - stages):
        member = F.one_hot(label, length).to(frames.dtype)
        total = F.normalize(einsum(member, frames, "b t c, b t d -> b c d"), dim=-1)
        mean = einsum(member, total, "b t c, b c d -> b t d")  # each frame's cluster, as a direction
        similarity = (mean[:, :-1] * mean[:, 1:]).sum(-1).masked_fill(~cut, -torch.inf)
        best = similarity >= similarity.amax(1, keepdim=True) - TIE
        cut = cut.scatter(1, best.to(torch.uint8).argmax(1, keepdim=True), False)
        label = F.pad(cut.cumsum(1), (1, 0))
    return label


def centred_segment(frames: Float[Tensor, "batch frames dim"], stages: int) -> Int[Tensor, "batch frames"]:
    """`cluster_segment` on how each frame differs from its clip's mean frame.

    What all frames share (place, light, clothes) says nothing about where a stage ends, yet it makes all neighbours
    look alike. On rendered clips with planted stages this cuts the border error by a third (docs/offline.md); where a
    clip is cut together from different scenes, plain CLUSTER-Segment finds the cuts better.

    Raises:
        ValueError: as `cluster_segment`.

    Source: our choice, on top of LGA's CLUSTER-Segment.
    """
    return cluster_segment(frames - frames.mean(1, keepdim=True), stages)


def hard_segment(frames: Float[Tensor, "batch frames dim"], stages: int) -> Int[Tensor, "batch frames"]:
    """Label every frame with its stage by its place alone: equal parts, whatever the frames show.

    Raises:
        ValueError: if there are fewer frames than stages, or no stage at all.

    Source: LGA, the HARD comparator's centres; exact parts for any T and L are our choice.
    """
    length = _checked_length(frames, stages)
    label = torch.arange(length, device=frames.device) * stages // length
    return repeat(label, "t -> b t", b=len(frames))


def twfinch_segment(frames: Float[Tensor, "batch frames dim"], stages: int) -> Int[Tensor, "batch frames"]:
    """Label every frame with its TW-FINCH cluster; where it finds fewer than `stages`, the longest ones are halved.

    Raises:
        ValueError: if there are fewer frames than stages, or no stage at all.

    Source: LGA's TW-FINCH comparator; the filling up is our choice.
    """
    _checked_length(frames, stages)
    return fill_up(tw_finch(frames, stages), stages)


def motion_segment(
    course: Float[Tensor, "batch moments numbers"], stages: int, frames: int
) -> tuple[Int[Tensor, "batch {frames}"], Float[Tensor, "batch {stages}-1"]]:
    """Cut clips where their motion changes: every frame's stage, and where each later stage begins, as share of a clip.

    `course` is how a clip moves at the centres of equal parts of it. Of all cuts between them that leave each stage a
    frame, the one with the least cost: the variance of the motion within the stages as a share of all of it, plus
    `EVENNESS` times the sum of the squared differences of the stages' lengths from equal parts. Costs closer than `TIE`
    are equal: the earliest cut. A clip without motion is cut into equal parts, as nearly as the moments allow; a frame
    at a border belongs to the later stage. With more stages than moments or frames there is no such cut.

    Raises:
        ValueError: there are fewer frames, or moments, than stages, or no stage at all.

    Source: our choice; the least-squares partition of a sequence is Fisher's (1958).
    """
    moments = course.shape[1]
    if not 1 <= stages <= min(moments, frames):
        raise ValueError(f"{frames} frames and {moments} moments cannot be cut into {stages} stages")
    centre = (torch.arange(frames, device=course.device) + 0.5) * moments / frames
    cuts = torch.tensor(list(combinations(range(1, moments), stages - 1)), dtype=torch.long, device=course.device)
    label = (centre[:, None] >= cuts[:, None]).sum(-1)
    kept = F.one_hot(label, stages).sum(1).amin(1) > 0
    cuts, label = cuts[kept], label[kept]
    ends = F.pad(F.pad(cuts, (1, 0)), (0, 1), value=moments)
    length = ends.diff(dim=1)
    running = F.pad(course.double().cumsum(1), (0, 0, 1, 0))
    gram = running @ running.mT
    size = gram.diagonal(dim1=1, dim2=2)
    square = size[:, :, None] + size[:, None] - 2 * gram  # of the sum of the moments from one border to another
    between = (square[:, ends[:, :-1], ends[:, 1:]] / length).sum(-1)
    whole = course.double().square().sum((1, 2))
    spread = (whole - size[:, -1] / moments).clamp_min(TIE)
    uneven = (length / moments - 1 / stages).square().sum(1)
    cost = (whole[:, None] - between) / spread[:, None] + EVENNESS * uneven
    best = (cost <= cost.amin(1, keepdim=True) + TIE).to(torch.uint8).argmax(1)
    return label[best], cuts[best].to(course.dtype) / moments


def count_stages(
    course: Float[Tensor, "clips moments numbers"], unstaged: Float[Tensor, "moments others"], *, most: int = 5
) -> int | None:
    """How many stages explain best how the clips of one action move, 1 to `most`; None if none of them moves.

    Each clip is cut by `motion_segment` into every number of stages. What a number explains is how much less of the
    variance is left within the stages than in `unstaged`, a course of as many moments without any stage: the logarithm
    of the ratio, averaged over the clips. Of the numbers that come within `CLEARLY` of the best it is the fewest. A
    clip that does not move says nothing.

    Raises:
        ValueError: there are fewer moments than `most`.

    Source: our choice, after the gap statistic (Tibshirani, Walther & Hastie 2001).
    """
    moving = course[(course - course.mean(1, keepdim=True)).square().sum((1, 2)) > TIE]
    if not len(moving):
        return None
    gap = _left_within(unstaged[None], most).log() - _left_within(moving, most).log().mean(0, keepdim=True)
    return int((gap[0] >= gap.amax() - CLEARLY).to(torch.uint8).argmax()) + 1


def _left_within(course: Float[Tensor, "clips moments numbers"], most: int) -> Float[Tensor, "clips most"]:
    """The share of a course's variance that is left within its stages, cut into 1 to `most`; at least `TIE`."""
    moments, exact = course.shape[1], course.double()
    whole = (exact - exact.mean(1, keepdim=True)).square().sum((1, 2)).clamp_min(TIE)
    shares: list[Tensor] = []
    for stages in range(1, most + 1):
        label = motion_segment(course, stages, moments)[0]
        mean = stage_means(exact, F.one_hot(label, stages).mT.bool())
        own = mean.gather(1, repeat(label, "c t -> c t n", n=course.shape[2]))
        shares.append((exact - own).square().sum((1, 2)) / whole)
    return torch.stack(shares, 1).clamp_min(TIE)


def stage_borders(frame_stage: Sequence[int], times: Sequence[float], duration: float) -> tuple[float, ...]:
    """Where the stages begin and end, in seconds: 0, halfway between the frames on either side, the clip's end.

    Source: our choice.
    """
    inner = [
        (before + after) / 2
        for (before, after), (left, right) in zip(pairwise(times), pairwise(frame_stage), strict=False)
        if left != right
    ]
    return (0.0, *inner, duration)


def overlap_mask(
    label: Int[Tensor, "batch frames"], stages: int, overlap: int = 1
) -> Bool[Tensor, "batch stages frames"]:
    """Which frames each stage sees: its own, plus `overlap` on either side.

    With `overlap` 1 a clip of T frames has exactly T + 2(L-1) tokens: each stage also takes the last own frame of the
    stage before and the first own frame of the stage after.

    Source: LGA's overlap as in third-party research code (see docs); wider overlaps are our choice.
    """
    own = label[:, None] == torch.arange(stages, device=label.device)[:, None]
    return F.max_pool1d(own.float(), 2 * overlap + 1, stride=1, padding=overlap) > 0


def window_mask(
    label: Int[Tensor, "batch frames"], stages: int, overlap: int = 1
) -> Bool[Tensor, "batch stages frames"]:
    """The fixed windows of HARD: [0:4], [2:6], [4:8] for 8 frames and 3 stages; without overlap, equal parts.

    In general stage l sees frames floor(l T/(L+1)) to ceil((l+2) T/(L+1)), half of them shared with each neighbour.

    Source: LGA, HARD; the general T and L are our choice.
    """
    if overlap == 0:
        return overlap_mask(label, stages, 0)
    length = label.shape[1]
    frame = torch.arange(length, device=label.device)
    stage = torch.arange(stages, device=label.device)[:, None]
    start = stage * length // (stages + 1)
    end = -(-(stage + 2) * length // (stages + 1))
    return repeat((frame >= start) & (frame < end), "l t -> b l t", b=len(label))


Segmenter = Callable[[Float[Tensor, "batch frames dim"], int], Int[Tensor, "batch frames"]]
"""From frame features and a number of stages to every frame's stage, which never falls from a frame to the next."""

SEGMENTERS: dict[str, Segmenter] = {
    "motion": centred_segment,  # where no motion is known; else `motion_segment`
    "centred": centred_segment,
    "cluster": cluster_segment,
    "hard": hard_segment,
    "twfinch": twfinch_segment,
}
"""By the name that `MethodConfig.segmenter` gives; put your own function here to use it."""


def stage_mask(
    label: Int[Tensor, "batch frames"], stages: int, overlap: int, *, segmenter: str
) -> Bool[Tensor, "batch stages frames"]:
    """Which frames each stage sees, after a cut by this segmenter: HARD has windows of its own, all others overlap.

    Source: LGA, HARD and the overlap.
    """
    return (window_mask if segmenter == "hard" else overlap_mask)(label, stages, overlap)


def pack_stages(
    mask: Bool[Tensor, "batch stages frames"],
) -> tuple[Int[Tensor, "batch tokens"], Int[Tensor, "batch tokens"]]:
    """List a mask's tokens stage by stage: for each its frame and its stage; padding has frame 0 and stage -1.

    A frame that two stages see is listed twice, once in each. Clips with fewer tokens than the longest are padded.

    Source: our choice (the paper concatenates f_S1, f_S2, f_S3).
    """
    length = mask.shape[2]
    place = mask.flatten(1)
    tokens = max(place.sum(1).tolist(), default=1)  # no clips: one column, that minima over tokens need
    order = place.to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :tokens]
    real = place.gather(1, order)
    return (order % length).where(real, 0), (order // length).where(real, -1)


def stage_means(
    frames: Float[Tensor, "batch frames dim"], mask: Bool[Tensor, "batch stages frames"]
) -> Float[Tensor, "batch stages dim"]:
    """The mean feature of the frames that each stage sees; zero for a stage that sees none.

    Source: LGA, "Video-text matching", v_l.
    """
    weight = mask.to(frames.dtype)
    return einsum(weight, frames, "b l t, b t d -> b l d") / weight.sum(-1, keepdim=True).clamp_min(1)


def _checked_length(frames: Float[Tensor, "batch frames dim"], stages: int) -> int:
    length = frames.shape[1]
    if not 1 <= stages <= length:
        raise ValueError(f"{length} frames can be cut into 1 to {length} stages, not {stages}")
    return length
