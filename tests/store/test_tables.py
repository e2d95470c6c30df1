"""`lga.store.tables`: nothing but what was written is ever read."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from lga.database import seal, sum_seals
from lga.errors import ActionsError
from lga.store.folder import DATABASE, load_actions, save_actions

ADVICE = "; restore a copy of the folder, or import what `lga actions export` wrote"


def tamper(folder, *statements):
    with closing(sqlite3.connect(folder / DATABASE)) as one, one:
        for statement in statements:
            one.execute(statement)


def reseal(folder):
    """Make every seal right again, as somebody could who knows how."""
    with closing(sqlite3.connect(folder / DATABASE)) as one, one:
        seals = []
        for table in ("settings", "action", "example"):
            for number, *columns, _ in one.execute(f"SELECT * FROM {table}").fetchall():
                seals.append(seal(table, number, *columns))
                one.execute(f"UPDATE {table} SET seal = ? WHERE number = ?", (seals[-1], number))
        [(_, _, _, _, converted, _)] = one.execute("SELECT * FROM state").fetchall()
        counts = [one.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("action", "example")]
        row = (1, *counts, sum_seals(seals), converted)
        one.execute("REPLACE INTO state VALUES (?, ?, ?, ?, ?, ?)", (*row, seal("state", *row)))


def refusal_of(folder):
    with pytest.raises(ActionsError) as caught:
        load_actions(folder)
    message = str(caught.value)
    assert message.startswith(f"{folder / DATABASE}: damaged (")
    assert message.endswith(ADVICE)
    return message.removeprefix(f"{folder / DATABASE}: damaged (").removesuffix(ADVICE)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("DELETE FROM example WHERE number = 2", "4 actions and 5 examples in place of 4 and 6"),
        ("DELETE FROM action", "0 actions and 6 examples"),
        ("DELETE FROM settings", "4 actions and 6 examples"),
        ("DELETE FROM state", "the row of its state is missing"),
        ("UPDATE example SET action = 2 WHERE number = 1", "row 1 of example is not what was written"),
        ("UPDATE example SET number = 9 WHERE number = 6", "row 9 of example is not"),
        ("UPDATE example SET path = '/other.mp4' WHERE number = 3", "row 3 of example is not"),
        ("UPDATE example SET motion = x'00' WHERE number = 3", "row 3 of example is not"),
        ("UPDATE action SET anatomy = replace(anatomy, 'wave', 'rave') WHERE number = 3", "row 3 of action is not"),
        ("UPDATE settings SET record = replace(record, '0.3', '0.4')", "row 1 of settings is not"),
        ("UPDATE state SET examples = 7", "row 1 of state is not"),
        ("UPDATE state SET seal = x'00'", "row 1 of state is not"),
    ],
)
def test_a_row_that_was_changed_hidden_or_moved_is_told(folder, statement, reason):
    tamper(folder, statement)
    assert refusal_of(folder).startswith(reason)


def test_a_row_of_another_time_is_told(folder, taught):
    with closing(sqlite3.connect(folder / DATABASE)) as one:
        old = one.execute("SELECT * FROM action WHERE number = 3").fetchone()
    actions = load_actions(folder)
    save_actions(actions.with_anatomy("wave", actions.anatomies[2], 2 * actions.text[2]), folder)
    with closing(sqlite3.connect(folder / DATABASE)) as one, one:
        one.execute("REPLACE INTO action VALUES (?, ?, ?, ?)", old)
    assert refusal_of(folder).startswith("some rows are of another time")


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE example SET frames = substr(frames, 5) WHERE number = 2", "example 2 has features of another size"),
        ("UPDATE example SET motion = x'00000000' WHERE number = 2", "example 2 has features of another size"),
        ("UPDATE action SET features = x'' WHERE number = 2", "action 2 has features of another size"),
        ("UPDATE example SET action = 77 WHERE number = 2", "example 2 belongs to an action that is not there"),
        ("UPDATE example SET kept = 1, path = '../../etc/passwd'", "example 1 has a clip of an impossible name"),
        ("UPDATE example SET moments = x'00' WHERE number = 2", "example 2 has no whole number of moments"),
        ("UPDATE example SET moments = zeroblob(48) WHERE number = 2", "1 validation error"),
        ("UPDATE example SET moments = substr(moments, 1, 40) WHERE number = 2", "its labels, examples and features"),
        ("UPDATE example SET frames = CAST(x'0000c07f' || substr(frames, 5) AS BLOB)", "the example '/clips/jump"),
        ("UPDATE action SET anatomy = 'x'", "1 validation error"),
        ("UPDATE action SET anatomy = replace(anatomy, 'wave', 'jump into pool')", "its labels, examples"),
        ("UPDATE settings SET record = '{}'", "7 validation errors"),
        ("UPDATE settings SET record = replace(record, '\"frames\":5', '\"frames\":4')", "example 1 has features of"),
        ("UPDATE settings SET head = x'00'", "its head is missing or too many"),
    ],
)
def test_what_cannot_be_is_refused_even_under_a_right_seal(taught, tmp_path, statement, reason):
    save_actions(taught.make(motion="motion" in statement), tmp_path / "taught")
    tamper(tmp_path / "taught", statement)
    reseal(tmp_path / "taught")
    assert refusal_of(tmp_path / "taught").startswith(reason)


def accepted(folder, data, wanted, taught):
    """Whether a damaged file is read as something else than was written."""
    (folder / DATABASE).write_bytes(data)
    try:
        return not taught.same(load_actions(folder), wanted)
    except ActionsError:
        return False


def test_a_flipped_bit_anywhere_is_told_or_changes_nothing(taught, tmp_path):
    folder, wanted = tmp_path / "taught", replace(taught.with_head(), motion=taught.make(motion=True).motion)
    save_actions(wanted, folder)
    whole = (folder / DATABASE).read_bytes()
    assert taught.same(load_actions(folder), wanted)
    wrong = 0
    for part in range(200):
        data = bytearray(whole)
        data[part * len(data) // 200 + part % 7] ^= 1 << part % 8
        wrong += accepted(folder, bytes(data), wanted, taught)
    assert wrong == 0


@pytest.mark.parametrize("length", [0, 1, 100, 4096, 3 * 4096, -4096])
def test_a_file_that_was_cut_off_is_refused(folder, length):
    whole = (folder / DATABASE).read_bytes()
    (folder / DATABASE).write_bytes(whole[:length])
    with pytest.raises(ActionsError, match=r"damaged|not taught actions|empty; no taught|nothing is taught there yet"):
        load_actions(folder)
