"""The seeing half of a CLIP or SigLIP: from pixels to the joint space, differentiable."""

from einops import rearrange
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from lga.backbone.clip_reading import Pictures


class Vision(nn.Module):
    """f = projection(tower(scale * pixel + shift)), one picture at a time.

    Its parameters are the vision tower's and the visual projection's, of which SigLIP has none.
    """

    def __init__(self, tower: nn.Module, projection: nn.Module, pictures: Pictures):
        super().__init__()
        self.tower, self.projection, self.pictures = tower, projection, pictures

    def forward(self, pixels: UInt8[Tensor, "batch frames height width 3"]) -> Float[Tensor, "batch frames dim"]:
        """Encode all frames at once; float32, not normalised, whatever the format of the weights.

        Raises:
            ValueError: the pictures are not of the size that the model reads.
        """
        side = self.pictures.preprocessing.crop
        if tuple(pixels.shape[2:4]) != (side, side):
            raise ValueError(f"frames must be {side} x {side} pixels, not {pixels.shape[3]} x {pixels.shape[2]}")
        flat = rearrange(pixels, "b t h w c -> (b t) c h w")
        pooled = self.tower(pixel_values=self.pictures.normalise(flat)).pooler_output
        return self.projection(pooled).float().unflatten(0, pixels.shape[:2])
