"""One name for what features come from: a backbone, or a checkpoint that was trained on top of one."""

from dataclasses import dataclass
from pathlib import Path

from lga.backbone.clip import with_vision
from lga.backbone.load import CUSTOM, load_backbone
from lga.backbone.protocol import Backbone
from lga.config import BackboneConfig, MethodConfig
from lga.errors import BackboneError, CheckpointError
from lga.files import kind_of
from lga.model.checkpoint import CheckpointRecord, is_checkpoint, load_checkpoint
from lga.model.head import Head


@dataclass(frozen=True, slots=True)
class Pretrained:
    """A backbone and, from a checkpoint, the head on top of it."""

    backbone: Backbone
    config: BackboneConfig
    """finds the same backbone again"""
    head: Head | None = None
    record: CheckpointRecord | None = None

    def method(self, wish: MethodConfig) -> MethodConfig:
        """The checkpoint's settings, with those of `wish` that differ from the defaults on top."""
        return wish if self.record is None else self.record.method.model_copy(update=wish.changed)


def load_pretrained(config: BackboneConfig | None = None, backbone: Backbone | None = None) -> Pretrained:
    """Load what features come from, in the one way in which every command and `Recognizer` do.

    Args:
        config: which backbone (default: `offline`); `config.model` may be the folder of a checkpoint, which then says
            which backbone it needs.
        backbone: an object that takes the place of the one that `config` names. Without a `config`, results that are
            saved name it `custom`, with its identity, and can be used again only with the same object.

    Raises:
        SettingsError: no backbone has this name.
        BackboneError: the backbone cannot be loaded, or the object is not the one that is needed.
        CheckpointError: there is none, it is damaged or was trained on other features than this backbone makes.
    """
    if config is None:
        config = BackboneConfig() if backbone is None else _custom(backbone)
    if is_checkpoint(config.model):
        return _load_trained(config, backbone)
    if backbone is not None:
        if config.backbone == CUSTOM and backbone.identity != config.model:
            raise BackboneError(
                f"a backbone with the identity {config.model!r} is needed, this one is {backbone.identity!r}; "
                "pass the one that was used before"
            )
        return Pretrained(backbone, config)
    if config.backbone in ("offline", "tiny") and "model" in config.changed:
        raise CheckpointError(
            f"{config.model}: no checkpoint there; --model names a folder that `lga train --out` wrote, or, with "
            "--backbone clip, a model"
        )
    return Pretrained(load_backbone(config), config)


def portable(config: BackboneConfig, backbone: Backbone) -> BackboneConfig:
    """The settings that find the same backbone again, elsewhere too: any device, but the same number format."""
    if config.backbone == CUSTOM:
        return _custom(backbone)
    number = backbone.identity.rsplit(" ", 1)[-1]
    model, sight = (
        str(Path(one).absolute()) if one and kind_of(Path(one)) == "folder" else one
        for one in (config.model, config.sight)
    )
    precision = number if number in ("float32", "bfloat16") else config.precision
    return config.model_copy(update={"device": "auto", "precision": precision, "model": model, "sight": sight})


def _load_trained(config: BackboneConfig, given: Backbone | None) -> Pretrained:
    """Load a checkpoint with the backbone that it names, or with a given one."""
    checkpoint = load_checkpoint(Path(config.model))
    record = checkpoint.record
    if config.sight not in ("", record.backbone.sight):
        how = f"with --sight {record.backbone.sight}" if record.backbone.sight else "without --sight"
        raise CheckpointError(
            f"{config.model}: was trained {how}, not with {config.sight}; leave --sight out or train again"
        )
    wanted = record.backbone.model_copy(update={"device": config.device})
    backbone = load_backbone(wanted) if given is None else given
    if backbone.identity != record.frozen_identity:
        raise CheckpointError(
            f"{config.model}: was trained on features of {record.frozen_identity!r}, this backbone is "
            f"{backbone.identity!r}; use the same backbone and precision or train again"
        )
    if checkpoint.vision:
        return Pretrained(with_vision(backbone, checkpoint.vision), config, checkpoint.head, record)
    return Pretrained(backbone, wanted, checkpoint.head, record)


def _custom(backbone: Backbone) -> BackboneConfig:
    """Settings that name a backbone object by its identity, since nothing but the object itself can be it."""
    return BackboneConfig(backbone=CUSTOM, model=backbone.identity)
