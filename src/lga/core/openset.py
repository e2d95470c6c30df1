"""None of yours: what taught examples score with themselves or their label left out tells what is out of place."""

from jaxtyping import Float
from torch import Tensor


def max_logit(score: Float[Tensor, "*query way"]) -> Float[Tensor, "*query"]:
    """How well a clip suits the class that it suits best: the largest of its class scores, before any softmax.

    A softmax keeps only how much better one class is than another, and so loses that none of them is any good. On
    jhmdb16 this told taught from untaught actions better than the softmax's maximum, distances alone, similarities
    alone, margins, and distances relative to those among the examples.

    Source: the maximum logit, Hendrycks et al. (arXiv:1911.11132), and Vaze et al. (arXiv:2110.06207).
    """
    return score.amax(-1)


def recall_threshold(known: Float[Tensor, " examples"], recall: float) -> float:
    """The value that a share `recall` of clips like the known ones will reach.

    It is the conformal quantile: of n values and one more of their kind, the one more is below the k-th smallest with
    probability k / (n + 1). Between two of them it interpolates; too few for the wanted recall give the smallest.

    Raises:
        ValueError: there are no values, or the recall is not above 0 and below 1.

    Source: conformal prediction, Vovk et al., Algorithmic Learning in a Random World.
    """
    if not (len(known) and 0 < recall < 1):
        raise ValueError(f"a threshold needs values and a recall between 0 and 1, not {len(known)} and {recall}")
    rising = known.sort().values.tolist()
    place = min(max((len(rising) + 1) * (1 - recall) - 1, 0.0), len(rising) - 1.0)
    low = int(place)
    high = min(low + 1, len(rising) - 1)
    return rising[low] + (place - low) * (rising[high] - rising[low])


def fit_known(known: Float[Tensor, " examples"], unknown: Float[Tensor, " others"]) -> tuple[float, float]:
    """Slope and offset with which sigmoid(slope * (value - offset)) is the probability of a taught action.

    Both kinds count as normal with one variance, and as equally frequent: linear discriminant analysis in one
    dimension, with the variance that makes the slope right on average, however few values there are. The slope is 0
    where known values are not higher than unknown ones.

    Raises:
        ValueError: there are fewer than three values of either kind.

    Source: Fisher's linear discriminant; the unbiased slope is Lachenbruch's (Discriminant Analysis, 1975).
    """
    if min(len(known), len(unknown)) < 3:
        raise ValueError(f"needs three values of either kind, not {len(known)} and {len(unknown)}")
    high, low = known.mean(), unknown.mean()
    spread = ((known - high).square().sum() + (unknown - low).square().sum()) / (len(known) + len(unknown) - 4)
    slope = (high - low).clamp_min(0) / spread.clamp_min(1e-12)
    return float(slope), float((high + low) / 2)
