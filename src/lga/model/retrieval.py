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
BLOCK = 256
"""Examples compared with clips together where all are: their motion is worked out at once."""
SHOWN_AT_ONCE = 16
"""Examples compared in full together: what the caches hold."""


@dataclass(frozen=True, slots=True)
class Short:
    """Many examples, each in few numbers, and the line that makes distances of them."""

    appearance: Float[Tensor, "examples sight"]
    """the mean frame, of norm 1, as float16"""
    motion: Float[Tensor, "examples axes"] | None
    """on the axes; None where motion is not compared"""
    length: Float[Tensor, " examples"]
    """half the squared length of that; 0 without"""
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
            met = self._met(query, own[place], self.whole(own[place]))
            slope[own], level[own] = fit_line((1 - met.appearance).flatten(), met.distance.flatten())
        return replace(self, short=replace(self.short, slope=slope, level=level))

    def ask(
        self, frames: Float[Tensor, "clips frames dim"], described: Float[Tensor, "clips motion"] | None
    ) -> tuple[tuple[Cut, ...], tuple[Prototypes, ...]]:
        """Clips in the query role: cut, and ready to be compared."""
        cuts = self.staged.cut(frames, described)
        return cuts, self.staged.ask(frames, cuts, self.staged.lga.as_a_whole(frames, described))

    def show(self, examples: Int[Tensor, " chosen"], whole: Whole) -> StagedExamples:
        """Some of the examples in the support role, ready to be compared; `whole` is what they are as a whole."""
        cuts, label, frames = [cut[examples] for cut in self.cuts], self.label[examples], self.frames[examples]
        return self.staged.show(frames, cuts, self.text, whole, label=label)

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
            half = mine.square().sum(1)[:, None] / 2 + self.short.length
            motion = self.staged.lga.method.motion_weight * (half - mine @ theirs.T).clamp_min(0)
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
        exact = self.exact and asked is None
        if exact:
            estimated = self._all_met(query, estimated)
        chosen = best_classes(learnt.weights.weigh(learnt.scores(estimated)), self.label, self.keep)
        if asked is not None:
            chosen[torch.arange(len(asked)), self.label[asked]] = True
        distance = estimated.distance.clone()
        motion = None if estimated.motion is None else estimated.motion.clone()
        full, heads = replace(estimated, distance=distance, motion=motion), list[tuple[Tensor, ...]]()
        for clip, actions in enumerate(chosen):
            examples, one = actions[self.label].nonzero()[:, 0], [some[clip : clip + 1] for some in query]
            whole = self.whole(examples)
            if not exact:
                met = self._met(one, examples, whole)
                distance[clip, examples] = met.distance[0]
                if motion is not None and met.motion is not None:
                    motion[clip, examples] = met.motion[0]
            if learnt.rule.head:
                near = full.apart(learnt.stretch)[clip, examples]
                itself = None if asked is None else examples == asked[clip]
                heads.append(self._head(one[0].whole, (examples, whole), near, learnt.stretch, itself))
        matched = torch.full((len(chosen),), len(self.text)) if exact else chosen.sum(1)
        found = [torch.cat(part) for part in zip(*heads, strict=True)]
        if asked is not None:
            return Refined(full, matched, LeftOut(*found) if found else None)
        return Refined(replace(full, head=found[0] if found else None), matched)

    def _met(self, query: Sequence[Prototypes], examples: Int[Tensor, " chosen"], whole: Whole) -> Compared:
        """Clips compared in full with some of the examples."""
        parts = [
            self.staged.compare_examples(query, self.show(examples[some], whole[some]))
            for some in (slice(start, start + SHOWN_AT_ONCE) for start in range(0, len(examples), SHOWN_AT_ONCE))
        ]
        return beside(parts, torch.arange(len(examples)), torch.zeros(0, dtype=torch.long))

    def _all_met(self, query: Sequence[Prototypes], estimated: Compared) -> Compared:
        """Clips compared in full with all examples, in blocks."""
        parts = [self._met(query, some, self.whole(some)) for some in torch.arange(len(self.label)).split(BLOCK)]
        motion = [one.motion for one in parts if one.motion is not None]
        distance = torch.cat([one.distance for one in parts], 1)
        return replace(estimated, distance=distance, motion=torch.cat(motion, 1) if motion else None)

    def _head(
        self,
        query: Whole | None,
        support: tuple[Int[Tensor, " examples"], Whole],
        near: Float[Tensor, " examples"],
        stretch: Float[Tensor, ""],
        itself: Bool[Tensor, " examples"] | None,
    ) -> tuple[Float[Tensor, "1 way"], ...]:
        """The scores of a head that is solved from one clip's nearest examples of some actions; `near` is how far.

        All other actions get the least of them. Of a clip that is one of the examples itself: the scores without it,
        and without its label.
        """
        label = self.label[support[0]]
        each = max(1, HEAD_EXAMPLES // max(1, len(label.unique())))
        place = nearest_of_each_class(near if itself is None else near.masked_fill(itself, -torch.inf), label, each)
        kept, label = label[place].unique(return_inverse=True)
        whole = support[1][place]
        solved, level = invert_gram(whole.alike_among().stretched(stretch))
        if itself is not None:
            own, count = itself[place].nonzero()[:, 0], len(kept)
            found = [head_scores_without(solved, label, count, label=gone, asked=own) for gone in (False, True)]
        elif query is not None:
            alike = query.alike(whole, query.met(whole)).stretched(stretch)
            found = [head_scores(alike, *solve_head(solved, level, label, len(kept)), support_label=label)]
        else:
            raise ValueError("a support head compares clips as a whole; fuse them with what they are as a whole")
        return tuple(_spread(one, kept, len(self.text)) for one in found)


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
    moving, none = torch.cat(motion) if motion else None, torch.zeros_like(flat)
    length = none if moving is None else moving.square().sum(1) / 2
    short = Short(torch.cat(appearance), moving, length, axes, flat, none)
    keep = max(LEAST_ACTIONS, min(MOST_ACTIONS, EXAMPLES * len(text) // len(frames)))
    whole_cuts = tuple(joined_cuts(column) for column in zip(*cuts, strict=True))
    return ManyExamples(staged, frames, described, text, label, whole_cuts, short, keep)


def _spread(score: Float[Tensor, "1 kept"], kept: Int[Tensor, " kept"], way: int) -> Float[Tensor, "1 way"]:
    """The scores at the places of their actions; the least of them at all others."""
    return score.min().expand(1, way).clone().index_copy(1, kept, score)
