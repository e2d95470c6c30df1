import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lga.errors import VideoError
from lga.video.files import check_bytes, check_size, check_work, content_digest, is_clip, pictures_in, refusal


def picture(path):
    Image.new("RGB", (5, 7)).save(path)
    return path


def test_frame_pictures_are_in_counting_order(tmp_path):
    for name in ("frame10.png", "frame9.png", "Frame1.JPG", ".hidden.png"):
        picture(tmp_path / name)
    (tmp_path / "notes.txt").touch()
    assert [each.name for each in pictures_in(tmp_path)] == ["Frame1.JPG", "frame9.png", "frame10.png"]


@pytest.mark.parametrize("name", ["a.mp4", "a.AVI", "a.webm", "a.mkv", "a.mov", "a.gif"])
def test_a_file_with_a_video_suffix_is_a_clip(tmp_path, name):
    (tmp_path / name).touch()
    assert is_clip(tmp_path / name)


def test_other_files_hidden_ones_and_missing_ones_are_not_clips(tmp_path):
    for name in ("a.txt", ".a.mp4", "a.jpg", "a.m3u8", "mp4"):
        (tmp_path / name).touch()
        assert not is_clip(tmp_path / name)
    assert not is_clip(tmp_path / "missing.mp4")


def test_a_folder_is_a_clip_when_it_holds_only_pictures(tmp_path):
    assert not is_clip(tmp_path)
    picture(tmp_path / "1.png")
    (tmp_path / ".DS_Store").touch()
    assert is_clip(tmp_path)
    (tmp_path / "a.mp4").touch()
    assert not is_clip(tmp_path)


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"abc")
    assert content_digest(tmp_path / "a.mp4") == hashlib.sha256(b"abc").hexdigest()


def test_the_digest_of_a_folder_changes_with_names_and_pictures_only(tmp_path):
    first = picture(tmp_path / "1.png")
    digest = content_digest(tmp_path)
    os.utime(first, (0, 0))
    (tmp_path / ".DS_Store").touch()
    assert content_digest(tmp_path) == digest
    first.rename(tmp_path / "2.png")
    assert content_digest(tmp_path) != digest


def test_the_digest_of_nothing_is_refused(tmp_path):
    with pytest.raises(VideoError, match=r"gone\.mp4: no such file"):
        content_digest(tmp_path / "gone.mp4")


def test_an_error_is_one_printable_line_whatever_the_name(tmp_path):
    assert str(refusal(tmp_path / "ü $(x).mp4", "bad")) == f"{tmp_path}/ü $(x).mp4: bad"
    for name in ("a\nb", "a\udcff", "a\x1b[31m"):
        assert str(refusal(tmp_path / name, "bad")).isprintable()
        str(refusal(tmp_path / name, "bad")).encode()


@given(st.integers(170, 10_000), st.integers(170, 10_000))
def test_plausible_sizes_pass(width, height):
    check_size(Path("a.mp4"), width, height)


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (16385, 4000), (10001, 10000), (1, 101)])
def test_implausible_sizes_are_refused(tmp_path, size):
    with pytest.raises(VideoError, match="implausible"):
        check_size(tmp_path, *size)


@pytest.mark.parametrize(("width", "height", "stored"), [(7680, 4320, 7.5), (4096, 2160, 31.0), (1, 1, 0.0)])
def test_what_cameras_write_fits_into_memory(tmp_path, width, height, stored):
    check_bytes(tmp_path, width, height, stored=stored)


def test_pictures_that_need_too_much_memory_are_refused_in_one_line(tmp_path):
    with pytest.raises(VideoError, match=r"12000 x 8000 pixels need about 2151 MiB; at most 800 MiB") as told:
        check_bytes(tmp_path, 12000, 8000, stored=7.5)
    assert "\n" not in str(told.value)


def test_a_small_file_may_not_be_long_work(tmp_path):
    check_work(tmp_path, 1920, 1080, pictures=90_000.0, size=10_000_000)  # an hour of a screen where little happens
    check_work(tmp_path, 800, 600, pictures=4000.0, size=1)
    with pytest.raises(VideoError, match="2000 pictures of 3000 x 2000 pixels in 57000 bytes take too long"):
        check_work(tmp_path, 3000, 2000, pictures=2000.0, size=57_000)
