import csv
from itertools import pairwise
from random import Random

import av
import numpy as np
import pytest

from lga.errors import LGAError
from lga.synthetic.actions import ACTIONS
from lga.synthetic.render import render_clip, write_clip, write_dataset
from lga.synthetic.scene import imagine_scene

SHORT = [seed for seed in range(199) if imagine_scene(Random(seed)).duration < 1.35]


@pytest.fixture(scope="module")
def clips():
    return {label: render_clip(label, seed=seed) for label, seed in zip(ACTIONS, SHORT, strict=False)}


def test_the_same_arguments_give_the_same_bits(clips):
    again = render_clip("wave", seed=SHORT[list(ACTIONS).index("wave")])
    assert np.array_equal(clips["wave"].frames, again.frames)
    assert clips["wave"].borders == again.borders


@pytest.mark.parametrize("label", ACTIONS)
def test_a_clip_is_uint8_video_with_ordered_borders_inside(label, clips):
    clip = clips[label]
    assert clip.frames.dtype == np.uint8
    assert clip.frames.shape[1:] == (240, 320, 3)
    assert 30 <= len(clip.frames) <= 75
    assert (clip.fps, clip.label) == (25, label)
    assert 0 < clip.borders[0] < clip.borders[1] < (len(clip.frames) - 1) / clip.fps


@pytest.mark.parametrize("label", ACTIONS)
def test_something_moves_in_every_stage(label, clips):
    clip = clips[label]
    cuts = [0, *(round(border * clip.fps) for border in clip.borders), len(clip.frames) - 1]
    for start, end in pairwise(cuts):
        frames = clip.frames[[start, (start + end) // 2, end]].astype(float)
        assert np.abs(np.diff(frames, axis=0)).mean() > 0.5


def test_the_planted_borders_are_those_of_the_scene():
    clip, shares = render_clip("pick up", seed=SHORT[3]), imagine_scene(Random(SHORT[3])).shares
    last = (len(clip.frames) - 1) / clip.fps
    assert clip.borders == pytest.approx((shares[0] * last, (shares[0] + shares[1]) * last))


def test_stages_take_a_fifth_to_a_half_and_fill_the_clip():
    for seed in range(199):
        shares = imagine_scene(Random(seed)).shares
        assert sum(shares) == pytest.approx(1)
        assert all(0.2 - 1e-9 <= share <= 0.5 + 1e-9 for share in shares)


def test_another_seed_is_another_person_in_another_place():
    one, other = (imagine_scene(Random(seed)) for seed in SHORT[:2])
    assert one.appearance.shirt != other.appearance.shirt
    assert one.build != other.build
    frames = [render_clip("wave", seed=seed).frames for seed in SHORT[:2]]
    corner = [frame[0, :40, :60].astype(float) for frame in frames]
    assert np.abs(corner[0] - corner[1]).mean() > 5


def test_the_scene_does_not_tell_the_action():
    one, other = render_clip("sit down", seed=SHORT[2]), render_clip("stand up", seed=SHORT[2])
    assert one.borders == other.borders
    assert np.array_equal(one.frames[0][:, :20], other.frames[0][:, :20])


def test_an_unknown_label_is_refused_with_the_known_ones():
    with pytest.raises(LGAError, match=r"'juggle'.*sit down.*jump"):
        render_clip("juggle", seed=0)


def test_a_written_clip_has_the_frames_that_were_drawn(tmp_path, clips):
    clip = clips["push cart"]
    write_clip(clip, tmp_path / "cart.mp4")
    with av.open(str(tmp_path / "cart.mp4")) as container:
        decoded = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
        assert container.streams.video[0].average_rate == 25
    assert decoded.shape == clip.frames.shape
    assert np.abs(decoded.astype(float) - clip.frames).mean() < 6


def test_a_dataset_lists_its_clips_labels_scenes_and_borders(tmp_path):
    heard = []
    manifest = write_dataset(
        tmp_path,
        labels=["sit down", "wave"],
        clips=2,
        seed=0,
        progress=lambda done, total: heard.append((done, total)),
    )
    with manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["path", "label", "group", "borders"]
    assert [row["path"] for row in rows][:2] == ["sit_down/sit_down_00.mp4", "sit_down/sit_down_01.mp4"]
    assert [row["label"] for row in rows] == ["sit down"] * 2 + ["wave"] * 2
    assert all((tmp_path / row["path"]).is_file() for row in rows)
    assert len({row["group"] for row in rows}) == 4
    first, second = map(float, rows[0]["borders"].split())
    assert 0 < first < second
    assert heard == [(1, 4), (2, 4), (3, 4), (4, 4)]
