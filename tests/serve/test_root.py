import ctypes
import errno
import os
import sys
import threading

import pytest

from lga.errors import LGAError, SettingsError
from lga.serve import root as module
from lga.serve.root import check_root, find_beneath, open_beneath, request_folder

SWAPS = 4000


@pytest.fixture
def tree(tmp_path):
    """`root/` with `a/in.mp4`, beside `outside/in.mp4`; each holds the name of where it lies."""
    for place in ("root/a", "root/b", "outside"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "in.mp4").write_text(place)
    return tmp_path


def read(root, path):
    with open_beneath(root, path) as file:
        return file.read().decode()


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("to_file.mp4", "a/in.mp4"),
        ("to_folder", "a"),
        ("b/up", "../a"),
        ("b/far", "../b/../b/up"),
        ("absolute", "{root}/a"),
        ("b/absolute.mp4", "{root}/b/../a/in.mp4"),
    ],
)
def test_links_below_the_root_are_followed(tree, link, target):
    root = tree / "root"
    (root / link).parent.mkdir(exist_ok=True)
    (root / "b/up").symlink_to("../a") if "far" in link else None
    (root / link).symlink_to(target.format(root=root))
    path = link if link.endswith(".mp4") else f"{link}/in.mp4"
    for one in (path, f"./{path}", f"a/../{path}", str(root / path)):
        assert read(root, one) == "root/a"
    (tree / "other name").symlink_to(root)
    assert read(tree / "other name", path) == "root/a"
    assert read(tree / "other name", str(root / path)) == "root/a"


@pytest.mark.parametrize("target", ["../outside", "{tree}/outside", "a/../../outside", "/proc/self/cwd", ".."])
def test_nothing_leads_out_of_the_root(tree, target, monkeypatch):
    monkeypatch.chdir(tree / "outside")
    (tree / "root/out").symlink_to(target.format(tree=tree))
    (tree / "root/out.mp4").symlink_to(f"{target.format(tree=tree)}/in.mp4")
    for path in ("out/in.mp4", "out.mp4", "../outside/in.mp4", str(tree / "outside/in.mp4"), "a/../../outside/in.mp4"):
        with pytest.raises(OSError, match=r"\[Errno \d+\]"):
            open_beneath(tree / "root", path)


def test_what_is_no_file_is_refused_and_nothing_stays_open(tree):
    root = tree / "root"
    os.mkfifo(root / "pipe.mp4")
    (root / "circle").symlink_to("circle")
    (root / "null.mp4").symlink_to("/dev/null")
    before = os.listdir("/dev/fd")
    for path in ("", ".", "a", "a/", "a/in.mp4/in.mp4", "pipe.mp4", "circle", "null.mp4", "gone.mp4", "x" * 5000, ".."):
        with pytest.raises(OSError, match=r"\[Errno \d+\]"):
            open_beneath(root, path)
    with pytest.raises(ValueError, match="null"):
        open_beneath(root, "a\0")
    with pytest.raises(OSError, match="gone"):
        open_beneath(tree / "gone", "in.mp4")
    assert os.listdir("/dev/fd") == before


@pytest.mark.skipif(sys.platform != "linux", reason="exchanges two names in one call, which Linux can")
@pytest.mark.parametrize("what", ["folder", "file"])
def test_a_link_that_takes_the_place_of_what_was_looked_at_is_never_followed(tree, what):
    """While two names are exchanged for each other thousands of times, either the file inside is read or none."""
    root = tree / "root"
    inside, path = (root / "a", "a/in.mp4") if what == "folder" else (root / "a/in.mp4", "a/in.mp4")
    link = root / "link"
    link.symlink_to(tree / "outside" if what == "folder" else tree / "outside/in.mp4")
    exchange, here, ended = ctypes.CDLL(None).renameat2, -100, threading.Event()

    def swap():
        for _ in range(SWAPS):
            assert exchange(here, bytes(inside), here, bytes(link), 2) == 0
        ended.set()

    read_inside = refused = 0
    swapping = threading.Thread(target=swap)
    swapping.start()
    while not ended.is_set():
        try:
            assert read(root, path) == "root/a"
            read_inside += 1
        except OSError:
            refused += 1
    swapping.join()
    assert read_inside > 0
    assert refused > 0


def test_what_was_found_is_read_however_it_is_renamed_afterwards(tree, tmp_path):
    with find_beneath(tree / "root", "a/in.mp4", tmp_path) as place:
        (tree / "root/a").rename(tree / "root/c")
        (tree / "root/a").symlink_to(tree / "outside")
        for _ in range(3):
            assert place.read_text() == "root/a"


def test_where_open_files_have_no_place_a_copy_is_read(tree, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "DESCRIPTORS", tmp_path / "none")
    folder = tmp_path / "uploads"
    folder.mkdir()
    with find_beneath(tree / "root", "a/in.mp4", folder) as place:
        assert (place.parent.parent, place.read_text()) == (folder, "root/a")
    assert list(folder.iterdir()) == []
    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(LGAError, match="free some space"), find_beneath(tree / "root", "a/in.mp4", folder):
        pass
    assert list(folder.iterdir()) == []


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_request_that_gets_no_folder_is_told_in_one_line(tmp_path):
    (tmp_path / "uploads").touch()
    with pytest.raises(LGAError, match="uploads: cannot be written"), request_folder(tmp_path / "uploads"):
        pass


def test_a_root_is_refused_where_nothing_can_be_opened_below_a_folder(tmp_path, monkeypatch):
    check_root(tmp_path)
    monkeypatch.setattr(os, "supports_dir_fd", frozenset())
    check_root(None)
    with pytest.raises(SettingsError, match="upload clips"):
        check_root(tmp_path)
