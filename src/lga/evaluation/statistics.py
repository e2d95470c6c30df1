"""Accuracy with three intervals, paired differences, and what was mistaken for what."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from lga.evaluation.outcome import Outcome

DRAWS = 1000
"""Bootstrap draws; the ends of a 95 % interval then move by about a tenth of its width from seed to seed."""
BINS = 15
"""Bins of confidence, equally wide."""
INTERVALS = {
    "ci95": "half width, normal, over episodes: 1.96 sd / sqrt(n); it shrinks with more episodes of the same clips",
    "clips": "95 % by bootstrap over the clips asked about, examples not drawn anew",
    "classes": "95 % by bootstrap over the classes asked about; rough where there are few",
}
"""What each interval means, for whoever reads the figures."""


class IntervalText(NamedTuple):
    """An interval in percent, as text: `54.61`, `± 0.43`, `53.1 to 56.0` and `48.0 to 60.2`."""

    mean: str
    episodes: str
    clips: str
    classes: str


@dataclass(frozen=True, slots=True, repr=False)
class Interval:
    """A mean over queries, 0 to 1 (a difference: -1 to 1), with three 95 % intervals.

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

    def text(self, digits: int = 2, *, signed: bool = False) -> IntervalText:
        """In percent, for people: mean and half width with so many digits, the ranges with one; `signed` shows a +."""
        sign = "+" if signed else ""
        low_high = (f"{100 * low:{sign}.1f} to {100 * high:{sign}.1f}" for low, high in (self.clips, self.classes))
        return IntervalText(f"{100 * self.mean:{sign}.{digits}f}", f"± {100 * self.ci95:.{digits}f}", *low_high)

    def __repr__(self) -> str:
        """On one line: 54.6 ± 0.4 % (95 %: other clips 53.1 to 56.0, other classes 48.0 to 60.2)."""
        text = self.text(1)
        return f"{text.mean} {text.episodes} % (95 %: other clips {text.clips}, other classes {text.classes})"


def accuracy(outcome: Outcome) -> Interval:
    """The share of queries that were answered rightly."""
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


def calibration_error(outcome: Outcome, bins: int = BINS) -> float:
    """Expected calibration error, 0 to 1, over equally wide bins of confidence."""
    return expected_calibration_error(np.exp(outcome.log_posterior.max(-1)).ravel(), outcome.hits.ravel(), bins)


def expected_calibration_error(
    confidence: Float[ndarray, " answers"], right: Bool[ndarray, " answers"], bins: int = BINS
) -> float:
    """The mean distance, 0 to 1, of confidence from the share of right answers in equally wide bins, weighted by size.

    Source: Naeini et al. (AAAI 2015), expected calibration error.
    """
    return float(np.abs(calibration_gaps(confidence, right, bins)).sum() / confidence.size)


def calibration_gaps(
    confidence: Float[ndarray, " answers"], right: Bool[ndarray, " answers"], bins: int = BINS
) -> Float[ndarray, " {bins}"]:
    """For each bin of confidence, how many more answers are right than expected; gaps of several sets add up."""
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return np.bincount(place, right - confidence, minlength=bins)


def bootstrap(
    values: Float[ndarray, "episodes queries"], unit: Int[ndarray, "episodes queries"], *, seed: int = 0
) -> tuple[float, float]:
    """The 95 % percentile interval of the mean when the units are drawn anew, each with all its values."""
    _, place, count = np.unique(unit.ravel(), return_inverse=True, return_counts=True)
    total = np.bincount(place.ravel(), values.ravel())
    return bootstrap_units(lambda weight: (weight @ total) / (weight @ count), len(count), seed=seed)


def bootstrap_units(
    statistic: Callable[[Int[ndarray, "draws units"]], Float[ndarray, " draws"]], units: int, *, seed: int = 0
) -> tuple[float, float]:
    """The 95 % percentile interval of any statistic when its units are drawn anew, as many as there are.

    `statistic` takes how often each unit is in each draw, and returns a number for each draw.
    """
    random = np.random.default_rng(seed)
    low, high = np.quantile(statistic(random.multinomial(units, np.full(units, 1 / units), DRAWS)), (0.025, 0.975))
    return float(low), float(high)


def half_width(values: Float[ndarray, " values"]) -> float:
    """Half of the 95 % interval of a mean, normal: 1.96 sd / sqrt(n)."""
    return float(1.96 * values.std(ddof=1) / np.sqrt(len(values)))


def _interval(values: Float[ndarray, "episodes queries"], outcome: Outcome) -> Interval:
    each = values.mean(1)
    return Interval(
        float(each.mean()),
        half_width(each),
        bootstrap(values, outcome.query),
        bootstrap(values, outcome.truth),
    )


@dataclass(frozen=True, slots=True)
class Mistake:
    """A clip that was answered wrongly, over all episodes that asked about it."""

    clip: int
    truth: int
    """its class"""
    taken: int
    """the class that it was taken for most often among the wrong ones; the first of equals"""
    asked: int
    """how many times"""
    wrong: int
    """how many of them"""
    belief: float
    """how likely its class was held to be: the geometric mean of the posteriors, 0 to 1"""


def worst_mistakes(outcome: Outcome, most: int) -> tuple[Mistake, ...]:
    """The clips that were ever wrong, those whose own class was held least likely first; at most `most` of them.

    A clip that is confidently wrong comes before one that is nearly right; of equals the first clip comes first.

    Raises:
        ValueError: `most` is negative.

    Source: our choice; it orders clips by their mean log loss.
    """
    if most < 0:
        raise ValueError(f"at least no mistakes can be wanted, not {most}")
    clips, place = np.unique(outcome.query.ravel(), return_inverse=True)
    asked = np.bincount(place)
    wrong = np.bincount(place, ~outcome.hits.ravel()).astype(int)
    belief = np.bincount(place, _log_belief(outcome).ravel()) / asked
    taken = _taken(outcome, place, len(clips))
    truth = np.empty(len(clips), dtype=int)
    truth[place] = outcome.truth.ravel()
    order = [int(one) for one in belief.argsort(kind="stable") if wrong[one]][:most]
    return tuple(
        Mistake(
            int(clips[at]), int(truth[at]), int(taken[at]), int(asked[at]), int(wrong[at]), float(np.exp(belief[at]))
        )
        for at in order
    )


def _log_belief(outcome: Outcome) -> Float[ndarray, "episodes queries"]:
    """The log-posterior of every query's own class, which stands at query number // queries a class."""
    queries, n_way = outcome.log_posterior.shape[1:]
    own = np.arange(queries) // (queries // n_way)
    return outcome.log_posterior[:, np.arange(queries), own]


def _taken(outcome: Outcome, place: ndarray, clips: int) -> ndarray:
    """The class that each clip was wrongly taken for most often."""
    missed = ~outcome.hits.ravel()
    classes = 1 + int(max(outcome.truth.max(), outcome.predicted.max()))
    pair = place[missed] * classes + outcome.predicted.ravel()[missed]
    counts = np.bincount(pair, minlength=clips * classes)
    return np.stack(np.split(counts, clips)).argmax(1)
