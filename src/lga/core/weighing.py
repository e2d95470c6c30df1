"""How much video and text count: learnt from the examples, each asked about as if it had not been taught."""

import torch
from einops import rearrange
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
    each: float = 1.0,
) -> tuple[Float[Tensor, "*episodes"], Float[Tensor, "*episodes"]]:
    """The weights that suit the examples best: a of the video, `LEAST` to `MOST_VIDEO`, b of the text, `LEAST` to 1.

    They make the true classes of the examples likeliest under softmax(a * video + b * text), kept near `usual` and 1
    by normal priors: few examples say little. `text` is in the units in which its checkpoint was trained, so that b = 1
    takes it at its word; it may know less than it claims, but is never taken for more. Both scores of an example must
    come from a task without it; a row of zeros says nothing. Every row counts for `each` examples: more than one
    where some are asked for all. The function is convex, so the answer is the only one.

    Source: stacking (Wolpert, 1992) of two posteriors; prior and bounds are our choice (docs/backbones.md).
    """
    shape = video.shape[:-2]
    seen, read = (rearrange(one, "... s w -> w s (...)").contiguous() for one in (video, text))
    centre, precision, least, most = (
        video.new_tensor(pair)[:, None]
        for pair in ((usual, 1.0), (VIDEO_PRECISION / each, TEXT_PRECISION / each), (LEAST, LEAST), (MOST_VIDEO, 1.0))
    )
    place = truth, torch.arange(len(truth), device=truth.device)
    wanted = torch.stack([one[place].sum(0) for one in (seen, read)])
    weight = centre.expand_as(wanted).clamp(least, most)
    step, loss = torch.zeros_like(wanted), torch.full_like(wanted[0], torch.inf)
    for number in range(STEPS):
        settled = number > 0 and bool((step.abs() < TOLERANCE).all())
        tried = (weight - step).clamp(least, most)
        logit = tried[0] * seen + tried[1] * read
        top = logit.amax(0)
        share = (logit - top).exp()
        total = share.sum(0)
        found = (top + total.log()).sum(0) - (wanted * tried).sum(0)
        found = found + (precision * (tried - centre).square()).sum(0) / 2
        # a step is not refused for rounding, or the weights would be known to half the digits of the losses only
        better = found <= loss + ROUNDING * torch.finfo(loss.dtype).eps * (wanted * tried).abs().sum(0).clamp_min(1)
        step = step.where(better, step / 2)
        loss, weight = found.where(better, loss), tried.where(better, weight)
        if settled:
            break
        pull = precision * (weight - centre) - wanted
        newton = _newton_step(seen, read, share / total, pull, weight, precision, least, most)
        step = newton.where(better, step)
    found = weight.unflatten(1, shape) if shape else weight[:, 0]
    return found[0], found[1]


def _newton_step(
    seen: Float[Tensor, "way examples episodes"],
    read: Float[Tensor, "way examples episodes"],
    share: Float[Tensor, "way examples episodes"],
    pull: Float[Tensor, "two episodes"],
    weight: Float[Tensor, "two episodes"],
    precision: Float[Tensor, "two 1"],
    least: Float[Tensor, "two 1"],
    most: Float[Tensor, "two 1"],
) -> Float[Tensor, "two episodes"]:
    """What to take off the weights; one that its bound holds back stays, and the other moves as if alone.

    `pull` is the slope of the loss but for what the model expects. Episodes come last: sums over the classes then run
    along the memory, many episodes at a time.
    """
    first, second = share * seen, share * read
    own, other = first.sum(0), second.sum(0)
    slope = pull + torch.stack([own.sum(0), other.sum(0)])
    bend = precision + torch.stack(
        [
            ((first * seen).sum(0) - own.square()).sum(0),
            ((second * read).sum(0) - other.square()).sum(0),
        ]
    )
    cross = ((first * read).sum(0) - own * other).sum(0)
    free = ((weight > least) | (slope < 0)) & ((weight < most) | (slope > 0))
    slope, cross = slope * free, cross * free.all(0)
    return (bend.flip(0) * slope - cross * slope.flip(0)) / (bend.prod(0) - cross.square())


def fit_temperature(
    score: Float[Tensor, "*episodes examples way"], truth: Int[Tensor, " examples"], *, each: float = 1.0
) -> Float[Tensor, "*episodes"]:
    """What scores are divided by to make the true labels of left-out examples likeliest, kept near 1, 0.1 to 10.

    Few examples say little: log T has a normal prior around 0 with precision `TEMPERATURE_PRECISION`, and no examples
    leave T at 1. Every row counts for `each` examples, as in `fit_weights`.

    Source: temperature scaling, Guo et al. (arXiv:1706.04599); the prior is our choice.
    """
    shape, precision = score.shape[:-2], TEMPERATURE_PRECISION / each
    below = rearrange(score - score.amax(-1, keepdim=True), "... s w -> w s (...)").contiguous()
    wanted = below[truth, torch.arange(len(truth), device=truth.device)].sum(0)
    heat, prior = MULTIPLES.to(score), (precision * MULTIPLES.log().square() / 2).to(score)

    def loss(place: Int[Tensor, "*#episodes"]) -> Float[Tensor, " episodes"]:
        return (below / heat[place]).exp_().sum(0).log_().sum(0) - wanted / heat[place] + prior[place]

    coarse = torch.arange(0, len(heat), COARSE, device=score.device)
    best = coarse[torch.stack([loss(place) for place in coarse]).argmin(0)]
    near = [(best + step).clamp(0, len(heat) - 1) for step in range(1 - COARSE, COARSE)]
    best = torch.stack(near).gather(0, torch.stack([loss(place) for place in near]).argmin(0, keepdim=True))[0]
    return heat[best].unflatten(0, shape) if shape else heat[best[0]]
