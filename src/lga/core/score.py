"""From distances and similarities to probabilities: the video match, the text match and their geometric mean."""

import torch
import torch.nn.functional as F
from einops import einsum
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lga.core.distance import Pooling, class_distances


def video_text_scores(
    stages: Float[Tensor, "query stages dim"], text: Float[Tensor, "way stages dim"]
) -> Float[Tensor, "query way stages"]:
    """The cosine between each stage of a query and the same stage's sentence of each class, from -1 to 1.

    Their sum over the stages is the text score s_c. A stage or sentence of all zeros scores 0.

    Source: LGA (arXiv:2507.16287), "Video-text matching".
    """
    return einsum(F.normalize(stages, dim=-1), F.normalize(text, dim=-1), "q l d, c l d -> q c l")


def correct_hubs(
    values: Float[Tensor, "*query columns"],
    examples: Float[Tensor, "*query_or_1 examples columns"],
    foreign: Bool[Tensor, "examples columns"],
    *,
    strength: float,
) -> Float[Tensor, "*query columns"]:
    """Take from every column what it gives to clips that it should not suit: `strength` times its mean there.

    `values` are the queries' scores (distances to examples, or similarities to classes), `examples` the same scores of
    the taught examples themselves, `foreign` says which examples are of another class than the column. An example, or
    a sentence, that is near to everything says little about a clip near to it. A column without foreign examples
    is treated like the average of those that have some.

    Source: our choice, after hubness corrections such as CSLS (arXiv:1710.04087); only the examples are used.
    """
    weight = foreign.to(values.dtype)
    count = weight.sum(0)
    mean = (examples * weight).sum(-2) / count.clamp_min(1)
    usual = mean.sum(-1, keepdim=True) / (count > 0).sum().clamp_min(1)
    return values - strength * mean.where(count > 0, usual)


def class_scores(
    distance: Float[Tensor, "query examples"],
    similarity: Float[Tensor, "query way"],
    *,
    example_distance: Float[Tensor, "examples examples"],
    example_similarity: Float[Tensor, "examples way"],
    support_label: Int[Tensor, " examples"],
    hub_correction: float,
    pooling: Pooling,
) -> tuple[Float[Tensor, "query way"], Float[Tensor, "query way"]]:
    """The distance and the similarity of every query to every class: what `combine` turns into a posterior.

    `distance` is that of each query to each example, `similarity` the summed video-text cosine of each query and class;
    `example_distance` and `example_similarity` are the same with the examples in the place of the queries. Both are
    first corrected for hubs by the share `hub_correction` (0 to 1), then distances are pooled over each class's
    examples. Without any example the distances are 0.

    Source: LGA (arXiv:2507.16287), "Matching"; hub correction and pooling are our choice.
    """
    way = similarity.shape[1]
    foreign = support_label[:, None] != support_label
    corrected = correct_hubs(distance, example_distance, foreign, strength=hub_correction)
    classes = torch.arange(way, device=support_label.device)
    return (
        class_distances(corrected, support_label, way, pooling=pooling),
        correct_hubs(similarity, example_similarity, support_label[:, None] != classes, strength=hub_correction),
    )


def weigh(
    distance: Float[Tensor, "*query way"],
    similarity: Float[Tensor, "*query way"],
    alpha: float,
    head: Float[Tensor, "*query way"] | None = None,
) -> Float[Tensor, "*query way"]:
    """One score for each class, the larger the likelier: alpha * -distance + (1 - alpha) * similarity + head.

    alpha 1 is video alone, 0 text alone. `head` are the support head's scores, already weighted; they speak of video,
    and are left out where alpha is 0.

    Raises:
        ValueError: alpha is outside 0..1.

    Source: LGA, "Multimodal matching": the logarithm of p_video^alpha * p_text^(1 - alpha), up to a constant;
    the support head is our choice.
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must lie in 0..1, not {alpha}")
    score = alpha * -distance + (1 - alpha) * similarity
    return score if head is None or alpha == 0 else score + head


def combine(
    distance: Float[Tensor, "*query way"],
    similarity: Float[Tensor, "*query way"],
    *,
    alpha: float,
    temperature: float = 1.0,
    head: Float[Tensor, "*query way"] | None = None,
) -> Float[Tensor, "*query way"]:
    """The log posterior over the classes: p is proportional to p_video^alpha * p_text^(1 - alpha).

    `distance` is the summed AB-MHM distance, `similarity` the summed video-text cosine;
    p_video = softmax(-distance / t) and p_text = softmax(similarity / t). alpha 1 is video alone, 0
    text alone; `head` is as in `weigh`. The temperature changes how sure the answer is, never which answer is first.

    Raises:
        ValueError: if alpha is outside 0..1 or the temperature is not positive.

    Source: LGA, "Multimodal matching" (the geometric mean); one shared temperature is our choice.
    """
    if not (0 <= alpha <= 1 and temperature > 0):
        raise ValueError(f"alpha must lie in 0..1 and the temperature above 0, not {alpha} and {temperature}")
    return torch.log_softmax(weigh(distance, similarity, alpha, head) / temperature, dim=-1)
