import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lga.video.clip import uniform_times
from lga.video.decode import open_clip
from lga.video.tone import BT2020, HLG, KNEE, PEAK, PQ, TO_BT709, WHITE, hlg_light, pq_light, to_screen, tone_mapped

LEVELS = np.array([0, 16, 60, 118, 180, 220, 240])
"""Levels of a usual screen, below the knee."""


def to_pq(nits):
    power = (nits / 10_000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)


def to_hlg(scene):
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c)


def frame_of(signal, curve, primaries=BT2020):
    """A frame whose columns have these signals from 0 to 1, in 16 bits."""
    deep = (np.asarray(signal) * 65535).round().astype(np.uint16)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.broadcast_to(deep, (70, *deep.shape))), "rgb48le")
    frame.color_trc, frame.color_primaries = curve, primaries
    return frame


def test_greys_up_to_white_keep_their_level_in_pq():
    nits = WHITE * (LEVELS / 255) ** 2.4
    shown = tone_mapped(frame_of(to_pq(nits)[:, None].repeat(3, 1), PQ), len(LEVELS), 70)
    assert np.abs(shown.astype(int) - LEVELS[:, None]).max() <= 1


def test_greys_up_to_white_keep_their_level_in_hlg():
    scene = (WHITE / PEAK * (LEVELS / 255) ** 2.4) ** (1 / 1.2)
    shown = tone_mapped(frame_of(to_hlg(scene)[:, None].repeat(3, 1), HLG), len(LEVELS), 70)
    assert np.abs(shown.astype(int) - LEVELS[:, None]).max() <= 1


def test_colours_of_a_usual_screen_come_back_from_wide_ones():
    colours = np.array([[200, 40, 40], [40, 160, 60], [20, 60, 220], [210, 200, 30]])
    wide = (colours / 255) ** 2.4 @ np.linalg.inv(TO_BT709).T
    shown = tone_mapped(frame_of(to_pq(WHITE * wide), PQ), 4, 70)
    assert np.abs(shown.astype(int) - colours).max() <= 2


def test_diffuse_white_is_where_the_recommendation_puts_it():
    assert pq_light(np.array([0.58]))[0] == pytest.approx(WHITE, rel=0.02)
    assert PEAK * hlg_light(np.array([0.75]))[0] ** 1.2 == pytest.approx(WHITE, rel=0.01)
    assert pq_light(np.array([0.0, 1.0])) == pytest.approx([0.0, 10_000.0])
    assert hlg_light(np.array([0.0, 0.5, 1.0])) == pytest.approx([0.0, 1 / 12, 1.0], abs=1e-6)


@given(st.lists(st.floats(0.0, 60.0), min_size=2, max_size=20))
def test_brighter_light_is_never_darker_on_the_screen(lights):
    lit = np.sort(np.array(lights))
    shown = to_screen(lit).astype(int)
    assert (np.diff(shown) >= 0).all()
    below = lit <= KNEE
    assert np.abs(shown[below] - 255 * lit[below] ** (1 / 2.4)).max(initial=0.0) <= 0.5


def test_a_recording_in_pq_has_the_contrast_of_a_usual_one(tmp_path, video_files):
    pixels = video_files.counted(6)
    signal = to_pq(WHITE * (pixels / 255) ** 2.4)
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 48, "gbrp16le"
        stream.codec_context.color_trc, stream.codec_context.color_primaries = PQ, 1
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray((signal * 65535).round().astype(np.uint16), "rgb48le")
            frame.color_trc, frame.color_primaries = PQ, 1
            container.mux(stream.encode(frame.reformat(format="gbrp16le")))
        container.mux(stream.encode())
    with open_clip(tmp_path / "a.mkv") as clip:
        (shown,) = clip.pictures_at([0.1])
    assert np.abs(shown.numpy().astype(int) - pixels).max() <= 2


@pytest.mark.shared
def test_an_odd_recording_in_pq_keeps_its_numbers(shared, video_files):
    with open_clip(shared / "data/odd/video/hdr10_pq.mp4") as clip:
        shown = list(clip.pictures_at(uniform_times(clip.duration, 8)))
    assert tuple(map(video_files.count_of, shown)) == video_files.COUNTED
    assert all(int(one.max()) > 240 for one in shown)
