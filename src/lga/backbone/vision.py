"""The seeing half of a model: frames one by one, or a clip's frames together."""

from typing import Any

import torch
from einops import rearrange
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from lga.backbone.chunks import encode_in_chunks
from lga.backbone.families import Family, FilmTokens
from lga.backbone.reading import Pictures

FramePixels = UInt8[Tensor, "batch frames height width 3"]


class Vision(nn.Module):
    """f = projection(tower(scale * pixel + shift)), one picture at a time.

    Its parameters are the vision tower's and the visual projection's, of which SigLIP has none.
    """

    def __init__(self, tower: nn.Module, projection: nn.Module, pictures: Pictures):
        super().__init__()
        self.tower, self.projection, self.pictures = tower, projection, pictures

    def forward(self, pixels: FramePixels) -> Float[Tensor, "batch frames dim"]:
        """Encode all frames at once; float32, not normalised, whatever the format of the weights.

        Raises:
            ValueError: the pictures are not of the size that the model reads.
        """
        self.pictures.check(*pixels.shape[2:4])
        flat = rearrange(pixels, "b t h w c -> (b t) c h w")
        given = self.pictures.prepare(flat)
        given["pixel_values"] = given["pixel_values"].to(next(self.tower.parameters()).dtype)
        pooled = self.tower(**given).pooler_output
        return self.projection(pooled).float().unflatten(0, pixels.shape[:2])


class FilmVision(nn.Module):
    """f_1 .. f_T = tokens(model, scale * pixel + shift), the frames of a clip together, as the family has it."""

    def __init__(self, model: Any, tokens: FilmTokens, pictures: Pictures):
        super().__init__()
        self.model, self.tokens, self.pictures = model, tokens, pictures

    def forward(self, pixels: FramePixels) -> Float[Tensor, "batch frames dim"]:
        """Encode whole clips; float32, not normalised, whatever the format of the weights.

        Raises:
            ValueError: the pictures are not of the size that the model reads, or a clip has another number of them.
        """
        how = self.pictures.preprocessing
        self.pictures.check(*pixels.shape[2:4])
        if why := how.wrong_frames(pixels.shape[1]):
            raise ValueError(why)
        flat = self.pictures.normalise(rearrange(pixels, "b t h w c -> (b t) c h w"))
        prepared = flat.to(next(self.model.parameters()).dtype).unflatten(0, pixels.shape[:2])
        return self.tokens(self.model, prepared).float()


def make_sight(model: Any, family: Family, pictures: Pictures) -> Vision | FilmVision:
    """The seeing half of a model of transformers."""
    if family.film is not None:
        return FilmVision(model, family.film.tokens, pictures)
    return Vision(*family.towers(model), pictures)


_CLIPS_AT_ONCE = 1
_FRAMES_AT_ONCE, _FRAMES_AT_ONCE_ON_GPU = 8, 64


def encode_clips(
    vision: Vision | FilmVision, clips: UInt8[Tensor, "batch frames views height width 3"], device: torch.device
) -> Float[Tensor, "batch frames dim"]:
    """Encode the first view of every frame, the same to the bit alone and in company, in every number format.

    Raises:
        ValueError: the pictures are not of the size or, encoded together, of the number that the model reads.
    """
    with torch.inference_mode():
        if isinstance(vision, FilmVision):
            tokens = encode_in_chunks(lambda chunk: vision(chunk.to(device)).cpu(), clips[:, :, 0], _CLIPS_AT_ONCE)
            return tokens.clone()
        flat = rearrange(clips[:, :, 0], "b t h w c -> (b t) 1 h w c")
        size = _FRAMES_AT_ONCE if device.type in ("cpu", "mps") else _FRAMES_AT_ONCE_ON_GPU
        features = encode_in_chunks(lambda chunk: vision(chunk.to(device))[:, 0].cpu(), flat, size)
    return features.clone().unflatten(0, clips.shape[:2])
