"""Bi-MHM: every frame is matched with its nearest frame in the other clip, in any order."""

from lga.core.distance import Pooling, Reduction, clip_distances
from lga.methods.protocol import Dataset, Scorer, seen_frames
from lga.methods.scoring import matrix_scorer


def bi_mhm(dataset: Dataset, *, reduction: Reduction = "sum", pooling: Pooling = "mean") -> Scorer:
    """The bidirectional mean Hausdorff metric of all clips with all clips, averaged over a class's examples.

    Source: HyRSM (arXiv:2204.13423), its matching alone; sums as in CLIP-FSAR's official code, "mean" divides
    each direction by its number of frames as in the paper.
    """
    frames = seen_frames(dataset)
    whole = dataset.label.new_zeros(frames.shape[:2])
    return matrix_scorer(clip_distances(frames, whole, frames, whole, reduction=reduction), pooling=pooling)
