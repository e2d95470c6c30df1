"""None of these: taught examples, each asked about with itself or its label left out, tell what is out of place."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lga.core.distance import Pooling, class_distances
from lga.core.score import weigh

PRIOR_PRECISION = 10.0
"""How far the usual temperature is believed: as a normal prior on log T with this precision (jhmdb16, 2 folds)."""
MULTIPLES = torch.logspace(-1.0, 1.0, 161, dtype=torch.float64)
"""The temperatures tried, as multiples of the usual one; 3 % apart."""


def leave_one_out(
    distance: Float[Tensor, "examples examples"],
    similarity: Float[Tensor, "examples way"],
    support_label: Int[Tensor, " examples"],
    *,
    strength: float,
    pooling: Pooling,
    alpha: float,
    head: tuple[Float[Tensor, "examples way"], Float[Tensor, "examples way"]] | None = None,
) -> tuple[Float[Tensor, "examples way"], Float[Tensor, "examples way"]]:
    """The class scores of every example, asked about twice: with itself left out, and with its whole label left out.

    The first is how a clip of a taught action scores, the second how one of an untaught action does; the left-out
    label scores -inf there. What is left out does not count towards `correct_hubs` either; but with fewer than three
    labels nothing would be left to correct hubs by, and then the second asking leaves out only the clip itself there.
    Scores are those of `weigh`, not yet divided by a temperature; `head` are the support head's for the two askings, as
    `head_scores_without` gives them, times their weight. An example that is the
    only one of its label is asked about as if that label were known by its text alone.

    Source: our choice, after cross-validation.
    """
    if not len(support_label):
        return similarity, similarity
    way, number = similarity.shape[1], torch.arange(len(support_label))
    same, itself = support_label[:, None] == support_label, number[:, None] == number
    own = support_label[:, None] == torch.arange(way)
    away = same if len(set(support_label.tolist())) > 2 else itself
    answers: list[Tensor] = []
    askings = ((itself, itself, torch.zeros_like(own)), (away, same, own))
    for (rows, columns, labels), learned in zip(askings, head or (None, None), strict=True):
        apart = distance - strength * _hubs_without(distance, ~same, rows, ~columns)
        pooled = torch.cat(
            [
                class_distances(apart[row : row + 1, ~gone], support_label[~gone], way, pooling=pooling)
                for row, gone in enumerate(columns)
            ]
        )
        words = similarity - strength * _hubs_without(similarity, ~own, rows, ~labels)
        answers.append(weigh(pooled, words, alpha, learned).masked_fill(labels, -torch.inf))
    return answers[0], answers[1]


def max_logit(score: Float[Tensor, "*query way"]) -> Float[Tensor, "*query"]:
    """How well a clip suits the class that it suits best: the largest of its class scores, before any softmax.

    A softmax keeps only how much better one class is than another, and so loses that none of them is any good. On
    jhmdb16 this told taught from untaught actions better than the softmax's maximum, distances alone, similarities
    alone, margins, and distances relative to those among the examples.

    Source: the maximum logit, Hendrycks et al. (arXiv:1911.11132), and Vaze et al. (arXiv:2110.06207).
    """
    return score.amax(-1)


def fit_temperature(
    score: Float[Tensor, "examples way"],
    truth: Int[Tensor, " examples"],
    *,
    usual: float,
    prior_precision: float = PRIOR_PRECISION,
) -> float:
    """The temperature that makes the true labels of left-out examples likeliest, kept near the usual one.

    Few examples say little: log T has a normal prior around log `usual` with precision `prior_precision`, and no
    examples leave the usual temperature.

    Raises:
        ValueError: the usual temperature is not positive, or the prior_precision negative.

    Source: temperature scaling, Guo et al. (arXiv:1706.04599); the prior is our choice.
    """
    if usual <= 0 or prior_precision < 0:
        raise ValueError(
            f"the usual temperature must be above 0 and the prior_precision >= 0, not {usual} and {prior_precision}"
        )
    if not len(score):
        return usual
    tried = usual * MULTIPLES
    loss = torch.stack([F.cross_entropy(score / one, truth, reduction="sum") for one in tried])
    return float(tried[(loss + prior_precision * MULTIPLES.log() ** 2 / 2).argmin()])


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


def _hubs_without(
    table: Float[Tensor, "examples columns"],
    foreign: Bool[Tensor, "examples columns"],
    gone: Bool[Tensor, "asked examples"],
    stays: Bool[Tensor, "asked columns"],
) -> Float[Tensor, "asked columns"]:
    """What `correct_hubs` takes from every column, for each example asked about without the rows that are gone."""
    weight, out = foreign.to(table.dtype), gone.to(table.dtype)
    count = weight.sum(0) - out @ weight
    mean = ((table * weight).sum(0) - out @ (table * weight)) / count.clamp_min(1)
    some = ((count > 0) & stays).to(table.dtype)
    usual = (mean * some).sum(-1, keepdim=True) / some.sum(-1, keepdim=True).clamp_min(1)
    return mean.where(count > 0, usual)
