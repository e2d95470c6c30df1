"""What is known of each kind of model that transformers offers: how it sees, reads and scales."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import exp
from typing import Any, Literal

from lga.backbone.protocol import LogitScale
from lga.errors import BackboneError


@dataclass(frozen=True, slots=True)
class Sentences:
    """How sentences become tokens.

    Sentences are padded to the longest of a batch, with a mask, or to the whole context without one, as SigLIP was
    trained. `context` is how many tokens the model reads; `tokenizer` names the class of transformers that cuts them.
    """

    tokenizer: Literal["AutoTokenizer", "CLIPTokenizer", "PreTrainedTokenizerFast"]
    context: Callable[[Any], int]
    masked: bool = True
    padding: Literal["longest", "max_length"] = "longest"
    plain: bool = False
    """whether sentences are lowercased and their spaces made single first"""
    at_once: int = 4
    """sentences of one length that are read together; 1 where the company changes how a sentence is rounded"""


@dataclass(frozen=True, slots=True)
class Family:
    """One `model_type` of transformers.

    `side` is the picture's side in pixels that the model is built for, None where it takes what its image processor
    makes; `defaults` are what that processor's class sets where the checkpoint's file doesn't, `fixed` what it sets
    whatever the file says. `reading` and `scale` are None where the model reads no sentences, or learned no scale.
    """

    title: str
    dim: Callable[[Any], int]
    side: Callable[[Any], int | None]
    reading: Sentences | None = None
    scale: Callable[[Any], LogitScale] | None = None
    projects: bool = False
    """whether the tower's pooled output goes through a `visual_projection`"""
    defaults: Mapping[str, object] = field(default_factory=dict[str, object])
    fixed: Mapping[str, object] = field(default_factory=dict[str, object])
    attention: Mapping[str, str] | None = None
    """how attention is computed, by tower, where transformers' own choice is wrong"""
    tunable: bool = True
    """whether its vision tower can be fine-tuned here"""


def _softmax(model: Any) -> LogitScale:
    return LogitScale(exp(float(model.logit_scale)))


def _sigmoid(model: Any) -> LogitScale:
    return LogitScale(exp(float(model.logit_scale)), float(model.logit_bias), sigmoid=True)


def _clamped(model: Any) -> LogitScale:
    return LogitScale(exp(min(max(float(model.logit_scale), 0.0), float(model.max_log_logit_scale))))


def _temperature(model: Any) -> LogitScale:
    return LogitScale(1 / float(model.temperature))


def _projected(config: Any) -> int:
    return int(config.projection_dim)


def _hidden(config: Any) -> int:
    return int(config.vision_config.hidden_size)


def _square(config: Any) -> int:
    return int(config.vision_config.image_size)


def _as_processed(config: Any) -> None:
    return None


def _positions(config: Any) -> int:
    return int(config.text_config.max_position_embeddings)


def _positions_past_padding(config: Any) -> int:
    """RoBERTa counts positions from one past the padding token's number."""
    return _positions(config) - int(config.text_config.pad_token_id) - 1


_CLIP = Sentences("CLIPTokenizer", _positions)
_AUTO = Sentences("AutoTokenizer", _positions)
_SIGLIP = Sentences("PreTrainedTokenizerFast", _positions, masked=False, padding="max_length", plain=True)
_ALIGN_CONTEXT = 64

FAMILIES: dict[str, Family] = {
    "clip": Family("CLIP", _projected, _square, _CLIP, _softmax, projects=True),
    "siglip": Family("SigLIP and SigLIP 2", _hidden, _square, _SIGLIP, _sigmoid),
    "siglip2": Family("SigLIP 2 NaFlex", _hidden, _as_processed, _SIGLIP, _sigmoid, tunable=False),
    "metaclip_2": Family("MetaCLIP 2", _projected, _square, _AUTO, _softmax, projects=True),
    "aimv2": Family(
        "AIMv2",
        _projected,
        _square,
        Sentences("CLIPTokenizer", _positions, at_once=1),
        _clamped,
        projects=True,
        # With sdpa its text tower forgets the causal mask of a batch without padding (transformers 5.23).
        attention={"text_config": "eager", "vision_config": "sdpa"},
    ),
    "altclip": Family(
        "AltCLIP",
        _projected,
        _square,
        Sentences("AutoTokenizer", _positions_past_padding),
        _softmax,
        projects=True,
    ),
    "chinese_clip": Family("Chinese-CLIP", _projected, _square, _AUTO, _softmax, projects=True),
    "align": Family(
        "ALIGN",
        _projected,
        _as_processed,
        Sentences("AutoTokenizer", lambda config: min(_ALIGN_CONTEXT, _positions(config))),
        _temperature,
        defaults={"include_top": True},
        tunable=False,
    ),
}
"""the models that read sentences and see pictures, by the `model_type` of their config.json"""


def find_family(name: str, kind: object) -> Family:
    """The family of a model called `name` whose config.json says that it is of this `kind`.

    Raises:
        BackboneError: no family is of this kind; the message lists what there is.
    """
    if isinstance(kind, str) and kind in FAMILIES:
        return FAMILIES[kind]
    there = ", ".join(family.title for family in FAMILIES.values())
    raise BackboneError(f"{name}: the model is of type {kind!r}; what loads is {there}")
