"""Taught actions and the database's rows that hold them: `lga.store.rows` with their features."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from lga.actions import Actions, check_actions
from lga.database import DamageError
from lga.model.checkpoint import unpack
from lga.model.head import Head
from lga.motion.descriptor import NUMBERS
from lga.store.clips import KeptClips
from lga.store.rows import Found, Rows, SettingsRecord, Table, damage, read_examples, read_labels, read_rows


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


def read_state(connection: sqlite3.Connection, clips: KeptClips) -> State:
    """Everything, checked; to be called within a transaction.

    Raises:
        DamageError: a row is not what was written, or some are missing or too many.
    """
    rows = read_rows(connection)
    if rows is None:
        return NOTHING
    actions = _build(rows, clips) if rows.labels else None
    kept = tuple(StoredRow(row[0], row[-1], row[3] if row[4] else None) for row in rows.examples)
    known = [tuple(StoredRow(row[0], row[-1]) for row in some) for some in (rows.settings, rows.labels)]
    return State(actions, known[0][0] if known[0] else None, known[1], kept, rows.seal, rows.converted)


def pack_features(features: Float[Tensor, "..."]) -> bytes:
    """Features as they are written: float32, the lowest byte first."""
    return features.detach().cpu().numpy().astype("<f4").tobytes()


def _build(rows: Rows, clips: KeptClips) -> Actions:
    """The actions that rows hold.

    Raises:
        DamageError: they do not fit together.
    """
    with damage():
        labels = read_labels(rows)
        record, anatomies = labels.record, labels.anatomies
        told = [_features(row[2], len(anatomies[row[0]].stages), record.dim, f"action {row[0]}") for row in rows.labels]
        examples = read_examples(rows, labels, clips)
        frames = [_features(row[7], record.method.frames, record.dim, f"example {row[0]}") for row in rows.examples]
        actions = Actions(
            backbone=record.backbone,
            identity=record.identity,
            method=record.method,
            anatomies=tuple(anatomies.values()),
            examples=examples,
            text=pad_sequence(told, batch_first=True),
            frames=torch.stack(frames) if frames else torch.zeros(0, record.method.frames, record.dim),
            head=_head(record, rows.settings[0][2]),
            motion=_motion(rows.examples) if record.has_motion else None,
        )
        check_actions(actions)
    return actions


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
