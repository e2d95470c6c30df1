import os
import random

import pytest

from lga.errors import VideoError
from lga.watch.address import find_address
from lga.watch.moments import Damage, Finish, Shown
from lga.watch.source import open_source

from .conftest import copy_as


def look(path):
    with open_source(find_address(str(path)), 5.0) as source:
        return source.duration, list(source.shown())


def spoilt(path, begin, end):
    data = bytearray(path.read_bytes())
    part = slice(int(begin * len(data)), int(end * len(data)))
    data[part] = random.Random(1).randbytes(part.stop - part.start)
    path.write_bytes(data)
    return path


def test_every_picture_comes_once_in_order_with_its_time(tmp_path, write_video, video_files):
    path = write_video(tmp_path / "a.mp4", video_files.numbered(12))
    duration, found = look(path)
    assert duration == pytest.approx(1.2)
    assert [round(one.time, 3) for one in found[:-1]] == [number / 10 for number in range(12)]
    assert [video_files.number_of(one.frame.to_ndarray(format="rgb24")) for one in found[:-1]] == list(range(12))
    assert found[-1].time == pytest.approx(1.2)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_a_damaged_passage_is_named_and_the_rest_is_shown(scenes, tmp_path, suffix):
    path = spoilt(copy_as(scenes.video, tmp_path / f"a{suffix}"), 0.5, 0.6)
    _, found = look(path)
    whole = scenes.truth[-1][1]
    damage = [one for one in found if isinstance(one, Damage)]
    times = [one.time for one in found if isinstance(one, Shown)]
    assert damage
    assert all(0.3 * whole < one.start <= one.end < 0.9 * whole for one in damage)
    assert min(times) == 0
    assert max(times) > whole - 0.2
    assert isinstance(found[-1], Finish)


def test_a_file_that_breaks_off_is_shown_as_far_as_it_goes(scenes, tmp_path):
    path = copy_as(scenes.video, tmp_path / "a.mkv")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    duration, found = look(path)
    assert isinstance(found[-2], Damage)
    assert "cut short" in found[-2].reason
    assert found[-2].end == pytest.approx(duration)
    assert 0.3 * duration < found[-1].time < 0.7 * duration


def test_two_streams_one_after_the_other_are_one_time_line(scenes, stream_file, tmp_path):
    (tmp_path / "two.ts").write_bytes(stream_file.read_bytes() * 2)
    _, found = look(tmp_path / "two.ts")
    times = [one.time for one in found if isinstance(one, Shown)]
    assert times == sorted(times)
    assert times[-1] == pytest.approx(2 * scenes.truth[-1][1], abs=0.5)


def test_a_pipe_is_read_without_going_back(scenes, stream_file, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    if os.fork() == 0:
        with pipe.open("wb") as file:
            file.write(stream_file.read_bytes())
        os._exit(0)
    duration, found = look(pipe)
    os.wait()
    assert duration is None
    assert found[-1].time == pytest.approx(scenes.truth[-1][1], abs=0.1)


@pytest.mark.parametrize(
    "data", [b"no video", b"#EXTM3U\nhttp://example.com/a.ts\n", b"ffconcat version 1.0\nfile a\n"]
)
def test_what_is_no_video_is_refused_in_one_line(tmp_path, data):
    (tmp_path / "a.mp4").write_bytes(data)
    with pytest.raises(VideoError, match=r"a\.mp4: no video") as error:
        look(tmp_path / "a.mp4")
    assert "\n" not in str(error.value)


def test_sound_alone_and_absurd_pictures_are_refused(tmp_path, video_files):
    video_files.write_sound(tmp_path / "a.mp4")
    (tmp_path / "a.gif").write_bytes(video_files.huge_gif(60_000))
    for name in ("a.mp4", "a.gif"):
        with pytest.raises(VideoError, match=r"only sound|too large|implausible|no video"):
            look(tmp_path / name)


def test_an_address_where_nobody_answers_is_refused():
    nobody = find_address("tcp://127.0.0.1:9")
    with pytest.raises(VideoError, match=r"tcp://127\.0\.0\.1:9"), open_source(nobody, 2.0):
        pass
