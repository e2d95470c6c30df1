from fractions import Fraction

import av
import numpy as np
import pytest

from lga.errors import VideoError
from lga.video.clip import uniform_times
from lga.video.decode import open_clip
from lga.video.display import Display


def pictures(path, count=8):
    with open_clip(path) as clip:
        return [one.numpy() for one in clip.pictures_at(uniform_times(clip.duration, count))]


def square_in(picture):
    """Width and height of the light part."""
    light = picture.max(2) > 118
    return int(light.any(0).sum()), int(light.any(1).sum())


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".mov"])
@pytest.mark.parametrize(
    ("ratio", "stored"), [(Fraction(2), (24, 12)), (Fraction(1, 2), (12, 24)), (Fraction(0), (24, 24))]
)
def test_pixels_that_are_not_square_are_shown_as_they_are_meant(tmp_path, write_video, suffix, ratio, stored):
    high, wide = stored
    shape = {Fraction(2): (96, 64), Fraction(1, 2): (48, 128), Fraction(0): (96, 128)}[ratio]
    picture = np.zeros((*shape, 3), np.uint8)
    picture[16 : 16 + high, 20 : 20 + wide] = 220
    path = write_video(tmp_path / f"a{suffix}", [picture] * 4, ratio=ratio, encoder={"q": "2"})
    for shown in pictures(path, 3):
        assert shown.shape == (96, 128, 3)
        assert square_in(shown) == pytest.approx((24, 24), abs=1)


def test_a_turned_picture_is_widened_before_it_is_turned(tmp_path, write_video):
    picture = np.zeros((96, 64, 3), np.uint8)
    path = write_video(tmp_path / "a.mp4", [picture] * 3, ratio=Fraction(2), rotation=90)
    assert pictures(path, 1)[0].shape == (128, 96, 3)


def test_square_pixels_are_what_ffmpeg_converts_to_the_byte(tmp_path, write_video):
    noise = np.random.default_rng(0).integers(0, 255, (4, 48, 64, 3), np.uint8)
    path = write_video(tmp_path / "a.mp4", noise, ratio=Fraction(1))
    with av.open(str(path)) as container:
        plain = [frame.to_ndarray(format="rgb24", threads=1) for frame in container.decode(video=0)]
    assert all(np.array_equal(one, other) for one, other in zip(pictures(path, 4), plain, strict=True))


def test_pixels_too_far_from_square_are_refused(tmp_path, write_video):
    path = write_video(tmp_path / "a.mp4", [np.zeros((48, 512, 3), np.uint8)] * 3, ratio=Fraction(10))
    with pytest.raises(VideoError, match="5120 x 48 pixels are refused as implausible"):
        pictures(path)


@pytest.mark.parametrize("ratio", [Fraction(1280, 1281), Fraction(4320, 4319)])
def test_a_ratio_that_is_only_rounding_changes_nothing(ratio):
    frame = av.VideoFrame(640, 360, "yuv420p")
    assert Display(ratio).size(frame) == (640, 360)


@pytest.mark.shared
def test_a_square_in_an_odd_file_is_square(shared):
    for picture in pictures(shared / "data/odd/video/sar_2_1.mp4"):
        assert picture.shape == (120, 160, 3)
    plain, wide = (
        square_in(pictures(shared / f"data/odd/video/{name}")[3][50:]) for name in ("plain.mp4", "sar_2_1.mp4")
    )
    assert wide == pytest.approx(plain, abs=2)


def write_palette(path, numbers, video_files):
    """Pictures in 8 bit with a palette: the number's picture in two of its colours."""
    palette = np.zeros((256, 4), np.uint8)
    palette[:, 0] = 255
    palette[7, 1:], palette[8, 1:] = 20, 230
    with av.open(str(path), "w") as container:
        stream = container.add_stream("rawvideo", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 48, "pal8"
        for number in numbers:
            marks = np.where(video_files.counted(number)[:, :, 0] > 118, 8, 7).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray((marks, palette), "pal8")))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("suffix", [".avi", ".mov"])
def test_a_palette_that_comes_once_is_not_lost(tmp_path, video_files, suffix):
    path = write_palette(tmp_path / f"a{suffix}", range(40), video_files)
    with open_clip(path) as clip:
        for _ in range(2):
            shown = list(clip.pictures_at(uniform_times(clip.duration, 8)))
            assert [video_files.count_of(one) for one in shown] == [2, 7, 12, 17, 22, 27, 32, 37]
    assert int(shown[0].max()) == 230


@pytest.mark.shared
def test_an_odd_file_with_a_palette_is_not_black(shared, video_files):
    shown = pictures(shared / "data/odd/video/raw_pal8.avi")
    assert [video_files.count_of(one) for one in shown] == [2, 7, 12, 17, 22, 27, 32, 37]
