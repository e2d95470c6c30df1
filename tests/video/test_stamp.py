"""`lga.video.stamp`: a stamp differs whenever the content may."""

import os
import time

import pytest
from PIL import Image

from lga.errors import VideoError
from lga.video.stamp import RESOLUTION, clip_stamp


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"one content")
    return path


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (2, 2), (number, 0, 0)).save(folder / f"{number}.png")
    return folder


def test_reading_changes_nothing(clip, pictures):
    for path in (clip, pictures):
        before = clip_stamp(path)
        for part in [path] if path == clip else path.iterdir():
            part.read_bytes()
        assert clip_stamp(path) == before


def keeping_size_and_time(change):
    def changed(path):
        found = path.stat()
        change(path)
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
        assert (path.stat().st_size, path.stat().st_mtime_ns) == (found.st_size, found.st_mtime_ns)

    return changed


def replace(path):
    other = path.with_name("other")
    other.write_bytes(b"two content"[: path.stat().st_size].ljust(path.stat().st_size))
    other.replace(path)


CHANGES = {
    "longer": lambda path: path.write_bytes(b"a longer content than before"),
    "rewritten": lambda path: path.write_bytes(path.read_bytes()[::-1]),
    "rewritten, with the time set back": keeping_size_and_time(lambda path: path.write_bytes(path.read_bytes()[::-1])),
    "replaced, with the time set back": keeping_size_and_time(replace),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_file_that_is_written_to_has_another_stamp(clip, pictures, change):
    for path, part in ((clip, clip), (pictures, pictures / "1.png")):
        before = clip_stamp(path)
        time.sleep(0.02)  # a system counts time in steps, whence `Stamp.settled`
        change(part)
        assert clip_stamp(path).value != before.value


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "1.png").rename(folder / "7.png"),
        lambda folder: (folder / "1.png").unlink(),
        lambda folder: (folder / "3.png").write_bytes((folder / "0.png").read_bytes()),
    ],
    ids=["renamed", "removed", "added"],
)
def test_a_folder_with_other_pictures_has_another_stamp(pictures, change):
    before = clip_stamp(pictures)
    change(pictures)
    assert clip_stamp(pictures).value != before.value


def test_what_is_no_picture_of_the_folder_does_not_count(pictures):
    before = clip_stamp(pictures)
    (pictures / ".DS_Store").touch()
    assert clip_stamp(pictures) == before


def test_a_clip_is_settled_when_its_time_can_no_longer_come_again(clip):
    stamp = clip_stamp(clip)
    assert not stamp.settled(time.time())
    assert not stamp.settled(stamp.newest + RESOLUTION - 0.01)
    assert stamp.settled(stamp.newest + RESOLUTION)
    os.utime(clip, (0, 0))
    assert not clip_stamp(clip).settled(time.time())  # the status changed just now
    os.utime(clip, (0, time.time() + 1000))
    assert not clip_stamp(clip).settled(time.time() + 100)


def test_a_clip_that_is_not_there_is_refused(tmp_path, clip):
    clip.write_bytes(b"")
    missing = tmp_path / "missing.mp4"
    for path, why in ((missing, "no such file"), (clip, "empty"), (tmp_path, "without frame pictures")):
        with pytest.raises(VideoError, match=why):
            clip_stamp(path)
