"""`lga.database`: what is committed is there, what is damaged or strange is refused in one line."""

import errno
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lga import database
from lga.database import DamageError, Layout, Value, connect, faults, reading, seal, sum_seals, writing
from lga.errors import LGAError

NOTES = Layout(
    what="notes",
    application=0x4C474154,
    version=3,
    tables=("CREATE TABLE note (name TEXT PRIMARY KEY, data BLOB NOT NULL) STRICT",),
    journal="delete",
    synchronous="full",
    error=LGAError,
    advice="write them again",
)
values = st.one_of(st.none(), st.integers(), st.text(), st.binary())


def write_note(path: Path, name: str) -> None:
    with closing(connect(path, NOTES, access="create")) as one, writing(one, path, NOTES):
        one.execute("INSERT INTO note VALUES (?, ?)", (name, b"text"))


def names(path: Path) -> list[str]:
    with closing(connect(path, NOTES, access="read")) as one, reading(one, path, NOTES):
        return [name for (name,) in one.execute("SELECT name FROM note ORDER BY name")]


def test_what_is_written_is_there_and_nothing_lies_beside_it(tmp_path: Path):
    path = tmp_path / "odd ?#%\udce9 name.sqlite"
    write_note(path, "a")
    write_note(path, "b")
    assert names(path) == ["a", "b"]
    assert os.listdir(tmp_path) == [path.name]


def test_a_block_that_fails_leaves_nothing(tmp_path: Path):
    path = tmp_path / "notes.sqlite"
    write_note(path, "a")
    with closing(connect(path, NOTES, access="write")) as one:
        with pytest.raises(LGAError, match=r"damaged \(UNIQUE"), writing(one, path, NOTES):
            one.executemany("INSERT INTO note VALUES (?, x'00')", [("b",), ("a",)])
        assert not one.in_transaction
    assert names(path) == ["a"]


def test_a_reader_sees_one_moment(tmp_path: Path):
    path = tmp_path / "notes.sqlite"
    layout = Layout(NOTES.what, 5, 1, NOTES.tables, "wal", "normal", LGAError, "write them again")
    with (
        closing(connect(path, layout, access="create")) as writer,
        closing(connect(path, layout, access="read")) as reader,
        reading(reader, path, layout),
    ):
        assert reader.execute("SELECT count(*) FROM note").fetchone() == (0,)
        with writing(writer, path, layout):
            writer.execute("INSERT INTO note VALUES ('a', x'00')")
        assert reader.execute("SELECT count(*) FROM note").fetchone() == (0,)


def test_a_second_writer_waits_and_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "notes.sqlite"
    monkeypatch.setattr(database, "PATIENCE", 0.1)
    with (
        closing(connect(path, NOTES, access="create")) as first,
        closing(connect(path, NOTES, access="write")) as second,
        writing(first, path, NOTES),
        pytest.raises(LGAError, match=r"notes\.sqlite: another process has been writing"),
        writing(second, path, NOTES),
    ):
        raise AssertionError


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty; no notes were ever written"),
        (b"no database at all" * 100, "not notes"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, reason: str):
    path = tmp_path / "notes.sqlite"
    path.write_bytes(content)
    with pytest.raises(LGAError, match=reason):
        connect(path, NOTES, access="read")


def test_what_is_missing_or_a_folder_is_refused(tmp_path: Path):
    for path in (tmp_path / "none.sqlite", tmp_path, Path("a\0b")):
        with pytest.raises(LGAError, match=r"not a file; give a place that lga wrote"):
            connect(path, NOTES, access="read")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("PRAGMA application_id=7", "not notes"),
        ("PRAGMA user_version=4", "of a newer lga"),
        ("PRAGMA user_version=2", "other tables"),
        ("CREATE TRIGGER t AFTER INSERT ON note BEGIN DELETE FROM note; END", "other tables"),
        ("CREATE TABLE more (name TEXT)", "other tables"),
        ("CREATE VIEW v AS SELECT 1", "other tables"),
        ("ALTER TABLE note ADD COLUMN more TEXT", "other tables"),
    ],
)
def test_other_tables_are_refused(tmp_path: Path, change: str, reason: str):
    path = tmp_path / "notes.sqlite"
    write_note(path, "a")
    with closing(sqlite3.connect(path, isolation_level=None)) as one:
        one.execute(change)
    with pytest.raises(LGAError, match=reason):
        connect(path, NOTES, access="create")


def test_a_torn_page_is_damage(tmp_path: Path):
    path = tmp_path / "notes.sqlite"
    for name in "abc":
        write_note(path, name)
    data = bytearray(path.read_bytes())
    data[4096:] = bytes(len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(LGAError, match=r"damaged \(.*\); write them again"):
        names(path)


def test_damage_that_a_seal_tells_is_said_in_the_same_words(tmp_path: Path):
    with pytest.raises(LGAError, match=r"x: damaged \(a row\); write them again"), faults(Path("x"), NOTES):
        raise DamageError("a row")


def kill_within_a_change(path: Path, layout: Layout) -> None:
    """Fork a process that dies in the middle of a change of which half is on the disk."""
    child = os.fork()
    if child == 0:
        one = connect(path, layout, access="write")
        one.execute("PRAGMA cache_size=1")  # pages go to the disk before the end
        one.execute("BEGIN IMMEDIATE")
        one.executemany("INSERT INTO note VALUES (?, zeroblob(9000))", [(str(number),) for number in range(99)])
        os._exit(0)
    os.waitpid(child, 0)


def test_who_only_reads_undoes_what_a_killed_process_left(tmp_path: Path):
    path = tmp_path / "notes.sqlite"
    write_note(path, "a")
    kill_within_a_change(path, NOTES)
    assert os.path.getsize(f"{path}-journal") > 0
    assert names(path) == ["a"]
    assert os.listdir(tmp_path) == [path.name]


def test_a_commit_is_on_the_disk_with_its_folder(tmp_path: Path):
    path = tmp_path / "notes.sqlite"
    for access in ("create", "write", "read"):
        with closing(connect(path, NOTES, access=access)) as one:
            assert one.execute("PRAGMA synchronous").fetchone() == (3,)  # EXTRA: also the journal's removal is synced


def test_a_reader_changes_nothing(tmp_path: Path):
    path = tmp_path / "notes.sqlite"
    write_note(path, "a")
    with closing(connect(path, NOTES, access="read")) as one, pytest.raises(sqlite3.OperationalError, match="readonly"):
        one.execute("DELETE FROM note")


@given(st.lists(values), st.lists(values))
def test_rows_that_differ_have_other_seals(one: list[Value], other: list[Value]):
    same = [(type(each), each) for each in one] == [(type(each), each) for each in other]
    assert (seal(*one) == seal(*other)) == same


seals = st.lists(st.binary(min_size=32, max_size=32))


@given(seals, seals)
def test_a_sum_of_seals_forgets_the_order_and_nothing_else(one: list[bytes], other: list[bytes]):
    assert sum_seals([*one, *other]) == sum_seals([*other, *one])
    rest = int.from_bytes(sum_seals([*one, *other])) - int.from_bytes(sum_seals(other))
    assert (rest % 2**256).to_bytes(32) == sum_seals(one)


def test_where_there_are_no_locks_nobody_waits_for_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "notes.sqlite"
    write_note(path, "a")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(database, "FIRST_PATIENCE", 0.05)
    monkeypatch.setattr("fcntl.lockf", refuse)
    with closing(connect(path, NOTES, access="write")) as one:
        one.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LGAError, match=r"notes\.sqlite: its file system knows no locks .* on a local disk"):
            connect(path, NOTES, access="write")
        monkeypatch.undo()
        monkeypatch.setattr(database, "FIRST_PATIENCE", 0.05)
        monkeypatch.setattr(database, "PATIENCE", 0.05)
        with pytest.raises(LGAError, match="another process has been writing"):
            connect(path, NOTES, access="write")
    assert os.listdir(tmp_path) == [path.name]


def test_a_frozen_database_is_read_without_anything_beside_it(tmp_path: Path):
    layout, path = replace(NOTES, journal="wal"), tmp_path / "notes.sqlite"
    with closing(connect(path, layout, access="create")) as one, writing(one, path, layout):
        one.execute("INSERT INTO note VALUES ('a', x'00')")
    with closing(connect(path, layout, access="frozen")) as one:
        assert one.execute("SELECT name FROM note").fetchall() == [("a",)]
        assert os.listdir(tmp_path) == [path.name]
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            one.execute("DELETE FROM note")


def test_a_name_that_is_no_text_is_damage(tmp_path: Path):
    path = tmp_path / "notes.sqlite"
    write_note(path, "a")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"CREATE TABLE note", b"CREATE \xacABLE note"))
    with pytest.raises(LGAError, match=r"damaged \(.*\); write them again"):
        names(path)
