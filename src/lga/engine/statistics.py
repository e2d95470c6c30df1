"""What episodes say about accuracy: means with intervals, by class, by pair of classes, and in pairs."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from lga.engine.evaluate import Outcome

DRAWS = 1000
"""Bootstrap draws; the ends of a 95 % interval then move by about a tenth of its width from seed to seed."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over queries and what is known of it, 0 to 1 (a difference: -1 to 1).

    `ci95` says how far more episodes of the same clips could move the mean; episodes share few clips, so it is narrow
    whatever the clips are. `clips` and `classes` say how far other query clips, or other classes, could move it.
    """

    mean: float
    ci95: float
    """half width: normal, over episodes, 1.96 sd / sqrt(n)"""
    clips: tuple[float, float]
    """95 % by bootstrap over the clips asked about; the examples are not drawn anew"""
    classes: tuple[float, float]
    """95 % by bootstrap over the classes asked about; rough where there are few"""


def accuracy(outcome: Outcome) -> Interval:
    """How many queries were answered rightly."""
    return _interval(outcome.hits.astype(float), outcome)


def paired_difference(one: Outcome, other: Outcome) -> Interval:
    """How much more of the same queries `one` answers rightly than `other`; what both share cancels out.

    Raises:
        ValueError: they did not answer the same queries.
    """
    if not (np.array_equal(one.query, other.query) and np.array_equal(one.truth, other.truth)):
        raise ValueError("only outcomes on the same episodes can be compared in pairs")
    return _interval(one.hits.astype(float) - other.hits, one)


def class_accuracy(outcome: Outcome, classes: int) -> Float[ndarray, " {classes}"]:
    """The accuracy for each class's queries; NaN for a class that was never asked."""
    table = confusion(outcome, classes)
    asked = table.sum(1)
    return np.divide(table.diagonal(), asked, out=np.full(classes, np.nan), where=asked > 0)


def confusion(outcome: Outcome, classes: int) -> Int[ndarray, "{classes} {classes}"]:
    """How many queries of each class (row) were taken for each class (column)."""
    pair = outcome.truth * classes + outcome.predicted
    counts = np.bincount(pair.ravel(), minlength=classes * classes)
    return np.stack(np.split(counts, classes))


def calibration_error(outcome: Outcome, bins: int = 15) -> float:
    """Expected calibration error, 0 to 1, over equally wide bins of confidence."""
    sure = np.exp(outcome.log_posterior.max(-1)).ravel()
    place = np.minimum((sure * bins).astype(int), bins - 1)
    gap = np.bincount(place, outcome.hits.ravel() - sure, minlength=bins)
    return float(np.abs(gap).sum() / sure.size)


def bootstrap(
    values: Float[ndarray, "episodes queries"], unit: Int[ndarray, "episodes queries"], *, seed: int = 0
) -> tuple[float, float]:
    """The 95 % percentile interval of the mean when the units are drawn anew, each with all its values."""
    _, place, count = np.unique(unit.ravel(), return_inverse=True, return_counts=True)
    total = np.bincount(place.ravel(), values.ravel())
    random = np.random.default_rng(seed)
    weight = random.multinomial(len(count), np.full(len(count), 1 / len(count)), DRAWS)
    low, high = np.quantile((weight @ total) / (weight @ count), (0.025, 0.975))
    return float(low), float(high)


def _interval(values: Float[ndarray, "episodes queries"], outcome: Outcome) -> Interval:
    each = values.mean(1)
    return Interval(
        float(each.mean()),
        float(1.96 * each.std(ddof=1) / np.sqrt(len(each))),
        bootstrap(values, outcome.query),
        bootstrap(values, outcome.truth),
    )
