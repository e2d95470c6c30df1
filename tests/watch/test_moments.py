import av
import numpy as np
import pytest
import torch

from lga.backbone.protocol import Preprocessing
from lga.video.clip import read_clip
from lga.watch.address import find_address
from lga.watch.moments import Damage, Finish, Moment, Shown, sample_moments
from lga.watch.source import open_source

HOW = Preprocessing(16, 16, "bilinear")


def shown(time, level):
    return Shown(time, av.VideoFrame.from_ndarray(np.full((16, 16, 3), level, np.uint8), "rgb24"))


def seen(items):
    """The times of the moments and the grey level of each view; everything else as it is."""

    def told(one):
        return (round(one.time, 6), *(round(float(view.float().mean())) for view in one.views))

    return [told(one) if isinstance(one, Moment) else one for one in items]


def test_a_moment_shows_what_is_on_screen_then_and_a_gap_later():
    pictures = [shown(0.1 * number, 10 * number) for number in range(8)]
    found = seen(sample_moments([*pictures, Finish(0.8)], 5.0, 0.12, HOW))
    assert found == [(0.0, 0, 10), (0.2, 20, 30), (0.4, 40, 50), (0.6, 60, 70), Finish(0.8)]


def test_without_a_gap_a_moment_has_one_view():
    found = seen(sample_moments([shown(0.0, 7), Finish(0.5)], 5.0, 0.0, HOW))
    assert found == [(0.0, 7), (0.2, 7), (0.4, 7), Finish(0.5)]


def test_a_gap_longer_than_the_step_keeps_several_moments_waiting():
    pictures = [shown(0.1 * number, 10 * number) for number in range(10)]
    found = seen(sample_moments([*pictures, Finish(1.0)], 5.0, 0.5, HOW))
    assert found == [(0.0, 0, 50), (0.2, 20, 70), (0.4, 40, 90), Finish(1.0)]


def test_nothing_is_sampled_in_a_damaged_passage_nor_across_its_border():
    items = [shown(0.0, 10), shown(0.3, 20), Damage(0.45, 1.1, "lost"), shown(1.1, 30), Finish(1.4)]
    found = seen(sample_moments(items, 5.0, 0.12, HOW))
    assert found == [(0.0, 10, 10), (0.2, 10, 20), Damage(0.45, 1.1, "lost"), (1.2, 30, 30), Finish(1.4)]


@pytest.mark.parametrize(("rate", "gap"), [(0.0, 0.1), (float("inf"), 0.1), (5.0, -0.1)])
def test_a_rate_or_gap_that_is_none_is_refused(rate, gap):
    with pytest.raises(ValueError, match="samples"):
        list(sample_moments([], rate, gap, HOW))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
@pytest.mark.parametrize("rotation", [None, 90])
def test_moments_of_a_file_are_those_that_a_clip_reads(tmp_path, write_video, video_files, suffix, rotation):
    if rotation and suffix == ".avi":
        pytest.skip("AVI knows no rotation")
    path = write_video(tmp_path / f"a{suffix}", video_files.numbered(20), rotation=rotation)
    clip = read_clip(path, frames=4, how=HOW, motion_gap=0.1)
    with open_source(find_address(str(path)), 5.0) as source:
        moments = [one for one in sample_moments(source.shown(), 4.0, 0.1, HOW) if isinstance(one, Moment)]
    for time, views in zip(clip.times, clip.frames, strict=True):
        [mine] = [one for one in moments if abs(one.time - time) < 1e-6]
        torch.testing.assert_close(mine.views, views)
