"""A trained head as a folder: weights in safetensors, everything else in JSON.

The weights' file is named after its content, and the JSON says which it is: so replacing that one file replaces both.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from lga.backbone.protocol import Space
from lga.config import BackboneConfig, FrozenModel, SavedMethod, TrainConfig
from lga.errors import CheckpointError, SettingsError
from lga.files import LFS_ADVICE, LFS_POINTER, checksum_of, kind_of, remove_file, to_json, write_atomically
from lga.labels import quote
from lga.model.head import Adapter, Head, StageFusion
from lga.model.record import HeadRecord


class Selection(FrozenModel):
    """What was chosen, and on what: never on the classes of the test."""

    chosen_on: str
    """the split or the held-out classes that chose"""
    classes: tuple[str, ...]
    clips: int
    task: int
    """episodes of training after which the head was best; 0 is the untrained one"""
    head_weight: Annotated[float, Field(alias="trust")]
    accuracy: dict[str, float]
    """accuracy on those classes by number of examples, of the chosen head"""
    untrained: dict[str, float]
    """the same without training"""


class Provenance(FrozenModel):
    """What a head was trained on."""

    manifest: str
    manifest_sha256: str
    benchmark: str | None = None
    classes: tuple[str, ...]
    clips: tuple[str, ...]
    """sha256 of every training clip's content"""
    ids: tuple[str, ...] = ()
    """their identifiers in a published benchmark, where the manifest tells them"""


class CheckpointRecord(FrozenModel):
    """What `config.json` holds."""

    format: Literal[1, 2] = 2
    """1 was that of 0.1.0: another name of the weights, and no checksum"""
    made_with: dict[str, str]
    """versions of lga and torch"""
    backbone: BackboneConfig
    identity: str
    """of the backbone whose features the head reads"""
    frozen_identity: str
    """of the backbone before fine-tuning; the same where it was frozen"""
    method: SavedMethod
    train: TrainConfig
    head: HeadRecord
    provenance: Provenance
    selection: Selection
    weights_sha256: str

    @property
    def weights(self) -> str:
        """The name of the file with the weights."""
        return FIRST_WEIGHTS if self.format == 1 else f"weights-{self.weights_sha256[:16]}.safetensors"


def record_head(head: Head) -> HeadRecord:
    """What is needed to build a head of the same size."""
    space, fusion = head.adapter.space, head.fusion
    return HeadRecord(
        dim=space.dim,
        visual=(space.visual.start, space.visual.stop),
        semantic=(space.semantic.start, space.semantic.stop),
        width=0 if head.adapter.axes is None else head.adapter.width,
        heads=fusion.heads,
        stage_bias=fusion.stage_bias,
        head_weight=head.head_weight,
    )


RECORD = "config.json"
FIRST_WEIGHTS = "weights.safetensors"
"""What the weights were called in format 1."""
WEIGHTS = re.compile(r"weights-[0-9a-f]{16}\.safetensors")
"""What they are called since."""
MAX_RECORD = 256 * 2**20
MAX_WEIGHTS = 8 * 2**30
"""Bytes: several times a fine-tuned CLIP ViT-L/14 in float32."""
SMALL_HEAD = 2**22
"""Numbers of a head (16 MiB) that is built whatever the file holds, so that what does not fit can be named."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A trained head, the fine-tuned vision tower's weights if there are some, and where both came from."""

    head: Head
    vision: Mapping[str, Tensor]
    record: CheckpointRecord


def make_head(space: Space, settings: TrainConfig) -> Head:
    """An untrained head of the size that the settings ask for.

    Raises:
        CheckpointError: the width cannot be shared among the attention heads.
    """
    adapter = Adapter(space, settings.width)
    if adapter.width % settings.heads:
        raise CheckpointError(
            f"{settings.heads} attention heads cannot share {adapter.width} numbers; set --heads to a divisor of it"
        )
    return Head(adapter, StageFusion(adapter.width, heads=settings.heads, stage_bias=settings.stage_bias))


def save_checkpoint(folder: Path, head: nn.Module, vision: Mapping[str, Tensor], record: CheckpointRecord) -> None:
    """Write a checkpoint; the record goes last, and until it is there the earlier checkpoint holds.

    What else lies in the folder stays, but for the weights of earlier checkpoints.

    Raises:
        LGAError: the disk is full, or the place cannot be written.
    """
    data = pack(head, vision)
    named = record.model_copy(update={"format": 2, "weights_sha256": sha256(data).hexdigest()})
    earlier = _weights_of(folder)
    write_atomically(folder / named.weights, data)
    content = named.model_dump(mode="json")
    write_atomically(folder / RECORD, to_json({**content, "checksum": checksum_of(content)}))
    for name in (_named_as_weights(folder) | earlier) - {named.weights}:
        remove_file(folder / name)


def _named_as_weights(folder: Path) -> set[str]:
    """The names in a folder that only `save_checkpoint` gives."""
    try:
        return {one.name for one in folder.iterdir() if WEIGHTS.fullmatch(one.name)}
    except OSError as error:
        raise CheckpointError(f"{folder}: cannot be read ({error.strerror}); check that you may list it") from error


def _weights_of(folder: Path) -> set[str]:
    """The name of a checkpoint's weights; none where there is no checkpoint."""
    try:
        return {read_record(folder).weights}
    except CheckpointError:
        return set()


def pack(head: nn.Module, vision: Mapping[str, Tensor]) -> bytes:
    """The weights of a head and of a vision tower as one safetensors file."""
    both = {f"head.{name}": one for name, one in head.state_dict().items()}
    both |= {f"vision.{name}": one for name, one in vision.items()}
    return save({name: one.detach().cpu().contiguous() for name, one in both.items()})


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        CheckpointError: it is missing, damaged or of another format, or its weights do not fit; the keys are named.
    """
    record = read_record(folder)
    path = folder / record.weights
    try:
        if path.stat().st_size > MAX_WEIGHTS:
            raise CheckpointError(f"{path}: larger than {MAX_WEIGHTS >> 30} GiB; these are not a checkpoint's weights")
        data = path.read_bytes()
    except OSError as error:
        if read_record(folder).weights != record.weights:  # another checkpoint took its place just now
            return load_checkpoint(folder)
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); copy the whole folder again") from error
    if data.startswith(LFS_POINTER):
        raise CheckpointError(f"{path}: {LFS_ADVICE}")
    if sha256(data).hexdigest() != record.weights_sha256:
        raise CheckpointError(f"{folder}: {path.name} is not the file that {RECORD} was written for; copy both again")
    head, vision = unpack(data, record.head, where=str(path))
    return Checkpoint(head, vision, record)


def unpack(data: bytes, record: HeadRecord, *, where: str) -> tuple[Head, dict[str, Tensor]]:
    """The head, ready to be used and not to be trained, and the vision tower's weights of a packed file.

    A large head is not built before the file is known to hold as much as the record speaks of.

    Raises:
        CheckpointError: it is damaged, or its weights do not fit; the keys are named.
    """
    try:
        tensors = load(data)
    except (SafetensorError, KeyError) as error:
        raise CheckpointError(f"{where}: damaged ({error})") from error
    if other := sorted(name for name in tensors if not name.startswith(("head.", "vision."))):
        raise CheckpointError(f"{where}: the weights do not fit; unexpected={other}")
    learned = {name.removeprefix("head."): one for name, one in tensors.items() if name.startswith("head.")}
    vision = {name.removeprefix("vision."): one for name, one in tensors.items() if name.startswith("vision.")}
    held = sum(one.numel() for one in learned.values())
    if record.numbers > max(held, SMALL_HEAD):
        raise CheckpointError(f"{where}: the weights do not fit; they are {held} numbers, not {record.numbers}")
    head = _build(record)
    fill(head, learned, where=where)
    return head.eval().requires_grad_(False), vision


def is_checkpoint(place: str) -> bool:
    """Whether a model's name is the folder of a checkpoint.

    Raises:
        CheckpointError: it may not be listed.
    """
    folder = Path(place)
    if kind_of(folder / RECORD) != "file":
        return False
    return kind_of(folder / FIRST_WEIGHTS) == "file" or bool(_named_as_weights(folder))


def read_record(folder: Path) -> CheckpointRecord:
    """Everything about a checkpoint but its weights.

    Raises:
        CheckpointError: there is none, it is not one of this version's, or it was changed.
    """
    path = folder / RECORD
    try:
        if path.stat().st_size > MAX_RECORD:
            raise CheckpointError(f"{path}: larger than {MAX_RECORD >> 20} MiB; this is not a checkpoint's record")
        content = json.loads(path.read_bytes())
        checksum = content.pop("checksum", None)
        record = CheckpointRecord.model_validate_json(json.dumps(content))
    except OSError as error:
        raise CheckpointError(
            f"{folder}: no checkpoint there ({error.strerror}); give a folder that `lga train --out` wrote"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CheckpointError(
            f"{path}: not a checkpoint's record of this version ({quote(where)}: {first['msg']})"
        ) from error
    except (ValueError, SettingsError, AttributeError, TypeError, RecursionError) as error:
        first = str(error).splitlines()[0]
        raise CheckpointError(f"{path}: not a checkpoint's record of this version ({first})") from error
    if checksum != (None if record.format == 1 else checksum_of(content)):
        raise CheckpointError(f"{path}: was damaged or changed by hand; copy it again, or train again")
    return record


def fill(module: nn.Module, tensors: Mapping[str, Tensor], *, where: str) -> None:
    """Load weights strictly.

    Raises:
        CheckpointError: keys are missing, too many, of another shape or kind of number; they are named. Or the numbers
            are not finite.
    """
    wanted = module.state_dict()
    missing, unexpected = sorted(wanted.keys() - tensors.keys()), sorted(tensors.keys() - wanted.keys())
    misshapen = sorted(
        name
        for name in wanted.keys() & tensors.keys()
        if wanted[name].shape != tensors[name].shape
        or wanted[name].is_floating_point() != tensors[name].is_floating_point()
    )
    if missing or unexpected or misshapen:
        raise CheckpointError(f"{where}: the weights do not fit; {missing=}, {unexpected=}, {misshapen=}")
    if not all(bool(one.isfinite().all()) for one in tensors.values()):
        raise CheckpointError(f"{where}: some weights are not finite numbers; train again with a lower learning rate")
    with torch.no_grad():
        module.load_state_dict(dict(tensors))


def _build(record: HeadRecord) -> Head:
    """A head of this size, with weights that mean nothing yet."""
    adapter = Adapter(Space(record.dim, slice(*record.visual), slice(*record.semantic)), record.width)
    fusion = StageFusion(adapter.width, heads=record.heads, stage_bias=record.stage_bias)
    return Head(adapter, fusion, head_weight=record.head_weight)
