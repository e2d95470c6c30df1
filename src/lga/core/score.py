"""What distances and similarities are before they become scores: cosines, hub corrections, contrast."""

import torch.nn.functional as F
from einops import einsum
from jaxtyping import Bool, Float, Int
from torch import Tensor

LEAST_APART = 0.5
"""How far apart clips of different classes are at least, on average and as 1 - cos, once they are stretched."""
MOST_STRETCH = 20.0
"""Clips that hardly differ are not stretched any further: what is left between them may be noise."""


def video_text_scores(
    stages: Float[Tensor, "query stages dim"], text: Float[Tensor, "way stages dim"]
) -> Float[Tensor, "query way stages"]:
    """The cosine between each stage of a query and the same stage's sentence of each class, from -1 to 1.

    Their sum over the stages is the text score s_c. A stage or sentence of all zeros scores 0.

    Source: LGA (arXiv:2507.16287), "Video-text matching".
    """
    return einsum(F.normalize(stages, dim=-1), F.normalize(text, dim=-1), "q l d, c l d -> q c l")


def hub_means(
    examples: Float[Tensor, "*episodes examples columns"], foreign: Bool[Tensor, "examples columns"]
) -> Float[Tensor, "*episodes columns"]:
    """What every column gives to clips that it should not suit: its mean over the examples of other classes.

    `examples` are the scores of the taught examples themselves (distances to examples, or similarities to classes),
    `foreign` says which examples are of another class than the column. A column without foreign examples is treated
    like the average of those that have some. A share of this mean is held against the column: an example, or a
    sentence, that is near to everything says little about a clip near to it.

    Source: our choice, after hubness corrections such as CSLS (arXiv:1710.04087); only the examples are used.
    """
    weight = foreign.to(examples.dtype)
    count = weight.sum(0)
    mean = (examples * weight).sum(-2) / count.clamp_min(1)
    usual = mean.sum(-1, keepdim=True) / (count > 0).sum().clamp_min(1)
    return mean.where(count > 0, usual)


def hub_means_without(
    examples: Float[Tensor, "*episodes examples columns"],
    foreign: Bool[Tensor, "examples columns"],
    gone: Bool[Tensor, "asked examples"],
    stays: Bool[Tensor, "asked columns"],
) -> Float[Tensor, "*episodes asked columns"]:
    """`hub_means` for each example asked about, without the examples that are gone; columns that go count for none.

    Source: our choice, as `hub_means`.
    """
    weight, out = foreign.to(examples.dtype), gone.to(examples.dtype)
    count = weight.sum(0) - out @ weight
    mean = ((examples * weight).sum(-2, keepdim=True) - out @ (examples * weight)) / count.clamp_min(1)
    some = ((count > 0) & stays).to(examples.dtype)
    usual = (mean * some).sum(-1, keepdim=True) / some.sum(-1, keepdim=True).clamp_min(1)
    return mean.where(count > 0, usual)


def contrast_stretch(
    appearance: Float[Tensor, "*episodes examples examples"], support_label: Int[Tensor, " examples"]
) -> Float[Tensor, "*episodes"]:
    """By how much the distances of appearance are multiplied, 1 to `MOST_STRETCH`, from the examples alone.

    `appearance` are the cosines of the examples' mean frames. Where examples of different classes are less than
    `LEAST_APART` apart on average, they are stretched until they are: backbones whose pictures all lie in a narrow
    cone tell as much by small differences as others by large ones. Without two classes it is 1.

    Source: our choice, made on simulated joint spaces (docs/backbones.md).
    """
    foreign = (support_label[:, None] != support_label).to(appearance.dtype)
    count = foreign.sum()
    if not count:
        return appearance.new_ones(appearance.shape[:-2])
    apart = ((1 - appearance) * foreign).sum((-2, -1)) / count
    return (LEAST_APART / apart.clamp_min(LEAST_APART / MOST_STRETCH)).clamp_min(1)
