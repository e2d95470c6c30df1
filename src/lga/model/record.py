"""What is kept of a trained head beside its weights; importing this needs no torch."""

from typing import Annotated

from pydantic import Field, FiniteFloat, model_validator

from lga.config import FrozenModel, Share

WIDEST = 2**16
"""Numbers a token that a record may speak of: an edited one must not fill the memory."""
Size = Annotated[int, Field(ge=1, le=WIDEST)]


class HeadRecord(FrozenModel):
    """Everything about a head but its weights."""

    dim: Size
    visual: tuple[int, int]
    semantic: tuple[int, int]
    """where the backbone's tokens are compared with what"""
    width: Annotated[int, Field(ge=0, le=WIDEST)]
    heads: Size
    stage_bias: FiniteFloat
    head_weight: Annotated[Share, Field(alias="trust")]

    @model_validator(mode="after")
    def _possible(self) -> "HeadRecord":
        parts = (self.visual, self.semantic)
        wide = adapted_width(self.visual[1] - self.visual[0], self.width)
        if not all(0 <= start < stop <= self.dim for start, stop in parts) or wide % self.heads:
            raise ValueError("there can be no head of this size")
        return self

    @property
    def numbers(self) -> int:
        """How many numbers the weights of such a head hold."""
        sight, meaning = (stop - start for start, stop in (self.visual, self.semantic))
        wide = adapted_width(sight, self.width)
        adapter = (sight * wide if wide < sight else 0) + wide * wide + meaning * wide
        attention, feed, norms = 4 * wide * (wide + 1), 8 * wide * wide + 5 * wide, 4 * wide
        return adapter + attention + feed + norms


def adapted_width(sight: int, width: int) -> int:
    """The numbers a token that an adapter makes of `sight` when `width` are asked for; 0 asks for all of them."""
    return width if 0 < width < sight else sight
