"""Thousands of examples: estimated first, compared in full where a clip is near, with a support head of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lga.core.retrieval import (
    best_classes,
    fit_line,
    nearest_of_each_class,
    random_axes,
    short_products,
)
from lga.core.support_head import head_scores, head_scores_without, invert_gram, solve_head
from lga.model.matching import Cut, Prototypes, Whole, joined_cuts
from lga.model.staged import StagedExamples, StagedLGA
from lga.model.task import Compared, Learnt, LeftOut, beside

AXES = 512
"""Numbers that an example's motion is kept in for estimates."""
MOST_ACTIONS, LEAST_ACTIONS, EXAMPLES = 50, 10, 500
"""So many of the best actions are compared in full: as many as `EXAMPLES` examples allow within these bounds."""
HEAD_EXAMPLES = 256
"""About as many examples teach the support head of one clip."""
LINE_EXAMPLES = 64
"""Examples held against each of some others, to learn how estimates become distances."""
SHORTENED_AT_ONCE = 512
"""Examples made short together."""
SHOWN_AT_ONCE = 16
"""Examples compared in full together: what the caches hold."""


@dataclass(frozen=True, slots=True)
class Short:
    """Many examples, each in few numbers, and the line that makes distances of them."""

    appearance: Float[Tensor, "examples sight"]
    """the mean frame, of norm 1, as float16"""
    motion: Float[Tensor, "examples axes"] | None
    """on the axes; None where motion is not compared"""
    axes: Float[Tensor, "numbers axes"] | None
    slope: Float[Tensor, " examples"]
    """what 1 - cos of the mean frames is multiplied by to estimate a distance"""
    level: Float[Tensor, " examples"]
    """what is added"""


@dataclass(frozen=True, slots=True)
class Refined:
    """Clips beside many examples, in full where they are near."""

    comparison: Compared
    matched: Int[Tensor, " clips"]
    """with how many actions each clip was compared in full"""
    left_out: LeftOut | None = None
    """of examples asked about: what the support heads without them say"""


@dataclass(frozen=True, slots=True, repr=False)
class ManyExamples:
    """Taught examples that are not all compared with a clip: how near each is is estimated first.

    Source: our choice (docs/scale.md); see `lga.core.retrieval`.
    """

    staged: StagedLGA
    frames: Float[Tensor, "examples frames dim"]
    described: Float[Tensor, "examples motion"] | None
    """the examples' motion, as `lga.motion.descriptor` describes it"""
    text: Float[Tensor, "way stages dim"]
    """of every class's sentences, padded"""
    label: Int[Tensor, " examples"]
    cuts: tuple[Cut, ...]
    """the examples, for every number of stages that a class has"""
    short: Short
    keep: int
    """how many actions are compared in full"""
    exact: bool = False
    """whether all are, when clips are answered; then `keep` is how many the support head looks at"""

    def __repr__(self) -> str:
        """On one line."""
        return f"ManyExamples({len(self.frames)} of {len(self.text)} actions, keep={self.keep}, exact={self.exact})"

    def with_line(self, query: Sequence[Prototypes]) -> "ManyExamples":
        """The same with the line that makes distances of estimates, from some clips held against some examples.

        There is one line for each number of stages, as distances differ by it.
        """
        slope, level = self.short.slope.clone(), self.short.level.clone()
        count = torch.tensor(self.staged.counts)[self.label]
        for number in count.unique().tolist():
            own = (count == number).nonzero()[:, 0]
            place = torch.linspace(0, len(own) - 1, min(LINE_EXAMPLES, len(own)), dtype=torch.float64).round().long()
            met = self._met(query, own[place])
            slope[own], level[own] = fit_line((1 - met.appearance).flatten(), met.distance.flatten())
        return replace(self, short=replace(self.short, slope=slope, level=level))

    def ask(
        self, frames: Float[Tensor, "clips frames dim"], described: Float[Tensor, "clips motion"] | None
    ) -> tuple[tuple[Cut, ...], tuple[Prototypes, ...]]:
        """Clips in the query role: cut, and ready to be compared."""
        cuts = self.staged.cut(frames, described)
        return cuts, self.staged.ask(frames, cuts, self.staged.lga.as_a_whole(frames, described))

    def show(self, examples: Int[Tensor, " chosen"]) -> StagedExamples:
        """Some of the examples in the support role, ready to be compared."""
        cuts, label, frames = [cut[examples] for cut in self.cuts], self.label[examples], self.frames[examples]
        return self.staged.show(frames, cuts, self.text, self.whole(examples), label=label)

    def whole(self, examples: Int[Tensor, " chosen"]) -> Whole:
        """Some of the examples as a whole."""
        described = None if self.described is None else self.described[examples]
        return self.staged.lga.summed_up(self.short.appearance[examples].to(self.frames.dtype), described)

    def estimate(self, query: Sequence[Prototypes], similarity: Float[Tensor, "query way stages"]) -> Compared:
        """How clips should compare with all examples, by their short vectors, and do compare with all sentences.

        Raises:
            ValueError: a clip has not been summed up as a whole.
        """
        whole = query[0].whole
        if whole is None:
            raise ValueError("clips are estimated by their mean frames; fuse them with what they are as a whole")
        appearance = short_products(whole.appearance, self.short.appearance)
        distance = (self.short.slope * (1 - appearance) + self.short.level).clamp_min(0)
        motion = None
        if whole.motion is not None and self.short.motion is not None and self.short.axes is not None:
            mine, theirs = whole.motion @ self.short.axes, self.short.motion
            met = mine.square().sum(1)[:, None] / 2 + theirs.square().sum(1) / 2 - mine @ theirs.T
            motion = self.staged.lga.method.motion_weight * met.clamp_min(0)
        return Compared(distance, motion, appearance, None, self.staged.text_scores(similarity))

    def refine(
        self,
        query: Sequence[Prototypes],
        estimated: Compared,
        learnt: Learnt,
        *,
        asked: Int[Tensor, " query"] | None = None,
    ) -> "Refined":
        """The same, compared in full with the examples of each clip's best actions, and with heads solved for it.

        `asked` says which examples the clips are, if they are; then the heads are those without them.
        """
        if self.exact and asked is None:
            met = self._met(query, torch.arange(len(self.label)))
            full = replace(estimated, distance=met.distance, motion=met.motion)
            chosen = best_classes(_weighed(full, learnt), self.label, self.keep)
            matched = torch.full((len(chosen),), len(self.text))
        else:
            chosen = best_classes(_weighed(estimated, learnt), self.label, self.keep)
            if asked is not None:
                chosen[torch.arange(len(asked)), self.label[asked]] = True
            full, matched = self._filled(query, estimated, chosen), chosen.sum(1)
        if not learnt.rule.head:
            return Refined(full, matched)
        rows = [
            self._head(query[0][clip : clip + 1], full, clip, chosen[clip], learnt, asked)
            for clip in range(len(chosen))
        ]
        heads = [torch.cat(part) for part in zip(*rows, strict=True)]
        if asked is None:
            return Refined(replace(full, head=heads[0]), matched)
        return Refined(full, matched, LeftOut(heads[0], heads[1]))

    def _met(self, query: Sequence[Prototypes], examples: Int[Tensor, " chosen"]) -> Compared:
        """Clips compared in full with some of the examples."""
        parts = [self.staged.compare_examples(query, self.show(some)) for some in examples.split(SHOWN_AT_ONCE)]
        return beside(parts, torch.arange(len(examples)), torch.zeros(0, dtype=torch.long))

    def _filled(self, query: Sequence[Prototypes], estimated: Compared, chosen: Bool[Tensor, "query way"]) -> Compared:
        """With what each clip's comparison with the chosen actions gives, in place of the estimates."""
        distance = estimated.distance.clone()
        motion = None if estimated.motion is None else estimated.motion.clone()
        for clip, actions in enumerate(chosen):
            examples = actions[self.label].nonzero()[:, 0]
            met = self._met([one[clip : clip + 1] for one in query], examples)
            distance[clip, examples] = met.distance[0]
            if motion is not None and met.motion is not None:
                motion[clip, examples] = met.motion[0]
        return replace(estimated, distance=distance, motion=motion)

    def _head(
        self,
        query: Prototypes,
        full: Compared,
        clip: int,
        actions: Bool[Tensor, " way"],
        learnt: Learnt,
        asked: Int[Tensor, " query"] | None,
    ) -> tuple[Float[Tensor, "1 way"], ...]:
        """The scores of a head that is solved from the nearest examples of one clip's best actions.

        All other actions get the least of them. Of an example asked about: the scores without it, and without its
        label.
        """
        mine, way = query.whole, len(actions)
        examples = actions[self.label].nonzero()[:, 0]
        near = full.apart(learnt.stretch)[clip, examples]
        if asked is not None:
            near = near.masked_fill(examples == asked[clip], -torch.inf)
        each = max(1, HEAD_EXAMPLES // max(1, int(actions.sum())))
        examples = examples[nearest_of_each_class(near, self.label[examples], each)]
        kept, label = self.label[examples].unique(return_inverse=True)
        whole = self.whole(examples)
        solved, level = invert_gram(whole.alike_among().stretched(learnt.stretch))
        if asked is None:
            if mine is None:
                raise ValueError("a support head compares clips as a whole; fuse them with what they are as a whole")
            alike = mine.alike(whole, mine.met(whole)).stretched(learnt.stretch)
            coefficient, offset = solve_head(solved, level, label, len(kept))
            found = [head_scores(alike, coefficient, offset, support_label=label)]
        else:
            place = (examples == asked[clip]).nonzero()[:, 0]
            found = [
                head_scores_without(solved, label, len(kept), label=without, asked=place) for without in (False, True)
            ]
        return tuple(_spread(one, kept, way) for one in found)


def many_examples(
    staged: StagedLGA,
    frames: Float[Tensor, "examples frames dim"],
    described: Float[Tensor, "examples motion"] | None,
    text: Float[Tensor, "way stages dim"],
    label: Int[Tensor, " examples"],
) -> ManyExamples:
    """Cut many examples and make them short; distances are not estimated well before `ManyExamples.with_line`."""
    cuts: list[tuple[Cut, ...]] = []
    appearance, motion = list[Tensor](), list[Tensor]()
    axes: Tensor | None = None
    for start in range(0, len(frames), SHORTENED_AT_ONCE):
        some = slice(start, start + SHORTENED_AT_ONCE)
        moved = None if described is None else described[some]
        cuts.append(staged.cut(frames[some], moved))
        whole = staged.lga.as_a_whole(frames[some], moved)
        appearance.append(whole.appearance.half())
        if whole.motion is not None:
            axes = random_axes(whole.motion.shape[1], AXES) if axes is None else axes
            motion.append(whole.motion @ axes)
    flat = frames.new_ones(len(frames))
    short = Short(torch.cat(appearance), torch.cat(motion) if motion else None, axes, flat, torch.zeros_like(flat))
    keep = max(LEAST_ACTIONS, min(MOST_ACTIONS, EXAMPLES * len(text) // len(frames)))
    whole_cuts = tuple(joined_cuts(column) for column in zip(*cuts, strict=True))
    return ManyExamples(staged, frames, described, text, label, whole_cuts, short, keep)


def _weighed(compared: Compared, learnt: Learnt) -> Float[Tensor, "clips way"]:
    """The scores without any head."""
    return learnt.weights.weigh(learnt.scores(compared))


def _spread(score: Float[Tensor, "1 kept"], kept: Int[Tensor, " kept"], way: int) -> Float[Tensor, "1 way"]:
    """The scores at the places of their actions; the least of them at all others."""
    return score.min().expand(1, way).clone().index_copy(1, kept, score)
