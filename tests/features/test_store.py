"""`lga.features.store`: what is kept is found to the bit, what is damaged is not, and work goes on."""

import gc
import json
import multiprocessing
import os
import random
import resource
import signal
import sqlite3
import subprocess
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lga.errors import LGAError
from lga.features.entry import Entry, Key, KnownPlace
from lga.features.store import NAME, FeatureStore
from lga.video.clip import READER_VERSION
from lga.video.stamp import Stamp

DIM = 997


@pytest.fixture
def store(tmp_path):
    return FeatureStore(tmp_path / "cache")


def entry(number, *, kind="clip", identity="tiny", reader=READER_VERSION):
    key = Key(kind, number.to_bytes(32), identity, "uniform 3" if kind == "clip" else "", reader)
    rows = torch.randn(3, DIM, generator=torch.Generator().manual_seed(number))
    return Entry(key, rows, (0.1, 1 / 3, 0.7), 1.1) if kind == "clip" else Entry(key, rows[:1])


def place(folder, number):
    return KnownPlace(folder / f"{number}.mp4", Stamp(number.to_bytes(32), 0.0), f"{number:064x}")


def same(found, kept):
    return (
        found is not None
        and torch.equal(found.features, kept.features)
        and replace(found, features=kept.features) == kept
    )


def find(store, kept):
    return store.find([kept.key]).get(kept.key)


def close(store):
    with store._held.lock:
        store._held.close()


def test_entries_and_places_come_back_to_the_bit(store, tmp_path):
    kept = [entry(1), entry(2), entry(1, kind="motion"), entry(1, kind="sentence", reader=0)]
    store.keep(kept, [place(tmp_path, 1)])
    for one in (store, FeatureStore(store.folder)):
        found = one.find([entry.key for entry in kept] + [entry(3).key])
        assert list(found) == [entry.key for entry in kept]
        assert all(same(found[entry.key], entry) for entry in kept)
        assert one.find_digest(tmp_path / "1.mp4", place(tmp_path, 1).stamp) == f"{1:064x}"
        assert (one.damaged, one.notes, one.troubles) == (0, [], [])


def test_every_part_of_a_key_counts(store):
    kept = entry(1)
    store.keep([kept])
    other = {"kind": "motion", "content": b"o" * 32, "identity": "tiny 2", "sampling": "uniform 4", "reader": 99}
    for name, value in other.items():
        assert store.find([replace(kept.key, **{name: value})]) == {}
    assert store.damaged == 0


def test_a_place_is_known_as_long_as_its_stamp_is_the_same(store, tmp_path):
    store.keep([], [place(tmp_path, 1), replace(place(tmp_path, 2), path=tmp_path / "a\udce9\n.mp4")])
    assert store.find_digest(tmp_path / "a\udce9\n.mp4", Stamp((2).to_bytes(32), 5.0)) == f"{2:064x}"
    assert store.find_digest(tmp_path / "1.mp4", Stamp((2).to_bytes(32), 0.0)) is None
    assert store.find_digest(tmp_path / "2.mp4", Stamp((2).to_bytes(32), 0.0)) is None
    store.keep([], [replace(place(tmp_path, 3), path=tmp_path / "1.mp4")])
    assert store.find_digest(tmp_path / "1.mp4", Stamp((3).to_bytes(32), 0.0)) == f"{3:064x}"
    assert (store.count_places(), store.damaged) == (2, 0)


def test_a_view_into_a_larger_tensor_is_kept_alone(store):
    kept = replace(entry(1), features=torch.randn(DIM, 3, generator=torch.Generator().manual_seed(7)).T)
    store.keep([kept])
    assert same(find(store, kept), kept)


def test_asking_makes_no_file_and_keeping_nothing_neither(store, tmp_path):
    assert store.find([entry(1).key]) == {}
    assert store.find_digest(tmp_path, Stamp(b"", 0.0)) is None
    store.keep([])
    assert (store.rows(), store.count_places(), store.size, store.clear(), store.check().sound) == ([], 0, 0, 0, 0)
    assert not store.folder.exists()


def test_a_store_that_nobody_uses_any_more_leaves_one_file(tmp_path):
    store = FeatureStore(tmp_path)
    store.keep([entry(1)])
    assert len(os.listdir(tmp_path)) == 3
    del store
    gc.collect()
    assert os.listdir(tmp_path) == [NAME]


def test_the_cache_of_the_first_version_is_named_once_and_left_alone(tmp_path):
    old = tmp_path / "cache" / "text" / "ab" / f"{'0' * 62}.safetensors"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"old")
    first, second = FeatureStore(tmp_path / "cache"), FeatureStore(tmp_path / "cache")
    first.keep([entry(1)])
    second.keep([entry(2)])
    [note] = first.notes
    assert "lga cache clear --old" in note
    assert second.notes == []
    assert old.read_bytes() == b"old"


def tables(store, statement, *values):
    """Change a row as no version of lga would."""
    close(store)
    with closing(sqlite3.connect(store.path, isolation_level=None)) as one:
        assert one.execute(statement, values).rowcount == 1


WRONG_ROWS = {
    "another vector": ("UPDATE feature SET data=zeroblob(length(data))", ()),
    "fewer numbers": ("UPDATE feature SET data=substr(data, 5)", ()),
    "no numbers": ("UPDATE feature SET data=x''", ()),
    "other times": ("UPDATE feature SET times=zeroblob(length(times))", ()),
    "no times": ("UPDATE feature SET times=x''", ()),
    "another seal": ("UPDATE feature SET seal=zeroblob(32)", ()),
    "the row of another key": ("UPDATE feature SET content=?", ((2).to_bytes(32),)),
}


@pytest.mark.parametrize("change", WRONG_ROWS.values(), ids=WRONG_ROWS)
def test_a_damaged_row_is_not_there_is_counted_once_and_is_mended_by_keeping(store, change):
    kept = entry(2) if "content" in change[0] else entry(1)
    store.keep([entry(1)])
    tables(store, change[0], *change[1])
    assert [store.find([kept.key]) for _ in range(2)] == [{}, {}]
    assert store.damaged == 1
    store.keep([kept])
    assert same(find(store, kept), kept)
    assert (store.damaged, store.notes, store.troubles) == (1, [], [])


def test_a_damaged_place_is_not_there_and_is_mended_by_keeping(store, tmp_path):
    where = place(tmp_path, 1)
    store.keep([], [where])
    tables(store, "UPDATE place SET content=zeroblob(32)")
    assert store.find_digest(where.path, where.stamp) is None
    assert store.damaged == 1
    store.keep([], [where])
    assert store.find_digest(where.path, where.stamp) == where.digest


def test_a_check_counts_and_removes_what_is_damaged(store, tmp_path):
    store.keep([entry(number) for number in range(1, 6)], [place(tmp_path, 1), place(tmp_path, 2)])
    tables(store, "UPDATE feature SET data=zeroblob(length(data)) WHERE rowid=2")
    tables(store, "UPDATE place SET content=zeroblob(32) WHERE stamp=?", (2).to_bytes(32))
    found = store.check()
    assert (found.sound, found.damaged) == (4, 2)
    assert (len(store.rows()), store.count_places()) == (4, 1)
    assert (store.check().damaged, store.notes) == (0, [])


def scribble(path):
    path.write_bytes(b"\xff" * 9999)


def tear(path):
    path.write_bytes(b"\0" * 100 + path.read_bytes()[100:])


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def foreign(path):
    path.unlink()
    with closing(sqlite3.connect(path)) as one:
        one.execute("CREATE TABLE someone_elses (n)")


def triggered(path):
    with closing(sqlite3.connect(path)) as one:
        one.execute("CREATE TRIGGER t AFTER INSERT ON feature BEGIN DELETE FROM feature; END")


WRONG_FILES = {
    "no database": scribble, "a torn header": tear, "cut off": cut, "another's": foreign, "with a trigger": triggered,
}  # fmt: skip


@pytest.mark.parametrize("damage", WRONG_FILES.values(), ids=WRONG_FILES)
def test_a_file_that_is_damaged_as_a_whole_is_set_aside_and_a_new_one_begun(store, damage):
    kept = [entry(number) for number in range(1, 9)]
    store.keep(kept)
    close(store)
    damage(store.path)
    before = store.path.read_bytes()
    for one in kept:
        found = find(store, one)
        assert found is None or same(found, one)
    store.keep(kept)
    assert all(same(find(store, one), one) for one in kept)
    [aside] = [one for one in store.set_aside if one.name[-4:] not in ("-wal", "-shm")]
    assert aside.read_bytes() == before
    [note] = store.notes
    assert note.startswith(f"{store.path}: ")
    assert aside.name in note
    assert "\n" not in note
    assert store.troubles == []
    assert store.clear() == len(kept)
    assert os.listdir(store.folder) == [NAME] or set(os.listdir(store.folder)) == {NAME, f"{NAME}-wal", f"{NAME}-shm"}


def test_a_new_file_is_not_set_aside_for_the_damage_of_the_old_one(store):
    store.keep([entry(1)])
    other = FeatureStore(store.folder)
    assert same(find(other, entry(1)), entry(1))
    with store._held.lock:
        store._set_aside(LGAError("damaged"))
    store.keep([entry(2)])
    with other._held.lock:
        other._set_aside(LGAError("damaged"))
    assert len(store.set_aside) <= 3
    assert other.notes == []
    assert same(find(other, entry(2)), entry(2))


@pytest.mark.slow
def test_a_flipped_bit_anywhere_is_never_taken_for_truth(tmp_path):
    kept, where = [entry(number) for number in range(1, 7)], [place(tmp_path, number) for number in range(1, 7)]
    good = FeatureStore(tmp_path / "good")
    good.keep(kept, where)
    close(good)
    content, random_ = good.path.read_bytes(), random.Random(5)
    told = 0
    for part in range(200):
        at = random_.randrange(len(content) * part // 200, len(content) * (part + 1) // 200)
        bad = FeatureStore(tmp_path / f"bad{part}")
        bad.folder.mkdir()
        flipped = bytearray(content)
        flipped[at] ^= 1 << random_.randrange(8)
        bad.path.write_bytes(flipped)
        found = bad.find([one.key for one in kept])
        assert all(same(found[one.key], one) for one in kept if one.key in found), at
        digests = [bad.find_digest(one.path, one.stamp) for one in where]
        assert all(digest in (None, one.digest) for digest, one in zip(digests, where, strict=True)), at
        told += bad.damaged + len(bad.notes) > 0
        bad.keep(kept, where)
        assert all(same(find(bad, one), one) for one in kept), at
        assert bad.troubles == []
        bad.check()
        assert bad.check().damaged == 0
        close(bad)
    assert told > 150


def test_a_store_that_cannot_be_made_says_so_once_and_the_work_goes_on(tmp_path):
    (tmp_path / "cache").touch()
    store = FeatureStore(tmp_path / "cache")
    for number in range(3):
        store.keep([entry(number)])
        assert find(store, entry(number)) is None
    [trouble] = store.troubles
    assert trouble.startswith(str(tmp_path / "cache"))
    assert "cannot be written" in trouble
    assert store.rows() == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_a_store_that_may_not_be_read_is_a_trouble_and_stays(store):
    store.keep([entry(1)])
    close(store)
    store.path.chmod(0)
    assert find(store, entry(1)) is None
    assert len(store.troubles) == 1
    assert store.set_aside == []


@contextmanager
def read_only(folder):
    """Let a folder be one that cannot be written, for root by a mount."""
    if os.geteuid():
        folder.chmod(0o500)
        yield
        folder.chmod(0o700)
        return
    place = str(folder)
    if subprocess.run(["mount", "--bind", place, place], capture_output=True, check=False).returncode:
        pytest.skip("this process may not mount")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", place], check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def test_what_lies_in_a_folder_that_cannot_be_written_is_read(store):
    store.keep([entry(1)])
    close(store)
    with read_only(store.folder):
        later = FeatureStore(store.folder)
        assert same(find(later, entry(1)), entry(1))
        later.keep([entry(2)])
        assert find(later, entry(2)) is None
        assert len(later.rows()) == 1
        close(later)
        [trouble] = later.troubles
    assert trouble.startswith(f"{store.path}: in a folder that cannot be written")
    assert os.listdir(store.folder) == [NAME]


def test_what_lies_there_and_is_no_file_is_a_trouble_and_stays(store):
    store.path.mkdir(parents=True)
    store.keep([entry(1)])
    assert find(store, entry(1)) is None
    assert len(store.troubles) == 1
    assert store.path.is_dir()


def test_another_process_that_does_not_let_go_is_a_trouble_and_not_damage(store, monkeypatch):
    store.keep([entry(1)])
    close(store)
    monkeypatch.setattr("lga.database.PATIENCE", 0.1)
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        store.keep([entry(2)])
    [trouble] = store.troubles
    assert "another process" in trouble
    assert store.set_aside == []


def fill(folder, room):
    """Keep sixty clips where no file may be longer: what can be found of them then, and what is said."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    store = FeatureStore(folder)
    for number in range(60):
        store.keep([entry(number)])
    found = [number for number in range(60) if same(find(store, entry(number)), entry(number))]
    return [len(found), store.damaged, store.notes, store.troubles]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("room", [0, 300_000])
def test_a_full_disk_is_said_once_and_the_work_goes_on(tmp_path, room):
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writes, json.dumps(fill(tmp_path, room)).encode())
        os._exit(0)
    os.close(writes)
    with open(reads, "rb") as told:
        kept, damaged, notes, [trouble] = json.loads(told.read())
    assert os.waitpid(child, 0)[1] == 0
    assert (damaged, notes) == (0, [])
    assert "space" in trouble
    assert kept == 0 if room == 0 else 0 < kept < 60
    later = FeatureStore(tmp_path)
    assert sum(same(find(later, entry(number)), entry(number)) for number in range(60)) == kept
    later.keep([entry(99)])
    assert same(find(later, entry(99)), entry(99))
    assert later.troubles == []


def test_clearing_one_backbone_what_is_stale_or_everything(store, tmp_path):
    own, others = [entry(number) for number in range(20)], [entry(number, identity="other") for number in range(5)]
    stale = [entry(number, reader=READER_VERSION + 1) for number in range(3)]
    sentences = [entry(1, kind="sentence", reader=0)]
    there = tmp_path / "there.mp4"
    there.touch()
    store.keep(own + others + stale + sentences, [place(tmp_path, 1), replace(place(tmp_path, 2), path=there)])
    assert (store.clear(stale=True), store.count_places()) == (3, 1)
    assert store.find_digest(there, place(tmp_path, 2).stamp) == f"{2:064x}"
    before = store.size
    assert store.clear(identity="tiny") == 21
    assert store.size < before / 2
    assert {key.identity for key, _ in store.rows()} == {"other"}
    assert all(same(find(store, one), one) for one in others)
    assert (store.clear(), store.rows(), store.count_places()) == (5, [], 0)


def test_rows_tell_how_much_everything_is(store):
    store.keep([entry(1), entry(2, kind="motion")])
    sizes = {key.kind: size for key, size in store.rows()}
    assert sizes == {"clip": 4 * 3 * DIM + 8 * 4, "motion": 4 * DIM + 8}


def test_threads_share_a_store(store):
    wrong = []

    def work(number):
        for turn in range(10):
            mine = entry(100 * number + turn)
            store.keep([mine])
            wrong.extend([] if same(find(store, mine), mine) else [mine.key])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert wrong == []
    assert (len(store.rows()), store.troubles, store.notes) == (80, [], [])


def write_much(folder, number, turns, begun, ended):
    store = FeatureStore(Path(folder))
    begun.wait()
    for turn in range(turns):
        store.keep([entry(1000 * number + turn), entry(turn)], [place(Path(folder), 1000 * number + turn)])
        found = find(store, entry(turn))
        if not same(found, entry(turn)):
            raise SystemExit(3)
    ended.put((number, store.damaged, store.notes, store.troubles))


@pytest.mark.slow
@pytest.mark.parametrize("damaged", [False, True])
def test_eight_processes_begin_and_write_at_once(tmp_path, damaged):
    if damaged:
        (tmp_path / NAME).write_bytes(b"no database" * 999)
    fork = multiprocessing.get_context("fork")
    begun, ended = fork.Barrier(8), fork.SimpleQueue()
    running = [fork.Process(target=write_much, args=(str(tmp_path), n, 25, begun, ended)) for n in range(1, 9)]
    for one in running:
        one.start()
    told = sorted(ended.get() for _ in running)
    for one in running:
        one.join(120)
    assert [(number, wrong, troubles) for number, wrong, _, troubles in told] == [(n, 0, []) for n in range(1, 9)]
    store = FeatureStore(tmp_path)
    assert sum(len(notes) for *_, notes, _ in told) == len(store.set_aside) == damaged
    wanted = [entry(1000 * number + turn) for number in range(1, 9) for turn in range(25)]
    assert all(same(find(store, one), one) for one in wanted)
    assert (len(store.rows()), store.count_places(), store.check().damaged) == (225, 200, 0)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_goes_on_with_a_store_of_before_the_fork(store):
    store.keep([entry(1)])
    child = os.fork()
    if child == 0:
        store.keep([entry(2)])
        os._exit(0 if same(find(store, entry(1)), entry(1)) and not store.troubles else 1)
    store.keep([entry(3)])
    assert os.waitpid(child, 0)[1] == 0
    assert all(same(find(store, entry(number)), entry(number)) for number in (1, 2, 3))
    assert store.check().damaged == 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_was_kept_is_there_after_a_kill_at_any_moment(tmp_path):
    chance = random.Random(3)
    for turn in range(100):
        reads, writes = os.pipe()
        child = os.fork()
        if child == 0:
            store = FeatureStore(tmp_path)
            for number in range(1000 * turn, 1000 * turn + 1000):
                store.keep([entry(number), entry(number, kind="motion")])
                os.write(writes, number.to_bytes(8))
            os._exit(0)
        os.close(writes)
        os.read(reads, 8)
        time.sleep(chance.uniform(0, 0.05))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with open(reads, "rb") as told:
            acknowledged = [1000 * turn] + [int.from_bytes(one) for one in iter(lambda: told.read(8), b"")]
        store = FeatureStore(tmp_path)
        for number in acknowledged:
            assert same(find(store, entry(number)), entry(number))
        kinds = [key.kind for key, _ in store.rows()]
        assert kinds.count("clip") == kinds.count("motion") >= len(acknowledged)
        assert (store.damaged, store.notes, store.troubles) == (0, [], [])
        close(store)
        assert os.listdir(tmp_path) == [NAME]
    assert FeatureStore(tmp_path).check().damaged == 0
