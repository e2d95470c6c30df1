"""LGA as a method: every clip is matched with every other once, then an episode is a few look-ups in a table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from einops import rearrange, repeat
from jaxtyping import Float, Int
from torch import Tensor

from lga.config import MethodConfig
from lga.core.support_head import head_scores
from lga.methods.protocol import Dataset, Method, Scorer, Tasks
from lga.methods.scoring import in_blocks, look_up, meet, pool
from lga.model.head import Head
from lga.model.matching import LGA, Prototypes
from lga.motion.descriptor import comparable

Match = Literal["video", "text", "combined"]
MATCHES: tuple[Match, ...] = ("video", "text", "combined")
CLIPS_AT_ONCE = 64
"""Query clips matched with all examples together."""
NUMBERS_AT_ONCE = 2**18
"""Numbers looked up together for some episodes: bounds memory, stays in the cores' caches (measured: the fastest of
2**14 to 2**18 for the default settings at 5-shot, on two cores)."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Everything that episodes need: distances between clips, and each clip's text score for each class."""

    distance: Float[Tensor, "clips clips"]
    similarity: Float[Tensor, "clips classes"]
    product: Float[Tensor, "clips clips"] | None = None
    """inner products of all clips, which the support head is solved from; None without it"""


@dataclass(frozen=True, slots=True)
class FusedDataset:
    """All clips of a dataset cut once and fused in both roles: what every matrix of them is made from."""

    lga: LGA
    query: Prototypes
    support: Prototypes
    """each fused with the sentences of its own class"""
    similarity: Float[Tensor, "clips classes stages"]
    """of each clip's stages to the sentences of every class"""


def lga_method(config: MethodConfig, *, match: Match = "combined", head: Head | None = None) -> Method:
    """LGA by its video match, its text match or both.

    Source: LGA (arXiv:2507.16287), "Multimodal matching".
    """
    return lambda dataset: lga_scorer(pairwise_matrix(dataset, config, head=head), config, match=match)


def pairwise_matrix(
    dataset: Dataset,
    config: MethodConfig,
    *,
    head: Head | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Matrix:
    """Cut and fuse every clip once in each role, and match every clip with every clip and every class's text.

    Source: LGA, AB-MHM and "Video-text matching".
    """
    return match_dataset(fuse_dataset(dataset, config, head=head), progress=progress)


def fuse_dataset(dataset: Dataset, config: MethodConfig, *, head: Head | None = None) -> FusedDataset:
    """Cut every clip, fuse it in both roles, and compare its stages with the sentences of every class.

    Source: LGA, "Visual Anatomy", "Fine-grained multimodal fusion" and "Video-text matching".
    """
    frames, described = dataset.frames, dataset.motion
    if described is not None:
        config = config.updated({"motion": comparable(described, config.motion)})
    lga = LGA(config, dataset.space, head)
    cut = lga.cut(frames, described)
    compared = lga.compare_by(frames, described)
    query = lga.fuse(frames, cut, None, compared)
    support = lga.fuse(frames, cut, dataset.sentences[dataset.label], compared)
    return FusedDataset(lga, query, support, lga.similarities(frames, cut, dataset.sentences))


def match_dataset(
    fused: FusedDataset, *, stage: int | None = None, progress: Callable[[int, int], None] | None = None
) -> Matrix:
    """Match every clip with every clip and every class's text, by all stages or, with `stage`, by that one alone.

    Column j of the distances holds clip j in the support role.

    Source: LGA, AB-MHM; a single stage is our choice, to see what each is worth.
    """
    query, support, similarity = fused.query, fused.support, fused.similarity
    if stage is not None:
        query, support, similarity = _only(query, stage), _only(support, stage), similarity[..., stage : stage + 1]
    rows: list[Tensor] = []
    clips = len(similarity)
    for start in range(0, clips, CLIPS_AT_ONCE):
        rows.append(fused.lga.distances(query[start : start + CLIPS_AT_ONCE], support))
        if progress is not None:
            progress(min(start + CLIPS_AT_ONCE, clips), clips)
    return Matrix(torch.cat(rows), similarity.sum(-1), fused.lga.products(query, support))


def lga_scorer(matrix: Matrix, config: MethodConfig, *, match: Match = "combined") -> Scorer:
    """Score episodes from the matrix, as many at a time as the processor's cache holds.

    The logits are alpha * -distance + (1 - alpha) * similarity over the softness, with the
    support head's scores beside the video match; alpha is 1 for the video match and
    0 for the text match. Without examples the video match knows nothing and scores 0.

    Source: LGA, "Multimodal matching"; `hub_correction` and softmin pooling are our choice.
    """

    def score(tasks: Tasks) -> Float[Tensor, "episodes queries way"]:
        alpha = {
            "video": 1.0,
            "text": 0.0,
            "combined": config.video_weight(tasks.support.shape[2]),
        }[match]
        logits = _logits(matrix, tasks, config, alpha)
        shots = tasks.support.shape[2]
        if matrix.product is None or alpha == 0 or not shots:
            return logits / config.softness(shots)
        return (logits + config.support_weight(shots) * _head(matrix.product, tasks)) / config.softness(shots)

    def numbers(tasks: Tasks) -> int:
        examples = tasks.support[0].numel()
        others = examples if config.hub_correction else 0
        learned = examples if matrix.product is not None else 0
        return max(examples, tasks.classes.shape[1]) * max(tasks.query[0].numel(), others, learned)

    return in_blocks(score, numbers, most=NUMBERS_AT_ONCE)


def _logits(matrix: Matrix, tasks: Tasks, config: MethodConfig, alpha: float) -> Float[Tensor, "episodes queries way"]:
    """The episodes are the last axis of every table here, so that all arithmetic runs along them."""
    query = rearrange(tasks.query, "e w q -> (w q) e")
    support = rearrange(tasks.support, "e w k -> k w e")
    classes = rearrange(tasks.classes, "e w -> 1 w e")
    logits = torch.zeros((), dtype=matrix.distance.dtype, device=matrix.distance.device)
    if alpha > 0 and len(support):
        apart = look_up(matrix.distance, query, support)
        if config.hub_correction:
            apart = apart - config.hub_correction * _hub(matrix.distance, support, support)
        logits = logits - alpha * pool(apart, config.pooling)
    if alpha < 1:
        like = look_up(matrix.similarity, query, classes)
        if config.hub_correction and len(support):
            like = like - config.hub_correction * _hub(matrix.similarity, support, classes)
        logits = logits + (1 - alpha) * like[:, 0]
    shape = (len(query), tasks.classes.shape[1], len(tasks.classes))
    return rearrange(logits.expand(shape), "q w e -> e q w").contiguous()


def _head(product: Float[Tensor, "clips clips"], tasks: Tasks) -> Float[Tensor, "episodes queries way"]:
    """The support head's scores, each episode's solved from its own examples."""
    n_way, shots = tasks.support.shape[1:]
    query, support = meet(tasks)
    member = torch.eye(n_way, dtype=product.dtype, device=product.device).repeat_interleave(shots, 0)
    return head_scores(product[query, support], product[support.mT, support], member.expand(len(query), -1, -1))


def _hub(
    table: Float[Tensor, "clips columns"],
    support: Int[Tensor, "shots way episodes"],
    column: Int[Tensor, "depth way episodes"],
) -> Float[Tensor, "depth way episodes"]:
    """`correct_hubs` where classes have equally many examples: a column's mean over the other classes' examples.

    It is the sum over all examples less that over the column's own class, so that nothing is masked.
    """
    shots, way, _ = support.shape
    seen = rearrange(
        look_up(table, rearrange(support, "k w e -> (k w) e"), column), "(k v) d w e -> k v d w e", k=shots
    )
    own = rearrange(seen.diagonal(dim1=1, dim2=3).sum(0), "d e w -> d w e")
    return (seen.sum((0, 1)) - own) / (shots * (way - 1))


def _only(clips: Prototypes, stage: int) -> Prototypes:
    """The tokens of one stage alone, moved to the front; stage -1 is padding."""
    own = clips.stage == stage
    most = max(own.sum(1).tolist())
    place = own.to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :most]

    def taken(tokens: Float[Tensor, "clips tokens dim"]) -> Float[Tensor, "clips most dim"]:
        return tokens.gather(1, repeat(place, "c n -> c n d", d=tokens.shape[2]))

    stages = clips.stage.gather(1, place).where(own.gather(1, place), -1)
    return Prototypes(taken(clips.tokens), stages, None if clips.learned is None else taken(clips.learned))
