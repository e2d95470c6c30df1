"""The method between features and scores: cut clips into stages, fuse them with text, match them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from einops import repeat
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lga.backbone.protocol import Space
from lga.config import MethodConfig
from lga.core.distance import MATCHERS, clip_distances, unit_distances, whole_clip_distances
from lga.core.score import gram, unit_text_scores
from lga.core.segment import (
    SEGMENTERS,
    hard_segment,
    motion_segment,
    pack_stages,
    stage_borders,
    stage_mask,
    stage_means,
)
from lga.model.head import Head, inject_text
from lga.model.task import Alike, Compared, Rule
from lga.motion.descriptor import camera_stillness, flow_course, motion_vectors

HEAD_MOTION = 0.35
"""Weight of motion in the support head, beside appearance at 1, where the camera is not still at all."""
APART_VIDEO = 0.95
"""How much the video is expected to count beside the text at 1, where sight and meaning are kept apart."""
SHARED_VIDEO = 0.55
"""The same where they share one space, without text in the fusion."""


BY_COSINE = (clip_distances, whole_clip_distances)
"""The matchers that compare by cosines alone, for which vectors are normalised once and frames compared once."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Clips cut into stages: each frame's own stage, what each stage sees, and the packed tokens' frames and stages."""

    label: Int[Tensor, "clips frames"]
    mask: Bool[Tensor, "clips stages frames"]
    frame: Int[Tensor, "clips tokens"]
    stage: Int[Tensor, "clips tokens"]
    begin: Float[Tensor, "clips others"] | None = None
    """where each stage after the first begins, as share of the clip; None where no more is known than the frames"""

    def __getitem__(self, clips: Int[Tensor, " chosen"]) -> "Cut":
        """Some of the clips."""
        begin = None if self.begin is None else self.begin[clips]
        return Cut(self.label[clips], self.mask[clips], self.frame[clips], self.stage[clips], begin)

    def borders(self, clip: int, times: Sequence[float], duration: float) -> tuple[float, ...]:
        """Where the stages of a clip begin and end, in seconds, its frames being at these times."""
        if self.begin is None:
            return stage_borders(self.label[clip].tolist(), times, duration)
        return (0.0, *(duration * share for share in self.begin[clip].tolist()), duration)


def joined_cuts(parts: Sequence[Cut]) -> Cut:
    """The cuts of some clips and of others, as one. There must be at least one."""
    begin = [one.begin for one in parts if one.begin is not None]
    most = max(one.frame.shape[1] for one in parts)
    return Cut(
        torch.cat([one.label for one in parts]),
        torch.cat([one.mask for one in parts]),
        torch.cat([F.pad(one.frame, (0, most - one.frame.shape[1])) for one in parts]),
        torch.cat([F.pad(one.stage, (0, most - one.stage.shape[1]), value=-1) for one in parts]),
        torch.cat(begin) if begin else None,
    )


@dataclass(frozen=True, slots=True)
class Prototypes:
    """Clips ready to be matched: fused tokens, stage after stage; stage -1 is padding."""

    vectors: Float[Tensor, "clips vectors sight"]
    """what tokens are made of, in the backbone's own visual space: frames, or the tokens themselves"""
    stage: Int[Tensor, "clips tokens"]
    learned: Float[Tensor, "clips tokens width"] | None = None
    """in the space of a trained head, where there is one"""
    whole: "Whole | None" = None
    """the clips as a whole; None where only their stages are compared"""
    frame: Int[Tensor, "clips tokens"] | None = None
    """which of its clip's vectors every token is; None: the vectors are the tokens"""
    unit: bool = False
    """whether vectors and learned tokens have length 1, or 0, already"""

    def __getitem__(self, clips: slice | Int[Tensor, " chosen"]) -> "Prototypes":
        """Some of the clips."""
        return replace(
            self,
            vectors=self.vectors[clips],
            stage=self.stage[clips],
            learned=None if self.learned is None else self.learned[clips],
            whole=None if self.whole is None else self.whole[clips],
            frame=None if self.frame is None else self.frame[clips],
        )

    @property
    def tokens(self) -> Float[Tensor, "clips tokens sight"]:
        """In the backbone's own visual space."""
        if self.frame is None:
            return self.vectors
        return self.vectors.gather(1, repeat(self.frame, "c n -> c n d", d=self.vectors.shape[2]))

    def of_unit_length(self) -> "Prototypes":
        """With vectors of length 1, once for all the matches to come; nothing of the features is kept alive by them."""
        if self.unit:
            return self
        learned = None if self.learned is None else F.normalize(self.learned, dim=-1)
        return replace(self, vectors=F.normalize(self.vectors, dim=-1), learned=learned, unit=True)


@dataclass(frozen=True, slots=True)
class Whole:
    """What clips are compared by beside their stages: vectors whose inner products say how alike two clips are."""

    appearance: Float[Tensor, "clips sight"]
    """the mean frame, of norm 1"""
    motion: Float[Tensor, "clips numbers"] | None = None
    """None where motion is not compared"""
    length: Float[Tensor, " clips"] | None = None
    """half the squared length of the motion"""
    still: Float[Tensor, " clips"] | None = None
    """what a still camera adds to the motion's weight in the support head is the product of two clips'; None without
    that head or without motion"""

    def __getitem__(self, clips: slice | Int[Tensor, " chosen"]) -> "Whole":
        """Some of the clips."""
        parts = (self.motion, self.length, self.still)
        return Whole(self.appearance[clips], *(None if one is None else one[clips] for one in parts))

    def met(self, others: "Whole") -> Float[Tensor, "clips others"] | None:
        """The inner products of every clip's motion, in rows, and every other's; None without motion."""
        return None if self.motion is None or others.motion is None else self.motion @ others.motion.T

    def alike(self, others: "Whole", met: Float[Tensor, "clips others"] | None) -> Alike:
        """The inner products of these clips, in rows, and others, `met` being those of their motion."""
        return self._alike(others, self.appearance @ others.appearance.T, met)

    def alike_among(self) -> Alike:
        """The inner products of all these clips and all of them."""
        return self._alike(self, gram(self.appearance), None if self.motion is None else gram(self.motion))

    def _alike(
        self, others: "Whole", appearance: Float[Tensor, "clips others"], met: Float[Tensor, "clips others"] | None
    ) -> Alike:
        if met is None or self.still is None or others.still is None:
            return Alike(appearance, None)
        return Alike(appearance, (self.still[:, None] * others.still).add_(HEAD_MOTION) * met)


@dataclass(frozen=True, slots=True, repr=False)
class LGA:
    """The method with its settings, for features of one layout: what is done to clips, in the order of the calls.

    cut -> fuse -> distances is the video match, cut -> similarities the text match. All clips have one number of
    stages; where each class has its own, `lga.model.staged` has one of these for every number.

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

    @property
    def stages(self) -> int:
        """How many stages a clip is cut into.

        Raises:
            ValueError: each class has its own number.
        """
        if self.method.stages == "auto":
            raise ValueError("with stages auto each class has its own number; see lga.model.staged")
        return self.method.stages

    @property
    def terms(self) -> int:
        """How many nearest-frame distances the distance of two clips adds up, or means of them, cut into even parts."""
        method = self.method
        if method.reduction == "mean":
            return 2 * (1 if method.matcher == "bi_mhm" else self.stages)
        even = hard_segment(torch.zeros(1, method.frames, 1), self.stages)
        return 2 * int(stage_mask(even, self.stages, method.overlap, segmenter=method.segmenter).sum())

    def cut(
        self, frames: Float[Tensor, "clips frames dim"], described: Float[Tensor, "clips motion"] | None = None
    ) -> Cut:
        """Segment clips before fusion: by their visual features, or by their motion where the settings want it.

        `described` is how the clips move, as `lga.motion.descriptor` describes it; None where that is not known.

        Raises:
            ValueError: there are fewer frames than stages.

        Source: LGA, "Visual Anatomy"; by motion is our choice.
        """
        method, stages, begin = self.method, self.stages, None
        if method.segmenter == "motion" and method.motion != "none" and described is not None:
            label, begin = motion_segment(flow_course(described), stages, frames.shape[1])
        else:
            label = SEGMENTERS[method.segmenter](frames[..., self.space.visual], stages)
        mask = stage_mask(label, stages, method.overlap, segmenter=method.segmenter)
        frame, stage = pack_stages(mask)
        return Cut(label, mask, frame, stage, begin)

    def fuse(
        self,
        frames: Float[Tensor, "clips frames dim"],
        cut: Cut,
        text: Float[Tensor, "clips stages dim"] | None,
        whole: Whole | None = None,
    ) -> Prototypes:
        """Fuse clips in the support role, with each one's own stage sentences, or, text None, in the query role.

        `whole` is what `as_a_whole` gives for them, the same in both roles.
        Without a trained head the fusion is what a new block computes: the text is added to the frames of its stage.
        Where pictures and sentences share one space, the sentence is first made as long as the clip's pictures are on
        average, so that its share does not depend on the backbone.

        Source: LGA, "Fine-grained multimodal fusion"; the strength `text_injection` and the length are our choice.
        """
        sight = self.space.visual
        scaled = None if text is None else self.method.text_injection * self._as_long(text, frames)
        headed, touched = self.head is not None and self.head.head_weight > 0, touches(scaled, sight)
        if not headed and not touched:
            return Prototypes(frames[..., sight], cut.stage, None, whole, cut.frame)
        tokens = frames.gather(1, repeat(cut.frame, "c n -> c n d", d=frames.shape[-1]))
        learned = self.head(tokens, cut.stage, scaled) if self.head is not None and headed else None
        if scaled is None or not touched:
            return Prototypes(frames[..., sight], cut.stage, learned, whole, cut.frame)
        return Prototypes(inject_text(tokens, cut.stage, scaled)[..., sight], cut.stage, learned, whole)

    def ready(self, clips: Prototypes) -> Prototypes:
        """Fused clips as they are matched fastest: of unit length, but as they are for a matcher of your own."""
        return clips.of_unit_length() if MATCHERS[self.method.matcher] in BY_COSINE else clips

    def _as_long(
        self, text: Float[Tensor, "clips stages dim"], frames: Float[Tensor, "clips frames dim"]
    ) -> Float[Tensor, "clips stages dim"]:
        if not self.space.shared:
            return text
        return F.normalize(text, dim=-1) * frames.norm(dim=-1).mean(1)[:, None, None]

    def as_a_whole(
        self, frames: Float[Tensor, "clips frames dim"], described: Float[Tensor, "clips motion"] | None
    ) -> Whole:
        """The clips' mean appearance and their motion.

        `described` is how the clips move, as `lga.motion.descriptor` describes it; None where that is not known. In the
        head the motion weighs `HEAD_MOTION` and, where the camera is still, up to 1: under a moving one it says
        less.
        """
        return self.summed_up(F.normalize(frames[..., self.space.visual].mean(1), dim=-1), described)

    def summed_up(self, mean: Float[Tensor, "clips sight"], described: Float[Tensor, "clips motion"] | None) -> Whole:
        """`as_a_whole` of clips whose mean frames, made of length 1, are known already."""
        if described is None or self.method.motion == "none":
            return Whole(mean)
        motion = motion_vectors(described, self.method.motion)
        still = ((1 - HEAD_MOTION) * camera_stillness(described)).sqrt()
        return Whole(mean, motion, motion.square().sum(1) / 2, None if self.method.head == "none" else still)

    def compare(
        self, query: Prototypes, support: Prototypes, similarity: Float[Tensor, "query way stages"]
    ) -> Compared:
        """Everything that the scores of some clips need: how they compare with all examples and all sentences.

        Clips that do not move alike are further apart: by `motion_weight` times half the squared distance of their
        motion, 0 for the same clip.

        Raises:
            ValueError: a clip has not been summed up as a whole.

        Source: LGA, "Matching"; motion is our choice, made on two corpora (docs/offline.md).
        """
        mine, theirs = query.whole, support.whole
        if mine is None or theirs is None:
            raise ValueError("clips are compared by their stages and as a whole; fuse them with both")
        met, motion = mine.met(theirs), None
        if met is not None and mine.length is not None and theirs.length is not None:
            motion = self.method.motion_weight * (mine.length[:, None] + theirs.length - met)
        alike, distance = mine.alike(theirs, met), self.distances(query, support)
        return Compared(distance, motion, alike.appearance, alike.moving, similarity.sum(-1))

    def rule(self, shots: float, stages: float | None = None) -> Rule:
        """How scores are put together with `shots` examples a class and `stages` stages, both on average.

        Without `stages` there are as many as the settings say.

        With alpha "fitted" the text is in the units of the checkpoint: its cosines, averaged over the stages, times
        the factor that it was trained with. Where sight and meaning share one space the video repeats part of what the
        text says, and counts less beside it: `SHARED_VIDEO`, more with text in the fusion, and a little less with few
        examples; else `APART_VIDEO`.

        Source: our choice, made on simulated joint spaces (docs/backbones.md); alpha is LGA's.
        """
        method = self.method
        if method.alpha != "fitted":
            softness = method.softness(shots)
            head = method.support_weight(shots) / softness
            alpha = method.video_weight(shots)
            return Rule(method.hub_correction, method.pooling, 1 / softness, head, 1 / softness, alpha)
        start, usual = MethodConfig(head=method.head), APART_VIDEO
        if self.space.shared:
            usual = SHARED_VIDEO * (1 + min(method.text_injection, 1.0) / 2) * (1 - 0.2 / max(shots, 1.0))
        softness = start.softness(shots)
        return Rule(
            method.hub_correction,
            method.pooling,
            start.video_weight(shots) / softness,
            start.support_weight(shots) / softness,
            self.space.scale / (self.stages if stages is None else stages),
            usual=usual,
        )

    def distances(self, query: Prototypes, support: Prototypes) -> Float[Tensor, "query support"]:
        """The distance of every query to every example, by their stages.

        Where a trained head has fused the clips, the share `head_weight` of it is the distance between the head's
        tokens, and the rest the distance in the backbone's own visual space.

        Source: LGA, AB-MHM, or the matcher that the settings name; `head_weight` is our choice.
        """
        if self.head is None or query.learned is None or support.learned is None:
            return self._apart(query, support)
        learned = self._apart(*(replace(one, vectors=one.learned, frame=None) for one in (query, support)))
        weight = self.head.head_weight
        return learned if weight == 1 else weight * learned + (1 - weight) * self._apart(query, support)

    def _apart(self, query: Prototypes, support: Prototypes) -> Float[Tensor, "query support"]:
        match, reduction = MATCHERS[self.method.matcher], self.method.reduction
        if match not in BY_COSINE:
            return match(query.tokens, query.stage, support.tokens, support.stage, reduction=reduction)
        query, support = query.of_unit_length(), support.of_unit_length()
        whole = match is whole_clip_distances
        stage = [one.stage.clamp_max(0) if whole else one.stage for one in (query, support)]
        frame = query.frame, support.frame
        return unit_distances(query.vectors, support.vectors, (stage[0], stage[1]), frame, reduction=reduction)

    def sentences(self, text: Float[Tensor, "way stages dim"]) -> Float[Tensor, "way stages meaning"]:
        """What clips are compared with of sentences: their meaning, made of length 1."""
        return F.normalize(text[..., self.space.semantic], dim=-1)

    def similarities(
        self, frames: Float[Tensor, "query frames dim"], cut: Cut, sentences: Float[Tensor, "way stages meaning"]
    ) -> Float[Tensor, "query way stages"]:
        """The similarity of every stage of every query to every class's sentence for it, before fusion, -1 to 1.

        `sentences` are those that the method of the same name gives.

        Source: LGA, "Video-text matching".
        """
        return unit_text_scores(stage_means(frames[..., self.space.semantic], cut.mask), sentences)


def touches(text: Float[Tensor, "*sentences dim"] | None, sight: slice) -> bool:
    """Whether sentences would change what is seen; not where a backbone keeps sight and meaning apart."""
    return text is not None and bool(text[..., sight].any())
