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
        wide = self.width or self.visual[1] - self.visual[0]
        if not all(0 <= start < stop <= self.dim for start, stop in parts) or wide % self.heads:
            raise ValueError("there can be no head of this size")
        return self
