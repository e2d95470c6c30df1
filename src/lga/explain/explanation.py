"""Why a clip was recognised as what it was, as a value: stages, scores by stage, and which frame met which."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lga.actions import Actions
from lga.backbone.protocol import Space
from lga.config import MethodConfig
from lga.core.distance import frame_distances, nearest_tokens, stage_costs, token_distances
from lga.core.score import resolve_alpha
from lga.errors import LGAError, SettingsError
from lga.explain.strip import FrameTiles
from lga.features.cache import ClipFeatures
from lga.features.extract import Skipped
from lga.model.matching import Cut, Prototypes, build_prototypes, cut_clips, match_text, match_videos
from lga.recognition import Accept, Candidate, Recognition, Support, answer
from lga.recognizer import Recognizer

HALF = 0.5
"""The head weight from which on a trained head's tokens are shown rather than the backbone's."""


@dataclass(frozen=True, slots=True)
class Match:
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
    matches: tuple[Match, ...]


@dataclass(frozen=True, slots=True)
class ExampleReport:
    """A label's nearest example, and how the clip compares with it."""

    footage: FrameTiles
    distance: float
    """AB-MHM as it counted"""
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
    footage: FrameTiles
    labels: tuple[LabelReport, ...]
    alpha: float
    """the weight of the video match against the text match, 0 to 1"""
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
        LGAError: the clip cannot be read, or the actions were taught with another backbone.
        SettingsError: `top` is below 1, or `accept` is not possible.
    """
    _check_top(top)
    support = recognizer.prepare(actions)
    (clip,) = recognizer.encode(actions, [path])
    if isinstance(clip, Skipped):
        raise LGAError(clip.reason)
    return explain_features(actions, support, clip, Path(path), recognizer.encoder.space, top=top, accept=accept)


def explain_features(
    actions: Actions,
    support: Support,
    clip: ClipFeatures,
    path: Path,
    space: Space,
    *,
    top: int = 3,
    accept: Accept = "suggested",
) -> Explanation:
    """The same for a clip that is encoded already; `path` is where its frames can be fetched from.

    Raises:
        SettingsError: `top` is below 1, or `accept` is not possible.
    """
    _check_top(top)
    (result,) = answer(actions, support, [clip], space)
    result = replace(result, path=path).accepting(accept)
    frames = clip.frames[None]
    cut = cut_clips(frames, actions.method, space)
    query = build_prototypes(frames, cut, None, actions.method, space, actions.head)
    similarity = match_text(frames, cut, actions.text, space)[0]
    labels: list[LabelReport] = []
    for candidate in result.candidates[:top]:
        label = actions.labels.index(candidate.label)
        mine = [number for number, one in enumerate(actions.examples) if one.label == candidate.label]
        labels.append(
            LabelReport(
                candidate,
                actions.anatomies[label].sentences,
                tuple(similarity[label].tolist()),
                len(mine),
                _nearest(actions, mine, query, cut, space),
            )
        )
    footage = FrameTiles.cut(result.path, result.times, result.frame_stage, result.duration)
    alpha = resolve_alpha(actions.method.alpha, actions.shots, actions.method.text_shots)
    return Explanation(result, footage, tuple(labels), alpha, len(actions.examples), actions.method, actions.identity)


def _check_top(top: int) -> None:
    if top < 1:
        raise SettingsError(f"at least 1 label is explained, not {top}")


def _nearest(actions: Actions, mine: Sequence[int], query: Prototypes, cut: Cut, space: Space) -> ExampleReport | None:
    """Compare the clip with whichever of some examples is nearest; None if there are none."""
    if not mine:
        return None
    method, frames = actions.method, actions.frames[list(mine)]
    cuts = cut_clips(frames, method, space)
    support = build_prototypes(
        frames, cuts, actions.text[actions.support_label[list(mine)]], method, space, actions.head
    )
    distance = match_videos(query, support, method, head_weight=actions.head_weight)[0]
    best = int(distance.argmin())
    stages = tuple(one.clamp_max(0) if method.matcher == "bi_mhm" else one for one in (query.stage, support.stage))
    apart = token_distances(
        *(one[at] for one, at in zip(_looks(query, support, actions.head_weight), (0, best), strict=True))
    )
    here, there = stages[0][0], stages[1][best]
    costs = stage_costs(
        apart, here, there, 1 if method.matcher == "bi_mhm" else method.stages, reduction=method.reduction
    )
    example = actions.examples[mine[best]]
    return ExampleReport(
        FrameTiles.cut(Path(example.path), example.times, tuple(cuts.label[best].tolist()), example.duration),
        max(0.0, float(distance[best])),
        tuple(costs.tolist()),
        _map(apart, (here, there), (cut.frame[0], cuts.frame[best]), method.frames),
    )


def _looks(query: Prototypes, support: Prototypes, head_weight: float) -> tuple[Tensor, Tensor]:
    """The tokens that are compared; with a trained head, whichever of its and the backbone's weigh more."""
    if query.learned is None or support.learned is None or head_weight < HALF:
        return query.tokens, support.tokens
    return query.learned, support.learned


def _map(
    apart: Float[Tensor, "tokens others"],
    stage: tuple[Int[Tensor, " tokens"], Int[Tensor, " others"]],
    frame: tuple[Int[Tensor, " tokens"], Int[Tensor, " others"]],
    frames: int,
) -> FrameMap:
    """Frames instead of tokens: which are how far apart, and which were matched."""
    here, there = stage
    together = (here[:, None] == there) & (here >= 0)[:, None]
    real = (here[:, None] >= 0) & (there >= 0)
    shared = frame_distances((~together).to(apart.dtype), *frame, frames) == 0
    matches: list[Match] = []
    for forth, nearest in zip((True, False), nearest_tokens(apart, here, there), strict=True):
        for own, other in enumerate(nearest.tolist()):
            if other >= 0:
                row, column = (own, other) if forth else (other, own)
                at = int(frame[0][row]), int(frame[1][column])
                matches.append(Match(*at, int(here[row]), float(apart[row, column]), forth))
    distance = frame_distances(apart.masked_fill(~real, torch.inf), *frame, frames)
    return FrameMap(distance, shared, tuple(matches))
