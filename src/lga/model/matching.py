"""The method between features and scores: cut clips into stages, fuse them with text, match them."""

from dataclasses import dataclass

from einops import repeat
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lga.backbone.protocol import Space
from lga.config import MethodConfig
from lga.core.distance import clip_distances
from lga.core.score import video_text_scores
from lga.core.segment import SEGMENTERS, pack_stages, stage_means
from lga.model.head import Head, inject_text


@dataclass(frozen=True, slots=True)
class Cut:
    """Clips cut into stages: each frame's own stage, what each stage sees, and the packed tokens' frames and stages."""

    label: Int[Tensor, "clips frames"]
    mask: Bool[Tensor, "clips stages frames"]
    frame: Int[Tensor, "clips tokens"]
    stage: Int[Tensor, "clips tokens"]


@dataclass(frozen=True, slots=True)
class Prototypes:
    """Clips ready to be matched: fused tokens, stage after stage; stage -1 is padding."""

    tokens: Float[Tensor, "clips tokens sight"]
    """in the backbone's own visual space"""
    stage: Int[Tensor, "clips tokens"]
    learned: Float[Tensor, "clips tokens width"] | None = None
    """in the space of a trained head, where there is one"""


def cut_clips(frames: Float[Tensor, "clips frames dim"], method: MethodConfig, space: Space) -> Cut:
    """Segment clips by their visual features, before fusion.

    Raises:
        ValueError: there are fewer frames than stages.

    Source: LGA (arXiv:2507.16287), "Visual Anatomy".
    """
    label_frames, mask_stages = SEGMENTERS[method.segmenter]
    label = label_frames(frames[..., space.visual], method.stages)
    mask = mask_stages(label, method.stages, method.overlap)
    frame, stage = pack_stages(mask)
    return Cut(label, mask, frame, stage)


def build_prototypes(
    frames: Float[Tensor, "clips frames dim"],
    cut: Cut,
    text: Float[Tensor, "clips stages dim"] | None,
    method: MethodConfig,
    space: Space,
    head: Head | None = None,
) -> Prototypes:
    """Fuse clips in the support role, with each one's own stage sentences, or, text None, in the query role.

    Without a trained head the fusion is what a new block computes: the text is added to the frames of its stage.

    Source: LGA, "Fine-grained multimodal fusion"; the strength `method.text_injection` is our choice.
    """
    tokens = frames.gather(1, repeat(cut.frame, "c n -> c n d", d=frames.shape[-1]))
    scaled = None if text is None else text * method.text_injection
    plain = tokens if scaled is None else inject_text(tokens, cut.stage, scaled)
    learned = None if head is None or head.head_weight == 0 else head(tokens, cut.stage, scaled)
    return Prototypes(plain[..., space.visual], cut.stage, learned)


def match_videos(
    query: Prototypes, support: Prototypes, method: MethodConfig, *, head_weight: float = 1.0
) -> Float[Tensor, "query support"]:
    """The distance of every query to every example.

    Where a trained head has fused the clips, the share `head_weight` of it is the distance between the head's tokens,
    and the rest the distance in the backbone's own visual space.

    Source: LGA, AB-MHM; with `bi_mhm` the same tokens are matched without regard to their stages. `head_weight` is our
    choice.
    """
    stages = [query.stage, support.stage]
    if method.matcher == "bi_mhm":
        stages = [stage.clamp_max(0) for stage in stages]

    def apart(asked: Float[Tensor, "query tokens d"], shown: Float[Tensor, "support others d"]) -> Tensor:
        return clip_distances(asked, stages[0], shown, stages[1], reduction=method.reduction)

    if query.learned is None or support.learned is None:
        return apart(query.tokens, support.tokens)
    learned = apart(query.learned, support.learned)
    return (
        learned if head_weight == 1 else head_weight * learned + (1 - head_weight) * apart(query.tokens, support.tokens)
    )


def match_text(
    frames: Float[Tensor, "query frames dim"], cut: Cut, text: Float[Tensor, "way stages dim"], space: Space
) -> Float[Tensor, "query way stages"]:
    """The similarity of every stage of every query to every class's sentence for it, before fusion, -1 to 1.

    Source: LGA, "Video-text matching".
    """
    means = stage_means(frames[..., space.semantic], cut.mask)
    return video_text_scores(means, text[..., space.semantic])
