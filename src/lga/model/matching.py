"""The method between features and scores: cut clips into stages, fuse them with text, match them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import repeat
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lga.backbone.protocol import Space
from lga.config import MethodConfig
from lga.core.distance import MATCHERS
from lga.core.score import video_text_scores
from lga.core.segment import SEGMENTERS, motion_segment, pack_stages, stage_borders, stage_mask, stage_means
from lga.model.head import Head, inject_text
from lga.motion.descriptor import camera_stillness, flow_course, motion_vectors

HEAD_MOTION = 0.35
"""Weight of motion in the support head, beside appearance at 1, where the camera is not still at all."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Clips cut into stages: each frame's own stage, what each stage sees, and the packed tokens' frames and stages."""

    label: Int[Tensor, "clips frames"]
    mask: Bool[Tensor, "clips stages frames"]
    frame: Int[Tensor, "clips tokens"]
    stage: Int[Tensor, "clips tokens"]
    begin: Float[Tensor, "clips others"] | None = None
    """where each stage after the first begins, as share of the clip; None where no more is known than the frames"""

    def borders(self, clip: int, times: Sequence[float], duration: float) -> tuple[float, ...]:
        """Where the stages of a clip begin and end, in seconds, its frames being at these times."""
        if self.begin is None:
            return stage_borders(self.label[clip].tolist(), times, duration)
        return (0.0, *(duration * share for share in self.begin[clip].tolist()), duration)


@dataclass(frozen=True, slots=True)
class Prototypes:
    """Clips ready to be matched: fused tokens, stage after stage; stage -1 is padding."""

    tokens: Float[Tensor, "clips tokens sight"]
    """in the backbone's own visual space"""
    stage: Int[Tensor, "clips tokens"]
    learned: Float[Tensor, "clips tokens width"] | None = None
    """in the space of a trained head, where there is one"""
    motion: Float[Tensor, "clips numbers"] | None = None
    """vectors whose inner products say how alike two clips move, -1 to 1; None where motion is not compared"""
    summary: Float[Tensor, "clips others"] | None = None
    """vectors whose inner products the support head reads; None without that head"""

    def __getitem__(self, clips: slice | Int[Tensor, " chosen"]) -> "Prototypes":
        """Some of the clips."""
        rest = (None if one is None else one[clips] for one in (self.learned, self.motion, self.summary))
        return Prototypes(self.tokens[clips], self.stage[clips], *rest)


Compared = tuple[Float[Tensor, "clips numbers"] | None, Float[Tensor, "clips others"] | None]
"""What clips are compared by beside their tokens: `motion` and `summary` of `Prototypes`."""


@dataclass(frozen=True, slots=True, repr=False)
class LGA:
    """The method with its settings, for features of one layout: what is done to clips, in the order of the calls.

    cut -> fuse -> distances is the video match, cut -> similarities the text match.

    Source: LGA (arXiv:2507.16287).
    """

    method: MethodConfig
    space: Space
    head: Head | None = None
    """what training learned; its weight says how much of a distance it gives"""

    def __repr__(self) -> str:
        """On one line."""
        head = "" if self.head is None else f", head_weight={self.head.head_weight:g}"
        return f"LGA({self.method!r}, dim={self.space.dim}{head})"

    def cut(
        self, frames: Float[Tensor, "clips frames dim"], described: Float[Tensor, "clips motion"] | None = None
    ) -> Cut:
        """Segment clips before fusion: by their visual features, or by their motion where the settings want it.

        `described` is how the clips move, as `lga.motion.descriptor` describes it; None where that is not known.

        Raises:
            ValueError: there are fewer frames than stages.

        Source: LGA, "Visual Anatomy"; by motion is our choice.
        """
        method, begin = self.method, None
        if method.segmenter == "motion" and method.motion != "none" and described is not None:
            label, begin = motion_segment(flow_course(described), method.stages, frames.shape[1])
        else:
            label = SEGMENTERS[method.segmenter](frames[..., self.space.visual], method.stages)
        mask = stage_mask(label, method.stages, method.overlap, segmenter=method.segmenter)
        frame, stage = pack_stages(mask)
        return Cut(label, mask, frame, stage, begin)

    def fuse(
        self,
        frames: Float[Tensor, "clips frames dim"],
        cut: Cut,
        text: Float[Tensor, "clips stages dim"] | None,
        compared: Compared | None = None,
    ) -> Prototypes:
        """Fuse clips in the support role, with each one's own stage sentences, or, text None, in the query role.

        `compared` is what `compare_by` gives for them, the same in both roles.
        Without a trained head the fusion is what a new block computes: the text is added to the frames of its stage.

        Source: LGA, "Fine-grained multimodal fusion"; the strength `text_injection` is our choice.
        """
        tokens = frames.gather(1, repeat(cut.frame, "c n -> c n d", d=frames.shape[-1]))
        scaled = None if text is None else text * self.method.text_injection
        plain = tokens if scaled is None else inject_text(tokens, cut.stage, scaled)
        learned = None if self.head is None or self.head.head_weight == 0 else self.head(tokens, cut.stage, scaled)
        return Prototypes(plain[..., self.space.visual], cut.stage, learned, *(compared or ()))

    def compare_by(
        self, frames: Float[Tensor, "clips frames dim"], described: Float[Tensor, "clips motion"] | None
    ) -> Compared:
        """The clips' motion, and what the support head reads: mean appearance beside it.

        `described` is how the clips move, as `lga.motion.descriptor` describes it; None where that is not known. In the
        head the motion weighs `HEAD_MOTION` and, where the camera is still, up to 1: under a moving one it says
        less.
        """
        motion = None
        if described is not None and self.method.motion != "none":
            motion = motion_vectors(described, self.method.motion)
        if self.method.head == "none":
            return motion, None
        mean = F.normalize(frames[..., self.space.visual].mean(1), dim=-1)
        if motion is None or described is None:
            return motion, mean
        still = ((1 - HEAD_MOTION) * camera_stillness(described))[:, None].sqrt()
        return motion, torch.cat([mean, HEAD_MOTION**0.5 * motion, still * motion], 1)

    def distances(self, query: Prototypes, support: Prototypes) -> Float[Tensor, "query support"]:
        """The distance of every query to every example.

        Where a trained head has fused the clips, the share `head_weight` of it is the distance between the head's
        tokens, and the rest the distance in the backbone's own visual space. Clips that do not move alike are further
        apart: by `motion_weight` times half the squared distance of their motion, 0 for the same clip.

        Source: LGA, AB-MHM, or the matcher that the settings name; `head_weight` and motion are our choice.
        """
        return self._frame_distances(query, support) + self.motion_distances(query, support)

    def motion_distances(self, query: Prototypes, support: Prototypes) -> Float[Tensor, "*query_support"]:
        """What motion adds to the distance of every query and every example; 0 where it is not compared.

        Source: our choice, made on two corpora (docs/offline.md).
        """
        if query.motion is None or support.motion is None:
            return torch.zeros((), dtype=query.tokens.dtype, device=query.tokens.device)
        ours, theirs = (one.square().sum(-1) / 2 for one in (query.motion, support.motion))
        half = ours[:, None] + theirs - query.motion @ support.motion.T
        return self.method.motion_weight * half

    def products(self, query: Prototypes, support: Prototypes) -> Float[Tensor, "query support"] | None:
        """The inner products of every query and every example that the support head reads; None without that head."""
        if query.summary is None or support.summary is None:
            return None
        return query.summary @ support.summary.T

    def _frame_distances(self, query: Prototypes, support: Prototypes) -> Float[Tensor, "query support"]:
        match, reduction = MATCHERS[self.method.matcher], self.method.reduction
        if self.head is None or query.learned is None or support.learned is None:
            return match(query.tokens, query.stage, support.tokens, support.stage, reduction=reduction)
        learned = match(query.learned, query.stage, support.learned, support.stage, reduction=reduction)
        weight = self.head.head_weight
        if weight == 1:
            return learned
        own = match(query.tokens, query.stage, support.tokens, support.stage, reduction=reduction)
        return weight * learned + (1 - weight) * own

    def similarities(
        self, frames: Float[Tensor, "query frames dim"], cut: Cut, text: Float[Tensor, "way stages dim"]
    ) -> Float[Tensor, "query way stages"]:
        """The similarity of every stage of every query to every class's sentence for it, before fusion, -1 to 1.

        Source: LGA, "Video-text matching".
        """
        means = stage_means(frames[..., self.space.semantic], cut.mask)
        return video_text_scores(means, text[..., self.space.semantic])
