"""From decoded pictures to the square ones that a backbone reads."""

import torch.nn.functional as F
from einops import rearrange
from jaxtyping import UInt8
from torch import Tensor

from lga.backbone.protocol import Preprocessing


def resize_and_crop(
    frames: UInt8[Tensor, "batch height width 3"], how: Preprocessing
) -> UInt8[Tensor, "batch {how.crop} {how.crop} 3"]:
    """Resize the short side (or, with `how.stretch`, both sides), then cut the central square.

    Antialiased, on whole grey levels: what Pillow gives, within rounding. The long side is rounded down and
    an odd margin leaves its extra pixel at the right and at the bottom.

    Raises:
        ValueError: the crop is larger than the resized short side.

    Source: transformers, `get_resize_output_image_size` and `center_crop`, which CLIP's preprocessing uses.
    """
    size = _resized(frames.shape[1], frames.shape[2], how)
    if min(size) < how.crop:
        raise ValueError(f"a {how.crop} pixel crop does not fit into a short side of {how.short_side} pixels")
    picture = rearrange(frames, "b h w c -> b c h w")
    if size != tuple(frames.shape[1:3]):
        picture = F.interpolate(picture, size=size, mode=how.resample, antialias=True)
    top, left = (size[0] - how.crop) // 2, (size[1] - how.crop) // 2
    square = picture[:, :, top : top + how.crop, left : left + how.crop]
    return rearrange(square, "b c h w -> b h w c")


def _resized(height: int, width: int, how: Preprocessing) -> tuple[int, int]:
    if how.stretch:
        return how.crop, how.crop
    if height <= width:
        return how.short_side, int(how.short_side * width / height)
    return int(how.short_side * height / width), how.short_side
