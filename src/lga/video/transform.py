"""Pictures resized and cropped as a backbone reads them, and varied for training."""

from dataclasses import dataclass, replace
from math import ceil
from random import Random

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import UInt8
from torch import Tensor

from lga.backbone.beside import lay_beside
from lga.backbone.protocol import Preprocessing


def resize_and_crop(
    frames: UInt8[Tensor, "batch height width 3"], how: Preprocessing
) -> UInt8[Tensor, "batch rows columns 3"]:
    """Resize the short side (or, with `how.stretch`, both sides), then cut the central `how.crop` square.

    With `how.patches`, resize to whole patches and cut nothing; with `how.beside`, do it for both models.

    Antialiased, on whole grey levels: what Pillow gives, within rounding. The long side is rounded down and
    an odd margin leaves its extra pixel at the right and at the bottom.

    Raises:
        ValueError: the crop is larger than the resized short side.

    Source: transformers, `get_resize_output_image_size` and `center_crop`, which CLIP's preprocessing uses;
    `get_image_size_for_max_num_patches`, which NaFlex uses.
    """
    if how.beside is not None:
        return lay_beside(resize_and_crop(frames, replace(how, beside=None)), resize_and_crop(frames, how.beside))
    size = _resized(frames.shape[1], frames.shape[2], how)
    crop = size if how.patches else (how.crop, how.crop)
    if min(size) < min(crop):
        raise ValueError(f"a {how.crop} pixel crop does not fit into a short side of {how.short_side} pixels")
    picture = rearrange(frames, "b h w c -> b c h w")
    if size != tuple(frames.shape[1:3]):
        picture = F.interpolate(picture, size=size, mode=how.resample, antialias=True)
    top, left = (size[0] - crop[0]) // 2, (size[1] - crop[1]) // 2
    cut = picture[:, :, top : top + crop[0], left : left + crop[1]]
    return rearrange(cut, "b c h w -> b h w c")


def _resized(height: int, width: int, how: Preprocessing) -> tuple[int, int]:
    if how.patches:
        return _whole_patches(height, width, how)
    if how.stretch:
        return how.short_side, how.short_side
    if height <= width:
        return how.short_side, int(how.short_side * width / height)
    return int(how.short_side * height / width), how.short_side


_SCALES, _SCALE_STEP = (1e-6, 100.0), 1e-5
"""The factors among which NaFlex seeks the one that a picture is resized by, and how near it comes."""


def _whole_patches(height: int, width: int, how: Preprocessing) -> tuple[int, int]:
    """The largest sides of whole patches, `how.patches` of them at most, by bisection of the factor."""

    def sides(factor: float) -> tuple[int, int]:
        rows, columns = (max(1, ceil(length * factor / how.patch)) for length in (height, width))
        return rows * how.patch, columns * how.patch

    fits, exceeds = _SCALES
    while exceeds - fits >= _SCALE_STEP:
        middle = (fits + exceeds) / 2
        high, wide = sides(middle)
        fits, exceeds = (middle, exceeds) if high * wide <= how.patches * how.patch**2 else (fits, middle)
    return sides(fits)


_GREY = 127.5
_LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True, slots=True)
class Augmentation:
    """What may change from clip to clip, beside where the crop lies.

    `crop_scale` is the least area of a crop, as a share of the central crop's that is seen without augmentation; 1
    moves it only. `flip` mirrors half of the clips, which turns left into right. `colour` is how far brightness,
    contrast and saturation may move, each by a factor from 1 - colour to 1 + colour.
    """

    crop_scale: float = 1.0
    flip: bool = False
    colour: float = 0.0

    def __post_init__(self):
        """Refuse what can't be drawn."""
        if not 0 < self.crop_scale <= 1:
            raise ValueError(f"a crop keeps a share above 0 and up to 1 of the area, not {self.crop_scale}")
        if not 0 <= self.colour < 1:
            raise ValueError(f"colours move by a share of 0 or more and below 1, not {self.colour}")


@dataclass(frozen=True, slots=True)
class AugmentParams:
    """One draw: the crop's side as a share of the central crop's, and where it lies, 0 (top, left) to 1."""

    side: float = 1.0
    down: float = 0.5
    across: float = 0.5
    mirrored: bool = False
    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0


def draw_augmentation(augmentation: Augmentation, generator: Random) -> AugmentParams:
    """Draw how one clip is seen; uniform in the crop's area and position.

    Source: our choice. CLIP-FSAR (arXiv:2303.02982) resizes to 256 and crops 224 at a random place, a crop_scale of
    (224 / 256)^2 at its lower end; unlike Inception's crop (arXiv:1409.4842) this one keeps the aspect.
    """
    area = generator.uniform(augmentation.crop_scale, 1.0)
    down, across = generator.random(), generator.random()
    mirrored = generator.random() < 0.5 and augmentation.flip
    brightness, contrast, saturation = (1 + augmentation.colour * generator.uniform(-1.0, 1.0) for _ in range(3))
    return AugmentParams(area**0.5, down, across, mirrored, brightness, contrast, saturation)


def augment(
    frames: UInt8[Tensor, "batch height width 3"], how: Preprocessing, params: AugmentParams
) -> UInt8[Tensor, "batch {how.crop} {how.crop} 3"]:
    """Cut the drawn window out of pictures, resize it to what a backbone reads, then mirror and colour it.

    The window is cut to whole pixels before it is resized. The default parameters give `resize_and_crop`,
    within the rounding of the window's border.

    Raises:
        ValueError: the crop is larger than the resized short side.
    """
    if how.crop > how.short_side:
        raise ValueError(f"a {how.crop} pixel crop does not fit into a short side of {how.short_side} pixels")
    height, width = frames.shape[1:3]
    full = (height, width) if how.stretch else (min(height, width),) * 2
    high, wide = (length * how.crop / how.short_side for length in full)
    top, rows = _span(height, high * params.side, params.down)
    left, columns = _span(width, wide * params.side, params.across)
    window = frames[:, top : top + rows, left : left + columns]
    square = resize_and_crop(window, Preprocessing(how.crop, how.crop, how.resample, stretch=True))
    return _coloured(square.flip(2) if params.mirrored else square, params)


def _span(length: int, wanted: float, place: float) -> tuple[int, int]:
    """Where a window of about `wanted` pixels begins, and how many it has; a tie goes up or left."""
    size = min(max(round(wanted), 1), length)
    return ceil(place * (length - size) - 0.5), size


def _coloured(
    frames: UInt8[Tensor, "batch height width 3"], params: AugmentParams
) -> UInt8[Tensor, "batch height width 3"]:
    if params.brightness == params.contrast == params.saturation == 1.0:
        return frames
    bright = (frames.float() * params.brightness - _GREY) * params.contrast + _GREY
    grey = rearrange(bright @ torch.tensor(_LUMA), "b h w -> b h w 1")
    return (grey + params.saturation * (bright - grey)).round().clamp(0, 255).to(torch.uint8)
