"""`lga.store.folder`: whoever changes a folder, and whenever they are killed, what is there is whole and the newest."""

import os
import random
import resource
import shutil
import signal
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lga import database
from lga.anatomy.lexicon import anatomize
from lga.errors import ActionsError, LGAError
from lga.store import folder as folder_module
from lga.store.folder import DATABASE, ActionsFolder, load_actions, save_actions
from lga.store.format1 import FEATURES, HEAD, RECORD

NAMES = ("wave", "jump into pool", "comb hair", "clap")
LABELS = ("jump into pool", "žába, 跳", "wave", "Brush_Hair")


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# --- one process ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shots", [{"jump": 3, "wave": 0}, {"wave": 1}, {"wave": 0}])
@pytest.mark.parametrize("motion", [False, True])
def test_saved_actions_come_back_bit_for_bit(taught, tmp_path, shots, motion):
    actions = taught.make(shots, motion=motion)
    save_actions(actions, tmp_path / "new" / "taught")
    assert taught.same(load_actions(tmp_path / "new" / "taught"), actions)
    assert files(tmp_path) == [f"new/taught/{DATABASE}"]


def test_a_head_comes_back_bit_for_bit(taught, folder):
    save_actions(taught.with_head(), folder)
    found = load_actions(folder)
    assert taught.same(found, taught.with_head())
    assert (found.head_weight, found.head.training) == (0.5, False)
    save_actions(taught.make(), folder)
    assert load_actions(folder).head is None


def test_others_are_saved_in_place_of_earlier_ones(taught, folder):
    for actions in (taught.make().without("wave"), taught.make({"clap": 2}, frames=7, stages=3), taught.make()):
        save_actions(actions, folder)
        assert taught.same(load_actions(folder), actions)


def test_the_folder_may_be_copied_moved_and_reached_through_a_link(taught, folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    folder.rename(tmp_path / "moved")
    (tmp_path / "link").symlink_to("moved")
    for name in ("copy", "moved", "link"):
        assert taught.same(load_actions(tmp_path / name), taught.make())
    ActionsFolder(tmp_path / "link").change(lambda now: now.without("wave"))
    assert (tmp_path / "link").is_symlink()
    assert "wave" not in load_actions(tmp_path / "moved").labels
    assert "wave" in load_actions(tmp_path / "copy").labels


def test_other_things_in_the_folder_stay_and_a_folder_of_other_things_is_refused(taught, folder, tmp_path):
    (folder / "notes.txt").write_text("mine")
    save_actions(taught.make().without("wave"), folder)
    assert (folder / "notes.txt").read_text() == "mine"
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("thesis", "file"):
        for act in (lambda place: save_actions(taught.make(), place), load_actions):
            with pytest.raises(ActionsError, match=f"{name}: not a folder of taught actions; give one that lga wrote"):
                act(tmp_path / name)
    assert files(tmp_path / "thesis") == ["thesis.tex"]


def test_a_missing_an_empty_and_an_emptied_folder_are_told(tmp_path, folder):
    with pytest.raises(ActionsError, match=r"none: no such folder; give the folder that `lga teach"):
        load_actions(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    ActionsFolder(folder).change(lambda _: None)
    for name in ("empty", "taught"):
        assert ActionsFolder(tmp_path / name).load() is None
        with pytest.raises(ActionsError, match=f"{name}: nothing is taught there yet"):
            load_actions(tmp_path / name)
    assert not (tmp_path / "none").exists()


def test_an_edit_that_refuses_changes_nothing(taught, folder):
    before = (folder / DATABASE).read_bytes()
    with pytest.raises(ActionsError, match="no action 'gone'"):
        ActionsFolder(folder).change(lambda now: now.without("gone"))
    with pytest.raises(ActionsError, match="do not fit together"):
        ActionsFolder(folder).change(lambda now: replace(now, frames=now.frames[:2]))
    assert (folder / DATABASE).read_bytes() == before
    assert files(folder) == [DATABASE]


def test_what_is_loaded_is_the_same_object_until_it_changes(taught, folder):
    mine, other = ActionsFolder(folder), ActionsFolder(folder)
    first = mine.load()
    assert mine.load() is first
    after = other.change(lambda now: taught.added(now, "wave", 1))
    assert other.load() is after
    assert taught.same(mine.load(), after)
    folder.rename(folder.with_name("away"))
    assert mine.load() is None
    save_actions(taught.make({"clap": 1}), folder)
    assert mine.load().labels == ("clap",)
    mine.close()


def test_a_small_change_of_a_large_set_writes_little(taught, tmp_path):
    def written():
        return int(Path("/proc/self/io").read_text().split("wchar: ")[1].split()[0])

    store = ActionsFolder(tmp_path / "taught")
    store.change(lambda _: taught.make({f"action {number}": 25 for number in range(100)}, motion=True))
    before = written()
    store.change(lambda now: taught.added(now, "action 50", 1))
    assert written() - before < 1_000_000
    assert len(load_actions(tmp_path / "taught").examples) == 2501


operations = st.lists(
    st.tuples(st.sampled_from(["example", "action", "less", "fewer", "rename", "none"]), st.integers(0, 99)),
    max_size=12,
)


def edited(taught, actions, kind, number):
    """One of the changes that people make; None and refusals are changes too."""
    if actions is None:
        return taught.make({NAMES[number % 4]: number % 3})
    label = actions.labels[number % len(actions.labels)]
    match kind:
        case "example":
            return taught.added(actions, label, number)
        case "action":
            name = f"action {number}"
            return (
                actions if name in actions.labels else actions.with_action(anatomize(name, stages=2), actions.text[0])
            )
        case "less":
            return actions.without(label)
        case "fewer":
            return actions.with_examples(range(number % 2, len(actions.examples), 2))
        case "rename":
            return actions.with_anatomy(label, anatomize(f"name {number}", stages=2), -actions.text[0])
        case _:
            return None


@given(operations, st.booleans())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_folder_says_what_the_value_says_after_any_changes(taught, tmp_path_factory, steps, old):
    folder = tmp_path_factory.mktemp("law") / "taught"
    value = taught.make()
    taught.write_format1(value, folder) if old else save_actions(value, folder)
    store, other = ActionsFolder(folder), ActionsFolder(folder)
    for turn, (kind, number) in enumerate(steps):
        try:
            wanted = edited(taught, value, kind, number)
        except ActionsError:
            wanted = value
        else:
            found = (store, other)[turn % 2].change(lambda now, kind=kind, n=number: edited(taught, now, kind, n))
            assert (found is None) == (wanted is None)
        value = wanted
        found = other.load()
        assert (found is None and value is None) or taught.same(found, value)
    fresh = ActionsFolder(folder).load()
    assert (fresh is None and value is None) or taught.same(fresh, value)


# --- version 0.1.0 ----------------------------------------------------------------------------------------------------


def test_a_folder_of_version_0_1_0_is_converted_at_the_first_change_only(taught, tmp_path):
    folder = taught.write_format1(taught.with_head(), tmp_path / "taught")
    before = files(folder)
    assert taught.same(load_actions(folder), taught.with_head())
    assert files(folder) == before == [RECORD, FEATURES, HEAD]
    ActionsFolder(folder).change(lambda now: taught.added(now, "wave", 1))
    assert files(folder) == [DATABASE]
    assert taught.same(load_actions(folder), taught.added(taught.with_head(), "wave", 1))


def test_the_database_wins_and_the_old_files_go_with_the_next_change(taught, tmp_path, monkeypatch):
    folder = taught.write_format1(taught.make(), tmp_path / "taught")
    with monkeypatch.context() as patch:
        patch.setattr(folder_module, "remove_format1", lambda _: None)  # as if killed after the commit
        ActionsFolder(folder).change(lambda now: now.without("wave"))
    assert files(folder) == [RECORD, DATABASE, FEATURES]
    assert "wave" not in load_actions(folder).labels
    ActionsFolder(folder).change(lambda now: now.without("Brush_Hair"))
    assert files(folder) == [DATABASE]
    assert load_actions(folder).labels == LABELS[:2]


def test_old_files_that_were_never_converted_are_not_removed(taught, folder):
    taught.write_format1(taught.make({"clap": 1}), folder)
    ActionsFolder(folder).change(lambda now: now.without("wave"))
    assert files(folder) == [RECORD, DATABASE, FEATURES]
    assert "wave" not in load_actions(folder).labels


def test_while_one_process_converts_others_read_and_write(taught, tmp_path):
    folder = taught.write_format1(taught.make(), tmp_path / "taught")
    together(folder, [adding(taught, place) for place in range(3)] + [reading_on])
    assert len(load_actions(folder).examples) == 6 + 3 * EACH
    assert files(folder) == [DATABASE]


# --- several processes ------------------------------------------------------------------------------------------------

EACH = 7
"""changes"""


def adding(taught, place):
    def work(folder):
        store = ActionsFolder(folder)
        for turn in range(EACH):
            store.change(lambda now, turn=turn: taught.added(now, "wave", 100 * place + turn))

    return work


def reading_on(folder):
    store, seen = ActionsFolder(folder), 0
    for _ in range(40):
        now = len(store.load().examples)
        assert now >= seen
        assert len(load_actions(folder).examples) >= now
        seen = now


def together(folder, jobs):
    """Do all of these at once, each in a process of its own."""
    started = []
    for job in jobs:
        one = get_context("fork").Process(target=job, args=(folder,))
        one.start()
        started.append(one)
    for one in started:
        one.join(120)
    assert [one.exitcode for one in started] == [0] * len(jobs)


def test_nothing_that_any_process_adds_is_lost_and_readers_see_one_state(taught, folder):
    together(folder, [*(adding(taught, place) for place in range(4)), reading_on, reading_on])
    found = load_actions(folder)
    wanted = {f"/more/{100 * place + turn}.mp4" for place in range(4) for turn in range(EACH)}
    assert {one.path for one in found.examples} >= wanted
    assert len(found.examples) == 6 + len(wanted)
    assert files(folder) == [DATABASE]


def test_threads_of_one_process_lose_nothing_either(taught, folder):
    store = ActionsFolder(folder)
    threads = [
        threading.Thread(target=store.change, args=(lambda now, number=number: taught.added(now, "wave", number),))
        for number in range(8)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(store.load().examples) == len(load_actions(folder).examples) == 14


def test_an_edit_sees_what_was_written_meanwhile_and_may_refuse(taught, folder):
    seen = []

    def edit(now):
        seen.append(now.labels)
        if len(seen) == 1:
            ActionsFolder(folder).change(lambda other: other.without("wave"))
        return taught.added(now, "wave", 1) if len(seen) == 1 else now.without("wave")

    with pytest.raises(ActionsError, match="no action 'wave' is taught"):
        ActionsFolder(folder).change(edit)
    assert seen == [LABELS, ("jump into pool", "žába, 跳", "Brush_Hair")]


def test_who_is_always_overtaken_holds_the_others_up_in_the_end(taught, folder):
    turns = []

    def edit(now):
        turns.append(len(now.examples))
        if len(turns) <= folder_module.ATTEMPTS:
            ActionsFolder(folder).change(lambda other: taught.added(other, "wave", len(turns)))
        return taught.added(now, "wave", 99)

    after = ActionsFolder(folder).change(edit)
    assert turns == list(range(6, 6 + folder_module.ATTEMPTS + 1))
    assert taught.same(load_actions(folder), after)


def test_who_waits_too_long_is_told(taught, folder, monkeypatch):
    monkeypatch.setattr(database, "PATIENCE", 0.1)
    with closing(sqlite3.connect(folder / DATABASE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ActionsError, match="another process has been writing"):
            ActionsFolder(folder).change(lambda now: now.without("wave"))
        assert taught.same(load_actions(folder), taught.make())


def test_a_file_system_without_locks_is_told_in_one_line(folder, monkeypatch):
    class Lockless(sqlite3.Connection):
        def execute(self, statement, *values):
            if statement.startswith("BEGIN"):
                error = sqlite3.OperationalError("disk I/O error")
                error.sqlite_errorcode = sqlite3.SQLITE_IOERR_LOCK
                raise error
            return super().execute(statement, *values)

    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **options: real(*args, factory=Lockless, **options))
    with pytest.raises(ActionsError) as caught:
        load_actions(folder)
    assert str(caught.value) == (
        f"{folder / DATABASE}: its file system knows no locks (disk I/O error); keep taught actions on a local disk"
    )


# --- clips ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def clip(tmp_path):
    """`clip(name)`: a file that may be kept, and its digest."""
    from hashlib import sha256

    def make(name):
        path = tmp_path / "sent" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(name.encode() * 1000)
        return path, sha256(path.read_bytes()).hexdigest()

    return make


def with_clip(taught, now, label, path, digest):
    after = taught.added(now, label, 1)
    one = after.examples[-1].model_copy(update={"path": str(path), "digest": digest})
    return replace(after, examples=(*after.examples[:-1], one))


def test_a_clip_is_kept_inside_the_folder_by_its_content(taught, folder, clip, tmp_path):
    path, digest = clip("My Clip.MP4")
    store = ActionsFolder(folder)
    after = store.change(lambda now: with_clip(taught, now, "wave", path, digest), keep=[str(path)])
    kept = folder / "clips" / f"{digest}.mp4"
    assert kept.read_bytes() == path.read_bytes()
    assert (after.examples[-1].path, after.examples[-1].called) == (str(kept), "My Clip.MP4")
    assert taught.same(load_actions(folder), after)
    assert files(folder) == [DATABASE, f"clips/{digest}.mp4"]
    shutil.copytree(folder, tmp_path / "copy")
    folder.rename(tmp_path / "moved")
    for name in ("copy", "moved"):
        ActionsFolder(tmp_path / name).change(lambda now: now.without("žába, 跳"))
        one = load_actions(tmp_path / name).examples[-1]
        assert one.path == str(tmp_path / name / "clips" / f"{digest}.mp4")
        assert Path(one.path).exists()


def test_a_clip_goes_with_its_last_example_and_not_before(taught, folder, clip, tmp_path):
    path, digest = clip("a.mp4")
    (tmp_path / "link").symlink_to(folder)
    store = ActionsFolder(tmp_path / "link")
    for label in ("wave", "Brush_Hair"):
        store.change(lambda now, label=label: with_clip(taught, now, label, path, digest), keep=[str(path)])
    (folder / "clips" / "notes.txt").write_text("mine")
    store.change(lambda now: now.without("wave"))
    assert (folder / "clips" / f"{digest}.mp4").exists()
    ActionsFolder(folder).change(lambda now: now.without("Brush_Hair"))
    assert files(folder) == [DATABASE, "clips/notes.txt"]


def test_saving_what_was_loaded_through_a_link_keeps_its_clips(taught, folder, clip, tmp_path):
    path, digest = clip("a.mp4")
    ActionsFolder(folder).change(lambda now: with_clip(taught, now, "wave", path, digest), keep=[str(path)])
    (tmp_path / "link").symlink_to(folder)
    loaded = load_actions(tmp_path / "link")
    save_actions(loaded, folder)
    save_actions(taught.make({"other": 1}), tmp_path / "elsewhere")
    save_actions(loaded, tmp_path / "elsewhere")
    assert (folder / "clips" / f"{digest}.mp4").exists()
    folder.rename(tmp_path / "moved")
    assert Path(load_actions(tmp_path / "moved").examples[-1].path).exists()


def test_a_refused_change_leaves_no_clip(taught, folder, clip):
    path, digest = clip("a.mp4")

    def refuse(now):
        raise ActionsError("no")

    with pytest.raises(ActionsError, match="no"):
        ActionsFolder(folder).change(refuse, keep=[str(path)])
    with pytest.raises(LGAError, match="has changed while it was read"):
        ActionsFolder(folder).change(lambda now: with_clip(taught, now, "wave", path, "0" * 64), keep=[str(path)])
    assert files(folder) == [DATABASE]
    assert digest != "0" * 64


def test_a_clip_that_is_added_while_it_is_removed_stays(taught, folder, clip):
    path, digest = clip("a.mp4")
    ActionsFolder(folder).change(lambda now: with_clip(taught, now, "wave", path, digest), keep=[str(path)])

    def remove(now):
        if "Brush_Hair" in now.labels and len(now.examples_of("Brush_Hair")) == 2:
            ActionsFolder(folder).change(
                lambda other: with_clip(taught, other, "Brush_Hair", path, digest), keep=[str(path)]
            )
        return now.without("wave")

    ActionsFolder(folder).change(remove)
    assert files(folder) == [DATABASE, f"clips/{digest}.mp4"]
    assert Path(load_actions(folder).examples[-1].path).exists()


def test_folders_of_pictures_stay_where_they_are(taught, folder, tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "0.png").write_bytes(b"x")
    path = tmp_path / "pictures"
    after = ActionsFolder(folder).change(lambda now: with_clip(taught, now, "wave", path, "0" * 64), keep=[str(path)])
    assert after.examples[-1].path == str(path)
    assert files(folder) == [DATABASE]


# --- kills and a full disk --------------------------------------------------------------------------------------------


def killed(job, delay):
    """Fork a process that does this; kill it after a moment. True if it had not ended by itself."""
    one = get_context("fork").Process(target=job)
    one.start()
    time.sleep(delay)
    os.kill(one.pid, signal.SIGKILL)
    one.join()
    return one.exitcode == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize("old", [False, True])
def test_a_killed_change_is_done_or_not_and_the_next_leaves_nothing_of_it(taught, tmp_path, clip, old):
    clips, cut = [clip(f"{number}.mp4") for number in range(3)], 0
    for turn in range(25):
        folder = tmp_path / f"taught {turn}"
        taught.write_format1(taught.make(), folder) if old else save_actions(taught.make(), folder)

        def work(folder=folder):
            store = ActionsFolder(folder)
            for path, digest in clips:
                store.change(lambda now, p=path, d=digest: with_clip(taught, now, "wave", p, d), keep=[str(path)])
                store.change(lambda now: now.with_anatomy("wave", anatomize("wave", stages=2), -now.text[2]))
                store.change(lambda now, p=digest: now.with_examples(range(len(now.examples) - 1)))

        cut += killed(work, random.Random(turn).uniform(0.0, 0.12))
        found = load_actions(folder)
        assert found.labels == LABELS
        assert len(found.examples) in (6, 7)
        assert all(Path(one.path).exists() for one in found.examples[6:])
        ActionsFolder(folder).change(lambda now: now.with_examples(range(6)))
        ActionsFolder(folder).change(lambda now: taught.added(now, "wave", 5))
        assert files(folder) == [DATABASE]
    assert cut > 5


def test_a_full_disk_is_told_and_nothing_is_lost(taught, folder, tmp_path):
    def work(most):
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            ActionsFolder(folder).change(lambda now: taught.make({"big": 200}))
        except LGAError as error:
            os._exit(7 if str(error).isprintable() else 8)
        os._exit(0)

    size = (folder / DATABASE).stat().st_size
    for most in (1000, 5000, size, size + 30_000, size + 100_000):
        one = get_context("fork").Process(target=work, args=(most,))
        one.start()
        one.join(60)
        assert one.exitcode == 7, most
        assert taught.same(load_actions(folder), taught.make())
        assert files(folder) == [DATABASE]
