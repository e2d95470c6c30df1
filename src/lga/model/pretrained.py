"""One name for what features come from: a backbone, or a checkpoint that was trained on top of one."""

from dataclasses import dataclass
from pathlib import Path

from lga.backbone.clip import with_vision
from lga.backbone.load import load_backbone
from lga.backbone.protocol import Backbone
from lga.config import BackboneConfig, MethodConfig
from lga.errors import CheckpointError
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


def load_pretrained(config: BackboneConfig) -> Pretrained:
    """Load a backbone; `config.model` may be the folder of a checkpoint, which then says which backbone it needs.

    Raises:
        BackboneError: the backbone cannot be loaded.
        CheckpointError: there is none, it is damaged or was trained on other features than this machine makes.

    Source: our choice.
    """
    if not is_checkpoint(config.model):
        if config.backbone != "clip" and "model" in config.changed:
            raise CheckpointError(
                f"{config.model}: no checkpoint there; --model names a folder that `lga train --out` wrote, or, with "
                "--backbone clip, a model"
            )
        return Pretrained(load_backbone(config), config)
    checkpoint = load_checkpoint(Path(config.model))
    record = checkpoint.record
    wanted = record.backbone.model_copy(update={"device": config.device})
    backbone = load_backbone(wanted)
    if backbone.identity != record.frozen_identity:
        raise CheckpointError(
            f"{config.model}: was trained on features of {record.frozen_identity!r}, this backbone is "
            f"{backbone.identity!r}; use the same backbone and precision or train again"
        )
    if checkpoint.vision:
        return Pretrained(with_vision(backbone, checkpoint.vision), config, checkpoint.head, record)
    return Pretrained(backbone, wanted, checkpoint.head, record)


def portable(config: BackboneConfig, backbone: Backbone) -> BackboneConfig:
    """The settings that find the same backbone again, elsewhere too: any device, but the same number format.

    Source: our choice.
    """
    number = backbone.identity.rsplit(" ", 1)[-1]
    model = str(Path(config.model).absolute()) if Path(config.model).is_dir() else config.model
    precision = number if number in ("float32", "bfloat16") else config.precision
    return config.model_copy(update={"device": "auto", "precision": precision, "model": model})
