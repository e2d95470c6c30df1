"""A task: what its examples teach, and how clips score by it. For one task, or for many of one shape at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lga.core.distance import Pooling, class_distances
from lga.core.score import contrast_stretch, hub_means, hub_means_without, look_up
from lga.core.support_head import head_scores, head_scores_without, invert_gram, solve_head
from lga.core.weighing import fit_temperature, fit_weights, text_gain

Match = Literal["video", "text", "combined"]
MATCHES: tuple[Match, ...] = ("video", "text", "combined")


@dataclass(frozen=True, slots=True)
class Compared:
    """How some clips compare with a task's examples, and with the sentences of its classes."""

    distance: Float[Tensor, "*episodes clips examples"]
    """how different their appearance is, by AB-MHM"""
    motion: Float[Tensor, "*episodes clips examples"] | None
    """how differently they move, weighted; None where motion is not compared"""
    appearance: Float[Tensor, "*episodes clips examples"]
    """the cosine of their mean frames"""
    moving: Float[Tensor, "*episodes clips examples"] | None
    """the inner product by which the support head compares how they move; None where it does not"""
    similarity: Float[Tensor, "*episodes clips way"]
    """to the stage sentences of every class, summed over the stages"""
    head: Float[Tensor, "*episodes clips way"] | None = None
    """scores of a support head that was solved for each clip alone; None where one is solved for all clips"""

    def apart(self, stretch: Float[Tensor, "*episodes"] | None = None) -> Float[Tensor, "*episodes clips examples"]:
        """The distance of appearance and motion together, the appearance stretched."""
        seen = self.distance if stretch is None else stretch[..., None, None] * self.distance
        return seen if self.motion is None else seen + self.motion

    def apart_from(self, clip: int, examples: Sequence[int]) -> Float[Tensor, " chosen"]:
        """How far one clip is from some of the examples, by appearance and motion together, of a single task."""
        seen = self.distance[clip, list(examples)]
        return seen if self.motion is None else seen + self.motion[clip, list(examples)]

    def alike(self, stretch: Float[Tensor, "*episodes"]) -> Float[Tensor, "*episodes clips examples"]:
        """The inner product of appearance, stretched, and motion together: what the support head reads."""
        return Alike(self.appearance, self.moving).stretched(stretch)

    def of(
        self,
        clips: Int[Tensor, "episodes clips"],
        examples: Int[Tensor, "episodes examples"],
        classes: Int[Tensor, "episodes way"],
    ) -> "Compared":
        """Some clips of a table of all, beside some examples and some classes of it, episode by episode."""
        row = clips[..., :, None]
        pair = row, examples[..., None, :]
        return Compared(
            look_up(self.distance, *pair),
            None if self.motion is None else look_up(self.motion, *pair),
            look_up(self.appearance, *pair),
            None if self.moving is None else look_up(self.moving, *pair),
            look_up(self.similarity, row, classes[..., None, :]),
        )


@dataclass(frozen=True, slots=True)
class Alike:
    """How some clips compare with others as a whole, by inner products."""

    appearance: Float[Tensor, "*episodes clips examples"]
    """the cosine of their mean frames"""
    moving: Float[Tensor, "*episodes clips examples"] | None
    """of how they move; None where that is not compared"""

    def stretched(self, stretch: Float[Tensor, "*episodes"]) -> Float[Tensor, "*episodes clips examples"]:
        """The sum of both, the appearance stretched."""
        seen = stretch[..., None, None] * self.appearance
        return seen if self.moving is None else seen + self.moving


def joined(parts: Sequence[Compared]) -> Compared:
    """The comparisons of some clips and of others with the same examples, as one. There must be at least one."""
    motion, moving = (
        [one for one in column if one is not None]
        for column in zip(*((one.motion, one.moving) for one in parts), strict=True)
    )
    return Compared(
        torch.cat([one.distance for one in parts]),
        torch.cat(motion) if motion else None,
        torch.cat([one.appearance for one in parts]),
        torch.cat(moving) if moving else None,
        torch.cat([one.similarity for one in parts]),
    )


def beside(parts: Sequence[Compared], examples: Int[Tensor, " examples"], classes: Int[Tensor, " way"]) -> Compared:
    """The comparisons of the same clips with different examples and classes, as one; the opposite of `joined`.

    `examples` and `classes` say where each column of the parts, one after the other, is to stand.
    """
    motion, moving = (
        [one for one in column if one is not None]
        for column in zip(*((one.motion, one.moving) for one in parts), strict=True)
    )
    example, label = examples.argsort(), classes.argsort()
    return Compared(
        torch.cat([one.distance for one in parts], -1)[..., example],
        torch.cat(motion, -1)[..., example] if motion else None,
        torch.cat([one.appearance for one in parts], -1)[..., example],
        torch.cat(moving, -1)[..., example] if moving else None,
        torch.cat([one.similarity for one in parts], -1)[..., label],
    )


@dataclass(frozen=True, slots=True)
class ClassScores:
    """How well clips suit every class, by their appearance and motion, and by text; not yet weighed."""

    distance: Float[Tensor, "*episodes clips way"]
    """the smaller the likelier"""
    head: Float[Tensor, "*episodes clips way"] | None
    """the support head's scores; None without it"""
    similarity: Float[Tensor, "*episodes clips way"]
    """to the stage sentences, summed over the stages"""


@dataclass(frozen=True, slots=True)
class ScoreWeights:
    """What the class scores are multiplied by before they are added up to a log posterior."""

    distance: Float[Tensor, "*episodes"]
    head: Float[Tensor, "*episodes"]
    similarity: Float[Tensor, "*episodes"]

    def weigh(self, scores: ClassScores) -> Float[Tensor, "*episodes clips way"]:
        """The log posterior over the classes, up to a constant for each clip.

        Source: LGA, "Multimodal matching": the logarithm of p_video^alpha * p_text^(1 - alpha); the support head is
        our choice.
        """
        total = self.similarity[..., None, None] * scores.similarity
        total = total - self.distance[..., None, None] * scores.distance
        return total if scores.head is None else total + self.head[..., None, None] * scores.head

    def only(self, match: Match) -> "ScoreWeights":
        """Those of one match, the other's 0, or of both."""
        nothing = torch.zeros_like(self.distance)
        if match == "combined":
            return self
        if match == "video":
            return ScoreWeights(self.distance, self.head, nothing)
        return ScoreWeights(nothing, nothing, self.similarity)

    def times(self, factor: Float[Tensor, "*episodes"]) -> "ScoreWeights":
        """All of them multiplied."""
        return ScoreWeights(factor * self.distance, factor * self.head, factor * self.similarity)

    def video_share(self, scores: ClassScores) -> Float[Tensor, "*episodes clips"]:
        """How much of the spread of a clip's scores over the classes comes from the video, 0 to 1; 0.5 without any.

        Source: our choice, to say what an answer rests on.
        """
        by_video, by_text = (self.only(one).weigh(scores).std(-1, correction=0) for one in ("video", "text"))
        total = by_video + by_text
        return (by_video / total.where(total > 0, 1.0)).where(total > 0, 0.5)


@dataclass(frozen=True, slots=True)
class Rule:
    """How the scores of a task are put together."""

    hub_correction: float
    """which share of `hub_means` is held against an example or a sentence, 0 to 1"""
    pooling: Pooling
    distance: float
    """what the video distance is multiplied by"""
    head: float
    """the same for the support head's scores; at 0 no head is solved"""
    similarity: float
    """the same for the text similarity"""
    alpha: float | None = None
    """the fixed weight of the video match, 0 to 1; None: the examples say how much video and text count"""
    usual: float = 1.0
    """with alpha None: the weight of the video that is expected before any example is seen, the text's being 1"""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What the examples of a task teach: all that scoring a clip needs besides its comparison with them."""

    rule: Rule
    support_label: Int[Tensor, " examples"]
    way: int
    stretch: Float[Tensor, "*episodes"]
    far_from_all: Float[Tensor, "*episodes examples"]
    """what is held against each example"""
    like_all: Float[Tensor, "*episodes way"]
    """what is held against each class's sentences"""
    head: tuple[Float[Tensor, "*episodes examples way"], Float[Tensor, "*episodes way"]] | None
    """coefficients and offsets of the support head; None without it"""
    solved: Float[Tensor, "*episodes examples examples"] | None
    """what they were solved with: `invert_gram` of the examples"""
    heads: "LeftOut | None"
    """in place of `head` and `solved`, where a head is solved for each clip alone"""
    weights: ScoreWeights
    """of both matches together"""
    sharpness: Float[Tensor, "*episodes"]
    """with a fixed alpha: what the scores are multiplied by to be as sure as the examples say"""
    asked: Int[Tensor, " asked"]
    """the examples that were asked about: all, or some of many"""
    itself: ClassScores | None = None
    """how each of them scores as if it had not been taught; None where the weights are not learnt from that"""

    @property
    def mine(self) -> Int[Tensor, " asked"]:
        """The labels of the examples asked about."""
        return self.support_label[self.asked]

    @property
    def each(self) -> float:
        """How many examples each one asked about stands for."""
        return len(self.support_label) / max(1, len(self.asked))

    @property
    def paired(self) -> Bool[Tensor, " asked"]:
        """Which examples asked about have another of their label."""
        return torch.bincount(self.support_label, minlength=self.way)[self.mine] > 1

    def scores(self, clips: Compared) -> ClassScores:
        """The scores of clips for every class, not yet weighed. Without any example the distances are 0.

        Source: LGA (arXiv:2507.16287), "Matching"; hub correction, pooling, stretch and head are our choice.
        """
        apart = clips.apart(self.stretch) - self.far_from_all[..., None, :]
        return ClassScores(
            class_distances(apart, self.support_label, self.way, pooling=self.rule.pooling),
            clips.head
            if self.head is None
            else head_scores(clips.alike(self.stretch), *self.head, support_label=self.support_label),
            clips.similarity - self.like_all[..., None, :],
        )

    def only(self, match: Match) -> ScoreWeights:
        """The weights of one match alone, or of both; with a fixed alpha, as if alpha were 1 or 0.

        Source: LGA, "Multimodal matching".
        """
        if self.rule.alpha is None or match == "combined":
            return self.weights.only(match)
        return _fixed(self.rule, self.stretch, float(match == "video")).times(self.sharpness)


@dataclass(frozen=True, slots=True)
class Solved:
    """What a task's examples teach by how they compare as a whole."""

    stretch: Float[Tensor, "*episodes"]
    """what the appearance is multiplied by"""
    inverse: tuple[Float[Tensor, "*episodes examples examples"], Float[Tensor, "*episodes examples 1"]] | None
    """what `invert_gram` gives for the support head; None without it"""
    heads: "LeftOut | None" = None
    """where each clip has a head of its own: those of the examples asked about"""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The support head's scores of the examples asked about."""

    itself: Float[Tensor, "asked way"]
    """each without itself"""
    label: Float[Tensor, "asked way"]
    """each without any of its label"""


def solve_whole(alike: Alike, support_label: Int[Tensor, " examples"], rule: Rule) -> Solved:
    """The stretch and what the support head is solved with, from how all examples compare with all.

    Source: our choice (docs/backbones.md); see `contrast_stretch` and `invert_gram`.
    """
    stretch = stretch_of(alike.appearance, support_label, rule)
    return Solved(stretch, invert_gram(alike.stretched(stretch)) if rule.head else None)


def stretch_of(
    appearance: Float[Tensor, "*episodes asked examples"],
    support_label: Int[Tensor, " examples"],
    rule: Rule,
    mine: Int[Tensor, " asked"] | None = None,
) -> Float[Tensor, "*episodes"]:
    """What the appearance is multiplied by; see `contrast_stretch`. With a fixed alpha 1."""
    one = appearance.new_ones(appearance.shape[:-2])
    return one if rule.alpha is not None else contrast_stretch(appearance, support_label, mine)


def learn(
    examples: Compared,
    support_label: Int[Tensor, " examples"],
    way: int,
    rule: Rule,
    *,
    asked: Int[Tensor, " asked"] | None = None,
    solved: Solved | None = None,
) -> Learnt:
    """Learn from a task's examples, given how each compares with all of them when asked about like a new clip.

    With a fixed alpha distances are taken as they are. Else they are stretched to contrast, the text counts as much as
    its differences between the classes are believed, and the weights of video and text are those that suit the
    examples best, each asked about as if it had not been taught; an example that is the only one of its class tells
    about the text alone.

    Of many examples some may be `asked` for all: then `examples` has a row for each of those, and `solved` is what all
    of them say as a whole.

    Source: LGA, "Multimodal matching", for alpha; the rest is our choice (docs/backbones.md, docs/scale.md).
    """
    like, adaptive = examples.similarity, rule.alpha is None
    if solved is None:
        solved = solve_whole(Alike(examples.appearance, examples.moving), support_label, rule)
    asked = torch.arange(len(support_label), device=support_label.device) if asked is None else asked
    mine, stretch, inverse = support_label[asked], solved.stretch, solved.inverse
    classes = torch.arange(way, device=support_label.device)
    learnt = Learnt(
        rule,
        support_label,
        way,
        stretch,
        rule.hub_correction * hub_means(examples.apart(stretch), mine[:, None] != support_label),
        rule.hub_correction * hub_means(like, mine[:, None] != classes),
        None if inverse is None else solve_head(*inverse, support_label, way),
        None if inverse is None else inverse[0],
        solved.heads,
        _fixed(rule, stretch, rule.alpha if rule.alpha is not None and len(support_label) else 0.0),
        torch.ones_like(stretch),
        asked,
    )
    fitted = _fitted if adaptive else _sharpened
    return fitted(examples, learnt) if len(support_label) else learnt


def _fitted(examples: Compared, learnt: Learnt) -> Learnt:
    """With the weights of video and text that the examples ask for."""
    rule, asked = learnt.rule, leave_out(examples, learnt, label=False)
    parts = (rule.distance, rule.head, rule.similarity)
    base = ScoreWeights(*(torch.full_like(learnt.stretch, one) for one in parts))
    video = base.only("video").weigh(asked).masked_fill(~learnt.paired[:, None], 0.0)
    text = base.only("text").weigh(asked)
    gain = text_gain(text)
    seen, read = fit_weights(video, gain[..., None, None] * text, learnt.mine, usual=rule.usual, each=learnt.each)
    weights = ScoreWeights(seen * base.distance, seen * base.head, read * gain * base.similarity)
    return replace(learnt, weights=weights, itself=asked)


def _sharpened(examples: Compared, learnt: Learnt) -> Learnt:
    """As sure as the examples say, where there are two labels with two examples each; else as sure as it is."""
    mine, paired = learnt.mine, learnt.paired
    if len(mine[paired].unique()) < 2:
        return learnt
    asked = leave_out(examples, learnt, label=False)
    score = learnt.weights.weigh(asked)[..., paired, :]
    sharpness = 1 / fit_temperature(score, mine[paired], each=learnt.each)
    return replace(learnt, sharpness=sharpness, weights=learnt.weights.times(sharpness), itself=asked)


def leave_out(examples: Compared, learnt: Learnt, *, label: bool) -> ClassScores:
    """The scores of the examples asked about as if each had not been taught, or, with `label`, its whole label had not.

    The first is how a clip of a taught action scores, the second how one of an untaught action does; of the second the
    left-out label's own score means nothing. What is left out does not count towards `hub_means` either; but with
    fewer than three labels nothing would be left to correct hubs by, and then the second asking leaves out only the
    clip itself there. An example that is the only one of its label is asked about as if that label were known by its
    text alone.

    Source: our choice, after cross-validation.
    """
    rule, theirs, mine, way = learnt.rule, learnt.support_label, learnt.mine, learnt.way
    itself = learnt.asked[:, None] == torch.arange(len(theirs), device=mine.device)
    same, own = mine[:, None] == theirs, mine[:, None] == torch.arange(way, device=mine.device)
    group = mine if label and len(theirs.unique()) > 2 else None
    columns, labels = (same, own) if label else (itself, torch.zeros_like(own))
    apart, like = examples.apart(learnt.stretch), examples.similarity
    apart = apart - rule.hub_correction * hub_means_without(apart, ~same, group, ~columns)
    head, some = None, learnt.asked if len(mine) < len(theirs) else None
    if learnt.heads is not None:
        head = learnt.heads.label if label else learnt.heads.itself
    elif learnt.solved is not None:
        head = head_scores_without(learnt.solved, theirs, way, label=label, asked=some)
    return ClassScores(
        class_distances(apart, theirs, way, pooling=rule.pooling, gone=columns),
        head,
        like - rule.hub_correction * hub_means_without(like, ~own, group, ~labels),
    )


def _fixed(rule: Rule, stretch: Float[Tensor, "*episodes"], alpha: float) -> ScoreWeights:
    """The weights at a given alpha; the support head speaks of video, and is left out where alpha is 0."""
    parts = alpha * rule.distance, rule.head if alpha > 0 else 0.0, (1 - alpha) * rule.similarity
    return ScoreWeights(*(torch.full_like(stretch, one) for one in parts))
