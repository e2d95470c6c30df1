"""CLIP and its relatives: one space for pictures and sentences, through transformers."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from lga.backbone.families import list_titles
from lga.backbone.hub import quiet_transformers
from lga.backbone.precision import Precision, choose_device, choose_dtype
from lga.backbone.protocol import Backbone, Preprocessing, Space
from lga.backbone.reading import Tokenizer, read_pictures, read_tokenizer
from lga.backbone.vision import FilmVision, Vision, encode_clips, make_sight
from lga.backbone.weights import architecture, find_checkpoint, identify, load_weights
from lga.errors import BackboneError

DEFAULT_MODEL = "openai/clip-vit-base-patch16"
_ROUNDING = {torch.float32: (), torch.bfloat16: ("sentences without padding",)}
"""What the features depend on in this number format alone; float32 has kept its features, to rounding."""


@dataclass(frozen=True, slots=True)
class ClipBackbone:
    """A frozen CLIP: a frame and a sentence become two points of the same space, near where they agree.

    `vision` is on `device` and in the backbone's number format; `master` makes it anew, in float32, to be trained,
    and is None where the family can't be.
    """

    identity: str
    space: Space
    preprocessing: Preprocessing
    device: torch.device
    vision: Vision | FilmVision
    master: Callable[[], Vision] | None
    read: Callable[[Sequence[str]], Tensor]
    motion_gap: float = 0.0

    def encode_frames(
        self, clips: UInt8[Tensor, "batch frames views height width 3"]
    ) -> Float[Tensor, "batch frames dim"]:
        """Encode the first view of every frame, the same to the bit alone and in company, in every number format.

        Raises:
            ValueError: the pictures are not of the size or, encoded together, of the number that the model reads.
        """
        return encode_clips(self.vision, clips, self.device)

    def encode_text(self, sentences: Sequence[str]) -> Float[Tensor, "sentences dim"]:
        """Encode sentences as the model's own tokenizer cuts them; what exceeds its context is left out.

        The same to the bit alone and in company, in every number format.
        """
        with torch.inference_mode():
            features = self.read(sentences)
        return features.clone()


def load_clip(model: str = DEFAULT_MODEL, *, device: str = "auto", precision: Precision = "auto") -> ClipBackbone:
    """Load a dual from a folder, the hub's local cache or the hub; only safetensors, never pickle.

    `lga.backbone.families.FAMILIES` lists the kinds that load.

    Raises:
        BackboneError: the model cannot be found, is damaged or of another kind, or transformers is missing.
        LGAError: this machine has no such device.
    """
    place = choose_device(device)
    dtype = choose_dtype(place, precision)
    checkpoint, kind, family = find_checkpoint(model)
    if family.sentences is None:
        raise BackboneError(
            f"{model}: {family.title} sees but reads no sentences; use it as --sight {model} beside a model that reads "
            f"them ({list_titles(reading=True)})"
        )
    loaded = load_weights(checkpoint, family)
    scale = family.scale(loaded)
    loaded = loaded.to(device=place, dtype=dtype)
    with quiet_transformers():
        words = read_tokenizer(checkpoint, family.sentences, family.sentences.context(loaded.config))
    pictures = read_pictures(checkpoint, family, loaded.config)
    dim = family.dim(loaded.config)
    facts = (words.digest, architecture(checkpoint, kind, loaded), *_ROUNDING[dtype])
    return ClipBackbone(
        identity=identify(kind, checkpoint, pictures, facts, dtype),
        space=Space(dim, slice(0, dim), slice(0, dim), scale),
        preprocessing=pictures.preprocessing,
        device=place,
        vision=make_sight(loaded, family, pictures),
        master=(lambda: Vision(*family.towers(load_weights(checkpoint, family)), pictures)) if family.tunable else None,
        read=lambda sentences: _read(loaded, words, sentences, torch.zeros(len(sentences), dim), place),
    )


def _read(model: Any, words: Tokenizer, sentences: Sequence[str], features: Tensor, device: torch.device) -> Tensor:
    """Fill `features`, always reading `words.at_once` sentences of one length, some again where they are fewer.

    Padded to the longest of a batch, a sentence is rounded otherwise in every company, in bfloat16 by a hundredth.
    """
    cut = [words.tokens([sentence], device) for sentence in sentences]
    alike: dict[int, list[int]] = {}
    for at, tokens in enumerate(cut):
        alike.setdefault(tokens["input_ids"].shape[1], []).append(at)
    for places in alike.values():
        for start in range(0, len(places), words.at_once):
            some = places[start : start + words.at_once]
            filled = [*some, *some[-1:] * (words.at_once - len(some))]
            batch = {name: torch.cat([cut[at][name] for at in filled]) for name in cut[0]}
            features[some] = model.get_text_features(**batch).pooler_output[: len(some)].float().cpu()
    return features


_TUNED = " tuned "


def make_vision(backbone: Backbone, *, gradient_checkpointing: bool) -> Vision:
    """Copy a backbone's vision tower and projection for training, in float32 on the backbone's device.

    The copy starts from the checkpoint's own weights, not from those that the backbone may have rounded to bfloat16.
    With `gradient_checkpointing` what a layer computes is thrown away and computed again on the way back.

    Raises:
        BackboneError: this kind of backbone cannot be fine-tuned, or its checkpoint is no longer there.
    """
    clip, _, master = _tunable(backbone)
    vision = master().to(device=clip.device, dtype=torch.float32).requires_grad_(True)
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
    clip, vision, _ = _tunable(backbone)
    number = next(vision.parameters()).dtype
    tuned = deepcopy(vision).to(device="cpu", dtype=torch.float32)
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


def _tunable(backbone: Backbone) -> tuple[ClipBackbone, Vision, Callable[[], Vision]]:
    kind = backbone.identity.split()[0]
    if backbone.preprocessing.beside is not None:
        raise BackboneError("a model that stands beside another for sight cannot be fine-tuned; train without --sight")
    if not isinstance(backbone, ClipBackbone):
        raise BackboneError(f"the backbone {kind!r} cannot be fine-tuned, only `clip` can; use --backbone clip")
    if backbone.master is None or not isinstance(backbone.vision, Vision):
        raise BackboneError(f"a model of type {kind!r} cannot be fine-tuned; take a CLIP or leave it frozen")
    return backbone, backbone.vision, backbone.master


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
