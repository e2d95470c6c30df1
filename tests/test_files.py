import csv
import errno
import io
import json
import os
import re
import resource
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lga.errors import LGAError
from lga.files import (
    append_durably,
    from_cell,
    kind_of,
    remove_file,
    replace_file,
    replace_folder,
    scratch_folder,
    to_csv,
    to_json,
    write_atomically,
)
from lga.temporary import temporary_path


def names(folder):
    return sorted(one.name for one in folder.iterdir())


@pytest.fixture
def full_disk(monkeypatch):
    """Every flush to the disk fails."""

    def refuse(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", refuse)


@pytest.fixture
def mask():
    """Set the umask for one test."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def fill(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def exchange(folder, then=None):
    with replace_folder(folder) as fresh:
        fill(fresh, new="2")
        if then is not None:
            raise then


def test_a_file_is_written_with_the_folders_it_needs(tmp_path):
    write_atomically(tmp_path / "a" / "b" / "c.bin", b"\0\1")
    assert (tmp_path / "a" / "b" / "c.bin").read_bytes() == b"\0\1"
    assert names(tmp_path / "a" / "b") == ["c.bin"]


def test_an_older_file_is_replaced(tmp_path):
    write_atomically(tmp_path / "a", b"old and long")
    write_atomically(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"


def test_a_full_disk_leaves_the_old_file_and_no_part_of_the_new(tmp_path, full_disk):
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(LGAError) as caught:
        write_atomically(tmp_path / "a", b"new")
    assert str(caught.value) == (
        f"{tmp_path / 'a'}: cannot be written (No space left on device); free some space or choose another place"
    )
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_an_interrupted_write_leaves_the_old_file_and_no_part_of_the_new(tmp_path, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    (tmp_path / "a").write_bytes(b"old")
    monkeypatch.setattr("os.fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("place", ["file/below", "folder"])
def test_a_place_that_cannot_be_a_file_is_refused_in_one_line(tmp_path, place):
    (tmp_path / "file").write_bytes(b"kept")
    fill(tmp_path / "folder", inside="kept")
    with pytest.raises(LGAError) as caught:
        write_atomically(tmp_path / place, b"new")
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / place}: cannot be written (")
    assert message.endswith("choose another place")
    assert "\n" not in message
    assert names(tmp_path) == ["file", "folder"]


def test_permissions_follow_the_umask(tmp_path, mask):
    for wanted in (0o022, 0o077, 0o002):
        mask(wanted)
        write_atomically(tmp_path / "file", b"")
        with replace_folder(tmp_path / "folder") as fresh:
            (fresh / "inside").touch()
        assert (tmp_path / "file").stat().st_mode & 0o777 == 0o666 & ~wanted
        assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o777 & ~wanted
        assert mask(wanted) == wanted, "the umask itself is left as it was"


def test_readers_see_the_old_file_or_the_new_one_and_never_a_part(tmp_path):
    path, whole = tmp_path / "a", [bytes([number]) * 100_000 for number in (1, 2)]
    write_atomically(path, whole[0])
    done, torn = threading.Event(), []

    def read():
        while not done.is_set():
            if path.read_bytes() not in whole:
                torn.append(True)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(30):
        write_atomically(path, whole[number % 2])
    done.set()
    reader.join()
    assert not torn


def test_a_new_folder_appears_when_the_block_ends(tmp_path):
    with replace_folder(tmp_path / "deep" / "new") as fresh:
        (fresh / "a").write_text("1")
        assert not (tmp_path / "deep" / "new").exists()
    assert names(tmp_path / "deep") == ["new"]
    assert (tmp_path / "deep" / "new" / "a").read_text() == "1"


def test_an_older_folder_is_exchanged_whole(tmp_path):
    fill(tmp_path / "it", old="1", both="1")
    with replace_folder(tmp_path / "it") as fresh:
        fill(fresh, new="2", both="2")
        assert names(tmp_path / "it") == ["both", "old"]
    assert names(tmp_path / "it") == ["both", "new"]
    assert (tmp_path / "it" / "both").read_text() == "2"
    assert names(tmp_path) == ["it"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_in_the_block_leaves_the_old_folder_and_nothing_else(tmp_path, error):
    fill(tmp_path / "it", old="1")
    with pytest.raises(error):
        exchange(tmp_path / "it", then=error)
    assert names(tmp_path / "it") == ["old"]
    assert names(tmp_path) == ["it"]


def test_a_full_disk_in_the_block_is_one_line_that_names_the_folder(tmp_path):
    fill(tmp_path / "it", old="1")
    with pytest.raises(LGAError) as caught, replace_folder(tmp_path / "it"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert str(caught.value) == (
        f"{tmp_path / 'it'}: cannot be written (No space left on device); free some space or choose another place"
    )
    assert names(tmp_path / "it") == ["old"]


@pytest.fixture
def no_exchange(monkeypatch):
    """A system that cannot exchange two places in one call."""
    monkeypatch.setattr("lga.durable.exchange", lambda one, other: False)


@pytest.mark.usefixtures("no_exchange")
@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", [1, 2])
def test_an_exchange_that_fails_brings_the_old_folder_back(tmp_path, monkeypatch, step, error):
    fill(tmp_path / "it", old="1")
    rename, calls = Path.rename, []

    def fail(self, target):
        calls.append(target)
        if len(calls) == step:
            raise error
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises((LGAError, KeyboardInterrupt)):
        exchange(tmp_path / "it")
    assert names(tmp_path / "it") == ["old"]
    assert names(tmp_path) == ["it"]


@pytest.mark.usefixtures("no_exchange")
def test_an_old_folder_that_cannot_be_brought_back_is_not_deleted_and_found_at_the_next_write(tmp_path, monkeypatch):
    fill(tmp_path / "it", old="1")
    rename, calls = Path.rename, []

    def fail(self, target):
        calls.append(target)
        if len(calls) > 1:
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", fail)
        with pytest.raises(LGAError):
            exchange(tmp_path / "it")
    (kept,) = tmp_path.iterdir()
    assert (kept / "old").read_text() == "1"
    end_owner_of(tmp_path, kept)
    with pytest.raises(RuntimeError):
        exchange(tmp_path / "it", then=RuntimeError)
    assert names(tmp_path) == ["it"]
    assert names(tmp_path / "it") == ["old"]


def end_owner_of(folder, left):
    """Rename what was left as if its process had ended: process numbers end far below this one."""
    left.rename(folder / left.name.replace(f"-{os.getpid()}-", "-4000000000-"))


@pytest.mark.usefixtures("no_exchange")
def test_without_a_call_that_exchanges_a_folder_is_replaced_all_the_same(tmp_path):
    fill(tmp_path / "it", old="1")
    exchange(tmp_path / "it")
    assert names(tmp_path / "it") == ["new"]
    assert names(tmp_path) == ["it"]


def test_a_folder_below_a_file_is_refused_in_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LGAError) as caught, replace_folder(tmp_path / "file" / "it"):
        pass
    assert str(caught.value).startswith(f"{tmp_path / 'file' / 'it'}: cannot be written (")
    assert "\n" not in str(caught.value)


def test_json_is_readable_and_comes_back():
    value = {"label": "跳水 žába", "numbers": [1, 0.1], "nothing": None}
    data = to_json(value)
    assert json.loads(data) == value
    assert "跳水 žába".encode() in data
    assert data.endswith(b"}\n")
    assert data.count(b"\n") > 3


def test_a_file_that_is_filled_bit_by_bit_appears_when_the_block_ends(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    with replace_file(tmp_path / "a") as part:
        with part.open("wb") as file:
            file.write(b"ne")
            file.write(b"w")
        assert (tmp_path / "a").read_bytes() == b"old"
    assert (tmp_path / "a").read_bytes() == b"new"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_in_the_block_leaves_the_old_file(tmp_path, error):
    (tmp_path / "a").write_bytes(b"old")

    def interrupted():
        with replace_file(tmp_path / "a") as part:
            part.write_bytes(b"new")
            raise error

    with pytest.raises(error):
        interrupted()
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_what_is_appended_stands_behind_what_was_there(tmp_path):
    append_durably(tmp_path / "a" / "b", b"1")
    append_durably(tmp_path / "a" / "b", b"2")
    assert (tmp_path / "a" / "b").read_bytes() == b"12"


def test_a_full_disk_is_told_when_appending(tmp_path, full_disk):
    with pytest.raises(LGAError, match=r"a: cannot be written \(No space left on device\)"):
        append_durably(tmp_path / "a", b"1")


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), min_size=1, max_size=4), max_size=4))
def test_no_cell_of_a_table_is_a_formula_and_each_comes_back(rows):
    read = list(csv.reader(io.StringIO(to_csv(rows), newline="")))
    assert not any(cell.lstrip()[:1] in tuple("=@+-＝＠＋－") for row in read for cell in row if not is_number(cell))
    assert [[from_cell(cell) for cell in row] for row in read] == rows


@pytest.mark.parametrize(
    "cell", ["=1+1", "@x", "+cmd|' /C calc'!A0", "-x.mp4", " =1", "'=1", "''-", "＝1", "-1", "+2e5"]
)
def test_a_formula_gets_an_apostrophe_and_a_number_stays(cell):
    shown = to_csv([[cell]]).strip("\n")
    assert shown == (cell if is_number(cell) else f"'{cell}")
    assert from_cell(shown) == cell


def is_number(cell):
    return re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", cell) is not None


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a", "file"), (".", "folder"), ("pipe", "other"), ("link", "file"), ("none", "nothing"), ("loop", "nothing"),
     ("a/b", "nothing"), ("x" * 300, "nothing"), ("a\0b", "nothing")],
)  # fmt: skip
def test_what_lies_at_a_place_has_one_answer(tmp_path, name, kind):
    (tmp_path / "a").touch()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert kind_of(tmp_path / name) == kind


def test_a_place_that_may_not_be_reached_is_an_error_of_one_line(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(LGAError, match=r"/a: cannot be reached \(Permission denied\); check that you may read it"):
        kind_of(tmp_path / "a")


def left_by(path, pid, text="half"):
    """What a process of this number left beside a target."""
    left = temporary_path(path)
    left = left.with_name(left.name.replace(f"-{os.getpid()}-", f"-{pid}-"))
    left.write_text(text)
    return left


GONE = 4_000_000_000
"""A number that no process has."""


@pytest.mark.parametrize("write", ["file", "folder", "remove"])
def test_what_killed_processes_left_is_swept_at_the_next_write_to_the_same_target(tmp_path, write):
    path = tmp_path / "it"
    left_by(path, GONE)
    if write == "folder":
        fill(path, old="1")
        fill(path.with_name(left_by(path, GONE).name.replace(".part", ".old")), older="1")
    other, own = left_by(tmp_path / "it.b", GONE), left_by(path, os.getpid())
    {
        "file": lambda: write_atomically(path, b"new"),
        "folder": lambda: exchange(path),
        "remove": lambda: remove_file(path),
    }[write]()
    there = [] if write == "remove" else [path]
    assert {*tmp_path.iterdir()} == {other, own, *there}


def test_nothing_that_a_person_may_have_named_is_swept(tmp_path):
    path = tmp_path / "it"
    left = left_by(path, GONE).name
    (tmp_path / left).unlink()
    theirs = [".it.part", ".it.old", left[1:], left + "x", left.replace(".part", ""), left.upper(),
              left.replace(str(GONE), "x"), ".it." + left, "it~", ".it.swp"]  # fmt: skip
    for name in theirs:
        (tmp_path / name).touch()
    write_atomically(path, b"new")
    assert names(tmp_path) == sorted([*theirs, "it"])


def link_to(tmp_path, target):
    """A link in one folder to a place in another one."""
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    (tmp_path / "here" / "link").symlink_to(Path("..") / "there" / target)
    return tmp_path / "here" / "link", tmp_path / "there" / target


def test_a_link_to_a_file_stays_and_the_file_is_replaced(tmp_path):
    link, real = link_to(tmp_path, "file")
    for content in (b"made", b"replaced"):
        write_atomically(link, content)
        assert link.is_symlink()
        assert real.read_bytes() == content
        assert (names(link.parent), names(real.parent)) == (["link"], ["file"])


@pytest.mark.parametrize("one_call", [True, False])
def test_a_link_to_a_folder_stays_and_the_folder_is_replaced(tmp_path, request, one_call):
    if not one_call:
        request.getfixturevalue("no_exchange")
    link, real = link_to(tmp_path, "folder")
    fill(real, old="1")
    exchange(link)
    assert link.is_symlink()
    assert names(real) == ["new"]
    assert (names(link.parent), names(real.parent)) == (["link"], ["folder"])


@pytest.mark.parametrize("target", ["link", "gone/file"])
def test_a_link_in_a_circle_or_to_a_disk_that_is_not_there_is_refused(tmp_path, target):
    (tmp_path / "link").symlink_to(tmp_path / target)
    with pytest.raises(LGAError, match="link: cannot be written"):
        write_atomically(tmp_path / "link", b"new")
    assert names(tmp_path) == ["link"]


def test_a_pipe_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(LGAError, match="is a device or a pipe"):
        write_atomically(tmp_path / "pipe", b"new")
    assert kind_of(tmp_path / "pipe") == "other"


def test_a_file_is_not_replaced_by_a_folder(tmp_path):
    (tmp_path / "it").write_text("kept")
    with pytest.raises(LGAError, match=r"it: cannot be written \(Not a directory\)"):
        exchange(tmp_path / "it")
    assert (tmp_path / "it").read_text() == "kept"


def test_a_scratch_folder_is_gone_when_its_block_ends(tmp_path):
    with scratch_folder(tmp_path / "it") as folder:
        (folder / "inside").touch()
        assert folder.parent == tmp_path
    assert names(tmp_path) == []


def test_a_disk_that_becomes_full_keeps_no_part_of_what_was_to_be_appended(tmp_path):
    append_durably(tmp_path / "a", b"12345")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, before[1]))
    try:
        with pytest.raises(LGAError, match="cannot be written"):
            append_durably(tmp_path / "a", b"67890")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (tmp_path / "a").read_bytes() == b"12345"


def test_a_disk_that_takes_a_part_at_a_time_gets_all_that_is_appended(tmp_path, monkeypatch):
    class Slow(io.FileIO):
        def write(self, data):
            return super().write(data[:3])

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda self, *_, **__: Slow(self, "ab"))
        append_durably(tmp_path / "a", b"1234567890")
    assert (tmp_path / "a").read_bytes() == b"1234567890"


def test_a_file_is_on_the_disk_before_it_takes_its_place_and_the_place_after(tmp_path, asked):
    write_atomically(tmp_path / "new" / "file", b"1")
    assert asked == [
        ("sync", f"{tmp_path.name}/"),
        ("sync", "part"),
        ("rename", "file"),
        ("sync", "new/"),
    ]


def test_all_that_a_folder_holds_is_on_the_disk_before_it_takes_its_place(tmp_path, asked):
    with replace_folder(tmp_path / "it") as fresh:
        fill(fresh / "inner", two="2")
        fill(fresh, one="1")
    assert asked == [
        ("sync", "one"),
        ("sync", "part/"),
        ("sync", "two"),
        ("sync", "inner/"),
        ("rename", "it"),
        ("sync", f"{tmp_path.name}/"),
    ]


def test_what_is_appended_is_on_the_disk_with_its_name(tmp_path, asked):
    append_durably(tmp_path / "a", b"1")
    append_durably(tmp_path / "a", b"2")
    assert asked == [("sync", "a"), ("sync", f"{tmp_path.name}/"), ("sync", "a")]
