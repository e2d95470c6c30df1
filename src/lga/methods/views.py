"""What methods take from a bench: the sight of frames and clips, and how well a clip's meaning suits a text."""

import torch.nn.functional as F
from einops import einsum
from jaxtyping import Float
from torch import Tensor

from lga.methods.protocol import Bench


def seen_frames(bench: Bench) -> Float[Tensor, "clips frames visual"]:
    """The visual part of every frame.

    Source: our choice.
    """
    return bench.frames[..., bench.space.visual]


def seen_clips(bench: Bench) -> Float[Tensor, "clips visual"]:
    """The mean of every clip's frames, visual part.

    Source: our choice.
    """
    return seen_frames(bench).mean(1)


def name_likeness(bench: Bench) -> Float[Tensor, "clips classes"]:
    """The cosine of every clip's mean frame and every class's name, semantic part.

    Source: zero-shot recognition as CLIP does it (arXiv:2103.00020), on mean frames.
    """
    clips = F.normalize(bench.frames[..., bench.space.semantic].mean(1), dim=-1)
    names = F.normalize(bench.names[..., bench.space.semantic], dim=-1)
    return einsum(clips, names, "n d, c d -> n c")
