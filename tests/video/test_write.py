"""The one mp4 writer: round trips, refusals, and what an interruption leaves."""

import resource
from contextlib import contextmanager

import av
import numpy as np
import pytest

from lga.errors import LGAError
from lga.video.decode import open_clip
from lga.video.write import VideoWriter, _Sink


def decoded(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@contextmanager
def largest_file(size):
    """What a full disk does: no file of this process may grow beyond `size` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def noise(count, height=64, width=96):
    return np.random.default_rng(3).integers(0, 256, (count, height, width, 3), np.uint8)


def write(path, pictures, fps=None):
    with VideoWriter(path, fps=fps) as writer:
        for number, picture in enumerate(pictures):
            writer.write(number / 10, picture)
    return path


def test_a_constant_rate_gives_the_same_pictures_and_the_same_bytes_each_time(tmp_path, video_files):
    pictures = video_files.numbered(12, 48, 64)
    first, second = (write(tmp_path / name, pictures, fps=10) for name in ("a.mp4", "b.mp4"))
    assert [video_files.number_of(one) for one in decoded(first)] == list(range(12))
    assert first.read_bytes() == second.read_bytes()
    with av.open(str(first)) as container:
        assert container.streams.video[0].average_rate == 10
    assert {one.name for one in tmp_path.iterdir()} == {"a.mp4", "b.mp4"}


def test_pictures_come_at_the_times_they_were_given(tmp_path, video_files):
    times = (0.0, 0.05, 0.5, 0.501, 2.0)
    with VideoWriter(tmp_path / "a.mp4") as writer:
        for time, picture in zip(times, video_files.numbered(5, 48, 64), strict=True):
            writer.write(time, picture)
    with open_clip(tmp_path / "a.mp4") as clip:
        shown = [video_files.number_of(one) for one in clip.pictures_at([0.01, 0.06, 0.49, 1.9, 2.1])]
        assert clip.duration > 2.0
    assert shown == [0, 1, 1, 3, 4]


def test_times_that_do_not_rise_are_moved_on_by_the_least_step(tmp_path, video_files):
    with VideoWriter(tmp_path / "a.mp4") as writer:
        for picture in video_files.numbered(4, 48, 64):
            writer.write(1.0, picture)
    assert [video_files.number_of(one) for one in decoded(tmp_path / "a.mp4")] == [0, 1, 2, 3]


@pytest.mark.parametrize(("size", "written"), [((1, 1), (2, 2)), ((33, 17), (32, 16)), ((16, 1200), (16, 1200))])
def test_sides_are_even_and_later_pictures_are_scaled_to_the_first(tmp_path, size, written):
    pictures = [np.zeros((*size, 3), np.uint8), np.zeros((20, 30, 3), np.uint8)]
    assert [one.shape[:2] for one in decoded(write(tmp_path / "a.mp4", pictures))] == [written, written]


def test_the_folder_is_made_and_without_a_picture_there_is_no_file(tmp_path):
    write(tmp_path / "new" / "deep" / "a.mp4", noise(2))
    (tmp_path / "old.mp4").write_bytes(b"old")
    write(tmp_path / "old.mp4", [])
    assert (tmp_path / "old.mp4").read_bytes() == b"old"
    assert [one.name for one in (tmp_path / "new" / "deep").iterdir()] == ["a.mp4"]
    assert {one.name for one in tmp_path.iterdir()} == {"new", "old.mp4"}


def test_a_closed_writer_closes_again_and_drops_what_comes_later(tmp_path):
    writer = VideoWriter(tmp_path / "a.mp4")
    for number, picture in enumerate(noise(2)):
        writer.write(number / 10, picture)
    assert not (tmp_path / "a.mp4").exists()
    writer.close()
    writer.close()
    writer.write(1.0, noise(1)[0])
    assert len(decoded(tmp_path / "a.mp4")) == 2


def test_an_interruption_leaves_the_old_file_and_no_part_of_a_new_one(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"old")

    def interrupted():
        with VideoWriter(tmp_path / "a.mp4") as writer:
            writer.write(0.0, noise(1)[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (tmp_path / "a.mp4").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("count", [1, 2, 90])
@pytest.mark.parametrize("size", [0, 20, 48, 999])
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, count, size):
    """Two pictures reach the disk when the file is closed, ninety while they are written."""
    with (
        pytest.raises(LGAError, match=r"a\.mp4: cannot be written \(.+\); free some space") as told,
        largest_file(size),
    ):
        write(tmp_path / "a.mp4", noise(count))
    assert "\n" not in str(told.value)
    assert list(tmp_path.iterdir()) == []


def test_a_video_is_on_the_disk_before_it_takes_its_place(tmp_path, asked):
    write(tmp_path / "a.mp4", noise(3))
    assert asked == [("sync", "part"), ("rename", "a.mp4"), ("sync", f"{tmp_path.name}/")]


def test_what_the_encoder_refuses_is_one_line_and_leaves_nothing(tmp_path):
    with pytest.raises(LGAError, match=r"a\.mp4: cannot be written"):
        write(tmp_path / "a.mp4", [np.zeros((2, 40_000, 3), np.uint8)])
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LGAError, match="cannot be written"):
        VideoWriter(tmp_path / "file" / "a.mp4")
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(LGAError, match=r"folder\.mp4: cannot be written"):
        write(tmp_path / "folder.mp4", noise(2))
    assert {one.name for one in tmp_path.iterdir()} == {"file", "folder.mp4"}


def test_the_disk_may_fill_up_at_any_write(tmp_path, monkeypatch):
    """FFmpeg hears nothing of it, so that it never goes on with what is half made."""
    plainly, told = _Sink.write, []
    for last in range(99):
        written = 0

        def fill(self, data, last=last):
            nonlocal written
            written += 1
            if written > last:
                self._trouble = self._trouble or OSError(28, "No space left on device")
            return plainly(self, data)

        monkeypatch.setattr(_Sink, "write", fill)
        try:
            write(tmp_path / "a.mp4", noise(40))
        except LGAError as error:
            told.append(str(error))
            assert list(tmp_path.iterdir()) == []
        else:
            break
    assert len(told) >= 3
    assert all("No space left on device" in one and "\n" not in one for one in told)
    assert len(decoded(tmp_path / "a.mp4")) == 40
