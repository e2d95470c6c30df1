"""Recognition by words alone: no example is looked at."""

from typing import Literal

import torch
import torch.nn.functional as F
from einops import einsum, rearrange
from jaxtyping import Float
from torch import Tensor

from lga.core.score import video_text_scores
from lga.core.segment import hard_segment, overlap_mask, stage_means
from lga.methods.protocol import Dataset, Scorer, Tasks, name_similarity
from lga.methods.scoring import in_blocks

Words = Literal["name", "sentences", "thirds"]


def text_only(dataset: Dataset, *, words: Words = "name", scale: float = 1.0) -> Scorer:
    """`scale` times the cosine between a clip and the name of each class, or its sentences.

    "name": the clip's mean frame and the class's name. "sentences": the mean frame and each stage sentence, summed.
    "thirds": each equal part of the clip and the sentence of its stage, summed.

    Source: CLIP's zero-shot recognition (arXiv:2103.00020); "thirds" is LGA's video-text match (arXiv:2507.16287) on
    fixed parts. CLIP's own scale is 100; it does not change which class is first.
    """
    similarity = scale * _SIMILARITY[words](dataset)

    def score(tasks: Tasks) -> Float[Tensor, "episodes queries way"]:
        return similarity[rearrange(tasks.query, "e w q -> e (w q) 1"), rearrange(tasks.classes, "e w -> e 1 w")]

    return in_blocks(score, lambda tasks: tasks.query[0].numel() * tasks.classes.shape[1])


def _sentence_similarity(dataset: Dataset) -> Float[Tensor, "clips classes"]:
    clips = F.normalize(dataset.frames[..., dataset.space.semantic].mean(1), dim=-1)
    sentences = F.normalize(dataset.sentences[..., dataset.space.semantic], dim=-1)
    count = torch.tensor(dataset.counts, device=clips.device)
    own = (torch.arange(sentences.shape[1], device=clips.device) < count[:, None]).to(clips.dtype)
    return _per_stage(dataset) * einsum(clips, sentences, own, "n d, c l d, c l -> n c")


def _part_similarity(dataset: Dataset) -> Float[Tensor, "clips classes"]:
    meant = dataset.frames[..., dataset.space.semantic]
    sentences, count = dataset.sentences[..., dataset.space.semantic], torch.tensor(dataset.counts, device=meant.device)
    similarity = meant.new_zeros(len(meant), len(count))
    for stages in sorted(set(dataset.counts)):
        parts = stage_means(meant, overlap_mask(hard_segment(meant, stages), stages, 0))
        own = count == stages
        similarity[:, own] = video_text_scores(parts, sentences[own, :stages]).sum(-1)
    return _per_stage(dataset) * similarity


def _per_stage(dataset: Dataset) -> Float[Tensor, " classes"]:
    """What each class's sum over its stages is multiplied by, so that having more of them is no advantage."""
    count = dataset.frames.new_tensor(dataset.counts)
    return count.mean() / count


_SIMILARITY = {"name": name_similarity, "sentences": _sentence_similarity, "thirds": _part_similarity}
