"""What a clip shows, and why: scores for every taught label, the clip's stages and the example that fits best."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from lga.actions import Actions
from lga.backbone.protocol import Space
from lga.core.distance import class_distances
from lga.core.openset import density
from lga.core.score import combine, discount_hubs, resolve_alpha
from lga.features import ClipFeatures
from lga.model.lga import Prototypes, build_prototypes, cut_clips, match_text, match_videos
from lga.rejection import NOTHING_KNOWN, Accept, Rejection, fit_rejection


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
    likeness: float
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
    likeness: Float[Tensor, "examples way"]
    rejection: Rejection
    """what that says about clips that show none of the taught actions"""


def prepare_support(actions: Actions, space: Space) -> Support:
    """Cut the taught examples, fuse them with the sentences of their labels, and match them with each other."""
    frames, method = actions.frames, actions.method
    cut = cut_clips(frames, method, space)
    prototypes = build_prototypes(frames, cut, actions.text[actions.owner], method, space, actions.head)
    distance = match_videos(
        build_prototypes(frames, cut, None, method, space, actions.head), prototypes, method, trust=actions.trust
    )
    likeness = match_text(frames, cut, actions.text, space).sum(-1)
    alpha = resolve_alpha(method.alpha, actions.shots, method.text_shots)
    rejection = fit_rejection(distance, likeness, actions.owner, method, alpha=alpha)
    return Support(prototypes, distance, likeness, rejection)


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
    distance = match_videos(query, support.prototypes, method, trust=actions.trust)
    likeness = match_text(frames, cut, actions.text, space)
    owner, way = actions.owner, len(actions.labels)
    apart = discount_hubs(distance, support.distance, owner[:, None] != owner, strength=method.discount)
    pooled = class_distances(apart, owner, way, pooling=method.pooling)
    foreign = owner[:, None] != torch.arange(way)
    scores = discount_hubs(likeness.sum(-1), support.likeness, foreign, strength=method.discount)
    alpha = resolve_alpha(method.alpha, actions.shots, method.text_shots)
    probability = torch.stack(
        [combine(pooled, scores, alpha=share, temperature=rejection.temperature).exp() for share in (alpha, 1.0, 0.0)],
        -1,
    )
    dense = density(-alpha * pooled + (1 - alpha) * scores).tolist()
    found = (
        _explain(actions, clip, probability[row], likeness[row], distance[row], tuple(cut.label[row].tolist()))
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
    likeness: Float[Tensor, "way stages"],
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
            borders, borders[1:], actions.anatomies[winner].sentences, likeness[winner].tolist(), strict=False
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
