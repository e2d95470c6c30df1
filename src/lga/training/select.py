"""What is chosen on validation classes: the weight of the trained head, the weight of the text, the temperature."""

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from jaxtyping import Int
from numpy import ndarray
from pydantic import Field

from lga.config import FrozenModel, MethodConfig, ProtocolConfig, TrainConfig
from lga.datasets.episodes import Episodes, plan_episodes
from lga.errors import ManifestError
from lga.evaluation.outcome import Outcome, run_episodes
from lga.evaluation.statistics import calibration_error, paired_difference
from lga.methods.lga import Matrix, lga_scorer
from lga.methods.protocol import Scorer
from lga.model.task import Match

HEAD_WEIGHTS = (0.25, 0.5, 0.75, 1.0)
TEXT_SHOTS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
TEMPERATURES = (0.02, 0.03, 0.05, 0.07, 0.1, 0.14, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2, 1.6, 2.4)
SHOTS = (1, 5)
"""Numbers of examples that a choice has to suit, where the validation classes have enough clips."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a candidate answered on the validation episodes."""

    outcome: dict[int, Outcome]
    """by number of examples"""

    @property
    def accuracy(self) -> dict[int, float]:
        """Share of right answers, 0 to 1, by number of examples."""
        return {shots: float(one.hits.mean()) for shots, one in self.outcome.items()}

    @property
    def mean(self) -> float:
        """The mean over the numbers of examples."""
        return float(np.mean(list(self.accuracy.values())))

    def clearly_beats(self, other: "Trial") -> bool:
        """Whether the mean would still be better with other classes, by the paired 95 % bootstrap over classes.

        More episodes of the same few classes say nothing about new ones; on five classes a gain that their episodes
        make certain can be a loss on the next five.
        """
        lows = [paired_difference(one, other.outcome[shots]).classes[0] for shots, one in self.outcome.items()]
        return float(np.mean(lows)) > 0


class ValidationResult(FrozenModel):
    """What a learner reached on the validation classes after some episodes of training."""

    task: int
    head_weight: Annotated[float, Field(alias="trust")]
    accuracy: dict[int, float]
    """0 to 1, by number of examples"""
    mean: float


def validation_result(task: int, head_weight: float, trial: Trial) -> ValidationResult:
    """The figures of a trial, without its answers."""
    return ValidationResult(task=task, head_weight=head_weight, accuracy=trial.accuracy, mean=trial.mean)


def choice_episodes(
    label: Int[ndarray, " clips"], group: Int[ndarray, " clips"] | None, settings: TrainConfig, *, count: int
) -> dict[int, Episodes]:
    """`count` episodes for each number of examples in `SHOTS` that the classes can fill.

    Raises:
        ManifestError: they cannot fill episodes of any of these; the reason for the smallest is given.
    """
    found: dict[int, Episodes] = {}
    trouble: ManifestError | None = None
    ways = min(settings.ways, len(np.unique(label)))
    for shots in SHOTS:
        protocol = ProtocolConfig(
            ways=max(2, ways),
            shots=shots,
            episodes=count,
            seed=settings.seed,
            source_disjoint=settings.source_disjoint and group is not None,
        )
        try:
            found[shots] = plan_episodes(label, group, protocol)
        except ManifestError as error:
            trouble = trouble or error
    if not found and trouble is not None:
        raise trouble
    return found


def try_out(matrix: Matrix, episodes: dict[int, Episodes], config: MethodConfig, *, match: Match = "video") -> Trial:
    """Answer the validation episodes."""
    return try_method(lga_scorer(matrix, config, match=match), episodes)


def try_method(scorer: Scorer, episodes: dict[int, Episodes]) -> Trial:
    """Let any method answer the validation episodes."""
    return Trial({shots: run_episodes({"it": scorer}, some)["it"] for shots, some in episodes.items()})


def choose_head_weight(
    own: Matrix, learned: Matrix, episodes: dict[int, Episodes], config: MethodConfig
) -> tuple[float, Trial]:
    """The head weight with the best video match, of equally good ones the smallest, and what it reached."""
    trials = [
        (head_weight, try_out(mixed(own, learned, head_weight), episodes, config)) for head_weight in HEAD_WEIGHTS
    ]
    return max(trials, key=lambda one: one[1].mean)


def choose_text(matrix: Matrix, episodes: dict[int, Episodes], config: MethodConfig) -> MethodConfig:
    """Choose the text weight with the best combined match, then the temperature with the least calibration error.

    The text weight stays as it is unless another one is clearly better: so few classes should not overrule a default.
    Where it stays fitted to the examples, so is the confidence, and there is no temperature to choose.
    """
    if isinstance(config.alpha, str):
        usual = try_out(matrix, episodes, config, match="combined")
        others = [config.model_copy(update={"alpha": "shots", "text_shots": one}) for one in TEXT_SHOTS]
        trials = [(one, try_out(matrix, episodes, one, match="combined")) for one in others]
        best, trial = max(trials, key=lambda one: one[1].mean)
        config = best if trial.clearly_beats(usual) else config
    if config.alpha == "fitted":
        return config

    def gap(candidate: MethodConfig) -> float:
        trial = try_out(matrix, episodes, candidate, match="combined")
        return float(np.mean([calibration_error(one) for one in trial.outcome.values()]))

    return min([config.model_copy(update={"temperature": one}) for one in TEMPERATURES], key=gap)


def mixed(own: Matrix, learned: Matrix, head_weight: float) -> Matrix:
    """The matrix of a head of any weight, mixed from those of weight 0 (`own`) and 1 (`learned`)."""
    distance = head_weight * learned.table.distance + (1 - head_weight) * own.table.distance
    return replace(own, table=replace(own.table, distance=distance))
