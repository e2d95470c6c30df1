"""What a clip shows, how sure that is, and when the answer is "none of yours"."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from lga.actions import Actions
from lga.backbone.protocol import Space
from lga.confidence import Word, confidence, confidence_word
from lga.config import Motion
from lga.core.openset import fit_known, max_logit, recall_threshold
from lga.errors import ActionsError, SettingsError
from lga.features.cache import ClipFeatures
from lga.model.learning import learn_from
from lga.model.matching import LGA, Cut, Prototypes
from lga.model.retrieval import ManyExamples
from lga.model.staged import StagedExamples, StagedLGA
from lga.model.task import Compared, Learnt, leave_out
from lga.motion.descriptor import comparable

KINDS: tuple[Motion, ...] = ("none", "flow", "flow+pose")
"""From little to much that is compared."""
RECALL = 0.9
"""The share of the taught actions' clips that the suggested threshold accepts, or more."""
Accept = Literal["always", "suggested"] | float
"""Which clips count as showing a taught action: all, those that reach the suggested threshold, or one of your own."""
TOO_FEW = "it takes at least two actions with two examples each to know what is none of them"
INDISTINCT = "the examples score no lower when their own action is left out, so nothing tells what is none of them"


@dataclass(frozen=True, slots=True)
class Rejection:
    """When the answer is "none of yours", learnt by asking about each taught example with itself or its label left out.

    Without `slope` the examples say nothing: every clip counts as known, and `why` gives the reason.
    """

    slope: float | None = None
    """of the logistic curve over the maximum logit; `offset` is where it gives 1/2"""
    offset: float = 0.0
    threshold: float | None = None
    """the suggested one, of the score that `known_score` gives, 0 to 1"""
    recall: float | None = None
    """the share of the taught actions' clips that it should accept at least"""
    false_accept_rate: float | None = None
    """the share of the examples that it accepts with their label left out: what to expect of untaught actions"""
    why: str = ""

    def known_score(self, max_logit: float) -> float | None:
        """The probability that a clip shows a taught action, if half of the clips asked about do."""
        if self.slope is None:
            return None
        power = max(-500.0, min(500.0, self.slope * (max_logit - self.offset)))
        return 1 / (1 + exp(-power))

    def judge(self, score: float | None, accept: Accept = "suggested") -> tuple[bool, float | None]:
        """Whether a clip with this score counts as known, and the threshold that it had to reach, if there was one.

        Raises:
            SettingsError: a threshold of one's own is not from 0 to 1, or the clips have no score.
        """
        if not isinstance(accept, str) and not 0 <= accept <= 1:
            raise SettingsError(f"accept takes always, suggested or a threshold from 0 to 1, not {accept}")
        if accept == "always":
            return True, None
        threshold = self.threshold if accept == "suggested" else accept
        if score is None and accept != "suggested":
            raise SettingsError(f"accept {accept} needs scores, but {self.why}; use always or suggested")
        if score is None or threshold is None:
            return True, None
        return score >= threshold, threshold


def fit_rejection(examples: Compared, learnt: Learnt, *, recall: float = RECALL) -> Rejection:
    """Learn score and threshold from how the examples score among themselves.

    Only examples that have another of their label tell how a taught action scores; with fewer than two such labels
    nothing is fitted.
    """
    mine = learnt.mine
    if learnt.itself is None or len(mine[learnt.paired].unique()) < 2:
        return NOTHING_KNOWN
    known = max_logit(learnt.weights.weigh(learnt.itself)[learnt.paired])
    others = learnt.weights.weigh(leave_out(examples, learnt, label=True))
    unknown = max_logit(others.masked_fill(F.one_hot(mine, learnt.way).bool(), -torch.inf))
    slope, offset = fit_known(known, unknown)
    if slope == 0:
        return Rejection(why=INDISTINCT)
    fitted = Rejection(slope, offset)
    level = min(recall_threshold(known, recall), offset)  # never stricter than even odds
    return Rejection(
        slope,
        offset,
        threshold=fitted.known_score(level),
        recall=recall,
        false_accept_rate=float((unknown >= level).double().mean()),
    )


NOTHING_KNOWN = Rejection(why=TOO_FEW)
"""What is said without examples to learn from."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One label's probabilities for a clip, over the taught labels, 0 to 1: by both matches, and by each alone."""

    label: str
    probability: float
    video: float
    text: float


@dataclass(frozen=True, slots=True)
class StageReport:
    """One stage of a clip, as the winning label explains it."""

    start: float
    """seconds"""
    end: float
    """seconds"""
    sentence: str
    similarity: float
    """cosine between the stage's frames and its sentence, -1 to 1"""


@dataclass(frozen=True, slots=True, repr=False)
class Recognition:
    """What a clip shows: the labels from likely to unlikely, and why the first one won."""

    path: Path
    duration: float
    """seconds"""
    candidates: tuple[Candidate, ...]
    stages: tuple[StageReport, ...]
    best_example: str | None
    """path of the winner's example that is nearest; None if it has none"""
    best_distance: float | None
    """its AB-MHM distance, 0 for the same clip"""
    frame_stage: tuple[int, ...]
    """the stage of every sampled frame"""
    times: tuple[float, ...]
    """seconds of every sampled frame"""
    known: bool = True
    """whether it counts as one of the taught actions; if not, the first label is only the closest"""
    known_score: float | None = None
    """the probability of that, 0 to 1, if half of the clips asked about show one; None if too little was taught"""
    threshold: float | None = None
    """the score from which on a clip counted as known; None if any did"""
    rejection: Rejection = NOTHING_KNOWN
    """what the taught examples say about it"""
    matched: int = 0
    """with the examples of how many actions the clip was compared in full; of the others distances are estimated"""
    best_name: str = ""
    """what the clip of `best_example` is called, for people"""

    def __repr__(self) -> str:
        """On one line."""
        said = "known" if self.known else "none of yours"
        return f"Recognition({self.path.name!r}: {self.label!r}, {100 * self.probability:.0f} %, {said})"

    def accepting(self, accept: Accept) -> "Recognition":
        """The same answer, judged by another threshold.

        Raises:
            SettingsError: the threshold is not from 0 to 1, or there is no score.
        """
        known, threshold = self.rejection.judge(self.known_score, accept)
        return replace(self, known=known, threshold=threshold)

    @property
    def borders(self) -> tuple[float, ...]:
        """Where the stages begin and end, in seconds."""
        return (0.0, *(stage.start for stage in self.stages[1:]), self.duration)

    @property
    def label(self) -> str:
        """The most likely label."""
        return self.candidates[0].label

    @property
    def probability(self) -> float:
        """How likely it is, 0 to 1, if the clip shows one of the taught actions."""
        return self.candidates[0].probability

    @property
    def confidence(self) -> float:
        """How likely the answer is right, 0 to 1, if half of the clips asked about show a taught action."""
        return confidence(self.probability, self.known_score)

    @property
    def word(self) -> Word:
        """How sure the answer is, in a word."""
        return confidence_word(self.confidence, known=self.known)


@dataclass(frozen=True, slots=True)
class Matched:
    """A batch of clips beside everything taught, before any of it is weighed."""

    cuts: tuple[Cut, ...]
    """for every number of stages that a label has"""
    prototypes: tuple[Prototypes, ...]
    """the clips in the query role"""
    comparison: Compared
    similarity: Float[Tensor, "clips way stages"]
    exact: tuple[int, ...]
    """how many actions each clip was compared with in full"""


@dataclass(frozen=True, slots=True, repr=False)
class Prepared:
    """Taught actions whose examples are cut, fused and matched with each other: ready to answer, never changed."""

    actions: Actions
    staged: StagedLGA
    cuts: tuple[Cut, ...]
    """the examples, for every number of stages that a label has"""
    prototypes: StagedExamples | ManyExamples
    """the examples in the support role, or what they are found by where there are too many"""
    sentences: tuple[Float[Tensor, "_ _ meaning"], ...]
    """of the labels, ready to be compared"""
    learnt: Learnt
    """what the examples say about scores"""
    rejection: Rejection
    """what the examples say about clips that show none of the taught actions"""

    def __repr__(self) -> str:
        """On one line."""
        return f"Prepared({self.actions!r})"

    @property
    def lga(self) -> LGA:
        """The method's settings and head."""
        return self.staged.lga

    def cut_of(self, label: int) -> Cut:
        """The examples, cut into as many stages as a label has."""
        return self.cuts[self.staged.place(label)]

    def shown(self, example: int) -> Prototypes:
        """One example in the support role."""
        known, place = self.prototypes, self.staged.place(int(self.actions.support_label[example]))
        if isinstance(known, ManyExamples):
            number = torch.tensor([example])
            return known.show(number, known.whole(number)).prototypes[place]
        return known.prototypes[place][(known.clips[place] == example).nonzero()[:, 0]]

    def match(self, clips: Sequence[ClipFeatures]) -> Matched:
        """Cut, fuse and match a batch of encoded clips, once for each number of stages. The batch must not be empty."""
        frames = torch.stack([clip.frames for clip in clips])
        described = _motion(clips)
        cuts = self.staged.cut(frames, described)
        query = self.staged.ask(frames, cuts, self.lga.as_a_whole(frames, described))
        similarity = self.staged.similarities(frames, cuts, self.sentences)
        many = self.prototypes
        if not isinstance(many, ManyExamples):
            taught = (len(self.actions.labels),) * len(clips)
            return Matched(cuts, query, self.staged.compare(query, many, similarity), similarity, taught)
        found = many.refine(query, many.estimate(query, similarity), self.learnt)
        return Matched(cuts, query, found.comparison, similarity, tuple(found.matched.tolist()))

    def score(self, clips: Sequence[ClipFeatures]) -> Float[Tensor, "clips way"]:
        """The weighed class scores of a batch of encoded clips, before the softmax. The batch must not be empty.

        Raises:
            ActionsError: they are no numbers.
        """
        return _numbers(self.learnt.weights.weigh(self.learnt.scores(self.match(clips).comparison)))

    def answer(self, clips: Sequence[ClipFeatures], accept: Accept = "suggested") -> tuple[Recognition, ...]:
        """Recognise a batch of encoded clips; the paths are left empty.

        Without any example the video match is uniform and the text decides alone.

        Raises:
            SettingsError: the threshold is not from 0 to 1, or there is no score to hold against it.
            ActionsError: the scores are no numbers.
        """
        return self.conclude(clips, self.match(clips), accept) if clips else ()

    def conclude(
        self, clips: Sequence[ClipFeatures], matched: Matched, accept: Accept = "suggested"
    ) -> tuple[Recognition, ...]:
        """The same for clips that are matched already."""
        learnt, rejection = self.learnt, self.rejection
        scores = learnt.scores(matched.comparison)
        weighed = [_numbers(learnt.only(one).weigh(scores)) for one in ("combined", "video", "text")]
        probability = torch.stack([one.softmax(-1) for one in weighed], -1)
        best = max_logit(weighed[0]).tolist()
        found = (_recognition(self, clip, matched, row, probability[row]) for row, clip in enumerate(clips))
        return tuple(
            replace(one, known_score=rejection.known_score(best[row]), rejection=rejection).accepting(accept)
            for row, one in enumerate(found)
        )


def prepare(actions: Actions, space: Space, motion: Motion = "flow+pose", *, exact: bool = False) -> Prepared:
    """Cut the taught examples, fuse them with the sentences of their labels, and match them with each other.

    `motion` is the kind that new clips will come with: of it and of what the examples have, the less is compared.
    Of more than `EXACT_UP_TO` examples a clip is compared in full with those of its best actions, or, with `exact`,
    with all.
    """
    least = KINDS[min(KINDS.index(one) for one in (actions.method.motion, motion))]
    if actions.motion is not None:
        least = comparable(actions.motion, least)
    method = actions.method.updated({"motion": least})
    staged = StagedLGA(LGA(method, space, actions.head), actions.stages)
    frames, label, text = actions.frames, actions.support_label, actions.text
    cuts, examples, learnt, asked_about = learn_from(staged, frames, actions.motion, text, label)
    if isinstance(examples, ManyExamples):
        examples = replace(examples, exact=exact)
    rejection = fit_rejection(asked_about, learnt)
    learnt = replace(learnt, solved=None, heads=None, itself=None)
    return Prepared(actions, staged, cuts, examples, staged.sentences(text), learnt, rejection)


def _numbers(scores: Float[Tensor, "clips way"]) -> Float[Tensor, "clips way"]:
    """The scores; features that are numbers, but far smaller or larger than a backbone makes them, may give none."""
    if bool(scores.isfinite().all()):
        return scores
    raise ActionsError("no probabilities come of these actions' features, which no backbone makes; teach them again")


def _motion(clips: Sequence[ClipFeatures]) -> Float[Tensor, "clips numbers"] | None:
    """The clips' motion; None where it was not measured for all of them."""
    rows = [clip.motion for clip in clips if clip.motion is not None]
    return torch.stack(rows) if len(rows) == len(clips) else None


def _recognition(
    prepared: Prepared, clip: ClipFeatures, matched: Matched, row: int, probability: Float[Tensor, "way 3"]
) -> Recognition:
    """The answer for one clip, which is shown cut into as many stages as the winner has."""
    actions = prepared.actions
    best = probability[:, 0].argsort(descending=True, stable=True)
    order = best.tolist()
    candidates = tuple(map(Candidate, [actions.labels[label] for label in order], *probability[best].T.tolist()))
    winner = order[0]
    cut = matched.cuts[prepared.staged.place(winner)]
    frame_stage = tuple(cut.label[row].tolist())
    borders = cut.borders(row, clip.times, clip.duration)
    sentences, similarity = actions.anatomies[winner].sentences, matched.similarity[row, winner].tolist()
    stages = tuple(StageReport(*stage) for stage in zip(borders, borders[1:], sentences, similarity, strict=False))
    own = list(actions.examples_of(actions.labels[winner]))
    apart = matched.comparison.apart_from(row, own)
    nearest = nearest_example(apart)
    best = None if nearest is None else actions.examples[own[nearest]]
    return Recognition(
        path=Path(),
        duration=clip.duration,
        candidates=candidates,
        stages=stages,
        best_example=None if best is None else best.path,
        best_distance=None if nearest is None else max(0.0, float(apart[nearest])),
        frame_stage=frame_stage,
        times=clip.times,
        matched=matched.exact[row],
        best_name="" if best is None else best.called,
    )


def nearest_example(distance: Float[Tensor, " examples"]) -> int | None:
    """The place of the least of some distances, the first of equals; None if there are none."""
    return min(range(len(distance)), key=distance.tolist().__getitem__, default=None)
