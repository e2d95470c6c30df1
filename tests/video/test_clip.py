import tracemalloc
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lga.backbone.protocol import Preprocessing
from lga.errors import VideoError
from lga.video import clip as clip_module
from lga.video.clip import jittered_times, read_clip, uniform_times

durations = st.floats(1e-3, 1e5)
counts = st.integers(1, 64)


def test_uniform_times_are_the_centres_of_equal_parts():
    assert uniform_times(8.0, 4) == (1.0, 3.0, 5.0, 7.0)
    assert uniform_times(3.0, 1) == (1.5,)


@given(durations, counts)
def test_uniform_times_read_the_same_backwards(duration, count):
    times = uniform_times(duration, count)
    assert [duration - time for time in reversed(times)] == pytest.approx(times, abs=1e-9 * duration)


@given(durations, counts, st.integers(0, 2**31))
def test_jittered_times_hold_one_moment_of_every_part(duration, count, seed):
    times = jittered_times(duration, count, generator=Random(seed))
    part = duration / count
    assert len(times) == count
    for number, time in enumerate(times):
        assert number * part <= time * (1 + 1e-12)
        assert time <= (number + 1) * part * (1 + 1e-12)


def test_the_same_seed_draws_the_same_times():
    assert jittered_times(7.0, 5, generator=Random(3)) == jittered_times(7.0, 5, generator=Random(3))
    assert jittered_times(7.0, 5, generator=Random(3)) != jittered_times(7.0, 5, generator=Random(4))


@pytest.mark.parametrize(("duration", "count"), [(0.0, 3), (-1.0, 3), (float("inf"), 3), (float("nan"), 3), (2.0, 0)])
def test_impossible_requests_are_refused(duration, count):
    with pytest.raises(ValueError, match="not"):
        uniform_times(duration, count)
    with pytest.raises(ValueError, match="not"):
        jittered_times(duration, count, generator=Random(0))


HOW = Preprocessing(short_side=24, crop=24)


@pytest.fixture
def two_seconds(tmp_path, write_video, video_files):
    return write_video(tmp_path / "a.mp4", video_files.numbered(20))


def numbers(clip, video_files):
    return [[video_files.number_of(view) for view in views] for views in clip.frames]


def test_the_frames_are_those_at_the_centres_of_equal_parts(two_seconds, video_files):
    clip = read_clip(two_seconds, frames=4, how=HOW)
    assert clip.frames.shape == (4, 1, 24, 24, 3)
    assert clip.times == pytest.approx((0.25, 0.75, 1.25, 1.75))
    assert clip.duration == pytest.approx(2.0)
    assert numbers(clip, video_files) == [[2], [7], [12], [17]]


def test_a_generator_draws_the_moments(two_seconds, video_files):
    clip = read_clip(two_seconds, frames=5, how=HOW, generator=Random(7))
    assert clip.times == jittered_times(clip.duration, 5, generator=Random(7))
    assert numbers(clip, video_files) == [[int(time * 10)] for time in clip.times]


def test_more_frames_than_there_are_repeats_some(two_seconds, video_files):
    clip = read_clip(two_seconds, frames=40, how=HOW)
    assert numbers(clip, video_files) == [[number // 2] for number in range(40)]


def test_two_views_are_the_gap_apart_and_shift_back_at_the_end(two_seconds, video_files):
    clip = read_clip(two_seconds, frames=4, how=HOW, motion_gap=0.4)
    assert numbers(clip, video_files) == [[2, 6], [7, 11], [12, 16], [13, 17]]


def test_a_gap_longer_than_the_clip_reaches_as_far_as_it_can(two_seconds, video_files):
    assert numbers(read_clip(two_seconds, frames=2, how=HOW, motion_gap=9.0), video_files) == [
        [0, 5],
        [0, 15],
    ]


def test_both_views_of_a_single_frame_are_the_same(tmp_path, write_video, video_files):
    path = write_video(tmp_path / "a.mp4", video_files.numbered(1))
    assert numbers(read_clip(path, frames=3, how=HOW, motion_gap=0.4), video_files) == [[0, 0]] * 3


def test_a_frame_wanted_often_is_resized_once(tmp_path, write_video, video_files, monkeypatch):
    path, calls = write_video(tmp_path / "a.mp4", video_files.numbered(3)), []
    plainly = clip_module.resize_and_crop
    monkeypatch.setattr(clip_module, "resize_and_crop", lambda *a: calls.append(a) or plainly(*a))
    read_clip(path, frames=16, how=HOW, motion_gap=0.1)
    assert len(calls) == 3


def test_a_folder_of_pictures_is_a_clip(tmp_path, video_files):
    for number, pixels in enumerate(video_files.numbered(12)):
        Image.fromarray(pixels).save(tmp_path / f"frame{number}.png")
    clip = read_clip(tmp_path, frames=3, how=HOW, motion_gap=0.04)
    assert clip.duration == pytest.approx(12 / 25)
    assert numbers(clip, video_files) == [[2, 3], [6, 7], [10, 11]]


def test_a_4k_clip_holds_one_picture_at_a_time(tmp_path, write_video):
    picture = np.full((2160, 3840, 3), 99, np.uint8)
    path = write_video(tmp_path / "a.mp4", [picture] * 8, encoder={"preset": "ultrafast"})
    tracemalloc.start()
    clip = read_clip(path, frames=8, how=Preprocessing(224, 224))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert clip.frames.shape == (8, 1, 224, 224, 3)
    assert peak < 3 * picture.nbytes


def test_stretching_keeps_the_corners(tmp_path, write_video):
    picture = np.zeros((48, 96, 3), np.uint8)
    picture[:, :24], picture[:, 72:] = 250, 250
    path = write_video(tmp_path / "a.mp4", [picture] * 3)
    stretched = read_clip(path, frames=1, how=Preprocessing(24, 24, stretch=True)).frames[0, 0]
    cropped = read_clip(path, frames=1, how=Preprocessing(24, 24)).frames[0, 0]
    assert stretched[:, [0, -1]].float().mean() > 200
    assert cropped[:, [3, -4]].float().mean() < 50


def test_reading_twice_gives_the_same_clip(two_seconds):
    once, again = (read_clip(two_seconds, frames=5, how=HOW, motion_gap=0.3) for _ in range(2))
    assert torch.equal(once.frames, again.frames)
    assert once.times == again.times


def test_wrong_numbers_and_bad_files_are_refused(two_seconds, tmp_path):
    with pytest.raises(ValueError, match="at least one"):
        read_clip(two_seconds, frames=0, how=HOW)
    with pytest.raises(ValueError, match="seconds apart"):
        read_clip(two_seconds, frames=1, how=HOW, motion_gap=-1.0)
    with pytest.raises(VideoError, match="no such file"):
        read_clip(tmp_path / "gone.mp4", frames=1, how=HOW)
