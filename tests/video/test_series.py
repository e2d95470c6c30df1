from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lga.errors import ClipWarning, VideoError
from lga.video.decode import open_clip
from lga.video.files import content_digest, pictures_in
from lga.video.series import choose_series, part_series


def names(prefix, count=3):
    return [Path(f"{prefix}{number:05}.jpg") for number in range(1, count + 1)]


@pytest.mark.parametrize("called", ["img_", "image", "frame-", "Frame_", "frames_"])
def test_of_pictures_and_their_flow_the_pictures_are_taken(called):
    wanted = names(called)
    chosen, others = choose_series([*names("flow_x_"), *names("flow_y_"), *wanted])
    assert (chosen, others) == (wanted, "flow_x_*, flow_y_*")


@pytest.mark.parametrize(
    "one",
    [names("img_"), names(""), names("shot 2 take "), [Path("a.jpg"), Path("b.png")], [Path("only1.png")]],
    ids=str,
)
def test_one_series_or_none_is_taken_whole(one):
    assert choose_series(one) == (one, "")


def test_a_cover_beside_a_series_is_left_out():
    assert choose_series([Path("cover.jpg"), *names("0_")]) == (names("0_"), "cover.jpg")


@pytest.mark.parametrize(
    "prefixes", [("left_", "right_"), ("cam1_", "cam2_"), ("flow_x_", "flow_y_"), ("img_", "frame_")]
)
def test_series_that_nothing_tells_apart_are_named(prefixes):
    chosen, others = choose_series([path for prefix in prefixes for path in names(prefix)])
    assert not chosen
    assert others == " and ".join(sorted(f"{prefix}*" for prefix in prefixes))


@given(st.lists(st.from_regex(r"[a-c]?_?[0-9]{0,2}[a-c]?\.png", fullmatch=True).map(Path), unique=True))
def test_every_picture_is_in_one_series(pictures):
    parted = part_series(pictures)
    assert sorted(one for them in parted.values() for one in them) == sorted(pictures)
    assert all(len(them) > 1 for name, them in parted.items() if name)


def fill(folder, prefix, level, count=3):
    for path in names(prefix, count):
        Image.new("RGB", (8, 8), (level,) * 3).save(folder / path)


def seen(folder):
    with open_clip(folder) as clip:
        return clip.duration, list(clip.pictures_at([0.0, 0.1]))


def test_a_folder_shows_its_pictures_and_says_what_is_left_out(tmp_path):
    fill(tmp_path, "img_", 200)
    digest = content_digest(tmp_path)
    fill(tmp_path, "flow_x_", 9)
    fill(tmp_path, "flow_y_", 9)
    with pytest.warns(ClipWarning, match=r": pictures left out: flow_x_\*, flow_y_\*"):
        duration, shown = seen(tmp_path)
    assert duration == 3 / 25
    assert [int(one.max()) for one in shown] == [200, 200]
    assert content_digest(tmp_path) == digest


def test_a_folder_of_several_series_is_refused_by_name(tmp_path):
    fill(tmp_path, "left_", 200)
    fill(tmp_path, "right_", 9)
    with pytest.raises(VideoError, match=r"several series of pictures \(left_\* and right_\*\)"):
        pictures_in(tmp_path)


@pytest.mark.shared
def test_an_odd_folder_shows_pictures_and_no_flow(shared):
    folder = shared / "data/odd/folders/flow_xy"
    with pytest.warns(ClipWarning, match="flow_x_"):
        duration, shown = seen(folder)
    assert duration == 24 / 25
    assert shown[0].numpy().tobytes() == Image.open(folder / "img_00000.jpg").convert("RGB").tobytes()
