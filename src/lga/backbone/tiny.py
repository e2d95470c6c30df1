"""A toy backbone without weights: coarse colours, coarse motion and hashed words, for tests and dry runs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b

import torch
from einops import rearrange, reduce
from jaxtyping import Float, UInt8
from torch import Tensor

from lga.backbone.protocol import LogitScale, Preprocessing, Space

_VISUAL, _SEMANTIC = 32, 16
_SIDE, _GRID = 32, 4
_WORDS = 256
_SEEN = 4 * _GRID * _GRID
_SEED = 20250716
_SPACE = Space(_VISUAL + _SEMANTIC, slice(0, _VISUAL), slice(_VISUAL, _VISUAL + _SEMANTIC))
_PREPROCESSING = Preprocessing(_SIDE, _SIDE, "bilinear")


@dataclass(frozen=True, slots=True)
class TinyBackbone:
    """Sees a 4 x 4 mosaic of a frame and of its change between the views; reads a sentence as a bag of words.

    Nothing is learnt, downloaded or random from run to run. Its words and pictures share no meaning: it shows
    that the machinery runs, not how well it recognises.
    """

    identity: str = f"tiny 1 {_SIDE}x{_SIDE} float32"
    space: Space = _SPACE
    preprocessing: Preprocessing = _PREPROCESSING
    motion_gap: float = 0.12
    scale: LogitScale | None = None

    def encode_frames(
        self, clips: UInt8[Tensor, "batch frames views height width 3"]
    ) -> Float[Tensor, "batch frames dim"]:
        """Project the mean colour and the mean change of every cell; one view alone has no change."""
        mosaic = reduce(
            clips.cpu().float() / 255,
            "b t v (r h) (s w) c -> b t v (r s) c",
            "mean",
            r=_GRID,
            s=_GRID,
        )
        colour = rearrange(mosaic[:, :, 0] - 0.5, "b t cell c -> b t (cell c)")
        change = (mosaic[:, :, -1] - mosaic[:, :, 0]).mean(-1)
        seen = torch.cat([colour, 4 * change], -1)
        return seen @ _projection(_SEEN, self.space.dim)

    def encode_text(self, sentences: Sequence[str]) -> Float[Tensor, "sentences dim"]:
        """Project the counts of hashed words; zero outside the semantic part."""
        counts = torch.zeros(len(sentences), _WORDS)
        for row, sentence in enumerate(sentences):
            for word in re.findall(r"\w+", sentence.lower()):
                counts[row, _bucket(word)] += 1
        text = torch.zeros(len(sentences), self.space.dim)
        text[:, self.space.semantic] = counts @ _projection(_WORDS, _SEMANTIC)
        return text


def _bucket(word: str) -> int:
    return int.from_bytes(blake2b(word.encode(), digest_size=4).digest(), "big") % _WORDS


@cache
def _projection(rows: int, columns: int) -> Float[Tensor, "rows columns"]:
    generator = torch.Generator().manual_seed(_SEED)
    return torch.randn(rows, columns, generator=generator) / rows**0.5
