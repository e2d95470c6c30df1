"""Take the trainable half out of a loaded CLIP, and put fine-tuned weights back into one."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from hashlib import sha256
from typing import Any

import torch
from torch import Tensor

from lga.backbone.clip import ClipBackbone
from lga.backbone.clip_vision import Vision as Vision
from lga.backbone.protocol import Backbone
from lga.backbone.quiet import quiet_transformers
from lga.errors import BackboneError

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
