import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lga import temporary
from lga.temporary import find_abandoned, sweep, temporary_path

proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="when a process began is asked of /proc")


def test_a_name_tells_its_target_and_its_owner_and_is_hidden(tmp_path):
    name = temporary_path(tmp_path / "clips.mp4").name
    assert name.startswith(".clips.mp4.")
    assert f"-{os.getpid()}-" in name
    assert name != temporary_path(tmp_path / "clips.mp4").name


@pytest.mark.parametrize("name", ["x" * 255, "跳" * 85, "a b", "it's [1]", "\udcff"])
def test_any_name_that_a_file_can_have_is_a_target(tmp_path, name):
    left = temporary_path(tmp_path / name)
    left = left.with_name(left.name.replace(f"-{os.getpid()}-", "-4000000000-"))
    left.touch()
    assert find_abandoned(tmp_path / name) == [left]


def test_what_a_living_process_owns_is_never_abandoned_and_once_it_is_killed_it_is(tmp_path):
    program = "import sys, time; from pathlib import Path; from lga.temporary import temporary_path; " \
              "temporary_path(Path(sys.argv[1])).mkdir(); print(flush=True); time.sleep(60)"  # fmt: skip
    owner = subprocess.Popen([sys.executable, "-c", program, tmp_path / "it"], stdout=subprocess.PIPE)
    owner.stdout.readline()
    sweep(tmp_path / "it")
    (left,) = tmp_path.iterdir()
    owner.kill()
    os.waitid(os.P_PID, owner.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and nobody has asked how
    if Path("/proc/self/stat").exists():
        assert find_abandoned(tmp_path / "it") == [left]
    owner.communicate()
    sweep(tmp_path / "it")
    assert not left.exists()


@proc
def test_a_process_that_has_the_number_of_an_earlier_one_is_not_taken_for_it(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(temporary, "_begun", lambda pid: "12345678")
        left = temporary_path(tmp_path / "it")
    left.touch()
    assert find_abandoned(tmp_path / "it") == [left]


def test_where_nobody_tells_when_a_process_began_its_number_alone_decides(tmp_path, monkeypatch):
    monkeypatch.setattr(temporary, "_begun", lambda pid: None)
    left = temporary_path(tmp_path / "it")
    left.touch()
    assert find_abandoned(tmp_path / "it") == []


@pytest.mark.skipif(shutil.which("ps") is None, reason="needs `ps`")
def test_ps_knows_when_this_process_began_and_nothing_of_one_that_is_not_there():
    assert temporary._asked(os.getpid()) == temporary._asked(os.getpid()) != ""
    assert temporary._asked(4_000_000_000) == ""


def test_what_another_machine_left_is_abandoned_a_day_after_the_last_change_in_it(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(temporary, "_host", lambda: "0123456789ab")
        left = temporary_path(tmp_path / "it")
    left.mkdir()
    (left / "inside").touch()
    now = left.stat().st_mtime
    os.utime(left, (now - 2 * temporary.DAY,) * 2)
    assert find_abandoned(tmp_path / "it") == []
    os.utime(left / "inside", (now - 2 * temporary.DAY,) * 2)
    assert find_abandoned(tmp_path / "it") == [left]


def test_a_link_with_such_a_name_is_removed_and_what_it_names_is_not(tmp_path):
    (tmp_path / "kept").mkdir()
    left = temporary_path(tmp_path / "it")
    left = left.with_name(left.name.replace(f"-{os.getpid()}-", "-4000000000-"))
    left.symlink_to(tmp_path / "kept")
    sweep(tmp_path / "it")
    assert [one.name for one in tmp_path.iterdir()] == ["kept"]


def test_a_folder_that_may_not_be_listed_has_nothing_to_be_swept(tmp_path, monkeypatch):
    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "listdir", refuse)
    sweep(tmp_path / "it")
