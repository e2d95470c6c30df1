"""Why a clip was recognised as what it was, as a value: stages, scores by stage, and which frame met which."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lga.actions import Actions
from lga.config import MethodConfig
from lga.core.distance import frame_distances, nearest_tokens, stage_costs, token_distances
from lga.errors import SettingsError, VideoError
from lga.explain.strip import FrameTiles
from lga.features.cache import ClipFeatures
from lga.features.extract import Skipped
from lga.model.head import Head
from lga.model.matching import Prototypes
from lga.recognition import Accept, Candidate, Matched, Prepared, Recognition, nearest_example
from lga.recognizer import Recognizer

HALF = 0.5
"""The head weight from which on a trained head's tokens are shown rather than the backbone's."""


@dataclass(frozen=True, slots=True)
class FrameMatch:
    """A frame of one clip and the frame of the other that was nearest to it within a stage."""

    frame: int
    """of the clip"""
    other: int
    """of the example"""
    stage: int
    distance: float
    """1 - cosine, 0 to 2"""
    forth: bool
    """whether the example's frame was the nearest to the clip's; else the clip's was the nearest to the example's"""


@dataclass(frozen=True, slots=True)
class FrameMap:
    """Every frame of a clip beside every frame of an example."""

    distance: Float[Tensor, "frames frames"]
    """1 - cosine; a row a frame of the clip"""
    shared: Bool[Tensor, "frames frames"]
    """whether some stage sees both, so that they may be matched"""
    matches: tuple[FrameMatch, ...]


@dataclass(frozen=True, slots=True)
class ExampleReport:
    """A label's nearest example, and how the clip compares with it."""

    frames_shown: FrameTiles
    distance: float
    """as it counted: what the stages add, and what motion does"""
    motion: float
    """what motion adds to it; 0 where it is not compared"""
    stage_distance: tuple[float, ...]
    """what each stage adds to it; with a trained head, to the part of it that weighs more"""
    map: FrameMap


@dataclass(frozen=True, slots=True)
class LabelReport:
    """One of the likeliest labels."""

    candidate: Candidate
    sentences: tuple[str, ...]
    similarity: tuple[float, ...]
    """cosine of each stage of the clip with the label's sentence for it, -1 to 1"""
    examples: int
    """how many were taught"""
    example: ExampleReport | None
    """the nearest of them"""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A recognition with everything that led to it; the labels from likely to unlikely."""

    recognition: Recognition
    frames_shown: FrameTiles
    labels: tuple[LabelReport, ...]
    video_share: float
    """how much of the spread of the scores comes from the video, 0 to 1; the rest from the text"""
    taught: int
    """how many examples there are of all labels"""
    method: MethodConfig
    identity: str
    """of the backbone"""

    @property
    def by_video(self) -> Candidate | None:
        """What the video match alone would have put first; None without any example."""
        return max(self.recognition.candidates, key=lambda one: one.video) if self.taught else None

    @property
    def by_text(self) -> Candidate:
        """What the text match alone would have put first."""
        return max(self.recognition.candidates, key=lambda one: one.text)


def explain_clip(
    recognizer: Recognizer, actions: Actions, path: str | Path, *, top: int = 3, accept: Accept = "suggested"
) -> Explanation:
    """Recognise one clip and say why, for the `top` likeliest labels.

    Raises:
        VideoError: the clip cannot be read.
        ActionsError: the actions were taught with another backbone.
        SettingsError: `top` is below 1, or `accept` is not possible.
    """
    _check_top(top)
    prepared = recognizer.prepare(actions)
    (clip,) = recognizer.encode(actions, [path])
    if isinstance(clip, Skipped):
        raise VideoError(clip.reason)
    return explain_features(prepared, clip, Path(path), top=top, accept=accept)


def explain_features(
    prepared: Prepared, clip: ClipFeatures, path: Path, *, top: int = 3, accept: Accept = "suggested"
) -> Explanation:
    """The same for a clip that is encoded already; `path` is where its frames can be fetched from.

    The clip is cut, fused and matched once, for the answer and for its reasons.

    Raises:
        SettingsError: `top` is below 1, or `accept` is not possible.
    """
    _check_top(top)
    actions, matched = prepared.actions, prepared.match([clip])
    (result,) = prepared.conclude([clip], matched, accept)
    result = replace(result, path=path)
    labels: list[LabelReport] = []
    for candidate in result.candidates[:top]:
        label, own = actions.labels.index(candidate.label), actions.examples_of(candidate.label)
        nearest = nearest_example(matched.comparison.apart_from(0, own))
        labels.append(
            LabelReport(
                candidate,
                actions.anatomies[label].sentences,
                tuple(matched.similarity[0, label, : actions.stages[label]].tolist()),
                len(own),
                None if nearest is None else _compare(prepared, matched, label, own[nearest]),
            )
        )
    frames_shown = FrameTiles(result.path, result.times, result.frame_stage, result.borders)
    scores = prepared.learnt.scores(matched.comparison)
    share = float(prepared.learnt.weights.video_share(scores)[0])
    return Explanation(
        result, frames_shown, tuple(labels), share, len(actions.examples), actions.method, actions.identity
    )


def _check_top(top: int) -> None:
    if top < 1:
        raise SettingsError(f"at least 1 label is explained, not {top}")


def _compare(prepared: Prepared, matched: Matched, label: int, number: int) -> ExampleReport:
    """Hold the one matched clip beside an example of a label, frame by frame and stage by stage."""
    method, example, moved = prepared.actions.method, prepared.actions.examples[number], matched.comparison.motion
    place, cut = prepared.staged.place(label), prepared.cut_of(label)
    query, support = matched.prototypes[place], prepared.shown(number)
    tokens = _weightier_tokens(query, support, prepared.lga.head)
    distance = token_distances(tokens[0][0], tokens[1][0])
    whole = method.matcher == "bi_mhm"
    here, there = (stage.clamp_max(0) if whole else stage for stage in (query.stage[0], support.stage[0]))
    stages = 1 if whole else prepared.actions.stages[label]
    costs = stage_costs(distance, here, there, stages, reduction=method.reduction)
    costs = prepared.staged.distance_scales[place] * costs
    return ExampleReport(
        FrameTiles.cut(Path(example.path), cut, number, example.times, example.duration),
        max(0.0, float(matched.comparison.apart_from(0, [number]))),
        0.0 if moved is None else float(moved[0, number]),
        tuple(costs.tolist()),
        _map(distance, (here, there), (matched.cuts[place].frame[0], cut.frame[number]), method.frames),
    )


def _weightier_tokens(query: Prototypes, support: Prototypes, head: Head | None) -> tuple[Tensor, Tensor]:
    """The tokens that are compared: with a trained head, whichever of its own and the backbone's weigh more."""
    if head is None or query.learned is None or support.learned is None or head.head_weight < HALF:
        return query.tokens, support.tokens
    return query.learned, support.learned


def _map(
    distance: Float[Tensor, "tokens others"],
    stage: tuple[Int[Tensor, " tokens"], Int[Tensor, " others"]],
    frame: tuple[Int[Tensor, " tokens"], Int[Tensor, " others"]],
    frames: int,
) -> FrameMap:
    """Frames instead of tokens: which are how far apart, and which were matched."""
    here, there = stage
    together = (here[:, None] == there) & (here >= 0)[:, None]
    real = (here[:, None] >= 0) & (there >= 0)
    shared = frame_distances((~together).to(distance.dtype), *frame, frames) == 0
    matches: list[FrameMatch] = []
    for forth, nearest in zip((True, False), nearest_tokens(distance, here, there), strict=True):
        for own, other in enumerate(nearest.tolist()):
            if other >= 0:
                row, column = (own, other) if forth else (other, own)
                at = int(frame[0][row]), int(frame[1][column])
                matches.append(FrameMatch(*at, int(here[row]), float(distance[row, column]), forth))
    between_frames = frame_distances(distance.masked_fill(~real, torch.inf), *frame, frames)
    return FrameMap(between_frames, shared, tuple(matches))
