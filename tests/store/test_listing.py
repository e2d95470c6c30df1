"""`lga.store.listing`: what is listed is what a full load finds, and refused where that refuses it."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from lga.errors import ActionsError
from lga.store.folder import DATABASE, load_actions, save_actions
from lga.store.listing import read_taught
from lga.video.files import content_digest

PARTS = ("backbone", "identity", "method", "anatomies", "examples", "labels", "stages", "shots")


def refusal_of(read, folder):
    with pytest.raises(ActionsError) as caught:
        read(folder)
    return str(caught.value)


def test_it_is_what_a_full_load_finds(taught, tmp_path):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"kept")
    actions = replace(taught.with_head(), motion=taught.make(motion=True).motion)
    first = actions.examples[0].model_copy(update={"path": str(clip), "digest": content_digest(clip)})
    actions = replace(actions, examples=(first, *actions.examples[1:]))
    save_actions(actions, tmp_path / "taught", keep={str(clip)})
    listed, loaded = read_taught(tmp_path / "taught"), load_actions(tmp_path / "taught")
    assert [getattr(listed, part) for part in PARTS] == [getattr(loaded, part) for part in PARTS]
    assert listed.examples[0].path.startswith(str(tmp_path / "taught" / "clips"))
    assert [listed.examples_of(label) for label in listed.labels] == [loaded.examples_of(one) for one in loaded.labels]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM example WHERE number = 2",
        "DELETE FROM settings",
        "DELETE FROM state",
        "UPDATE example SET path = '/other.mp4' WHERE number = 3",
        "UPDATE example SET frames = zeroblob(length(frames)) WHERE number = 3",
        "UPDATE action SET features = zeroblob(length(features)) WHERE number = 1",
        "UPDATE settings SET record = replace(record, '0.3', '0.4')",
        "DROP TABLE action",
    ],
)
def test_what_a_full_load_refuses_is_refused_in_the_same_words(folder, statement):
    with closing(sqlite3.connect(folder / DATABASE)) as one, one:
        one.execute(statement)
    assert refusal_of(read_taught, folder) == refusal_of(load_actions, folder)


def test_a_flipped_bit_anywhere_is_told_or_changes_nothing(folder):
    whole, wanted = (folder / DATABASE).read_bytes(), read_taught(folder)
    told = 0
    for part in range(100):
        data = bytearray(whole)
        data[part * len(data) // 100 + part % 7] ^= 1 << part % 8
        (folder / DATABASE).write_bytes(data)
        try:
            assert read_taught(folder) == wanted
        except ActionsError:
            told += 1
    assert told > 20


@pytest.mark.parametrize(
    "kind", ["nothing", "an empty folder", "a strange folder", "an empty file", "a folder as file"]
)
def test_where_nothing_is_taught_it_says_what_a_full_load_says(tmp_path, kind):
    folder = tmp_path / "taught"
    if kind != "nothing":
        folder.mkdir()
    if kind == "a strange folder":
        (folder / "letter.txt").touch()
    if kind == "an empty file":
        (folder / DATABASE).touch()
    if kind == "a folder as file":
        (folder / DATABASE).mkdir()
    assert refusal_of(read_taught, folder) == refusal_of(load_actions, folder)


def test_a_folder_of_version_0_1_0_is_listed_too(taught, tmp_path):
    folder = taught.write_format1(taught.make(), tmp_path / "taught")
    assert read_taught(folder).examples == taught.make().examples
