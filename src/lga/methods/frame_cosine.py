"""Frame against frame: the cheapest comparison that knows about order."""

import torch.nn.functional as F
from einops import rearrange

from lga.core.distance import Pooling
from lga.methods.protocol import Dataset, Scorer, seen_frames
from lga.methods.scoring import matrix_scorer


def frame_cosine(dataset: Dataset, *, pooling: Pooling = "mean") -> Scorer:
    """The sum over t of 1 - cos between the t-th frames of two clips, averaged over a class's examples.

    Source: our baseline.
    """
    frames = F.normalize(seen_frames(dataset), dim=-1)
    joined = rearrange(frames, "n t d -> n (t d)")
    return matrix_scorer(frames.shape[1] - joined @ joined.T, pooling=pooling)
