"""The settings tree: the same names in Python, on the command line and in saved files. Imports no torch."""

import sys
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from lga.errors import SettingsError

Motion = Literal["flow+pose", "flow", "none"]
Wording = Literal["label", "stages", "label+stages"]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
MAX_STAGES = 5
"""of the method, the lexicons and language models"""
StageCount = Annotated[int, Field(ge=1, le=MAX_STAGES)] | Literal["auto"]
Group = TypeVar("Group", bound="Frozen")


class FrozenModel(BaseModel):
    """A value that comes from or goes to JSON, TOML or flags: immutable, and an unknown key is an error.

    A field's alias is the name that files and answers have carried since version 0.1.0; it is read and written there,
    while Python and flags use the field's own name.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )


class Frozen(FrozenModel):
    """A settings group."""

    def __init__(self, /, **values: object):
        """Check the settings.

        Raises:
            SettingsError: one is out of its range, unknown, or does not go with another.
        """
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise SettingsError("; ".join(_told(one) for one in error.errors())) from error

    def updated(self: Group, values: Mapping[str, object]) -> Group:
        """These settings with some values replaced by name, and checked again.

        Raises:
            SettingsError: one is out of its range, unknown, or does not go with another.
        """
        return type(self)(**{**dict(self), **values})

    def __repr_args__(self) -> Iterable[tuple[str | None, object]]:
        """What is not the default: the rest goes without saying."""
        return self.changed.items()

    @property
    def changed(self) -> dict[str, object]:
        """The settings that are not the defaults."""
        return {name: value for name, value in self if value != type(self).model_fields[name].default}


class BackboneConfig(Frozen):
    """Which encoder turns frames and sentences into features."""

    backbone: str = "offline"
    """offline: shipped weights, no network. clip: a CLIP or any other model that docs/backbones.md lists. tiny: a toy,
    to try things out. Or the name of an installed plugin"""
    model: str = "openai/clip-vit-base-patch16"
    """for `clip`: a hub name or a local folder; for a plugin: what it makes of it; for any: the folder of a checkpoint
    that `lga train` wrote, which then says which backbone it needs"""
    sight: str = ""
    """a second model that clips are compared by, while the backbone's own is compared with text: DINOv2, V-JEPA 2 or
    any other that docs/backbones.md lists; a hub name or a local folder"""
    device: str = "auto"
    """cpu, cuda, cuda:1, mps, or auto for the fastest there is"""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """number format of the encoder; auto takes bfloat16 where the hardware computes it natively, but float32 wherever
    something is trained"""

    def for_training(self) -> "BackboneConfig":
        """What a training reads these settings as: with precision auto it is the same on every machine."""
        return self.model_copy(update={"precision": "float32"}) if self.precision == "auto" else self


SEGMENTERS = ("motion", "centred", "cluster", "hard", "twfinch")
MATCHERS = ("ab_mhm", "bi_mhm")
HEAD_SCALE = 2.0
"""What a whole class score of the support head, 1 of 1, is worth beside distances, at one example a class."""
FIRST_SOFTNESS = 1.25
"""What the temperature is multiplied by with one example a class and the support head; each further one adds 1."""


def _known(name: str, built_in: Iterable[str], module: str, table: str, what: str) -> str:
    """The name, if it is in the table that owns such functions; that needs torch, so read only where it is loaded.

    Whoever has put a function of their own into the table has loaded it.
    """
    owner = sys.modules.get(module)
    names = built_in if owner is None else vars(owner)[table]
    if name not in names:
        raise ValueError(f"there is no such {what}; there are {', '.join(names)}")
    return name


def _segmenter(name: str) -> str:
    return _known(name, SEGMENTERS, "lga.core.segment", "SEGMENTERS", "segmenter")


def _matcher(name: str) -> str:
    return _known(name, MATCHERS, "lga.core.distance", "MATCHERS", "matcher")


class MethodConfig(Frozen):
    """Every switchable part of the method; the defaults are the recommended training-free ones."""

    frames: Annotated[int, Field(ge=1, le=256)] = 8
    """frames sampled from a clip, at the centres of equal parts"""
    stages: StageCount = 3
    """atomic stages of an action: onset, progression, completion. auto: each action has as many as its own text, in
    --descriptions or a lexicon; where none speaks of it, as many as the motion of its examples, else 3"""
    wording: Wording = "label+stages"
    """what the text encoder reads for a stage: its sentence, the label's name, or the name and then the sentence"""
    segmenter: Annotated[str, AfterValidator(_segmenter)] = "motion"
    """how a clip is cut: where its motion changes (motion; without motion as centred), by similarity of neighbouring
    frames (cluster), after taking off their mean (centred), into fixed windows (hard), or by nearest neighbours in
    sight and time (twfinch)"""
    overlap: Annotated[int, Field(ge=0, le=8)] = 1
    """frames that each stage borrows from its neighbours on either side"""
    matcher: Annotated[str, AfterValidator(_matcher)] = "ab_mhm"
    """compare clips stage by stage (ab_mhm) or as a whole (bi_mhm)"""
    reduction: Literal["sum", "mean"] = "sum"
    """how the nearest-frame distances of a stage are put together"""
    pooling: Literal["softmin", "mean"] = "softmin"
    """how a class's examples are put together: mostly by the nearest ones (softmin), or all alike (mean)"""
    hub_correction: Annotated[Share, Field(alias="discount")] = 0.6
    """how much of an example's (or sentence's) mean closeness to the other classes' examples is held against it"""
    text_injection: Annotated[float, Field(ge=0.0, le=10.0, alias="injection")] = 1.0
    """how strongly an example's frames take up their stage's sentence before matching; 0 switches it off. No
    effect with `offline`, whose text and visual parts lie side by side"""
    motion: Motion = "flow+pose"
    """what is compared beside appearance: how things move (flow) and how a body's joints do (pose), flow alone, or
    nothing (none)"""
    motion_weight: Annotated[float, Field(ge=0.0, le=100.0)] = 8.0
    """how much further apart two clips are that move in unrelated ways than two that move alike"""
    head: Literal["support", "none"] = "support"
    """a linear classifier of appearance and motion, solved from the examples alone, whose weight grows with them"""
    alpha: Literal["fitted", "shots"] | Share = "fitted"
    """how much the video match counts against the text match. fitted: as the backbone's own scale and the examples
    say; a number from 0 to 1: the paper's fixed weight; shots: K / (K + text_shots), rising with K examples"""
    text_shots: Annotated[float, Field(ge=1e-6, le=1e6)] = 4.0
    """with alpha shots: as many examples as the text counts for"""
    temperature: Annotated[float, Field(ge=1e-6, le=1e6)] = 0.4
    """with a fixed alpha or shots: divides the scores before the softmax; higher is less sure, and never changes which
    label is first"""

    @property
    def reading(self) -> tuple[object, ...]:
        """What clips and sentences are encoded by; settings that agree in it can share a dataset."""
        return self.frames, self.stages, self.wording, self.motion

    def video_weight(self, shots: int | float) -> float:
        """Alpha, the weight of the video match against the text match, 0 to 1, with `shots` examples a class.

        0 (text alone) without any example, else `alpha` as it is set, or K / (K + text_shots): each example adds
        evidence, while the text stays as long as it is. With alpha fitted that is where fitting starts from.

        Raises:
            ValueError: shots are negative.
        """
        if shots < 0:
            raise ValueError(f"shots must be >= 0, not {shots}")
        if shots == 0:
            return 0.0
        return shots / (shots + self.text_shots) if isinstance(self.alpha, str) else float(self.alpha)

    def support_weight(self, shots: int | float) -> float:
        """What the support head's scores are multiplied by beside the match's, with `shots` examples a class.

        Grows by twice as much as the first example's with each further one; 0 without examples or without a head.

        Source: our choice, made on two corpora (docs/offline.md).
        """
        return HEAD_SCALE * max(0.0, 2 * shots - 1) if self.head == "support" else 0.0

    def softness(self, shots: int | float) -> float:
        """What all scores are divided by before the softmax: `temperature`, growing with the head's weight.

        Source: our choice, so that probabilities are as often right as they say at any number of examples.
        """
        growth = max(FIRST_SOFTNESS, shots - 1 + FIRST_SOFTNESS) if self.head == "support" and shots > 0 else 1.0
        return self.temperature * growth

    @model_validator(mode="after")
    def _enough_frames(self) -> "MethodConfig":
        most = MAX_STAGES if self.stages == "auto" else self.stages
        if self.frames < most:
            raise ValueError(f"{most} stages need at least as many frames, not {self.frames}")
        return self


def _as_then(method: object) -> object:
    return {"motion": "none", "head": "none", "alpha": "shots", **method} if isinstance(method, dict) else method


SavedMethod = Annotated[MethodConfig, BeforeValidator(_as_then)]
"""The method's settings in a file: what version 0.1.0 did not know yet was not done then."""


class ProtocolConfig(Frozen):
    """What an evaluation episode is."""

    ways: Annotated[int, Field(ge=2, lt=2**31)] = 5
    """classes in an episode"""
    shots: Annotated[int, Field(ge=0, lt=2**31)] = 1
    """examples of each class; 0 recognises by text alone"""
    queries: Annotated[int, Field(ge=1, lt=2**31)] = 1
    """clips to recognise of each class"""
    episodes: Annotated[int, Field(ge=2, lt=2**31)] = 10_000
    """how many episodes are drawn"""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """the same seed draws the same episodes"""
    source_disjoint: bool = False
    """no example of any class comes from the group (source video, person) of a query"""

    @property
    def title(self) -> str:
        """What the episodes are, in one line for people."""
        disjoint = ", source-disjoint" if self.source_disjoint else ""
        return f"{self.ways}-way {self.shots}-shot, {self.episodes} episodes{disjoint}, seed {self.seed}"


class TrainConfig(Frozen):
    """How a head is trained, episode by episode; the defaults suit frozen features."""

    tasks: Annotated[int, Field(ge=0, lt=2**31)] = 600
    """episodes to train on"""
    ways: Annotated[int, Field(ge=2, lt=2**31)] = 5
    """classes in a training episode"""
    shots: Annotated[int, Field(ge=1, lt=2**31)] = 1
    """examples of each class in a training episode"""
    queries: Annotated[int, Field(ge=1, lt=2**31)] = 5
    """clips to recognise of each class in a training episode"""
    source_disjoint: bool = True
    """no example of a training episode comes from the group of one of its queries, where groups are known"""
    accumulate: Annotated[int, Field(ge=1, lt=2**31)] = 1
    """episodes to each step of the optimiser"""
    optimizer: Literal["adam", "adamw"] = "adamw"
    """adam adds the weight decay to the gradient, adamw takes it off the weights"""
    learning_rate: Annotated[float, Field(gt=0.0)] = 2e-4
    """its highest value"""
    backbone_rate: Annotated[float, Field(ge=0.0)] = 0.0
    """learning rate of the visual backbone; 0 leaves it frozen, so that training reads cached features"""
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.1
    """strength of the weight decay"""
    warmup: Annotated[int, Field(ge=0, lt=2**31)] = 20
    """steps over which the learning rate rises"""
    schedule: Literal["cosine", "constant"] = "cosine"
    """the learning rate after the warm-up: down to 0 along a cosine, or as it is"""
    clip_norm: Annotated[float, Field(ge=0.0)] = 1.0
    """largest norm of a step's gradient; 0 sets no limit"""
    contrast: Annotated[float, Field(ge=0.0)] = 0.0
    """weight of the video-text contrastive loss over the training classes, the paper's lambda 1"""
    contrast_scale: Annotated[float, Field(gt=0.0)] = 20.0
    """what the cosines of the contrastive loss are multiplied by"""
    width: Annotated[int, Field(ge=0, lt=2**31)] = 256
    """frozen visual features are narrowed to so many principal axes first; 0 takes them as they are"""
    heads: Annotated[int, Field(ge=1, lt=2**31)] = 8
    """attention heads of the fusion block"""
    stage_bias: float = 1.0
    """added to the attention logit of two frames of the same stage"""
    crop_scale: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """with a trained backbone: least share of the picture's area that a random crop keeps"""
    flip: bool = False
    """with a trained backbone: mirror half of the clips; never where left and right matter"""
    gradient_checkpointing: bool = False
    """with a trained backbone: less memory for more time"""
    validate_every: Annotated[int, Field(ge=1, lt=2**31)] = 100
    """episodes from one validation to the next"""
    validation_episodes: Annotated[int, Field(ge=100, lt=2**31)] = 2000
    """episodes of each validation"""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """the same seed trains the same weights"""

    @model_validator(mode="after")
    def _whole_steps(self) -> "TrainConfig":
        if self.validate_every % self.accumulate:
            raise ValueError(
                f"--validate-every {self.validate_every} must be a multiple of --accumulate {self.accumulate}"
            )
        return self


def _told(error: ErrorDetails) -> str:
    """One wrong setting in words; a rule between settings names them itself."""
    said = error["msg"].removeprefix("Value error, ")
    return f"--{error['loc'][0]} {error['input']!r}: {said}" if error["loc"] else said
