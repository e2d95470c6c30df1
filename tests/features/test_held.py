"""`lga.features.held`: a connection never crosses a fork."""

import gc
import multiprocessing
import os
import sqlite3
import threading

import pytest

from lga.features.held import EVERY, Held, folder_lock


def opened(path):
    held = Held()
    held.connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    held.connection.execute("CREATE TABLE IF NOT EXISTS t (n)")
    return held


def test_closing_twice_is_closing_once(tmp_path):
    held = opened(tmp_path / "a.sqlite")
    connection = held.connection
    held.close()
    held.close()
    assert held.connection is None
    with pytest.raises(sqlite3.ProgrammingError):
        connection.execute("SELECT 1")


def test_nothing_is_kept_alive_that_nobody_uses(tmp_path):
    held = opened(tmp_path / "a.sqlite")
    held.close()
    gc.collect()
    before = len(EVERY)
    del held
    gc.collect()
    assert len(EVERY) == before - 1


@pytest.mark.parametrize(
    ("mine", "other", "waits"), [(True, True, 1), (True, False, 1), (False, True, 1), (False, False, 0)]
)
def test_of_two_who_lock_a_folder_one_waits_if_either_wants_to_be_alone(tmp_path, mine, other, waits):
    entered = threading.Event()

    def enter():
        with folder_lock(tmp_path, alone=other):
            entered.set()

    thread = threading.Thread(target=enter)
    with folder_lock(tmp_path, alone=mine):
        thread.start()
        assert entered.wait(0.3 if waits else 60) != waits
    thread.join(60)
    assert entered.is_set()
    assert list(tmp_path.iterdir()) == []


def child_sees(held):
    return 0 if held.connection is None and held.lock.acquire(timeout=5) else 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_has_no_connection_and_a_lock_of_its_own(tmp_path):
    held = opened(tmp_path / "a.sqlite")
    process = multiprocessing.get_context("fork").Process(target=lambda: os._exit(child_sees(held)))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert held.connection is None
    assert held.lock.acquire(timeout=5)
    held.lock.release()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_fork_waits_for_whoever_uses_the_connection(tmp_path):
    held, begun, ended = opened(tmp_path / "a.sqlite"), threading.Event(), []

    def use():
        with held.lock:
            begun.set()
            for number in range(200):
                held.connection.execute("INSERT INTO t VALUES (?)", (number,))
            ended.append(True)

    thread = threading.Thread(target=use)
    thread.start()
    begun.wait()
    child = os.fork()
    if child == 0:
        os._exit(0 if ended else 1)
    thread.join()
    assert os.waitpid(child, 0)[1] == 0
