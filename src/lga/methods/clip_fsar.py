"""CLIP-FSAR: a class's name takes part when its examples are put together; matching is OTAM's."""

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from lga.core.alignment import cosine_distances
from lga.methods.otam import align_classes
from lga.methods.protocol import Dataset, Scorer, Tasks, name_similarity, seen_frames
from lga.methods.scoring import FEATURES_AT_ONCE, in_blocks

HEADS, HEAD_SIZE = 8, 64
SMOOTHING, GUARD = 0.5, 0.01
TEXT_SHARE = 0.9
"""How much the text counts in the combination, of 1."""
CLIPS_AT_ONCE = 256
"""Clips that go through the block together."""


class Context(nn.Module):
    """A pre-LN transformer block without positions: x + Attn(LN x), then x + FFN(x), the latter without LN.

    `hidden` is the width inside the FFN, four times `dim` unless given. The two output projections start at zero, so
    that a new block changes nothing.

    Source: CLIP-FSAR (arXiv:2303.02982), prototype modulation; sizes, dropouts and the missing LN as in the
    official code; the zero start is our choice.
    """

    def __init__(self, dim: int, *, heads: int = HEADS, hidden: int | None = None):
        super().__init__()
        self.heads, inner, wide = heads, heads * HEAD_SIZE, hidden or 4 * dim
        self.norm = nn.LayerNorm(dim)
        self.query, self.key, self.value = (nn.Linear(dim, inner, bias=False) for _ in range(3))
        self.out, narrow = nn.Linear(inner, dim), nn.Linear(wide, dim)
        self.feed = nn.Sequential(nn.Linear(dim, wide), nn.GELU(), nn.Dropout(0.05), narrow, nn.Dropout(0.05))
        self.drop = nn.Dropout(0.2)
        for parameter in (*self.out.parameters(), *narrow.parameters()):
            nn.init.zeros_(parameter)

    def forward(
        self, tokens: Float[Tensor, "batch tokens dim"], source: Float[Tensor, "batch others dim"] | None = None
    ) -> Float[Tensor, "batch tokens dim"]:
        """Let every token attend to all tokens of its clip, or to those of `source` where they are given."""
        asking = self.norm(tokens)
        told = asking if source is None else self.norm(source)
        parts = ((self.query, asking), (self.key, told), (self.value, told))
        heads = [rearrange(project(one), "b n (h d) -> b h n d", h=self.heads) for project, one in parts]
        attended = rearrange(F.scaled_dot_product_attention(*heads), "b h n d -> b n (h d)")
        tokens = tokens + self.drop(self.out(attended))
        return tokens + self.feed(tokens)


class ClipFSAR(nn.Module):
    """Examples: the mean of their t-th frames and the class's name go through the block; queries: their frames alone.

    Video match: OTAM between the two, smoothing 0.5. With `combine` the posterior is p_text^0.9 p_video^0.1, where
    p_text = softmax(scale * cos(mean frame, name)) and p_video = softmax(-distance / frames).

    Where text and sight share no space, `text_dim` is the size of the semantic part, and a linear map, learnt with
    the rest, takes the name into the visual space; while the block is new it changes nothing.

    Source: CLIP-FSAR (arXiv:2303.02982); averaging before the block, the guard and the combination, which the paper
    does not mention, as in the official code; the map is our choice.
    """

    def __init__(self, dim: int, *, text_dim: int | None = None, combine: bool = False):
        super().__init__()
        self.combine = combine
        self.context = Context(dim)
        self.carry = nn.Identity() if text_dim is None else nn.Linear(text_dim, dim)
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, dataset: Dataset) -> Scorer:
        """Put every clip into context in the query role once."""
        frames, length = seen_frames(dataset), dataset.frames.shape[1]
        query = torch.cat([self.context(some) for some in frames.split(CLIPS_AT_ONCE)])
        names = self.carry(dataset.names[..., dataset.space.semantic])
        similarity = self.scale * name_similarity(dataset)

        def score(tasks: Tasks) -> Float[Tensor, "episodes queries way"]:
            shown = torch.cat([frames[tasks.support].mean(2), names[tasks.classes][:, :, None]], 2)
            fused = self.context(rearrange(shown, "e w t d -> (e w) t d"))[:, :length]
            prototype = rearrange(fused, "(e w) t d -> e w t d", w=tasks.classes.shape[1])
            asked = rearrange(tasks.query, "e w q -> e (w q)")
            distance = align_classes(query[asked], prototype, smoothing=SMOOTHING, guard=GUARD)
            if not self.combine:
                return -distance
            by_name = similarity[asked[..., None], tasks.classes[:, None]].log_softmax(-1)
            return TEXT_SHARE * by_name + (1 - TEXT_SHARE) * (-distance / length).log_softmax(-1)

        def numbers(tasks: Tasks) -> int:
            return (tasks.support[0].numel() + tasks.query[0].numel() + 4 * len(tasks.classes[0])) * frames[0].numel()

        return in_blocks(score, numbers, most=FEATURES_AT_ONCE)

    def name_logits(
        self, frames: Float[Tensor, "clips frames dim"], names: Float[Tensor, "classes dim"]
    ) -> Float[Tensor, "clips classes"]:
        """The scaled cosine of each clip's mean frame and each name, both in the same space: the loss's second term.

        Source: CLIP-FSAR (arXiv:2303.02982), video-text contrastive objective.
        """
        clips = frames.mean(1, keepdim=True)
        return self.scale * (1 - cosine_distances(clips, names[:, None], guard=GUARD)[..., 0, 0])
