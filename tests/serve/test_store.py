"""Actions on disk and in memory, and what a crash leaves of them."""

import shutil
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from lga.config import BackboneConfig
from lga.errors import ActionsError, LGAError
from lga.features.cache import FeatureCache
from lga.recognizer import Recognizer
from lga.serve import store as store_module
from lga.serve.store import ExampleStore, Store, read_store
from lga.store.folder import load_actions, save_actions


class Killed(BaseException):
    """Stands for a process that ends here and now: nothing catches it."""


@pytest.fixture
def recognizer():
    return Recognizer(BackboneConfig(backbone="tiny"), cache=FeatureCache(None))


@pytest.fixture
def opened(folder, recognizer):
    """`opened()` opens the folder anew, as after a restart."""
    return lambda: Store(folder, read_store(folder), recognizer, ExampleStore(folder.with_name("actions.clips")))


def named(store):
    return None if store.now is None else store.now.actions.labels


def test_a_change_is_on_disk_when_it_is_seen_and_the_old_version_stays_what_it_was(opened, folder):
    store = opened()
    old = store.now
    store.change(lambda actions: actions.without("sweep left"))
    assert named(store) == load_actions(folder).labels == ("sweep right",)
    assert old.actions.labels == ("sweep right", "sweep left")
    assert store.now.prototypes is not old.prototypes
    assert [one.name for one in folder.parent.iterdir()] == ["actions"]


def test_a_change_that_fails_changes_nothing(opened, folder):
    store = opened()
    with pytest.raises(ActionsError, match="no action"):
        store.change(lambda actions: actions.without("gone"))
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(ActionsError, match="not just a folder of taught actions"):
        store.change(lambda actions: actions.without("sweep left"))
    assert named(store) == load_actions(folder).labels == ("sweep right", "sweep left")
    assert (folder / "notes.txt").read_text() == "mine"


def test_the_last_action_can_go(opened, folder):
    store = opened()
    store.change(lambda _: None)
    assert named(store) is None
    assert not folder.exists()
    assert named(opened()) is None
    store.change(lambda _: None)


def test_a_folder_that_is_empty_or_missing_is_nothing_taught_and_a_strange_one_is_refused(opened, folder):
    shutil.rmtree(folder)
    assert named(opened()) is None
    folder.mkdir()
    assert named(opened()) is None
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(ActionsError, match="not a folder of taught actions"):
        opened()


@pytest.mark.parametrize("step", range(12))
@pytest.mark.parametrize("edit", ["less", "none"])
def test_whenever_a_change_is_cut_off_the_old_or_the_new_actions_are_there(opened, folder, monkeypatch, step, edit):
    """Every rename and removal of a change is a place to die at."""
    store, steps = opened(), iter(range(100))

    def mortal(function):
        def act(*arguments, **options):
            if next(steps) == step:
                raise Killed
            return function(*arguments, **options)

        return act

    with monkeypatch.context() as patch:
        for name in ("rename", "replace", "mkdir"):
            patch.setattr(Path, name, mortal(getattr(Path, name)))
        patch.setattr(shutil, "rmtree", mortal(shutil.rmtree))
        # what runs in a finally block does not run when a process is killed
        patch.setattr(store_module.ExampleStore, "sweep", lambda *_: None)
        with suppress(Killed, LGAError):
            store.change(lambda actions: actions.without("sweep left") if edit == "less" else None)
    both = ("sweep right", "sweep left")
    assert named(opened()) in ((both, ("sweep right",)) if edit == "less" else (both, None))


def test_the_moment_without_a_folder_is_survived(opened, folder):
    store = opened()
    spare = folder.with_name(".actions.spare")
    save_actions(store.now.actions.without("sweep left"), spare)
    shutil.rmtree(folder)
    assert named(opened()) == ("sweep right",)
    assert not spare.exists()
    save_actions(store.now.actions, spare)
    assert named(opened()) == ("sweep right",)
    assert not spare.exists()


def test_changes_from_many_threads_are_made_one_after_the_other(opened):
    store, failures = opened(), []

    def rename(number):
        try:
            store.change(
                lambda actions: actions.retold(
                    actions.labels[0],
                    actions.anatomies[0].model_copy(update={"label": f"{actions.labels[0]}{number}"}),
                    actions.text[0],
                )
            )
        except LGAError as error:
            failures.append(error)

    threads = [threading.Thread(target=rename, args=(number,)) for number in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert failures == []
    assert sorted(named(store)[0].removeprefix("sweep right")) == list("012345")
    assert named(opened()) == named(store)


def test_a_store_is_swept_of_its_own_clips_only(tmp_path):
    example_store = ExampleStore(tmp_path / "clips")
    for name in ("a" * 64, "b" * 64, "mine"):
        (tmp_path / "clips" / name).mkdir(parents=True)
        (tmp_path / "clips" / name / "x.mp4").write_bytes(b"x")
    (tmp_path / "clips" / ("c" * 64)).symlink_to(tmp_path / "clips" / "mine")
    (tmp_path / "clips" / ("a" * 64) / ".1.part").write_bytes(b"x")
    example_store.sweep([])
    assert sorted(one.name for one in (tmp_path / "clips").iterdir()) == ["c" * 64, "mine"]
    assert (tmp_path / "clips" / "mine" / "x.mp4").exists()
