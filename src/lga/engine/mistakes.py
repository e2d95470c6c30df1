"""Which clips an evaluation got most wrong, and what for."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lga.engine.evaluate import Outcome


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
    """The clips whose own class was held least likely, from bad to better, at most `most` and only those ever wrong.

    A clip that is surely wrong comes before one that is wrong by a hair; of equals the first clip comes first.

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
    queries, way = outcome.log_posterior.shape[1:]
    own = np.arange(queries) // (queries // way)
    return outcome.log_posterior[:, np.arange(queries), own]


def _taken(outcome: Outcome, place: ndarray, clips: int) -> ndarray:
    """The class that each clip was wrongly taken for most often."""
    missed = ~outcome.hits.ravel()
    classes = 1 + int(max(outcome.truth.max(), outcome.predicted.max()))
    pair = place[missed] * classes + outcome.predicted.ravel()[missed]
    counts = np.bincount(pair, minlength=clips * classes)
    return np.stack(np.split(counts, clips)).argmax(1)
