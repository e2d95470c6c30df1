"""What is written down about a trained head beside its weights."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from lga.backbone.protocol import Space
from lga.config import BackboneConfig, MethodConfig, Share, TrainConfig
from lga.model.adapter import Adapter
from lga.model.fusion import StageFusion
from lga.model.head import Head

WIDEST = 2**16
"""Numbers a token that a record may speak of: an edited one must not fill the memory."""
Size = Annotated[int, Field(ge=1, le=WIDEST)]


class Selection(BaseModel):
    """What was chosen, and on what: never on the classes of the test."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    chosen_on: str
    """the split or the held-out classes that chose"""
    classes: tuple[str, ...]
    clips: int
    task: int
    """episodes of training after which the head was best; 0 is the untrained one"""
    trust: float
    accuracy: dict[str, float]
    """accuracy on those classes by number of examples, of the chosen head"""
    untrained: dict[str, float]
    """the same without training"""


class Provenance(BaseModel):
    """What a head was trained on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    manifest: str
    manifest_sha256: str
    benchmark: str | None = None
    classes: tuple[str, ...]
    clips: tuple[str, ...]
    """sha256 of every training clip's content"""
    ids: tuple[str, ...] = ()
    """their identifiers in a published benchmark, where the manifest tells them"""


class HeadRecord(BaseModel):
    """Everything about a head but its weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dim: Size
    visual: tuple[int, int]
    semantic: tuple[int, int]
    """where the backbone's tokens are compared with what"""
    width: Annotated[int, Field(ge=0, le=WIDEST)]
    heads: Size
    stage_bias: FiniteFloat
    trust: Share

    @model_validator(mode="after")
    def _possible(self) -> "HeadRecord":
        parts = (self.visual, self.semantic)
        wide = self.width or self.visual[1] - self.visual[0]
        if not all(0 <= start < stop <= self.dim for start, stop in parts) or wide % self.heads:
            raise ValueError("there can be no head of this size")
        return self

    def build(self) -> Head:
        """A head of this size, with weights that mean nothing yet."""
        space = Space(self.dim, slice(*self.visual), slice(*self.semantic))
        adapter = Adapter(space, self.width)
        return Head(adapter, StageFusion(adapter.width, heads=self.heads, stage_bias=self.stage_bias), trust=self.trust)


class CheckpointRecord(BaseModel):
    """What `config.json` holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    made_with: dict[str, str]
    """versions of lga and torch"""
    backbone: BackboneConfig
    identity: str
    """of the backbone whose features the head reads"""
    frozen_identity: str
    """of the backbone before fine-tuning; the same where it was frozen"""
    method: MethodConfig
    train: TrainConfig
    head: HeadRecord
    provenance: Provenance
    selection: Selection
    weights_sha256: str


def record_head(head: Head) -> HeadRecord:
    """What is needed to build a head of the same size.

    Source: our choice.
    """
    space, fusion = head.adapter.space, head.fusion
    return HeadRecord(
        dim=space.dim,
        visual=(space.visual.start, space.visual.stop),
        semantic=(space.semantic.start, space.semantic.stop),
        width=0 if head.adapter.axes is None else head.adapter.width,
        heads=fusion.heads,
        stage_bias=fusion.stage_bias,
        trust=head.trust,
    )
