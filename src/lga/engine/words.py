"""From anatomies to text features."""

from collections.abc import Sequence

from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from lga.anatomy.schema import Anatomy
from lga.anatomy.wording import word_stages
from lga.backbone.protocol import Backbone
from lga.config import Wording
from lga.features import FeatureCache


def encode_stages(
    anatomies: Sequence[Anatomy], wording: Wording, backbone: Backbone, cache: FeatureCache
) -> Float[Tensor, "classes stages dim"]:
    """The text vectors of every stage of every anatomy; all have the same number of stages."""
    texts = [text for anatomy in anatomies for text in word_stages(anatomy, wording)]
    return rearrange(cache.encode_text(texts, backbone), "(c l) d -> c l d", c=len(anatomies))


def encode_names(anatomies: Sequence[Anatomy], backbone: Backbone, cache: FeatureCache) -> Float[Tensor, "classes dim"]:
    """The text vector of every anatomy's label alone."""
    return cache.encode_text([word_stages(anatomy, "label")[0] for anatomy in anatomies], backbone)
