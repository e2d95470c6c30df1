"""The rows of a database of taught actions, read strictly; importing this needs no torch.

Every row has a seal over all its columns, and the one row of `state` counts the rows and adds up their seals; so a row
that is damaged, missing, lost or from another time is told.
"""

import sqlite3
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from struct import unpack
from typing import Any, Literal

from pydantic import NonNegativeInt, ValidationError

from lga.anatomy.schema import Anatomy
from lga.config import BackboneConfig, FrozenModel, SavedMethod
from lga.database import DamageError, Layout, Value, seal, sum_seals
from lga.errors import ActionsError, LGAError
from lga.model.record import HeadRecord
from lga.store.clips import NAME, KeptClips
from lga.taught import Example

DATABASE = "actions.sqlite"
"""The file's name."""
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
class Rows:
    """Every row at one moment, each with its seal last."""

    settings: tuple[Found, ...]
    """one, or none where nothing is taught"""
    labels: tuple[Found, ...]
    examples: tuple[Found, ...]
    seal: bytes
    """of the `state` row, and so of everything"""
    converted: str
    """the digest of the folder of version 0.1.0 that this was; empty if it was none"""


def read_seal(connection: sqlite3.Connection) -> bytes:
    """The seal of the state: another one means that something has changed."""
    found = connection.execute("SELECT seal FROM state").fetchall()
    return found[0][0] if found else b""


def read_kept(connection: sqlite3.Connection) -> set[str]:
    """The names of the clips that examples need."""
    return {path for (path,) in connection.execute("SELECT path FROM example WHERE kept = 1")}


def read_rows(connection: sqlite3.Connection) -> Rows | None:
    """Every row, or None where none was ever written; to be called within a transaction.

    Raises:
        DamageError: a row is not what was written, or some are missing or too many.
    """
    states, settings = _read_table(connection, "state"), _read_table(connection, "settings")
    labels, examples = _read_table(connection, "action"), _read_table(connection, "example")
    if not (states or settings or labels or examples):
        return None
    if len(states) != 1:
        raise DamageError("the row of its state is missing")
    [(_, *counts, total, converted, own)] = states
    found = [len(labels), len(examples)]
    if counts != found or len(settings) != bool(labels):
        raise DamageError(f"{found[0]} actions and {found[1]} examples in place of {counts[0]} and {counts[1]}")
    if sum_seals(row[-1] for row in (*settings, *labels, *examples)) != total:
        raise DamageError("some rows are of another time")
    return Rows(settings, labels, examples, own, converted)


@dataclass(frozen=True, slots=True)
class Labels:
    """What the rows of settings and actions hold, features aside."""

    record: SettingsRecord
    anatomies: Mapping[int, Anatomy]
    """by the number of their row"""


def read_labels(rows: Rows) -> Labels:
    """What is taught; to be called where something is, within `damage`."""
    record = SettingsRecord.model_validate_json(rows.settings[0][1])
    return Labels(record, {row[0]: Anatomy.model_validate_json(row[1]) for row in rows.labels})


def read_examples(rows: Rows, labels: Labels, clips: KeptClips) -> tuple[Example, ...]:
    """Where the examples came from; to be called within `damage`.

    Raises:
        DamageError: there can be no such example.
    """
    return tuple(_example(row, labels.anatomies, clips) for row in rows.examples)


@contextmanager
def damage() -> Generator[None]:
    """Tell of values that do not fit together; seals are no proof that it was lga who wrote.

    Raises:
        DamageError: for whatever they are refused for.
    """
    try:
        yield
    except (ValidationError, LGAError, RecursionError) as error:
        raise DamageError(str(error).splitlines()[0]) from error


def _read_table(connection: sqlite3.Connection, table: Table) -> tuple[Found, ...]:
    """The rows of a table in order; each is what was written."""
    rows = connection.execute(f"SELECT * FROM {table} ORDER BY number").fetchall()
    for number, *columns, own in rows:
        if seal(table, number, *columns) != own:
            raise DamageError(f"row {number} of {table} is not what was written")
    return tuple(rows)


def _example(row: Found, anatomies: Mapping[int, Anatomy], clips: KeptClips) -> Example:
    number, action, digest, path, kept, name, moments, *_ = row
    if action not in anatomies:
        raise DamageError(f"example {number} belongs to an action that is not there")
    if kept and not NAME.fullmatch(path):
        raise DamageError(f"example {number} has a clip of an impossible name")
    if len(moments) % 8 or not moments:
        raise DamageError(f"example {number} has no whole number of moments")
    duration, *times = unpack(f"<{len(moments) // 8}d", moments)
    return Example(
        label=anatomies[action].label,
        path=clips.path(path) if kept else path,
        name=name,
        digest=digest,
        times=tuple(times),
        duration=duration,
    )
