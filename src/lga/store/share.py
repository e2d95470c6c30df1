"""Taught actions as one file to be passed on: features and sentences, no clips, and no places on this machine."""

import json
from pathlib import Path
from typing import Literal

from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from lga.actions import Actions, check_actions
from lga.anatomy.schema import Anatomy
from lga.config import BackboneConfig, FrozenModel, SavedMethod
from lga.database import seal
from lga.errors import ActionsError, LGAError
from lga.files import kind_of, write_atomically
from lga.model.checkpoint import pack, record_head, unpack
from lga.model.head import Head
from lga.model.record import HeadRecord
from lga.store.changes import made_with
from lga.taught import Example

LARGEST_FILE = 4 * 2**30
"""bytes"""
KEY = "lga_taught_actions"
"""of the record in the file's header"""
ADVICE = "ask for the file again"


class _Shared(FrozenModel):
    """What the header holds."""

    format: Literal[2] = 2
    made_with: str
    backbone: BackboneConfig
    identity: str
    method: SavedMethod
    anatomies: tuple[Anatomy, ...]
    examples: tuple[Example, ...]
    head: HeadRecord | None


def export_actions(actions: Actions, path: Path) -> None:
    """Write the file; of each example's place it says the clip's name alone.

    Raises:
        LGAError: the actions do not fit together, or the place cannot be written.
    """
    check_actions(actions)
    record = _Shared(
        made_with=made_with(),
        backbone=actions.backbone,
        identity=actions.identity,
        method=actions.method,
        anatomies=actions.anatomies,
        examples=tuple(one.model_copy(update={"path": one.called, "name": ""}) for one in actions.examples),
        head=None if actions.head is None else record_head(actions.head),
    ).model_dump_json()
    tensors = {"frames": actions.frames, "text": actions.text}
    if actions.motion is not None:
        tensors["motion"] = actions.motion
    if actions.head is not None:
        tensors |= load(pack(actions.head, {}))
    tensors = {name: one.contiguous() for name, one in tensors.items()}
    write_atomically(path, save(tensors, {KEY: record, "sha256": _digest(record, tensors)}))


def import_actions(path: Path) -> Actions:
    """Read such a file.

    Raises:
        ActionsError: it is missing, something else, damaged or changed by hand.
    """
    try:
        if kind_of(path) != "file":
            raise ActionsError(f"{path}: no such file; give one that `lga actions export` wrote")
        if path.stat().st_size > LARGEST_FILE:
            raise ActionsError(f"{path}: larger than {LARGEST_FILE >> 30} GiB; `lga actions export` wrote no such file")
        data = path.read_bytes()
    except OSError as error:
        raise ActionsError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        size = int.from_bytes(data[:8], "little")
        header: dict[str, str] = json.loads(data[8 : 8 + size])["__metadata__"]
        text, digest = header[KEY], header["sha256"]
    except (ValueError, KeyError, TypeError, RecursionError, MemoryError) as error:
        raise ActionsError(f"{path}: not taught actions; give a file that `lga actions export` wrote") from error
    try:
        tensors = load(data)
        if _digest(text, tensors) != digest:
            raise ActionsError(f"{path}: damaged, or changed by hand; {ADVICE}")
        actions = _build(_Shared.model_validate_json(text), tensors)
    except (SafetensorError, ValidationError, KeyError, ValueError, RecursionError) as error:
        raise ActionsError(f"{path}: damaged ({str(error).splitlines()[0]}); {ADVICE}") from error
    except LGAError as error:
        raise ActionsError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from error
    return actions


def _build(record: _Shared, tensors: dict[str, Tensor]) -> Actions:
    head = {name: one for name, one in tensors.items() if name.startswith("head.")}
    frames, text = tensors["frames"], tensors["text"]
    if not (frames.ndim == text.ndim == 3 and frames.shape[-1] == text.shape[-1]):
        raise ActionsError("its features are of different widths")
    if tensors.keys() - head.keys() - {"frames", "text", "motion"} or bool(head) != (record.head is not None):
        raise ActionsError("it holds other features than its record says")
    actions = Actions(
        backbone=record.backbone,
        identity=record.identity,
        method=record.method,
        anatomies=record.anatomies,
        examples=record.examples,
        text=text,
        frames=frames,
        head=_head(record, head),
        motion=tensors.get("motion"),
    )
    check_actions(actions)
    return actions


def _head(record: _Shared, tensors: dict[str, Tensor]) -> Head | None:
    return None if record.head is None else unpack(save(tensors), record.head, where="its head")[0]


def _digest(record: str, tensors: dict[str, Tensor]) -> str:
    """The sha256 of the record and of every tensor with its name, kind and size."""
    return seal(record, *(save({name: one}) for name, one in sorted(tensors.items()))).hex()
