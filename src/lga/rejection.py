"""When to answer "none of these": how sure one may be, learnt from the taught examples alone."""

from dataclasses import dataclass
from math import exp
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lga.config import MethodConfig
from lga.core.openset import density, fit_known, fit_temperature, leave_one_out, recall_threshold
from lga.errors import SettingsError

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

    def known_score(self, density: float) -> float | None:
        """The probability that a clip shows a taught action, if half of the clips asked about do."""
        if self.slope is None:
            return None
        power = max(-500.0, min(500.0, self.slope * (density - self.centre)))
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
    likeness: Float[Tensor, "examples way"],
    owner: Int[Tensor, " examples"],
    method: MethodConfig,
    *,
    alpha: float,
    recall: float = RECALL,
) -> Rejection:
    """Learn temperature, score and threshold from how the examples score among themselves.

    Only examples that have another of their label tell how a taught action scores; with fewer than two such labels
    nothing is fitted and the method's temperature stays.
    """
    count = torch.bincount(owner, minlength=likeness.shape[1])
    paired = count[owner] > 1
    if int((count > 1).sum()) < 2:
        return Rejection(method.temperature, why=TOO_FEW)
    scores, strangers = leave_one_out(
        distance, likeness, owner, strength=method.discount, pooling=method.pooling, alpha=alpha
    )
    temperature = fit_temperature(scores[paired], owner[paired], usual=method.temperature)
    known, strange = density(scores[paired]), density(strangers)
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
