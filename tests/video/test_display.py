from fractions import Fraction

import av
import numpy as np
import pytest
from av.filter import Graph
from hypothesis import given
from hypothesis.extra import numpy as hnp

from lga.errors import VideoError
from lga.video.clip import uniform_times
from lga.video.decode import open_clip
from lga.video.display import SQUARE, Display, on_white


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


def woven(number, first, video_files):
    """Picture 2 n in the lines of the field that comes first, 2 n + 1 in the others."""
    picture, lines = video_files.counted(number + 1), 0 if first == "tff" else 1
    picture[lines::2] = video_files.counted(number)[lines::2]
    return picture


@pytest.mark.parametrize("suffix", [".mkv", ".mov"])
def test_of_interlaced_frames_the_field_on_screen_is_shown(tmp_path, write_video, video_files, suffix):
    frames = [woven(number, "bff", video_files) for number in range(0, 40, 2)]
    path = write_video(tmp_path / f"a{suffix}", frames, encoder={"x264-params": "bff=1", "crf": "4"})
    with open_clip(path) as clip:
        moments = [0.02, 0.07, 0.52, 0.57, 1.92, 1.97]
        found = [(round(since, 3), video_files.count_of(one)) for since, one in clip.shown_at(moments)]
    assert found == [(0.0, 0), (0.05, 1), (0.5, 10), (0.55, 11), (1.9, 38), (1.95, 39)]


@pytest.mark.parametrize("first", ["tff", "bff"])
def test_the_first_field_is_the_one_that_the_frame_says(video_files, first):
    frame = av.VideoFrame.from_ndarray(woven(6, first, video_files), "rgb24").reformat(format="yuv444p")
    graph = Graph()
    source = graph.add_buffer(width=96, height=48, format=frame.format, time_base=Fraction(1, 10))
    graph.link_nodes(source, graph.add("setfield", first), graph.add("buffersink")).configure()
    graph.vpush(frame)
    frame = graph.vpull()
    assert frame.interlaced_frame
    assert [video_files.count_of(SQUARE.picture(frame, second=second)) for second in (False, True)] == [6, 7]


def test_what_is_transparent_in_a_video_is_white(tmp_path, video_files):
    pixels = np.dstack([video_files.counted(0) // 2, np.full((48, 96), 255, np.uint8)])
    pixels[:, :48] = (0, 90, 0, 0)
    with av.open(str(tmp_path / "a.mov"), "w") as container:
        stream = container.add_stream("qtrle", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 48, "argb"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgba")))
        container.mux(stream.encode())
    (shown,) = pictures(tmp_path / "a.mov", 1)
    assert (shown[:, :48] == 255).all()
    assert (shown[:, 48:] == pixels[:, 48:, :3]).all()


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
def test_what_is_transparent_in_webm_is_white(tmp_path, video_files, codec):
    with av.open(str(tmp_path / "a.webm"), "w") as container:
        stream = container.add_stream(codec, rate=10, options={"g": "5", "auto-alt-ref": "0"})
        stream.width, stream.height, stream.pix_fmt = 96, 48, "yuva420p"
        for number in range(20):
            pixels = np.dstack([video_files.counted(number), np.full((48, 96), 255, np.uint8)])
            pixels[30:] = (0, 90, 0, 0)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgba").reformat(format="yuva420p")))
        container.mux(stream.encode())
    with open_clip(tmp_path / "a.webm") as clip:
        for moments, numbers in (([0.05, 0.35, 1.85], [0, 3, 18]), ([0.75], [7])):
            shown = [one.numpy() for one in clip.pictures_at(moments)]
            assert [video_files.count_of(one) for one in shown] == numbers
            assert all(one[36:].min() > 235 for one in shown)


@given(hnp.arrays(np.uint8, (3, 5, 4)))
def test_alpha_mixes_with_white(picture):
    alpha = picture[..., 3:] / 255
    wanted = picture[..., :3] * alpha + 255 * (1 - alpha)
    assert np.abs(on_white(picture) - wanted).max() <= 0.5 + 1e-9


@pytest.mark.shared
def test_an_odd_interlaced_file_shows_one_moment_at_a_time(shared, video_files):
    shown = pictures(shared / "data/odd/video/interlaced_tff.mp4")
    assert tuple(map(video_files.count_of, shown)) == video_files.COUNTED
    plain = pictures(shared / "data/odd/video/plain.mp4")
    assert all(np.abs(one.astype(float) - other).mean() < 8 for one, other in zip(shown, plain, strict=True))
