import errno
import os
import threading

import pytest

from lga import durable
from lga.durable import exchange, make_folders, put_in_place, sync_folder


def folder_with(place, text):
    place.mkdir()
    (place / "text").write_text(text)
    return place


def test_two_folders_change_places(tmp_path):
    one, other = folder_with(tmp_path / "one", "1"), folder_with(tmp_path / "other", "2")
    if not exchange(one, other):
        pytest.skip("this file system cannot exchange two places in one call")
    assert ((one / "text").read_text(), (other / "text").read_text()) == ("2", "1")


def test_in_no_moment_is_there_no_folder(tmp_path):
    place, done, seen = folder_with(tmp_path / "it", "0"), threading.Event(), set()
    if not exchange(place, folder_with(tmp_path / "other", "0")):
        pytest.skip("this file system cannot exchange two places in one call")

    def read():
        while not done.is_set():
            seen.add(place.is_dir())

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(200):
        put_in_place(folder_with(tmp_path / f"{number}", "1"), place)
    done.set()
    reader.join()
    assert seen == {True}


def test_a_system_without_the_call_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(durable, "_swap", lambda: None)
    assert not exchange(folder_with(tmp_path / "one", "1"), folder_with(tmp_path / "other", "2"))


def test_a_file_system_that_cannot_exchange_is_no_error_and_a_broken_one_is(tmp_path, monkeypatch):
    one, other = folder_with(tmp_path / "one", "1"), folder_with(tmp_path / "other", "2")
    monkeypatch.setattr(durable, "_swap", lambda: lambda *_: -1)
    monkeypatch.setattr("ctypes.get_errno", lambda: errno.EINVAL)
    assert not exchange(one, other)
    monkeypatch.setattr("ctypes.get_errno", lambda: errno.EIO)
    with pytest.raises(OSError, match="Input/output error"):
        exchange(one, other)


def test_folders_are_made_with_those_above_them(tmp_path):
    make_folders(tmp_path / "a" / "b")
    make_folders(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_a_file_system_that_cannot_sync_folders_is_no_error_and_a_broken_one_is(tmp_path, monkeypatch):
    def refuse(number):
        def act(_):
            raise OSError(number, os.strerror(number))

        return act

    monkeypatch.setattr(os, "fsync", refuse(errno.EINVAL))
    sync_folder(tmp_path)
    monkeypatch.setattr(os, "fsync", refuse(errno.EIO))
    with pytest.raises(OSError, match="Input/output error"):
        sync_folder(tmp_path)
