"""Few-shot evaluation: every clip is matched with every other once, then episodes are index operations."""

from dataclasses import dataclass

import numpy as np
import torch
from einops import rearrange, repeat
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from torch import Tensor

from lga.backbone.protocol import Space
from lga.config import MethodConfig, ProtocolConfig
from lga.core.distance import class_distances
from lga.core.score import combine, discount_hubs, resolve_alpha
from lga.engine.extract import Progress
from lga.episodes.plan import Episodes
from lga.model.fusion import StageFusion
from lga.model.lga import Prototypes, build_prototypes, cut_clips, match_text, match_videos

NUMBERS_AT_ONCE = 2**24
"""Elements of the largest table that some episodes need together; bounds memory whatever the ways and shots."""
CLIPS_AT_ONCE = 64
MATCHES = ("video", "text", "combined")


@dataclass(frozen=True, slots=True)
class Matrix:
    """Everything that episodes need: distances between clips, and each clip's text score for each class."""

    distance: Float[Tensor, "clips clips"]
    likeness: Float[Tensor, "clips classes"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean accuracy over episodes and the half width of its 95 % interval, both 0 to 1."""

    mean: float
    ci95: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """Which queries were recognised, by which match; rows are episodes."""

    video: Bool[ndarray, "episodes queries"]
    text: Bool[ndarray, "episodes queries"]
    combined: Bool[ndarray, "episodes queries"]
    truth: Int[ndarray, "episodes queries"]
    """the class number of every query"""
    log_posterior: Float[ndarray, "episodes queries way"]
    """of the combined match; the right class is query number // queries a class"""

    def accuracy(self) -> dict[str, Interval]:
        """Mean accuracy of each match with a normal 95 % interval over episodes: 1.96 sd / sqrt(n)."""
        return {name: interval(hits.mean(1)) for name, hits in zip(MATCHES, self._hits(), strict=True)}

    def class_accuracy(self, classes: int) -> Float[ndarray, " {classes}"]:
        """The combined accuracy for each class's queries; NaN for a class that was never asked."""
        asked = np.bincount(self.truth.ravel(), minlength=classes)
        right = np.bincount(self.truth.ravel(), self.combined.ravel(), minlength=classes)
        return np.divide(right, asked, out=np.full(classes, np.nan), where=asked > 0)

    def calibration_error(self, bins: int = 15) -> float:
        """Expected calibration error of the combined match, 0 to 1, over equally wide bins of confidence."""
        sure = np.exp(self.log_posterior.max(-1)).ravel()
        place = np.minimum((sure * bins).astype(int), bins - 1)
        gap = np.bincount(place, self.combined.ravel() - sure, minlength=bins)
        return float(np.abs(gap).sum() / sure.size)

    def _hits(self) -> tuple[Bool[ndarray, "episodes queries"], ...]:
        return self.video, self.text, self.combined


def interval(values: Float[ndarray, " episodes"]) -> Interval:
    """Mean and half width of the normal 95 % interval of the mean."""
    return Interval(float(values.mean()), float(1.96 * values.std(ddof=1) / np.sqrt(len(values))))


def match_all(
    frames: Float[Tensor, "clips frames dim"],
    label: Int[Tensor, " clips"],
    text: Float[Tensor, "classes stages dim"],
    method: MethodConfig,
    space: Space,
    *,
    fusion: StageFusion | None = None,
    progress: Progress | None = None,
) -> Matrix:
    """Cut and fuse every clip once in each role, and match every clip with every clip and every class's text.

    Column j of the distances holds clip j in the support role, fused with the sentences of its own class.
    """
    cut = cut_clips(frames, method, space)
    query = build_prototypes(frames, cut, None, method, fusion)
    support = build_prototypes(frames, cut, text[label], method, fusion)
    rows: list[Tensor] = []
    for tokens, stage in zip(query.tokens.split(CLIPS_AT_ONCE), query.stage.split(CLIPS_AT_ONCE), strict=True):
        rows.append(match_videos(Prototypes(tokens, stage), support, method, space))
        if progress is not None:
            progress(min(len(rows) * CLIPS_AT_ONCE, len(frames)), len(frames))
    return Matrix(torch.cat(rows), match_text(frames, cut, text, space).sum(-1))


def run_episodes(
    matrix: Matrix,
    episodes: Episodes,
    method: MethodConfig,
    protocol: ProtocolConfig,
    *,
    progress: Progress | None = None,
) -> Outcome:
    """Answer every query of every episode from the matrix, as many episodes at a time as memory is meant to hold."""
    way, shots = protocol.ways, protocol.shots
    alpha = resolve_alpha(method.alpha, shots)
    owner = repeat(torch.arange(way), "w -> (w k)", k=shots)
    strangers, outsiders = owner[:, None] != owner, owner[:, None] != torch.arange(way)
    strength = method.discount
    target = repeat(torch.arange(way), "w -> (w q)", q=protocol.queries)
    total = len(episodes.classes)
    parts: list[tuple[Tensor, ...]] = []
    examples = way * shots
    step = max(1, NUMBERS_AT_ONCE // max(1, way * examples * max(protocol.queries * way, shots)))
    for start in range(0, total, step):
        some = slice(start, start + step)
        query = rearrange(torch.from_numpy(episodes.query[some]), "e w q -> e (w q) 1")
        support = rearrange(torch.from_numpy(episodes.support[some]), "e w k -> e 1 (w k)")
        classes = rearrange(torch.from_numpy(episodes.classes[some]), "e w -> e 1 w")
        example = rearrange(support, "e 1 s -> e s 1")
        apart = discount_hubs(
            matrix.distance[query, support], matrix.distance[example, support][:, None], strangers, strength=strength
        )
        distance = class_distances(apart, owner, way, pooling=method.pooling)
        likeness = discount_hubs(
            matrix.likeness[query, classes], matrix.likeness[example, classes][:, None], outsiders, strength=strength
        )
        posterior = combine(distance, likeness, alpha=alpha, temperature=method.temperature)
        hits = [one.argmax(-1) == target for one in (-distance, likeness, posterior)]
        truth = rearrange(classes, "e 1 w -> e w").gather(1, repeat(target, "q -> e q", e=len(classes)))
        parts.append((*hits, truth, posterior))
        if progress is not None:
            progress(min(start + step, total), total)
    return Outcome(*(torch.cat(column).numpy() for column in zip(*parts, strict=True)))
