"""A clip's frames encoded together: which of a video model's outputs is which frame's token.

Each function takes a model of transformers and a clip's prepared pictures, in order, and gives one token a frame. The
time axis of what comes out is that of what went in: token t is of frame t, though it has seen the others.
"""

from typing import Any

import torch.nn.functional as F
from einops import rearrange, reduce, repeat
from jaxtyping import Float
from torch import Tensor

Prepared = Float[Tensor, "batch frames 3 height width"]
FrameTokens = Float[Tensor, "batch frames dim"]


def integrated_tokens(model: Any, pixels: Prepared) -> FrameTokens:
    """X-CLIP: each frame's projected token after the transformer over frames; their mean is the clip's feature.

    Source: X-CLIP (arXiv:2208.02816), the multi-frame integration transformer. The prompts that it makes of a video
    for each sentence are left out: here a sentence is the same for all clips.
    """
    seen = model.vision_model(pixel_values=rearrange(pixels, "b t c h w -> (b t) c h w")).pooler_output
    return model.mit(model.visual_projection(seen).unflatten(0, pixels.shape[:2])).last_hidden_state


def pooled_patches(model: Any, pixels: Prepared) -> FrameTokens:
    """VideoPrism: the attention pooling that makes a clip's feature of all patches, given one frame's at a time.

    Source: VideoPrism (arXiv:2402.13217) for the model; pooling by frame is our choice.
    """
    video = model.video_model
    patches = video(pixel_values_videos=pixels).last_hidden_state
    by_frame = rearrange(patches, "b (t p) d -> (b t) p d", t=pixels.shape[1])
    tokens = video.head_layernorm(video.head(by_frame)[0])[:, 0].unflatten(0, pixels.shape[:2])
    return F.normalize(tokens, dim=-1) if video.config.apply_l2norm else tokens


def encoded_patches(model: Any, pixels: Prepared) -> FrameTokens:
    """V-JEPA 2: what the encoder gives, without the predictor; see `tubelet_means`."""
    patches = model(pixel_values_videos=pixels, skip_predictor=True).last_hidden_state
    return tubelet_means(patches, pixels.shape[1], model.config.tubelet_size)


def masked_patches(model: Any, pixels: Prepared) -> FrameTokens:
    """VideoMAE: what the encoder gives when nothing is masked; see `tubelet_means`."""
    patches = model(pixel_values=pixels).last_hidden_state
    return tubelet_means(patches, pixels.shape[1], model.config.tubelet_size)


def tubelet_means(patches: Float[Tensor, "batch patches dim"], frames: int, tubelet: int) -> FrameTokens:
    """The mean over each tubelet's patches, for each of its frames.

    A tubelet spans `tubelet` frames in a row: frames 0 and 1 have one token, 2 and 3 the next, so that a stage never
    begins within one. Patches come time first, then row, then column.
    """
    means = reduce(patches, "b (t p) d -> b t d", "mean", t=frames // tubelet)
    return repeat(means, "b t d -> b (t r) d", r=tubelet)
