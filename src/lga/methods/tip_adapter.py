"""Tip-Adapter: similarity to the cached examples is added to similarity to the names of the classes."""

import torch.nn.functional as F
from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor

from lga.methods.protocol import Dataset, Scorer, Tasks, name_similarity, seen_clips
from lga.methods.scoring import count_pairs, in_blocks, meet


def tip_adapter(dataset: Dataset, *, alpha: float = 1.0, beta: float = 5.5, scale: float = 100.0) -> Scorer:
    """Sum exp(-beta (1 - cos)) over a class's examples, times alpha, and add `scale` times the cosine to its name.

    Clips are mean frames. Nothing is trained. The constants suit CLIP's narrow range of cosines.

    Source: Zhang et al. (arXiv:2207.09519), training-free form with the paper's alpha 1 and beta 5.5; 100
    is CLIP's scale.
    """
    clips = F.normalize(seen_clips(dataset), dim=-1)
    memory = alpha * (-beta * (1 - clips @ clips.T)).exp()
    similarity = scale * name_similarity(dataset)

    def score(tasks: Tasks) -> Float[Tensor, "episodes queries way"]:
        query, support = meet(tasks)
        found = reduce(memory[query, support], "e q (w k) -> e q w", "sum", k=tasks.support.shape[2])
        return found + similarity[query, rearrange(tasks.classes, "e w -> e 1 w")]

    return in_blocks(score, count_pairs)
