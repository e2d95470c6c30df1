"""Folders of taught actions as version 0.1.0 wrote them; read for ever, and strictly."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Literal

from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load

from lga.actions import Actions, check_actions
from lga.anatomy.schema import Anatomy
from lga.config import BackboneConfig, FrozenModel, SavedMethod
from lga.errors import ActionsError, SettingsError
from lga.files import kind_of
from lga.labels import quote
from lga.model.checkpoint import unpack
from lga.model.head import Head
from lga.model.record import HeadRecord
from lga.taught import Example

RECORD, FEATURES, HEAD = "actions.json", "features.safetensors", "head.safetensors"
LARGEST_FILE = {RECORD: 2**28, FEATURES: 2**33, HEAD: 2**33}
"""bytes"""
ADVICE = "restore a copy of the folder"


class _Record(FrozenModel):
    """What `actions.json` holds."""

    format: Literal[1] = 1
    made_with: str
    backbone: BackboneConfig
    identity: str
    method: SavedMethod
    anatomies: tuple[Anatomy, ...]
    examples: tuple[Example, ...]
    features_sha256: str
    head: HeadRecord | None = None
    head_sha256: str | None = None


def is_format1(folder: Path) -> bool:
    """Whether version 0.1.0 wrote taught actions there.

    Raises:
        LGAError: the place may not be reached.
    """
    return kind_of(folder / RECORD) == "file"


def digest_format1(folder: Path) -> str:
    """The sha256 of the record; empty if there is none any more."""
    try:
        return sha256((folder / RECORD).read_bytes()).hexdigest()
    except OSError:
        return ""


def load_format1(folder: Path) -> tuple[Actions, str]:
    """Read such a folder: nothing missing, nothing left over, nothing changed by hand; also its `digest_format1`.

    Raises:
        ActionsError: it is half-written, damaged, edited or from another version; the message says which.
    """
    text = _read(folder / RECORD)
    record = _parse(folder / RECORD, text)
    data = _read(folder / FEATURES)
    if sha256(data).hexdigest() != record.features_sha256:
        raise ActionsError(f"{folder / FEATURES}: not the features that {RECORD} belongs to; {ADVICE}")
    try:
        tensors = load(data)
        frames, told, motion = tensors["frames"], tensors["text"], tensors.get("motion")
    except (SafetensorError, KeyError) as error:
        raise ActionsError(f"{folder / FEATURES}: damaged; {ADVICE}") from error
    actions = Actions(
        backbone=record.backbone,
        identity=record.identity,
        method=record.method,
        anatomies=record.anatomies,
        examples=record.examples,
        text=told,
        frames=frames,
        head=_read_head(record, folder / HEAD),
        motion=motion,
    )
    try:
        check_actions(actions)
    except ActionsError as error:
        raise ActionsError(f"{folder}: {error}; {ADVICE}") from error
    return actions, sha256(text).hexdigest()


def remove_format1(folder: Path) -> None:
    """Remove the files; the record goes last, so that what is left is still known as what it was."""
    for name in (HEAD, FEATURES, RECORD):
        (folder / name).unlink(missing_ok=True)


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_FILE[path.name]:
            most = LARGEST_FILE[path.name] >> 20
            raise ActionsError(f"{path}: larger than {most} MiB; this was not written by lga")
        return path.read_bytes()
    except OSError as error:
        raise ActionsError(f"{path}: cannot be read ({error.strerror}); {ADVICE}") from error


def _read_head(record: _Record, path: Path) -> Head | None:
    if record.head is None:
        return None
    data = _read(path)
    if sha256(data).hexdigest() != record.head_sha256:
        raise ActionsError(f"{path}: not the weights that {RECORD} belongs to; {ADVICE}")
    return unpack(data, record.head, where=str(path))[0]


def _parse(path: Path, text: bytes) -> _Record:
    try:
        content = json.loads(text)
        checksum = content.pop("checksum")
        found = sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        record = _Record.model_validate_json(json.dumps(content))
    except SettingsError as error:
        raise ActionsError(f"{path}: {error}; undo the change or {ADVICE}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ActionsError(f"{path}: {quote(where)}: {first['msg']}; undo the change or {ADVICE}") from error
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise ActionsError(f"{path}: damaged or not written by lga; {ADVICE}") from error
    if checksum != found:
        raise ActionsError(
            f"{path}: was changed by hand; undo that and use `lga actions add|remove|rename|describe`, which keep it "
            "whole"
        )
    return record
