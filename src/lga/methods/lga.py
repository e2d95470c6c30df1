"""LGA as a method: every clip is matched with every other once, then an episode is a few look-ups in a table."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from einops import rearrange, repeat
from jaxtyping import Float
from torch import Tensor

from lga.backbone.protocol import Space
from lga.config import MethodConfig
from lga.methods.protocol import Dataset, Method, Scorer, Tasks
from lga.methods.scoring import in_blocks
from lga.model.head import Head
from lga.model.matching import LGA, Prototypes, Whole
from lga.model.staged import StagedExamples, StagedLGA
from lga.model.task import Compared, Match, joined, learn
from lga.motion.descriptor import comparable

CLIPS_AT_ONCE = 64
"""Query clips matched with all examples together."""
NUMBERS_AT_ONCE = 2**18
"""Numbers looked up together for some episodes: bounds memory, stays in the cores' caches (measured: the fastest of
2**14 to 2**18 for the default settings at 5-shot, on two cores)."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Everything that episodes need: how all clips compare with all clips, and with the sentences of all classes."""

    table: Compared
    space: Space
    stages: float | None = None
    """how many stages a class has on average; None: as many as the settings of the scores say"""


@dataclass(frozen=True, slots=True)
class FusedDataset:
    """All clips of a dataset cut and fused in both roles: what every matrix of them is made from."""

    lga: StagedLGA
    query: tuple[Prototypes, ...]
    """for every number of stages that occurs"""
    support: StagedExamples
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

    As a query a clip is cut into every number of stages that some class has, as an example into that of its own.

    Source: LGA, "Visual Anatomy", "Fine-grained multimodal fusion" and "Video-text matching".
    """
    frames, described = dataset.frames, dataset.motion
    if described is not None:
        config = config.updated({"motion": comparable(described, config.motion)})
    lga = StagedLGA(LGA(config, dataset.space, head), dataset.counts)
    cuts = lga.cut(frames, described)
    whole = lga.lga.as_a_whole(frames, described)
    query = lga.ask(frames, cuts, whole)
    support = lga.show(frames, cuts, dataset.sentences, whole, label=dataset.label)
    return FusedDataset(lga, query, support, lga.similarities(frames, cuts, lga.sentences(dataset.sentences)))


def match_dataset(
    fused: FusedDataset, *, stage: int | None = None, progress: Callable[[int, int], None] | None = None
) -> Matrix:
    """Match every clip with every clip and every class's text, by all stages or, with `stage`, by that one alone.

    Column j of the distances holds clip j in the support role.

    Raises:
        ValueError: not every class has this stage.

    Source: LGA, AB-MHM; a single stage is our choice, to see what each is worth.
    """
    query, support, similarity = fused.query, fused.support, fused.similarity
    if stage is not None:
        if stage >= fused.lga.numbers[0]:
            raise ValueError(f"some classes have {fused.lga.numbers[0]} stages alone; there is no stage {stage + 1}")
        query = tuple(_only(one, stage) for one in query)
        support = replace(support, prototypes=tuple(_only(one, stage) for one in support.prototypes))
        similarity = similarity[..., stage : stage + 1]
    rows: list[Compared] = []
    clips = len(similarity)
    for start in range(0, clips, CLIPS_AT_ONCE):
        some = slice(start, start + CLIPS_AT_ONCE)
        rows.append(fused.lga.compare([one[some] for one in query], support, similarity[some]))
        if progress is not None:
            progress(min(start + CLIPS_AT_ONCE, clips), clips)
    return Matrix(joined(rows), fused.lga.lga.space, fused.lga.mean)


def lga_scorer(matrix: Matrix, config: MethodConfig, *, match: Match = "combined") -> Scorer:
    """Score episodes from the matrix, as many at a time as the processor's cache holds.

    What `lga.model.task` does for one task it does for all of them at once: each is learnt from its own examples. The
    settings of the scores are those of `config`; what clips are compared by is in the matrix already. Without examples
    the video match knows nothing and scores 0.

    Source: LGA, "Multimodal matching"; see `lga.model.task` for what is our choice.
    """
    lga = LGA(config, matrix.space)

    def score(tasks: Tasks) -> Float[Tensor, "episodes queries way"]:
        n_way, shots = tasks.support.shape[1:]
        query, support = rearrange(tasks.query, "e w q -> e (w q)"), rearrange(tasks.support, "e w k -> e (w k)")
        support_label = repeat(torch.arange(n_way, device=support.device), "w -> (w k)", k=shots)
        examples = matrix.table.of(support, support, tasks.classes)
        learnt = learn(examples, support_label, n_way, lga.rule(float(shots), matrix.stages))
        return learnt.only(match).weigh(learnt.scores(matrix.table.of(query, support, tasks.classes)))

    def numbers(tasks: Tasks) -> int:
        examples = tasks.support[0].numel()
        return max(examples, tasks.classes.shape[1]) * max(tasks.query[0].numel(), examples)

    return in_blocks(score, numbers, most=NUMBERS_AT_ONCE)


def _only(clips: Prototypes, stage: int) -> Prototypes:
    """The tokens of one stage alone, moved to the front; stage -1 is padding. Motion is known of whole clips only."""
    own = clips.stage == stage
    most = max(own.sum(1).tolist())
    place = own.to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :most]

    def taken(tokens: Float[Tensor, "clips tokens dim"]) -> Float[Tensor, "clips most dim"]:
        return tokens.gather(1, repeat(place, "c n -> c n d", d=tokens.shape[2]))

    return replace(
        clips,
        vectors=taken(clips.vectors) if clips.frame is None else clips.vectors,
        stage=clips.stage.gather(1, place).where(own.gather(1, place), -1),
        learned=None if clips.learned is None else taken(clips.learned),
        whole=None if clips.whole is None else Whole(clips.whole.appearance),
        frame=None if clips.frame is None else clips.frame.gather(1, place),
    )
