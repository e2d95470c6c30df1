"""What a running server knows of a folder that others change too."""

import threading

import pytest

from lga.config import BackboneConfig
from lga.errors import ActionsError, LGAError
from lga.features.cache import FeatureCache
from lga.recognizer import Recognizer
from lga.serve.store import Store
from lga.store.folder import DATABASE, ActionsFolder, load_actions, save_actions


@pytest.fixture
def recognizer():
    return Recognizer(BackboneConfig(backbone="tiny"), cache=FeatureCache(None))


@pytest.fixture
def opened(folder, recognizer):
    """`opened()` opens the folder anew, as after a restart or by another server."""
    return lambda: Store(ActionsFolder(folder), recognizer)


def named(store):
    return None if store.actions is None else store.actions.labels


def test_a_change_is_on_disk_when_it_is_seen_and_the_old_version_stays_what_it_was(opened, folder):
    store = opened()
    old = store.prepare()
    store.change(lambda actions: actions.without("sweep left"))
    assert named(store) == load_actions(folder).labels == ("sweep right",)
    assert old.actions.labels == ("sweep right", "sweep left")
    assert store.prepare().prototypes is not old.prototypes
    assert [one.name for one in folder.parent.iterdir()] == ["actions"]


def test_a_change_that_fails_changes_nothing(opened, folder):
    store = opened()
    with pytest.raises(ActionsError, match="no action"):
        store.change(lambda actions: actions.without("gone"))
    assert named(store) == load_actions(folder).labels == ("sweep right", "sweep left")


def test_what_others_change_is_seen_and_prepared_once(opened, folder):
    store, other = opened(), opened()
    before = store.prepare()
    store.refresh()
    assert store.prepare() is before
    other.change(lambda actions: actions.without("sweep left"))
    assert store.prepare() is before
    store.refresh()
    assert store.prepare().actions.labels == named(store) == ("sweep right",)
    save_actions(before.actions, folder)
    for one in (store, other):
        one.refresh()
        assert named(one) == ("sweep right", "sweep left")


def test_the_last_action_can_go(opened, folder):
    store, other = opened(), opened()
    store.change(lambda _: None)
    assert named(store) is None
    other.refresh()
    assert named(other) is named(opened()) is None
    assert [one.name for one in folder.iterdir()] == [DATABASE]
    store.change(lambda _: None)


def test_a_folder_that_is_empty_or_missing_is_nothing_taught_and_a_strange_one_is_refused(opened, folder):
    (folder / DATABASE).unlink()
    assert named(opened()) is None
    folder.rmdir()
    assert named(opened()) is None
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(LGAError, match="not a folder of taught actions"):
        opened()


def test_changes_from_many_threads_are_made_one_after_the_other(opened):
    store, failures = opened(), []

    def rename(number):
        try:
            store.change(
                lambda actions: actions.with_anatomy(
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
