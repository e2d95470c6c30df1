"""Two models' pictures of one frame in one tensor, for a backbone that is made of two."""

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import UInt8
from torch import Tensor


def lay_beside(
    first: UInt8[Tensor, "batch height width 3"], second: UInt8[Tensor, "batch side side 3"]
) -> UInt8[Tensor, "batch height wider 3"]:
    """Append the second picture's pixels, row after row, to the first as further columns; the last are filled up."""
    height, pixels = first.shape[1], second.shape[1] ** 2
    columns = -(-pixels // height)
    unrolled = F.pad(rearrange(second, "b h w c -> b (h w) c"), (0, 0, 0, columns * height - pixels))
    return torch.cat([first, rearrange(unrolled, "b (h w) c -> b h w c", h=height)], 2)


def take_apart(
    both: UInt8[Tensor, "*batch height wider 3"], side: int
) -> tuple[UInt8[Tensor, "*batch height width 3"], UInt8[Tensor, "*batch {side} {side} 3"]]:
    """The two pictures that `lay_beside` put into one, the second of this side."""
    width = both.shape[-2] - -(-(side**2) // both.shape[-3])
    unrolled = rearrange(both[..., width:, :], "... h w c -> ... (h w) c")[..., : side**2, :]
    return both[..., :width, :], rearrange(unrolled, "... (h w) c -> ... h w c", h=side)
