"""What a clip shows, how sure that is, and when the answer is "none of these"."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lga.actions import Actions
from lga.backbone.protocol import Space
from lga.config import MethodConfig
from lga.core.distance import class_distances
from lga.core.openset import fit_known, fit_temperature, leave_one_out, max_logit, recall_threshold
from lga.core.score import combine, correct_hubs, resolve_alpha
from lga.errors import SettingsError
from lga.features.cache import ClipFeatures
from lga.model.matching import Prototypes, build_prototypes, cut_clips, match_text, match_videos

RECALL = 0.9
"""The share of the taught actions' clips that the suggested threshold accepts, or more."""
Accept = Literal["always", "suggested"] | float
"""Which clips count as showing a taught action: all, those that reach the suggested threshold, or one of your own."""
TOO_FEW = "it takes at least two actions with two examples each to know what is none of them"
INDISTINCT = "the examples score no lower when their own action is left out, so nothing tells what is none of them"


@dataclass(frozen=True, slots=True)
class Rejection:
    """What the taught examples, each asked about with itself or its label left out, say about being sure.

    Without `slope` nothing is known of it: every clip is accepted and `why` says why.
    """

    temperature: float
    """for probabilities that mean what they say"""
    slope: float | None = None
    centre: float = 0.0
    threshold: float | None = None
    """the suggested one, of the score that `known_score` gives, 0 to 1"""
    recall: float | None = None
    """the share of the taught actions' clips that it should accept at least"""
    mistaken: float | None = None
    """the share of the examples that it accepts with their label left out: what to expect of untaught actions"""
    why: str = ""

    def known_score(self, max_logit: float) -> float | None:
        """The probability that a clip shows a taught action, if half of the clips asked about do."""
        if self.slope is None:
            return None
        power = max(-500.0, min(500.0, self.slope * (max_logit - self.centre)))
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


def fit_rejection(
    distance: Float[Tensor, "examples examples"],
    similarity: Float[Tensor, "examples way"],
    support_label: Int[Tensor, " examples"],
    method: MethodConfig,
    *,
    alpha: float,
    recall: float = RECALL,
) -> Rejection:
    """Learn temperature, score and threshold from how the examples score among themselves.

    Only examples that have another of their label tell how a taught action scores; with fewer than two such labels
    nothing is fitted and the method's temperature stays.
    """
    count = torch.bincount(support_label, minlength=similarity.shape[1])
    paired = count[support_label] > 1
    if int((count > 1).sum()) < 2:
        return Rejection(method.temperature, why=TOO_FEW)
    scores, strangers = leave_one_out(
        distance, similarity, support_label, strength=method.hub_correction, pooling=method.pooling, alpha=alpha
    )
    temperature = fit_temperature(scores[paired], support_label[paired], usual=method.temperature)
    known, strange = max_logit(scores[paired]), max_logit(strangers)
    slope, centre = fit_known(known, strange)
    if slope == 0:
        return Rejection(temperature, why=INDISTINCT)
    fitted = Rejection(temperature, slope, centre)
    level = min(recall_threshold(known, recall), centre)  # never stricter than even odds
    return Rejection(
        temperature,
        slope,
        centre,
        threshold=fitted.known_score(level),
        recall=recall,
        mistaken=float((strange >= level).double().mean()),
    )


NOTHING_KNOWN = Rejection(MethodConfig().temperature, why=TOO_FEW)
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


@dataclass(frozen=True, slots=True)
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

    def accepting(self, accept: Accept) -> "Recognition":
        """The same answer, judged by another threshold.

        Raises:
            SettingsError: the threshold is not from 0 to 1, or there is no score.
        """
        known, threshold = self.rejection.judge(self.known_score, accept)
        return replace(self, known=known, threshold=threshold)

    @property
    def label(self) -> str:
        """The most likely label."""
        return self.candidates[0].label

    @property
    def probability(self) -> float:
        """How likely it is, 0 to 1, if the clip shows one of the taught actions."""
        return self.candidates[0].probability


@dataclass(frozen=True, slots=True)
class Support:
    """The taught examples, cut and fused once, and how they score among themselves."""

    prototypes: Prototypes
    distance: Float[Tensor, "examples examples"]
    """row i: example i asked about like a new clip"""
    similarity: Float[Tensor, "examples way"]
    rejection: Rejection
    """what that says about clips that show none of the taught actions"""


def prepare_support(actions: Actions, space: Space) -> Support:
    """Cut the taught examples, fuse them with the sentences of their labels, and match them with each other."""
    frames, method = actions.frames, actions.method
    cut = cut_clips(frames, method, space)
    prototypes = build_prototypes(frames, cut, actions.text[actions.support_label], method, space, actions.head)
    distance = match_videos(
        build_prototypes(frames, cut, None, method, space, actions.head),
        prototypes,
        method,
        head_weight=actions.head_weight,
    )
    similarity = match_text(frames, cut, actions.text, space).sum(-1)
    alpha = resolve_alpha(method.alpha, actions.shots, method.text_shots)
    rejection = fit_rejection(distance, similarity, actions.support_label, method, alpha=alpha)
    return Support(prototypes, distance, similarity, rejection)


def answer(actions: Actions, support: Support, clips: Sequence[ClipFeatures], space: Space) -> tuple[Recognition, ...]:
    """Recognise a batch of encoded clips; the paths are left empty.

    Without any example the video match is uniform and the words decide alone.
    """
    if not clips:
        return ()
    method, rejection = actions.method, support.rejection
    frames = torch.stack([clip.frames for clip in clips])
    cut = cut_clips(frames, method, space)
    query = build_prototypes(frames, cut, None, method, space, actions.head)
    distance = match_videos(query, support.prototypes, method, head_weight=actions.head_weight)
    similarity = match_text(frames, cut, actions.text, space)
    support_label, way = actions.support_label, len(actions.labels)
    apart = correct_hubs(
        distance, support.distance, support_label[:, None] != support_label, strength=method.hub_correction
    )
    pooled = class_distances(apart, support_label, way, pooling=method.pooling)
    foreign = support_label[:, None] != torch.arange(way)
    scores = correct_hubs(similarity.sum(-1), support.similarity, foreign, strength=method.hub_correction)
    alpha = resolve_alpha(method.alpha, actions.shots, method.text_shots)
    probability = torch.stack(
        [combine(pooled, scores, alpha=share, temperature=rejection.temperature).exp() for share in (alpha, 1.0, 0.0)],
        -1,
    )
    dense = max_logit(-alpha * pooled + (1 - alpha) * scores).tolist()
    found = (
        _explain(actions, clip, probability[row], similarity[row], distance[row], tuple(cut.label[row].tolist()))
        for row, clip in enumerate(clips)
    )
    return tuple(
        replace(one, known_score=rejection.known_score(dense[row]), rejection=rejection).accepting("suggested")
        for row, one in enumerate(found)
    )


def stage_borders(frame_stage: Sequence[int], times: Sequence[float], duration: float) -> tuple[float, ...]:
    """Where the stages begin and end, in seconds: 0, halfway between the frames on either side, the clip's end."""
    inner = [
        (before + after) / 2
        for before, after, left, right in zip(times, times[1:], frame_stage, frame_stage[1:], strict=False)
        if left != right
    ]
    return (0.0, *inner, duration)


def _explain(
    actions: Actions,
    clip: ClipFeatures,
    probability: Float[Tensor, "way 3"],
    similarity: Float[Tensor, "way stages"],
    distance: Float[Tensor, " examples"],
    frame_stage: tuple[int, ...],
) -> Recognition:
    order = probability[:, 0].argsort(descending=True, stable=True).tolist()
    candidates = tuple(Candidate(actions.labels[one], *probability[one].tolist()) for one in order)
    winner = order[0]
    borders = stage_borders(frame_stage, clip.times, clip.duration)
    stages = tuple(
        StageReport(start, end, sentence, score)
        for start, end, sentence, score in zip(
            borders, borders[1:], actions.anatomies[winner].sentences, similarity[winner].tolist(), strict=False
        )
    )
    mine = [number for number, one in enumerate(actions.examples) if one.label == actions.labels[winner]]
    best = min(mine, key=distance.tolist().__getitem__, default=None)
    return Recognition(
        path=Path(),
        duration=clip.duration,
        candidates=candidates,
        stages=stages,
        best_example=None if best is None else actions.examples[best].path,
        best_distance=None if best is None else max(0.0, float(distance[best])),
        frame_stage=frame_stage,
        times=clip.times,
    )
