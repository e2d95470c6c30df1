"""Encode pictures in chunks that all have the same shape."""

from collections.abc import Callable

import torch
from jaxtyping import Float, UInt8
from torch import Tensor


def encode_in_chunks(
    encode: Callable[[Tensor], Tensor], pictures: UInt8[Tensor, "pictures ..."], size: int
) -> Float[Tensor, "pictures *features"]:
    """Encode `size` pictures, or clips, at a time, the last ones together with black ones that are then left out.

    How a matrix product is rounded depends on its shape: in one shape, a picture's features are the same to the bit
    whatever else is encoded with it, in every number format.
    """
    features: list[Tensor] = []
    for start in range(0, max(1, len(pictures)), size):
        some = pictures[start : start + size]
        black = some.new_zeros(size - len(some), *some.shape[1:])
        features.append(encode(torch.cat([some, black]))[: len(some)])
    return torch.cat(features)
