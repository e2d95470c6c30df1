"""`lga cache` on the command line."""

import json
import sqlite3
from contextlib import closing

import pytest
import torch

from lga.cli.cache import Group, group_rows
from lga.features.entry import Entry, Key, KnownPlace
from lga.features.store import FeatureStore
from lga.video.clip import READER_VERSION
from lga.video.stamp import Stamp

OLD = "clips/ab/" + "0" * 62 + ".safetensors"


def entry(number, identity, *, kind="clip", reader=READER_VERSION, dim=500):
    sampling = "uniform 2" if kind == "clip" else ""
    times = (0.5, 1.5) if kind == "clip" else ()
    key = Key(kind, number.to_bytes(32), identity, sampling, reader)
    return Entry(key, torch.full((len(times) or 1, dim), float(number)), times, 2.0)


@pytest.fixture
def folder(tmp_path):
    """A cache with something of everything, and what lies beside it."""
    store = FeatureStore(tmp_path / "cache")
    many = [entry(number, "tiny") for number in range(60)]
    others = [entry(1, "other"), entry(1, "motion 2: flow", kind="motion"), entry(1, "tiny", kind="sentence", reader=0)]
    stale = [entry(number, "tiny", reader=READER_VERSION + 1) for number in range(3)]
    store.keep(many + others + stale, [KnownPlace(tmp_path / "gone.mp4", Stamp(b"s" * 32, 0.0), "1" * 64)])
    for name in (OLD, "pose/net.tflite", "anatomies.journal"):
        (tmp_path / "cache" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "cache" / name).write_bytes(b"12345")
    return tmp_path / "cache"


@pytest.fixture
def cache(command, folder):
    """`cache(*arguments)` runs `lga cache` with that cache."""
    return lambda *arguments, **more: command("cache", *arguments, LGA_CACHE=str(folder), **more)


def test_show_counts_by_kind_maker_and_sampling(cache, folder):
    value = json.loads(cache("show", "--json").stdout)
    assert value["path"] == str(folder / "features.sqlite")
    assert value["bytes"] > 60 * 2 * 500 * 4
    assert (value["places"], value["set_aside"], value["old"]) == (1, [], {"files": 1, "bytes": 5})
    size = 2 * 500 * 4 + 3 * 8
    groups = [Group(**one) for one in value["entries"]]
    assert groups == [
        Group("clip", "other", "uniform 2", stale=False, entries=1, bytes=size),
        Group("clip", "tiny", "uniform 2", stale=False, entries=60, bytes=60 * size),
        Group("clip", "tiny", "uniform 2", stale=True, entries=3, bytes=3 * size),
        Group("motion", "motion 2: flow", "", stale=False, entries=1, bytes=500 * 4 + 8),
        Group("sentence", "tiny", "", stale=False, entries=1, bytes=500 * 4 + 8),
    ]


def test_show_says_it_in_a_table(cache, folder):
    told = cache("show").stdout
    assert told.startswith(f"{folder / 'features.sqlite'}: ")
    for word in ("1 place", "motion 2: flow", "uniform 2", "stale", "1 file of the cache of 0.1.0", "clear --old"):
        assert word in told


def test_show_of_nothing_makes_nothing(command, tmp_path):
    told = command("cache", "show", "--json", LGA_CACHE=str(tmp_path / "none")).stdout
    assert json.loads(told)["entries"] == []
    assert command("cache", "clear", LGA_CACHE=str(tmp_path / "none")).stdout.endswith(
        "0 entries removed, 0.0 MB freed\n"
    )
    assert not (tmp_path / "none").exists()


def test_without_a_cache_there_is_nothing_to_say(command):
    for name in ("show", "clear", "check"):
        assert "LGA_CACHE=off" in command("cache", name, code=2, LGA_CACHE="off").error


@pytest.mark.parametrize(
    ("flags", "gone", "left"),
    [
        ((), 66, set()),
        (("--stale",), 3, {("clip", "tiny"), ("clip", "other"), ("motion", "motion 2: flow"), ("sentence", "tiny")}),
        (("--backbone", "tiny"), 64, {("clip", "other"), ("motion", "motion 2: flow")}),
        (("--backbone", "motion 2: flow"), 1, {("clip", "tiny"), ("clip", "other"), ("sentence", "tiny")}),
    ],
)
def test_clear_removes_what_is_meant_and_gives_the_room_back(cache, folder, flags, gone, left):
    before = FeatureStore(folder).size
    value = json.loads(cache("clear", *flags, "--json").stdout)
    store = FeatureStore(folder)
    assert value["removed"] == gone
    assert value["bytes"] == before - store.size
    assert value["bytes"] > 0 or gone < 10
    assert {(key.kind, key.identity) for key, _ in store.rows()} == left
    assert all((folder / name).exists() for name in (OLD, "pose/net.tflite", "anatomies.journal"))


def test_clear_of_the_old_cache_leaves_the_new_one(cache, folder):
    assert "1 file removed, 0.0 MB freed" in cache("clear", "--old").stdout
    assert len(FeatureStore(folder).rows()) == 66
    assert not (folder / OLD).exists()
    assert all((folder / name).exists() for name in ("pose/net.tflite", "anatomies.journal"))


def test_clear_wants_a_backbone_that_is_there_and_one_choice(cache):
    assert "'other', 'tiny'" in cache("clear", "--backbone", "clip", code=2).error
    assert "one of them" in cache("clear", "--stale", "--old", code=2).error


def test_check_counts_what_is_damaged_and_removes_it(cache, folder):
    with closing(sqlite3.connect(folder / "features.sqlite")) as one:
        one.execute("UPDATE feature SET data=zeroblob(length(data)) WHERE rowid IN (5, 7)")
        one.commit()
    assert "64 entries sound, 2 damaged and removed" in cache("check").stdout
    assert json.loads(cache("check", "--json").stdout) == {
        **{"path": str(folder / "features.sqlite"), "sound": 64, "damaged": 0, "notes": []}
    }


def test_check_sets_a_file_aside_that_is_damaged_as_a_whole_and_clear_removes_it(cache, folder):
    (folder / "features.sqlite").write_bytes(b"no database" * 99)
    done = cache("check")
    assert "set aside" in done.stderr
    assert "0 entries sound" in done.stdout
    assert "damaged and set aside" in cache("show").stdout
    cache("clear")
    assert list(folder.glob("*.damaged-*")) == []


def test_groups_are_counted_in_order():
    keys = [Key("clip", bytes([n]), "b" if n % 2 else "a", "uniform 8", READER_VERSION) for n in range(5)]
    found = group_rows([(key, 10) for key in keys])
    assert [(one.identity, one.entries, one.bytes) for one in found] == [("a", 3, 30), ("b", 2, 20)]
