"""What training minimises, beside the cross entropy of the episodes themselves."""

import torch.nn.functional as F
from einops import einsum
from jaxtyping import Float, Int
from torch import Tensor


def contrastive_loss(
    clips: Float[Tensor, "clips dim"],
    text: Float[Tensor, "classes dim"],
    label: Int[Tensor, " clips"],
    *,
    scale: float | Float[Tensor, ""],
) -> Float[Tensor, ""]:
    """Cross entropy of `scale` times the cosine between every clip and every class's text, over all classes.

    `clips` are mean frame features, `text` one vector a class. A vector of all zeros has cosine 0 with everything.

    Raises:
        ValueError: there are no clips, whose mean loss would not be a number.

    Source: LGA (arXiv:2507.16287), the video-text contrastive loss of training, as in CLIP-FSAR (arXiv:2303.02982).
    """
    if not len(clips):
        raise ValueError("the contrastive loss needs at least one clip")
    similarity = einsum(F.normalize(clips, dim=-1), F.normalize(text, dim=-1), "b d, c d -> b c")
    return F.cross_entropy(scale * similarity, label)
