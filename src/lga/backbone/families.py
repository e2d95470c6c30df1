"""What is known of each kind of model that transformers offers: how it sees, reads and scales."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import exp
from typing import Any, Literal

from torch import Tensor, nn

from lga.backbone.film import encoded_patches, integrated_tokens, masked_patches, pooled_patches
from lga.errors import BackboneError


@dataclass(frozen=True, slots=True)
class Sentences:
    """How sentences become tokens.

    `context` is how many tokens the model reads, `tokenizer` the class of transformers that cuts sentences into them.
    They are padded to the longest of a batch or to the whole context, and the padding is `masked` or, as SigLIP was
    trained, attended to.
    """

    tokenizer: Literal["AutoTokenizer", "CLIPTokenizer", "PreTrainedTokenizerFast"]
    context: Callable[[Any], int]
    masked: bool = True
    padding: Literal["longest", "max_length"] = "longest"
    plain: bool = False
    """whether sentences are lowercased and their spaces made single first"""
    at_once: int = 4
    """sentences of one length that are read together; 1 where the company changes how a sentence is rounded"""


FilmTokens = Callable[[Any, Tensor], Tensor]
"""From a model and a clip's prepared pictures to a token for each; `lga.backbone.film` has them."""


@dataclass(frozen=True, slots=True)
class Filming:
    """How a clip's frames are encoded together: `frames` of them, 0 for any number, `tubelet` in a row as one."""

    tokens: FilmTokens
    frames: Callable[[Any], int]
    tubelet: Callable[[Any], int]


def _tower(model: Any) -> tuple[nn.Module, nn.Module]:
    return model.vision_model, nn.Identity()


def _projected_tower(model: Any) -> tuple[nn.Module, nn.Module]:
    return model.vision_model, model.visual_projection


def _whole(model: Any) -> tuple[nn.Module, nn.Module]:
    return model, nn.Identity()


def _learned(model: Any) -> float:
    return exp(float(model.logit_scale))


def _clamped(model: Any) -> float:
    return exp(min(max(float(model.logit_scale), 0.0), float(model.max_log_logit_scale)))


def _temperature(model: Any) -> float:
    return 1 / float(model.temperature)


def _as_clip(_: Any) -> float:
    """For a checkpoint that carries none; examples may lower it."""
    return 100.0


@dataclass(frozen=True, slots=True)
class Family:
    """One `model_type` of transformers.

    `side` is the picture's side in pixels that the model is built for, None where it takes what its image processor
    makes; `defaults` are what that processor's class sets where the checkpoint's file doesn't, `fixed` what it sets
    whatever the file says. `sentences` and `scale` are None where the model reads no sentences, or learned no scale.
    """

    title: str
    dim: Callable[[Any], int]
    side: Callable[[Any], int | None]
    sentences: Sentences | None = None
    scale: Callable[[Any], float] = _as_clip
    """what the checkpoint multiplies a cosine by: `Space.scale`"""
    towers: Callable[[Any], tuple[nn.Module, nn.Module]] = _tower
    """the vision tower, whose pooled output is a frame's feature, and what projects that"""
    film: Filming | None = None
    """set where frames are encoded together; the tower is then not asked alone"""
    defaults: Mapping[str, object] = field(default_factory=dict[str, object])
    fixed: Mapping[str, object] = field(default_factory=dict[str, object])
    attention: Mapping[str, str] | None = None
    """how attention is computed, by tower, where transformers' own choice is wrong"""
    tunable: bool = True
    """whether its vision tower can be fine-tuned here"""


def _projected(config: Any) -> int:
    return int(config.projection_dim)


def _hidden(config: Any) -> int:
    return int(config.vision_config.hidden_size)


def _own_hidden(config: Any) -> int:
    return int(config.hidden_size)


def _own_tubelet(config: Any) -> int:
    return int(config.tubelet_size)


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
_NAFLEX_PROCESSOR = {
    "patch_size": 16,
    "max_num_patches": 256,
    "resample": 2,
    "image_mean": (0.5, 0.5, 0.5),
    "image_std": (0.5, 0.5, 0.5),
}
_DINOV3_PROCESSOR = {"resample": 2}
_VIDEO_PROCESSOR = {"resample": 2, "do_center_crop": True}

FAMILIES: dict[str, Family] = {
    "clip": Family("CLIP", _projected, _square, _CLIP, _learned, towers=_projected_tower),
    "siglip": Family("SigLIP and SigLIP 2", _hidden, _square, _SIGLIP, _learned),
    "siglip2": Family(
        "SigLIP 2 NaFlex", _hidden, _as_processed, _SIGLIP, _learned, defaults=_NAFLEX_PROCESSOR, tunable=False
    ),
    "metaclip_2": Family("MetaCLIP 2", _projected, _square, _AUTO, _learned, towers=_projected_tower),
    "aimv2": Family(
        "AIMv2",
        _projected,
        _square,
        Sentences("CLIPTokenizer", _positions, at_once=1),
        _clamped,
        towers=_projected_tower,
        # With sdpa its text tower forgets the causal mask of a batch without padding (transformers 5.23).
        attention={"text_config": "eager", "vision_config": "sdpa"},
    ),
    "altclip": Family(
        "AltCLIP",
        _projected,
        _square,
        Sentences("AutoTokenizer", _positions_past_padding),
        _learned,
        towers=_projected_tower,
    ),
    "chinese_clip": Family("Chinese-CLIP", _projected, _square, _AUTO, _learned, towers=_projected_tower),
    "align": Family(
        "ALIGN",
        _projected,
        _as_processed,
        Sentences("AutoTokenizer", lambda config: min(_ALIGN_CONTEXT, _positions(config))),
        _temperature,
        defaults={"include_top": True},
        tunable=False,
    ),
    "xclip": Family(
        "X-CLIP",
        _projected,
        _square,
        _CLIP,
        _learned,
        film=Filming(integrated_tokens, lambda config: int(config.vision_config.num_frames), lambda config: 1),
        tunable=False,
    ),
    "videoprism": Family(
        "VideoPrism",
        _hidden,
        _square,
        Sentences("AutoTokenizer", _positions, padding="max_length"),
        film=Filming(pooled_patches, lambda config: int(config.vision_config.num_frames), lambda config: 1),
        fixed={"do_normalize": False},
        tunable=False,
    ),
    "dinov2": Family("DINOv2", _own_hidden, _as_processed, towers=_whole),
    "dinov2_with_registers": Family("DINOv2 with registers", _own_hidden, _as_processed, towers=_whole),
    "dinov3_vit": Family("DINOv3", _own_hidden, _as_processed, towers=_whole, defaults=_DINOV3_PROCESSOR),
    "dinov3_convnext": Family(
        "DINOv3 ConvNeXt",
        lambda config: int(config.hidden_sizes[-1]),
        _as_processed,
        towers=_whole,
        defaults=_DINOV3_PROCESSOR,
    ),
    "vjepa2": Family(
        "V-JEPA 2",
        _own_hidden,
        lambda config: int(config.crop_size),
        film=Filming(encoded_patches, lambda config: 0, _own_tubelet),
        defaults=_VIDEO_PROCESSOR,
    ),
    "videomae": Family(
        "VideoMAE",
        _own_hidden,
        lambda config: int(config.image_size),
        film=Filming(masked_patches, lambda config: int(config.num_frames), _own_tubelet),
        defaults=_VIDEO_PROCESSOR,
    ),
}
"""by the `model_type` of their config.json; those without `sentences` can stand beside one that has them"""


def list_titles(*, reading: bool) -> str:
    """The kinds that load, or of these the ones that read sentences."""
    return ", ".join(one.title for one in FAMILIES.values() if one.sentences is not None or not reading)


def find_family(name: str, kind: object) -> Family:
    """The family of a model called `name` whose config.json says that it is of this `kind`.

    Raises:
        BackboneError: no family is of this kind; the message lists what there is.
    """
    if isinstance(kind, str) and kind in FAMILIES:
        return FAMILIES[kind]
    raise BackboneError(f"{name}: the model is of type {kind!r}; what loads is {list_titles(reading=False)}")
