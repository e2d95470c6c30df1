"""CLIP and its relatives (SigLIP, SigLIP 2): one space for pictures and sentences, through transformers."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import torch
from einops import rearrange
from jaxtyping import Float, UInt8
from safetensors import SafetensorError
from torch import Tensor, nn

from lga.backbone.chunks import encode_in_chunks
from lga.backbone.clip_reading import Kind, Pictures, Tokenizer, read_json, read_pictures, read_tokenizer
from lga.backbone.hub import ModelFolder, find_model, quiet_transformers
from lga.backbone.precision import Precision, choose_device, choose_dtype
from lga.backbone.protocol import Backbone, LogitScale, Preprocessing, Space
from lga.errors import BackboneError


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


DEFAULT_MODEL = "openai/clip-vit-base-patch16"
_FRAMES_AT_ONCE = {"cpu": 8, "cuda": 64, "mps": 8}
_SENTENCES_AT_ONCE = 4
_ROUNDING = {torch.float32: (), torch.bfloat16: ("sentences without padding",)}
"""What the features depend on in this number format alone; float32 has kept its features, to rounding."""


@dataclass(frozen=True, slots=True)
class ClipBackbone:
    """A frozen CLIP: a frame and a sentence become two points of the same space, near where they agree.

    `vision` is on `device` and in the backbone's number format; `master` makes it anew, in float32, to be trained.
    """

    identity: str
    space: Space
    preprocessing: Preprocessing
    device: torch.device
    vision: Vision
    master: Callable[[], Vision]
    read: Callable[[Sequence[str]], Tensor]
    scale: LogitScale
    motion_gap: float = 0.0

    def encode_frames(
        self, clips: UInt8[Tensor, "batch frames views height width 3"]
    ) -> Float[Tensor, "batch frames dim"]:
        """Encode the first view of every frame, the same to the bit alone and in company, in every number format.

        Raises:
            ValueError: the pictures are not of the size that the model reads.
        """
        flat = rearrange(clips[:, :, 0], "b t h w c -> (b t) 1 h w c")
        with torch.inference_mode():
            features = encode_in_chunks(
                lambda chunk: self.vision(chunk.to(self.device))[:, 0].cpu(), flat, _FRAMES_AT_ONCE[self.device.type]
            )
        return features.clone().unflatten(0, clips.shape[:2])

    def encode_text(self, sentences: Sequence[str]) -> Float[Tensor, "sentences dim"]:
        """Encode sentences as the model's own tokenizer cuts them; what exceeds its context is left out.

        The same to the bit alone and in company, in every number format.
        """
        with torch.inference_mode():
            features = self.read(sentences)
        return features.clone()


def load_clip(model: str = DEFAULT_MODEL, *, device: str = "auto", precision: Precision = "auto") -> ClipBackbone:
    """Load a CLIP or SigLIP from a folder, the hub's local cache or the hub; only safetensors, never pickle.

    Raises:
        BackboneError: the model cannot be found, is damaged or of another kind, or transformers is missing.
        LGAError: this machine has no such device.
    """
    place = choose_device(device)
    dtype = choose_dtype(place, precision)
    try:
        import transformers  # pyright: ignore[reportUnusedImport]  # noqa: F401
    except ImportError as error:
        raise BackboneError("CLIP needs transformers, which is not installed: pip install 'lga[clip]'") from error
    checkpoint = find_model(model)
    kind = _kind(checkpoint)
    checkpoint.weight_files()
    loaded = _load_model(checkpoint, kind)
    scale = _scale(loaded, kind)
    loaded = loaded.to(device=place, dtype=dtype).eval()
    with quiet_transformers():
        words = read_tokenizer(checkpoint, kind, int(loaded.config.text_config.max_position_embeddings))
    pictures = read_pictures(checkpoint, int(loaded.config.vision_config.image_size))
    dim = int(loaded.config.projection_dim if kind == "clip" else loaded.config.vision_config.hidden_size)
    return ClipBackbone(
        identity=_identity(checkpoint, kind, pictures, words, _architecture(loaded), dtype),
        space=Space(dim, slice(0, dim), slice(0, dim)),
        preprocessing=pictures.preprocessing,
        device=place,
        vision=_vision(loaded, kind, pictures),
        master=lambda: _vision(_load_model(checkpoint, kind), kind, pictures),
        read=lambda sentences: _read(loaded, words, sentences, torch.zeros(len(sentences), dim), place),
        scale=scale,
    )


def _kind(checkpoint: ModelFolder) -> Kind:
    kind = read_json(checkpoint, "config.json").get("model_type")
    match kind:
        case "clip":
            return "clip"
        case "siglip":
            return "siglip"
        case "siglip2":
            reads = "sees pictures of any shape (NaFlex)"
        case _:
            reads = f"is of type {kind!r}"
    raise BackboneError(f"{checkpoint.name}: the model {reads}, but a CLIP or a fixed-size SigLIP is needed")


def _vision(model: Any, kind: Kind, pictures: Pictures) -> Vision:
    """The seeing half; only CLIP projects what its tower gives."""
    return Vision(model.vision_model, model.visual_projection if kind == "clip" else nn.Identity(), pictures)


def _scale(model: Any, kind: Kind) -> LogitScale:
    """What the checkpoint learned, read before its numbers are rounded."""
    factor = float(model.logit_scale.detach().double().exp())
    return LogitScale(factor, float(model.logit_bias.detach()), True) if kind == "siglip" else LogitScale(factor)


def _read(model: Any, words: Tokenizer, sentences: Sequence[str], features: Tensor, device: torch.device) -> Tensor:
    """Fill `features`, always reading `_SENTENCES_AT_ONCE` sentences of one length, some again where they are fewer.

    Padded to the longest of a batch, a sentence is rounded otherwise in every company, in bfloat16 by a hundredth.
    """
    cut = [words.tokens([sentence], device) for sentence in sentences]
    alike: dict[int, list[int]] = {}
    for at, tokens in enumerate(cut):
        alike.setdefault(tokens["input_ids"].shape[1], []).append(at)
    for places in alike.values():
        for start in range(0, len(places), _SENTENCES_AT_ONCE):
            some = places[start : start + _SENTENCES_AT_ONCE]
            filled = [*some, *some[-1:] * (_SENTENCES_AT_ONCE - len(some))]
            batch = {name: torch.cat([cut[at][name] for at in filled]) for name in cut[0]}
            features[some] = model.get_text_features(**batch).pooler_output[: len(some)].float().cpu()
    return features


def _load_model(checkpoint: ModelFolder, kind: Kind) -> Any:
    from huggingface_hub.errors import StrictDataclassError
    from transformers import CLIPConfig, CLIPModel, SiglipConfig, SiglipModel

    families: dict[Kind, tuple[Any, Any]] = {
        "clip": (CLIPConfig, CLIPModel),
        "siglip": (SiglipConfig, SiglipModel),
    }
    settings, family = families[kind]
    try:
        with quiet_transformers():
            config = settings.from_pretrained(checkpoint.folder)
            model, report = family.from_pretrained(
                checkpoint.weights,
                config=config,
                dtype=torch.float32,
                attn_implementation="sdpa",
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
            )
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        RuntimeError,
        SafetensorError,
        StrictDataclassError,
    ) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BackboneError(f"{checkpoint.name}: the weights cannot be loaded ({reason})") from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise BackboneError(f"{checkpoint.name}: the weights lack {len(missing)} parts, the first is {missing[0]}")
    return model


def _architecture(model: Any) -> list[object]:
    """What changes the features and shows neither in the weights nor in their shapes."""
    towers = (model.config.vision_config, model.config.text_config)
    facts: list[object] = [(tower.hidden_act, tower.num_attention_heads, tower.layer_norm_eps) for tower in towers]
    return [*facts, model.config.text_config.eos_token_id]


def _identity(
    checkpoint: ModelFolder,
    kind: Kind,
    pictures: Pictures,
    words: Tokenizer,
    architecture: list[object],
    dtype: torch.dtype,
) -> str:
    how = pictures.preprocessing
    fit = f"stretch {how.crop}" if how.stretch else f"short side {how.short_side} crop {how.crop}"
    facts = (pictures.scale, pictures.shift, words.digest, architecture, *_ROUNDING[dtype])
    reading = sha256(repr(facts).encode()).hexdigest()
    number = str(dtype).removeprefix("torch.")
    return f"{kind} {checkpoint.weights_digest()[:16]} {fit} {how.resample} {reading[:8]} {number}"


_TUNED = " tuned "


def make_vision(backbone: Backbone, *, gradient_checkpointing: bool) -> Vision:
    """Copy a backbone's vision tower and projection for training, in float32 on the backbone's device.

    The copy starts from the checkpoint's own weights, not from those that the backbone may have rounded to bfloat16.
    With `gradient_checkpointing` what a layer computes is thrown away and computed again on the way back.

    Raises:
        BackboneError: this kind of backbone cannot be fine-tuned, or its checkpoint is no longer there.
    """
    clip = _tunable(backbone)
    vision = clip.master().to(device=clip.device, dtype=torch.float32).requires_grad_(True)
    if gradient_checkpointing:
        tower: Any = vision.tower
        with quiet_transformers():
            tower.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    return vision.train()


def with_vision(backbone: Backbone, state: Mapping[str, Tensor]) -> ClipBackbone:
    """The same backbone seeing with fine-tuned weights, the `state_dict` of a `Vision`.

    Device and number format stay; the identity names the weights, so that features and taught actions of the two
    are never mixed. Fine-tuning it further starts from `state` as it is here.

    Raises:
        BackboneError: the weights do not fit, are not finite numbers, or this kind of backbone cannot be fine-tuned.
    """
    clip = _tunable(backbone)
    number = next(clip.vision.parameters()).dtype
    tuned = deepcopy(clip.vision).to(device="cpu", dtype=torch.float32)
    _check_fit(state, tuned.state_dict(), clip.identity)
    tuned.load_state_dict(state)
    if not all(bool(weight.isfinite().all()) for weight in tuned.parameters()):
        raise BackboneError("the fine-tuned weights are not all finite numbers; take an earlier state of the training")
    return replace(
        clip,
        identity=f"{clip.identity.split(_TUNED)[0]}{_TUNED}{_digest(tuned)[:16]}",
        vision=deepcopy(tuned).to(device=clip.device, dtype=number).eval(),
        master=lambda: deepcopy(tuned),
    )


def _tunable(backbone: Backbone) -> ClipBackbone:
    if isinstance(backbone, ClipBackbone):
        return backbone
    kind = backbone.identity.split()[0]
    raise BackboneError(f"the backbone {kind!r} cannot be fine-tuned, only `clip` can; use --backbone clip")


def _check_fit(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor], identity: str) -> None:
    wrong = [
        *(f"{name} is missing" for name in sorted(wanted.keys() - state.keys())),
        *(f"{name} is not part of it" for name in sorted(state.keys() - wanted.keys())),
        *(
            f"{name} has shape {tuple(state[name].shape)} instead of {tuple(wanted[name].shape)}"
            for name in sorted(wanted.keys() & state.keys())
            if state[name].shape != wanted[name].shape
        ),
    ]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise BackboneError(
            f"the fine-tuned weights do not fit the backbone {identity}: {'; '.join(wrong[:3])}{more}; "
            "load the model that they were trained from"
        )


def _digest(vision: Vision) -> str:
    digest = sha256()
    for name, weight in sorted(vision.state_dict().items()):
        digest.update(f"{name} {tuple(weight.shape)} ".encode())
        digest.update(weight.contiguous().numpy())
    return digest.hexdigest()
