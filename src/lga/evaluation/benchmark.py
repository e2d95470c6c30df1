"""The few-shot accuracy of LGA on a dataset, and how it changes with one setting at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lga.config import MethodConfig, ProtocolConfig
from lga.datasets.episodes import Episodes, plan_episodes
from lga.errors import ManifestError
from lga.evaluation.dataset import LoadedDataset
from lga.evaluation.outcome import Outcome, run_episodes
from lga.evaluation.statistics import Interval, accuracy, paired_difference
from lga.features.extract import Progress
from lga.methods.lga import FusedDataset, Matrix, lga_scorer, match_dataset, pairwise_matrix
from lga.model.head import Head
from lga.model.task import MATCHES, Match


@dataclass(frozen=True, slots=True)
class Report:
    """What an evaluation found, on which episodes and with which settings."""

    accuracy: dict[str, Interval]
    outcome: dict[str, Outcome]
    episodes: Episodes
    protocol: ProtocolConfig
    alpha: float | None
    """the fixed weight of the video match; None where every episode fits its own"""


def evaluate_dataset(
    matrix: Matrix,
    method: MethodConfig,
    episodes: Episodes,
    protocol: ProtocolConfig,
    *,
    progress: Progress | None = None,
) -> Report:
    """Answer the episodes by the video match, the text match and both, training-free."""
    scorers = {match: lga_scorer(matrix, method, match=match) for match in MATCHES}
    found = run_episodes(scorers, episodes, progress=progress)
    alpha = None if method.alpha == "fitted" else method.video_weight(protocol.shots)
    return Report({match: accuracy(one) for match, one in found.items()}, found, episodes, protocol, alpha)


def compare_settings(
    report: Report,
    loaded: LoadedDataset,
    other: LoadedDataset,
    method: MethodConfig,
    *,
    head: Head | None = None,
    progress: Progress | None = None,
) -> tuple[Report, dict[str, Interval]]:
    """Answer the report's episodes with other settings too; the difference is the report's accuracy less theirs.

    `other` holds the same clips, encoded as `method` wants them.

    Raises:
        ManifestError: the other settings can read fewer or more clips.
    """
    if loaded.digests != other.digests:
        raise ManifestError(
            f"the two settings can read {len(loaded.digests)} and {len(other.digests)} clips; leave out those "
            "that were skipped, so that both answer the same episodes"
        )
    rival = evaluate_dataset(
        pairwise_matrix(other.dataset, method, head=head, progress=progress), method, report.episodes, report.protocol
    )
    return rival, {match: paired_difference(report.outcome[match], rival.outcome[match]) for match in MATCHES}


ALPHAS = tuple(step / 20 for step in range(21))
WAYS = (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 50)
SHOTS = (1, 2, 3, 4, 5, 8, 10)
EPISODES = 2000
"""at most, for each point of the curves over ways and shots"""


@dataclass(frozen=True, slots=True)
class Point:
    """One place on a curve."""

    at: int | float
    accuracy: dict[str, Interval]


def alpha_curve(matrix: Matrix, method: MethodConfig, episodes: Episodes) -> list[Point]:
    """Accuracy against alpha, from text alone (0) to video alone (1), on the same episodes.

    The support head counts at its own weight wherever video counts at all.
    """
    scorers = {one: lga_scorer(matrix, method.updated({"alpha": one})) for one in ALPHAS}
    found = run_episodes({str(one): scorer for one, scorer in scorers.items()}, episodes)
    return [Point(one, {"combined": accuracy(found[str(one)])}) for one in ALPHAS]


def protocol_curve(
    loaded: LoadedDataset,
    matrix: Matrix,
    method: MethodConfig,
    protocol: ProtocolConfig,
    *,
    vary: Literal["ways", "shots"],
    progress: Progress | None = None,
) -> list[Point]:
    """Accuracy against the number of classes or examples in an episode, as far as the clips can fill such episodes."""
    points: list[Point] = []
    values = _values(WAYS if vary == "ways" else SHOTS, protocol.ways if vary == "ways" else protocol.shots)
    scorers = {match: lga_scorer(matrix, method, match=match) for match in MATCHES}
    for number, value in enumerate(values, 1):
        few = min(protocol.episodes, EPISODES)
        try:
            plan = plan_episodes(loaded.label, loaded.group, protocol.model_copy(update={vary: value, "episodes": few}))
        except ManifestError:
            break
        outcomes = run_episodes(scorers, plan)
        points.append(Point(value, {match: accuracy(outcomes[match]) for match in MATCHES}))
        if progress is not None:
            progress(number, len(values))
    return points


def stage_curve(fused: FusedDataset, episodes: Episodes, *, progress: Progress | None = None) -> list[Point]:
    """Accuracy of the video and the text match when one stage alone is compared, stages numbered from 1.

    The support head is left out: it reads whole clips. Without any point where the classes have different numbers of
    stages.
    """
    points: list[Point] = []
    method, numbers = fused.lga.lga.method.updated({"head": "none"}), fused.lga.numbers
    stages = numbers[0] if len(numbers) == 1 else 0
    for stage in range(stages):
        matrix = match_dataset(fused, stage=stage)
        matches: tuple[Match, ...] = ("video", "text")
        outcomes = run_episodes({match: lga_scorer(matrix, method, match=match) for match in matches}, episodes)
        points.append(Point(stage + 1, {match: accuracy(outcomes[match]) for match in matches}))
        if progress is not None:
            progress(stage + 1, stages)
    return points


def _values(usual: Sequence[int], own: int) -> list[int]:
    return sorted({*usual, own} - {0})
