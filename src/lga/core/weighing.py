"""How much video and text count: learnt from the examples, each asked about as if it had not been taught."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

VIDEO_PRECISION = 20.0
"""How far the usual weight of the video is believed: a normal prior with this precision."""
TEXT_PRECISION = 1.0
"""The same for the text, whose worth differs most from backbone to backbone and from label to label."""
MOST_VIDEO = 4.0
"""The largest weight of the video."""
TEXT_NOISE = 0.1
"""By how much logits of the text deviate over classes that it does not tell apart."""
LEAST = 0.001
"""The least weight or gain of either: next to nothing beside the other, but alone it still has a first answer."""
ROUNDING = 16.0
"""By how many units in the last place of its terms a loss may be off."""
STEPS = 40
"""Newton steps at most, some of them halved; a handful is usual."""
TOLERANCE = 1e-5
"""A step this small is the last: what is left is of the order of its square."""
TEMPERATURE_PRECISION = 10.0
"""How far the usual temperature is believed: a normal prior on log T with this precision (jhmdb16, 2 folds)."""
MULTIPLES = torch.logspace(-1.0, 1.0, 161, dtype=torch.float64)
"""The temperatures to choose from, as multiples of the usual one; 3 % apart."""
COARSE = 10
"""Every so many temperatures are tried first, then all around the best of them."""


def text_gain(text: Float[Tensor, "*episodes examples way"]) -> Float[Tensor, "*episodes"]:
    """The share of the text's differences between the classes that is more than noise, `LEAST` to 1.

    `text` holds the logits of at least one example; with their deviation s over the classes, that of all examples
    together, it is 1 - `TEXT_NOISE`^2 / s^2. Sentences of two actions that only differ by order or direction are nearly
    alike to any picture, and what still differs is noise.

    Source: positive-part shrinkage (James and Stein, 1961); the noise is our choice (docs/backbones.md).
    """
    between = max(1, (text.shape[-1] - 1) * text.shape[-2])
    spread = (text - text.mean(-1, keepdim=True)).square().sum((-1, -2)) / between
    return (1 - TEXT_NOISE**2 / spread).clamp_min(LEAST)


def fit_weights(
    video: Float[Tensor, "*episodes examples way"],
    text: Float[Tensor, "*episodes examples way"],
    truth: Int[Tensor, " examples"],
    *,
    usual: float,
) -> tuple[Float[Tensor, "*episodes"], Float[Tensor, "*episodes"]]:
    """The weights that suit the examples best: a of the video, `LEAST` to `MOST_VIDEO`, b of the text, `LEAST` to 1.

    They make the true classes of the examples likeliest under softmax(a * video + b * text), kept near `usual` and 1
    by normal priors: few examples say little. `text` is in the units in which its checkpoint was trained, so that b = 1
    takes it at its word; it may know less than it claims, but is never taken for more. Both scores of an example must
    come from a task without it; a row of zeros says nothing. The function is convex, so the answer is the only one.

    Source: stacking (Wolpert, 1992) of two posteriors; prior and bounds are our choice (docs/backbones.md).
    """
    shape = video.shape[:-2]
    feature = torch.stack([video, text], -1)
    centre, precision = feature.new_tensor([usual, 1.0]), feature.new_tensor([VIDEO_PRECISION, TEXT_PRECISION])
    least, most = feature.new_tensor([LEAST, LEAST]), feature.new_tensor([MOST_VIDEO, 1.0])
    wanted = feature[..., torch.arange(len(truth), device=truth.device), truth, :].sum(-2)
    weight, step = centre.expand(*shape, 2).clamp(least, most), feature.new_zeros((*shape, 2))
    loss = feature.new_full(shape, torch.inf)
    for number in range(STEPS):
        settled = number > 0 and bool((step.abs() < TOLERANCE).all())
        tried = (weight - step).clamp(least, most)
        logit = (feature * tried[..., None, None, :]).sum(-1)
        level = logit.logsumexp(-1)
        found = level.sum(-1) - (wanted * tried).sum(-1)
        found = found + (precision * (tried - centre).square()).sum(-1) / 2
        # a step is not refused for rounding, or the weights would be known to half the digits of the losses only
        better = found <= loss + ROUNDING * torch.finfo(loss.dtype).eps * (wanted * tried).abs().sum(-1).clamp_min(1)
        step = step.where(better[..., None], step / 2)
        loss, weight = found.where(better, loss), tried.where(better[..., None], weight)
        if settled:
            break
        share = (logit - level[..., None]).exp()
        newton = _newton_step(feature, share, wanted, weight, centre, precision, least, most)
        step = newton.where(better[..., None], step)
    return weight[..., 0], weight[..., 1]


def _newton_step(
    feature: Float[Tensor, "*episodes examples way two"],
    share: Float[Tensor, "*episodes examples way"],
    wanted: Float[Tensor, "*episodes two"],
    weight: Float[Tensor, "*episodes two"],
    centre: Float[Tensor, " two"],
    precision: Float[Tensor, " two"],
    least: Float[Tensor, " two"],
    most: Float[Tensor, " two"],
) -> Float[Tensor, "*episodes two"]:
    """What to take off the weights; one that its bound holds back stays, and the other moves as if alone."""
    mean = (share[..., None] * feature).sum(-2)
    slope = mean.sum(-2) - wanted + precision * (weight - centre)
    (first, second), (own, other) = feature.unbind(-1), mean.unbind(-1)
    bend = torch.stack(
        [
            ((share * first * first).sum(-1) - own * own).sum(-1) + precision[0],
            ((share * second * second).sum(-1) - other * other).sum(-1) + precision[1],
        ],
        -1,
    )
    cross = ((share * first * second).sum(-1) - own * other).sum(-1)
    free = ((weight > least) | (slope < 0)) & ((weight < most) | (slope > 0))
    slope, cross = slope * free, cross * free.all(-1)
    area = bend.prod(-1) - cross * cross
    return torch.stack(
        [
            (bend[..., 1] * slope[..., 0] - cross * slope[..., 1]) / area,
            (bend[..., 0] * slope[..., 1] - cross * slope[..., 0]) / area,
        ],
        -1,
    )


def fit_temperature(
    score: Float[Tensor, "*episodes examples way"], truth: Int[Tensor, " examples"]
) -> Float[Tensor, "*episodes"]:
    """What scores are divided by to make the true labels of left-out examples likeliest, kept near 1, 0.1 to 10.

    Few examples say little: log T has a normal prior around 0 with precision `TEMPERATURE_PRECISION`, and no examples
    leave T at 1.

    Source: temperature scaling, Guo et al. (arXiv:1706.04599); the prior is our choice.
    """
    wanted = score[..., torch.arange(len(truth), device=truth.device), truth].sum(-1)
    heat, prior = MULTIPLES.to(score), (TEMPERATURE_PRECISION * MULTIPLES.log().square() / 2).to(score)

    def loss(place: Int[Tensor, "*#episodes"]) -> Float[Tensor, "*episodes"]:
        one = heat[place]
        return (score / one[..., None, None]).logsumexp(-1).sum(-1) - wanted / one + prior[place]

    coarse = torch.arange(0, len(heat), COARSE, device=score.device)
    best = coarse[torch.stack([loss(place) for place in coarse]).argmin(0)]
    near = [(best + step).clamp(0, len(heat) - 1) for step in range(1 - COARSE, COARSE)]
    best = torch.stack(near).gather(0, torch.stack([loss(place) for place in near]).argmin(0, keepdim=True))[0]
    return heat[best]
