import hashlib
import os
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lga.errors import VideoError
from lga.video.decode import open_clip
from lga.video.files import (
    KINDS,
    check_bytes,
    check_size,
    check_work,
    content_digest,
    find_clips,
    identity,
    is_clip,
    is_folder,
    pictures_in,
    refusal,
    why_no_clip,
)


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


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a.jpg", "a single picture"),
        ("a.txt", "its name does not end as a video's does (.3g2, "),
        ("Thumbs.db", "a system's own file"),
        ("gone.mp4", "no such file or folder"),
        ("link.mp4", "a link that leads nowhere"),
        ("empty", "an empty folder"),
        ("mixed", "frame pictures with something else among them (a.txt); move that away"),
        ("deep", "a folder without frame pictures"),
    ],
)
def test_what_is_no_clip_says_why(tmp_path, name, why):
    for folder in ("empty", "mixed", "deep"):
        (tmp_path / folder).mkdir()
    for file in ("a.jpg", "a.txt", "Thumbs.db", "mixed/1.jpg", "mixed/a.txt", "deep/b.mp4"):
        (tmp_path / file).touch()
    (tmp_path / "link.mp4").symlink_to(tmp_path / "none.mp4")
    assert why in why_no_clip(tmp_path / name)
    assert not is_clip(tmp_path / name)


def test_what_a_system_leaves_among_frame_pictures_changes_nothing(tmp_path):
    picture(tmp_path / "1.png")
    digest = content_digest(tmp_path)
    for name in ("Thumbs.db", "desktop.ini", "._1.png", "Icon\r"):
        (tmp_path / name).touch()
    (tmp_path / "@eaDir").mkdir()
    picture(tmp_path / "@eaDir/SYNOPHOTO_THUMB_M.jpg")
    assert is_clip(tmp_path)
    assert content_digest(tmp_path) == digest


@pytest.mark.shared
def test_a_frame_folder_that_windows_looked_into_is_a_clip(shared):
    folder = shared / "data" / "odd" / "folders" / "with_thumbs"
    assert is_clip(folder)
    assert len(pictures_in(folder)) == 24


def test_clips_below_a_folder_are_found_through_links_each_folder_once(tmp_path):
    for name in ("far/wave/1.MP4", "near/$RECYCLE.BIN/2.mp4", "near/a.mp4", "near/note.txt", "near/film/1.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "near/link").symlink_to(tmp_path / "far")
    (tmp_path / "near/again").symlink_to(tmp_path / "far")
    (tmp_path / "far/back").symlink_to(tmp_path / "near")
    (tmp_path / "near/self").symlink_to(tmp_path / "near/self")
    (tmp_path / "near/gone.mp4").symlink_to(tmp_path / "none")
    found = [path.name for path in find_clips(tmp_path / "near")]
    assert sorted(found) == ["1.MP4", "a.mp4", "film"]


@pytest.mark.parametrize(
    ("written", "advice"),
    [("clips\\a.mp4", "folders are parted by /"), ("~/a.mp4", "~ is part of a name"), ("file:///a.mp4", "not a URL")],
)
def test_a_path_as_other_places_write_it_says_what_was_tried(tmp_path, written, advice):
    with pytest.raises(VideoError, match="no such file or folder; ") as caught:
        content_digest(tmp_path / written)
    assert advice in str(caught.value)
    assert str(tmp_path / written) in str(caught.value)


@pytest.mark.parametrize("suffix", sorted(suffix for suffixes in KINDS.values() for suffix in suffixes))
def test_every_kind_counts_in_small_letters_and_capitals(tmp_path, suffix):
    for name in (f"a{suffix}", f"b{suffix.upper()}"):
        (tmp_path / name).touch()
        assert is_clip(tmp_path / name)


@pytest.mark.parametrize(
    ("muxer", "codec"), [("3gp", "libx264"), ("asf", "msmpeg4"), ("flv", "flv"), ("vob", "mpeg2video")]
)
@pytest.mark.parametrize("suffix", [".mp4", ".wmv", ""])
def test_the_content_decides_what_kind_a_file_is_not_its_name(tmp_path, video_files, muxer, codec, suffix):
    path = tmp_path / f"clip{suffix}"
    with av.open(str(path), "w", format=muxer) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for picture in video_files.numbered(20):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    with open_clip(path) as clip:
        shown = [video_files.number_of(picture) for picture in clip.pictures_at([0.01, 0.41, 0.61])]
    assert shown == [0, 10, 15]


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


POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 5\n"


def test_a_pointer_of_git_lfs_is_named_for_what_it_is(tmp_path):
    (tmp_path / "a.mp4").write_text(POINTER)
    with pytest.raises(VideoError, match=r"a\.mp4: a pointer of Git LFS, not the file itself; run `git lfs pull`"):
        content_digest(tmp_path / "a.mp4")


@pytest.mark.parametrize("name", ["a\0b.mp4", "x" * 5000, "/".join(["d" * 50] * 99)], ids=["zero", "long", "deep"])
def test_a_name_that_no_file_can_have_is_refused_in_one_line(tmp_path, name):
    path = tmp_path / name
    assert "no such file or folder" in why_no_clip(path)
    for ask in (is_folder, content_digest, find_clips, identity):
        with pytest.raises(VideoError) as error:
            ask(path)
        assert "\n" not in str(error.value)
