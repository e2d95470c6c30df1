"""From distances and similarities to probabilities: the video match, the text match and their geometric mean."""

from typing import Literal

import torch
import torch.nn.functional as F
from einops import einsum
from jaxtyping import Bool, Float
from torch import Tensor

SHOT_CONSTANT = 4.0
"""alpha = K / (K + 4): the text counts as much as four examples."""


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


def shot_alpha(shots: int | float, constant: float = SHOT_CONSTANT) -> float:
    """How much the video match counts, 0 to 1, when each class has `shots` examples: K / (K + constant).

    Source: our choice: each example adds evidence while the text stays one sentence long.
    """
    if shots < 0 or constant <= 0:
        raise ValueError(f"shots must be >= 0 and the constant > 0, not {shots} and {constant}")
    return shots / (shots + constant)


def combine(
    distance: Float[Tensor, "*query way"],
    similarity: Float[Tensor, "*query way"],
    *,
    alpha: float,
    temperature: float = 1.0,
) -> Float[Tensor, "*query way"]:
    """The log posterior over the classes: p is proportional to p_video^alpha * p_text^(1 - alpha).

    `distance` is the summed AB-MHM distance, `similarity` the summed video-text cosine;
    p_video = softmax(-distance / t) and p_text = softmax(similarity / t). alpha 1 is video alone, 0
    text alone. The temperature changes how sure the answer is, never which answer is first.

    Raises:
        ValueError: if alpha is outside 0..1 or the temperature is not positive.

    Source: LGA, "Multimodal matching" (the geometric mean); one shared temperature is our choice.
    """
    if not (0 <= alpha <= 1 and temperature > 0):
        raise ValueError(f"alpha must lie in 0..1 and the temperature above 0, not {alpha} and {temperature}")
    return torch.log_softmax((alpha * -distance + (1 - alpha) * similarity) / temperature, dim=-1)


AlphaRule = Literal["shots"] | float
"""A fixed alpha from 0 to 1, or "shots": falling text weight, `shot_alpha`."""


def resolve_alpha(rule: AlphaRule, shots: int | float, constant: float = SHOT_CONSTANT) -> float:
    """The alpha that a rule gives for `shots` examples a class; 0 (text alone) without any example.

    `constant` is that of `shot_alpha`.

    Source: our choice.
    """
    if shots == 0:
        return 0.0
    return shot_alpha(shots, constant) if rule == "shots" else float(rule)
