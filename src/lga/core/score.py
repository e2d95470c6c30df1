"""From distances and similarities to one score for each class, and how much each of them counts."""

from dataclasses import dataclass

import torch
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


@dataclass(frozen=True, slots=True)
class ClassScores:
    """How well clips suit every class, by what they look like and how they move, and by text; not yet weighed."""

    distance: Float[Tensor, "*episodes clips way"]
    """the smaller the likelier"""
    head: Float[Tensor, "*episodes clips way"] | None
    """the support head's scores; None without it"""
    similarity: Float[Tensor, "*episodes clips way"]
    """to the stage sentences, summed over the stages"""


@dataclass(frozen=True, slots=True)
class Weights:
    """What the class scores are multiplied by before they are added up to a log posterior."""

    distance: Float[Tensor, "*episodes"]
    head: Float[Tensor, "*episodes"]
    similarity: Float[Tensor, "*episodes"]

    def weigh(self, scores: ClassScores) -> Float[Tensor, "*episodes clips way"]:
        """The log posterior over the classes, up to a constant for each clip.

        Source: LGA, "Multimodal matching": the logarithm of p_video^alpha * p_text^(1 - alpha); the support head is
        our choice.
        """
        total = self.similarity[..., None, None] * scores.similarity
        total = total - self.distance[..., None, None] * scores.distance
        return total if scores.head is None else total + self.head[..., None, None] * scores.head

    def video_share(self, scores: ClassScores) -> Float[Tensor, "*episodes clips"]:
        """How much of the spread of a clip's scores over the classes comes from the video, 0 to 1; 0.5 without any.

        Source: our choice, to say what an answer rests on.
        """
        nothing = torch.zeros_like(self.distance)
        by_text = Weights(nothing, nothing, self.similarity).weigh(scores).std(-1, correction=0)
        by_video = Weights(self.distance, self.head, nothing).weigh(scores).std(-1, correction=0)
        total = by_video + by_text
        return (by_video / total.where(total > 0, 1.0)).where(total > 0, 0.5)
