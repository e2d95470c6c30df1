"""Taught actions as rows of a database, read strictly.

Every row has a seal over all its columns, and the one row of `state` counts the rows and adds up their seals; so a row
that is damaged, missing, lost or from another time is told.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float
from pydantic import NonNegativeInt, ValidationError
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from lga.actions import Actions, Example, check_actions
from lga.anatomy.schema import Anatomy
from lga.config import BackboneConfig, FrozenModel, SavedMethod
from lga.database import DamageError, Layout, Value, seal, sum_seals
from lga.errors import ActionsError, LGAError
from lga.model.checkpoint import HeadRecord, unpack
from lga.model.head import Head
from lga.motion.descriptor import NUMBERS
from lga.store.clips import NAME, KeptClips

LAYOUT = Layout(
    what="taught actions",
    application=0x4C474153,
    version=2,
    tables=(
        "CREATE TABLE state (number INTEGER PRIMARY KEY, actions INTEGER NOT NULL, examples INTEGER NOT NULL,"
        " sum BLOB NOT NULL, converted TEXT NOT NULL, seal BLOB NOT NULL) STRICT",
        "CREATE TABLE settings (number INTEGER PRIMARY KEY, record TEXT NOT NULL, head BLOB,"
        " seal BLOB NOT NULL) STRICT",
        "CREATE TABLE action (number INTEGER PRIMARY KEY, anatomy TEXT NOT NULL, features BLOB NOT NULL,"
        " seal BLOB NOT NULL) STRICT",
        "CREATE TABLE example (number INTEGER PRIMARY KEY, action INTEGER NOT NULL, digest TEXT NOT NULL,"
        " path TEXT NOT NULL, kept INTEGER NOT NULL, name TEXT NOT NULL, moments BLOB NOT NULL,"
        " frames BLOB NOT NULL, motion BLOB, seal BLOB NOT NULL) STRICT",
    ),
    journal="delete",
    synchronous="full",
    error=ActionsError,
    advice="restore a copy of the folder, or import what `lga actions export` wrote",
)
"""`moments` holds an example's length and then its frames' times, as float64; features are float32."""
Table = Literal["state", "settings", "action", "example"]
Columns = tuple[int, *tuple[Value, ...]]
"""The row's number first."""
Found = tuple[Any, ...]
"""A row as it is read; its seal says that its columns are of the kinds that were written."""


class SettingsRecord(FrozenModel):
    """What `settings.record` holds."""

    made_with: str
    backbone: BackboneConfig
    identity: str
    method: SavedMethod
    dim: NonNegativeInt
    has_motion: bool
    head: HeadRecord | None


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A row as it lies in the database: its number and its seal."""

    number: int
    seal: bytes
    kept: str | None = None
    """of an example: the name of its clip, if that is kept here"""


@dataclass(frozen=True, slots=True)
class State:
    """Everything in the database at one moment."""

    actions: Actions | None
    """None: nothing is taught"""
    settings: StoredRow | None
    labels: tuple[StoredRow, ...]
    examples: tuple[StoredRow, ...]
    seal: bytes
    """of the `state` row, and so of everything; empty before anything was ever written"""
    converted: str
    """the digest of the folder of version 0.1.0 that this was; empty if it was none"""

    @property
    def rows(self) -> list[tuple[Table, StoredRow]]:
        """All rows but that of the state."""
        settings: list[tuple[Table, StoredRow]] = [] if self.settings is None else [("settings", self.settings)]
        return [*settings, *(("action", row) for row in self.labels), *(("example", row) for row in self.examples)]

    @property
    def kept(self) -> set[str]:
        """The names of the clips that examples need."""
        return {row.kept for row in self.examples if row.kept is not None}


NOTHING = State(None, None, (), (), b"", "")


def read_seal(connection: sqlite3.Connection) -> bytes:
    """The seal of the state: another one means that something has changed."""
    found = connection.execute("SELECT seal FROM state").fetchall()
    return found[0][0] if found else b""


def read_kept(connection: sqlite3.Connection) -> set[str]:
    """The names of the clips that examples need."""
    return {path for (path,) in connection.execute("SELECT path FROM example WHERE kept = 1")}


def read_state(connection: sqlite3.Connection, clips: KeptClips) -> State:
    """Everything, checked; to be called within a transaction.

    Raises:
        DamageError: a row is not what was written, or some are missing or too many.
    """
    states, settings = _read_rows(connection, "state"), _read_rows(connection, "settings")
    labels, examples = _read_rows(connection, "action"), _read_rows(connection, "example")
    if not (states or settings or labels or examples):
        return NOTHING
    if len(states) != 1:
        raise DamageError("the row of its state is missing")
    [(_, *counts, total, converted, own)] = states
    found = [len(labels), len(examples)]
    if counts != found or len(settings) != bool(labels):
        raise DamageError(f"{found[0]} actions and {found[1]} examples in place of {counts[0]} and {counts[1]}")
    if sum_seals(row[-1] for row in (*settings, *labels, *examples)) != total:
        raise DamageError("some rows are of another time")
    actions = _build(settings[0], labels, examples, clips) if labels else None
    kept = tuple(StoredRow(row[0], row[-1], row[3] if row[4] else None) for row in examples)
    known = [tuple(StoredRow(row[0], row[-1]) for row in rows) for rows in (settings, labels)]
    return State(actions, known[0][0] if settings else None, known[1], kept, own, converted)


def pack_features(features: Float[Tensor, "..."]) -> bytes:
    """Features as they are written: float32, the lowest byte first."""
    return features.detach().cpu().numpy().astype("<f4").tobytes()


def _read_rows(connection: sqlite3.Connection, table: Table) -> list[Found]:
    """The rows of a table in order; each is what was written."""
    rows = connection.execute(f"SELECT * FROM {table} ORDER BY number").fetchall()
    for number, *columns, own in rows:
        if seal(table, number, *columns) != own:
            raise DamageError(f"row {number} of {table} is not what was written")
    return rows


def _build(settings: Found, labels: Sequence[Found], examples: Sequence[Found], clips: KeptClips) -> Actions:
    """The actions that rows hold.

    Raises:
        DamageError: they do not fit together; seals are no proof that it was lga who wrote.
    """
    try:
        record = SettingsRecord.model_validate_json(settings[1])
        anatomies = {row[0]: Anatomy.model_validate_json(row[1]) for row in labels}
        told = [_features(row[2], len(anatomies[row[0]].stages), record.dim, f"action {row[0]}") for row in labels]
        found = tuple(_example(row, anatomies, clips) for row in examples)
        frames = [_features(row[7], record.method.frames, record.dim, f"example {row[0]}") for row in examples]
        actions = Actions(
            record.backbone,
            record.identity,
            record.method,
            tuple(anatomies.values()),
            pad_sequence(told, batch_first=True),
            found,
            torch.stack(frames) if frames else torch.zeros(0, record.method.frames, record.dim),
            _head(record, settings[2]),
            _motion(examples) if record.has_motion else None,
        )
        check_actions(actions)
    except (ValidationError, LGAError, RecursionError) as error:
        raise DamageError(str(error).splitlines()[0]) from error
    return actions


def _example(row: Found, anatomies: dict[int, Anatomy], clips: KeptClips) -> Example:
    number, action, digest, path, kept, name, moments, *_ = row
    if action not in anatomies:
        raise DamageError(f"example {number} belongs to an action that is not there")
    if kept and not NAME.fullmatch(path):
        raise DamageError(f"example {number} has a clip of an impossible name")
    if len(moments) % 8 or not moments:
        raise DamageError(f"example {number} has no whole number of moments")
    duration, *times = np.frombuffer(moments, "<f8").tolist()
    return Example(
        label=anatomies[action].label,
        path=clips.path(path) if kept else path,
        name=name,
        digest=digest,
        times=tuple(times),
        duration=duration,
    )


def _head(record: SettingsRecord, data: bytes | None) -> Head | None:
    if (record.head is None) != (data is None):
        raise DamageError("its head is missing or too many")
    return None if record.head is None or data is None else unpack(data, record.head, where="its head")[0]


def _motion(examples: Sequence[Found]) -> Float[Tensor, "examples numbers"]:
    rows = [_features(b"" if row[8] is None else row[8], 1, NUMBERS, f"example {row[0]}") for row in examples]
    return torch.cat(rows) if rows else torch.zeros(0, NUMBERS)


def _features(data: bytes, rows: int, dim: int, what: str) -> Float[Tensor, "rows dim"]:
    if len(data) != 4 * rows * dim:
        raise DamageError(f"{what} has features of another size than {rows} x {dim}")
    numbers = torch.from_numpy(np.frombuffer(data, "<f4").astype(np.float32))
    return rearrange(numbers, "(rows dim) -> rows dim", rows=rows)
