"""What has to be written when taught actions change: of a change only the rows that differ."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from importlib.metadata import version
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from lga.actions import Actions, check_actions
from lga.database import seal, sum_seals
from lga.model.checkpoint import pack, record_head
from lga.store.clips import KeptClips
from lga.store.rows import Columns, SettingsRecord, Table
from lga.store.tables import State, StoredRow, pack_features

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """What has to be done to the rows, and the state that this leads to."""

    after: State
    gone: tuple[tuple[Table, int], ...]
    """tables and numbers of rows"""
    fresh: tuple[tuple[Table, Columns], ...]
    """tables and rows, some of them in the place of others"""

    def write(self, connection: sqlite3.Connection) -> None:
        """Do it; to be called within a transaction that found the state from which the change was planned."""
        for table, number in self.gone:
            connection.execute(f"DELETE FROM {table} WHERE number = ?", (number,))
        for table, columns in self.fresh:
            marks = ", ".join("?" * len(columns))
            connection.execute(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", columns)


def plan_change(before: State, after: Actions | None, clips: KeptClips, *, converted: str) -> PlannedChange:
    """What turns one state into another; rows that stay as they are keep their number and are not written.

    Raises:
        ActionsError: the actions do not fit together, or have features that cannot be compared.
    """
    if after is not None:
        check_actions(after)
    writer = _Writer(before, clips)
    settings = None if after is None else writer.settings(after)
    labels = () if after is None else writer.labels(after)
    examples = () if after is None else writer.examples(after, labels)
    state = State(after, settings, labels, examples, b"", converted)
    total = sum_seals(row.seal for _, row in state.rows)
    row = writer.add("state", (1, len(labels), len(examples), total, converted))
    stay = {(table, one.number) for table, one in state.rows}
    gone: list[tuple[Table, int]] = [
        (table, one.number) for table, one in before.rows if (table, one.number) not in stay
    ]
    return PlannedChange(replace(state, seal=row.seal), tuple(gone), tuple(writer.fresh))


class _Writer:
    """Makes the rows of new actions, reusing those that are there."""

    def __init__(self, before: State, clips: KeptClips):
        self._before, self._clips = before, clips
        self.fresh: list[tuple[Table, Columns]] = []

    def settings(self, after: Actions) -> StoredRow:
        before = self._before.actions
        if before is not None and self._before.settings is not None and _same_settings(before, after):
            return self._before.settings
        record = SettingsRecord(
            made_with=made_with(),
            backbone=after.backbone,
            identity=after.identity,
            method=after.method,
            dim=after.text.shape[-1],
            has_motion=after.motion is not None,
            head=None if after.head is None else record_head(after.head),
        )
        head = None if after.head is None else pack(after.head, {})
        return self.add("settings", (1, record.model_dump_json(), head))

    def labels(self, after: Actions) -> tuple[StoredRow, ...]:
        before = self._before.actions
        places = aligned(() if before is None else before.labels, after.labels)
        numbers = numbered([row.number for row in self._before.labels], places)
        rows: list[StoredRow] = []
        for at, (place, number) in enumerate(zip(places, numbers, strict=True)):
            anatomy, text = after.anatomies[at], after.text[at, : after.stages[at]]
            if before is not None and place is not None and number == self._before.labels[place].number:
                told = before.text[place, : before.stages[place]]
                if anatomy == before.anatomies[place] and torch.equal(text, told):
                    rows.append(self._before.labels[place])
                    continue
            rows.append(self.add("action", (number, anatomy.model_dump_json(), pack_features(text))))
        return tuple(rows)

    def examples(self, after: Actions, labels: Sequence[StoredRow]) -> tuple[StoredRow, ...]:
        before = self._before.actions
        owner = {label: row.number for label, row in zip(after.labels, labels, strict=True)}
        places = aligned(() if before is None else _keys(before), _keys(after))
        numbers = numbered([row.number for row in self._before.examples], places)
        stays = [False] * len(places) if before is None else self._unchanged(before, after, owner, places).tolist()
        rows: list[StoredRow] = []
        for at, (place, number) in enumerate(zip(places, numbers, strict=True)):
            if place is not None and stays[at] and number == self._before.examples[place].number:
                rows.append(self._before.examples[place])
                continue
            one, motion = after.examples[at], None if after.motion is None else pack_features(after.motion[at])
            kept = self._clips.name_of(one)
            moments = np.array([one.duration, *one.times], "<f8").tobytes()
            path, features = one.path if kept is None else kept, pack_features(after.frames[at])
            columns = (owner[one.label], one.digest, path, int(kept is not None), one.name, moments, features, motion)
            rows.append(self.add("example", (number, *columns), kept))
        return tuple(rows)

    def _unchanged(
        self, before: Actions, after: Actions, owner: dict[str, int], places: Sequence[int | None]
    ) -> Bool[Tensor, " examples"]:
        """Which examples are what they were, but for the name of their action."""
        was = {label: row.number for label, row in zip(before.labels, self._before.labels, strict=True)}
        old = torch.tensor([0 if place is None else place for place in places], dtype=torch.long)
        new = torch.tensor([number for number, place in enumerate(places) if place is not None], dtype=torch.long)
        same = torch.zeros(len(places), dtype=torch.bool)
        if before.frames.shape[1:] != after.frames.shape[1:] or (before.motion is None) != (after.motion is None):
            return same
        same[new] = (before.frames[old[new]] == after.frames[new]).flatten(1).all(1)
        if before.motion is not None and after.motion is not None:
            same[new] &= (before.motion[old[new]] == after.motion[new]).all(1)
        for at in new.tolist():
            one, other = after.examples[at], before.examples[int(old[at])]
            renamed = other if one.label == other.label else other.model_copy(update={"label": one.label})
            same[at] &= owner[one.label] == was[other.label] and one == renamed
        return same

    def add(self, table: Table, columns: Columns, kept: str | None = None) -> StoredRow:
        """A row that has to be written; the first column is its number."""
        row = StoredRow(columns[0], seal(table, *columns), kept)
        self.fresh.append((table, (*columns, row.seal)))
        return row


def aligned(old: Sequence[Key], new: Sequence[Key]) -> list[int | None]:
    """For each new row the place of the old one that it is, or whose place it takes; None where it comes in between."""
    places: list[int | None] = [None] * len(new)
    for kind, start, end, first, last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind in ("equal", "replace"):
            for place, number in zip(range(start, end), range(first, last), strict=False):
                places[number] = place
    return places


def numbered(old: Sequence[int], places: Sequence[int | None]) -> list[int]:
    """Rising numbers for rows, those that they had where that can be."""
    numbers: list[int] = []
    last = 0
    for place in places:
        last = old[place] if place is not None and old[place] > last else last + 1
        numbers.append(last)
    return numbers


def _same_settings(one: Actions, other: Actions) -> bool:
    """Whether all but labels and examples is the same; a head is as long as it is the same object."""
    known = [(a.backbone, a.identity, a.method, a.text.shape[-1], a.motion is None) for a in (one, other)]
    return known[0] == known[1] and one.head is other.head


def _keys(actions: Actions) -> list[tuple[str, str]]:
    """What tells examples apart."""
    return [(one.path, one.digest) for one in actions.examples]


def made_with() -> str:
    """The versions of what writes."""
    return f"lga {version('lga')}, torch {torch.__version__}"
