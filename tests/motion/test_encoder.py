import numpy as np
import pytest
import torch

from lga.backbone.protocol import Preprocessing
from lga.motion import encoder as encoder_module
from lga.motion.descriptor import DEVIATIONS, FLOW, FOUND, NUMBERS, SEARCHED, STILL, TURNS, describe
from lga.motion.encoder import (
    GAP,
    MotionEncoder,
    MotionFollower,
    MotionOnlooker,
    MovingMoment,
    available_motion,
    describe_moments,
    find_encoder,
)
from lga.motion.flow import DIRECTIONS, GRID, MOMENTS
from lga.motion.optical import DenseFlow, shrink_grey
from lga.video.clip import read_clip

pytest.importorskip("cv2", reason="OpenCV is not installed: pip install 'lga[motion]'")
pytestmark = pytest.mark.usefixtures("one_thread")


def cloth(height, width, seed=0):
    coarse = np.random.default_rng(seed).integers(40, 216, (height // 6 + 1, width // 6 + 1, 3), np.uint8)
    return np.ascontiguousarray(coarse.repeat(6, 0).repeat(6, 1)[:height, :width])


def disc_clip(right, down, *, count=16, height=96, width=128):
    """Pictures in which a disc goes past a wall, by so many pixels a picture, through the middle at half-time."""
    y, x = np.mgrid[:height, :width]
    pictures = []
    for number in range(count):
        across, below = (round((number - count / 2) * step) for step in (right, down))
        inside = (y - height // 2 - below) ** 2 + (x - width // 2 - across) ** 2 < 20**2
        moved = np.roll(cloth(height, width, seed=1), (below, across), (0, 1))
        pictures.append(np.where(inside[..., None], moved, cloth(height, width)))
    return pictures


def measured(path, motion="flow"):
    onlooker = MotionOnlooker(MotionEncoder(motion))
    read_clip(path, frames=2, how=Preprocessing(16, 16), onlooker=onlooker)
    return onlooker.finish()


def strongest(row):
    return int(row[FLOW].unflatten(0, (MOMENTS, GRID, GRID, DIRECTIONS)).clamp_min(0).square().sum((0, 1, 2)).argmax())


@pytest.mark.parametrize(
    ("right", "down", "direction"), [(3, 0, 0), (0, 3, 2), (-3, 0, 4), (0, -3, 6)], ids=["right", "down", "left", "up"]
)
def test_a_disc_in_a_video_goes_where_it_goes(write_video, tmp_path, right, down, direction):
    row = measured(write_video(tmp_path / "disc.mp4", disc_clip(right, down), fps=12))
    assert strongest(row) == direction
    assert row[STILL] > 0.8


BAD = {
    "one picture": ([cloth(48, 64)], {}),
    "two pictures": ([cloth(48, 64), cloth(48, 64, seed=1)], {}),
    "still": ([cloth(48, 64)] * 8, {}),
    "black": ([np.zeros((48, 64, 3), np.uint8)] * 8, {}),
    "tiny": ([cloth(16, 16, seed) for seed in range(8)], {}),
    "wide": ([cloth(16, 600, seed) for seed in range(4)], {}),
    "tall": ([cloth(600, 16, seed) for seed in range(4)], {}),
    "slow": ([cloth(48, 64, seed) for seed in range(3)], {"times": [0.0, 7.0, 7.1]}),
    "uneven": (disc_clip(3, 0, count=8), {"times": [0.0, 0.01, 0.02, 0.5, 0.52, 0.9, 0.91, 2.0]}),
    "fast": (disc_clip(1, 0, count=30), {"fps": 120}),
}


@pytest.fixture(params=["flow", "flow+pose"])
def motion(request):
    if request.param == "flow+pose":
        request.getfixturevalue("pose")
    return request.param


@pytest.mark.parametrize("kind", BAD)
def test_whatever_is_in_a_clip_its_numbers_are_finite(write_video, tmp_path, kind, motion):
    pictures, more = BAD[kind]
    row = measured(write_video(tmp_path / "clip.mp4", pictures, **more), motion)
    assert row.shape == (NUMBERS,)
    assert row.isfinite().all()
    assert 0 <= row[STILL] <= 1
    assert row[SEARCHED] == (motion == "flow+pose")
    if row[FOUND] == 0:
        assert not row[DEVIATIONS].any()
        assert not row[TURNS].any()
    if kind in ("one picture", "still", "black"):
        assert row[FLOW].norm() == 0
        assert row[STILL].item() == pytest.approx(1.0, abs=0.05)
    if kind in ("black", "still", "one picture", "tiny"):
        assert row[FOUND] == 0


def test_the_same_movement_at_another_frame_rate_is_alike(write_video, tmp_path):
    slow, fast = (
        measured(write_video(tmp_path / f"{fps}.mp4", disc_clip(48 / fps, 0, count=fps * 4 // 3), fps=fps))
        for fps in (12, 30)
    )
    back = measured(write_video(tmp_path / "back.mp4", disc_clip(-4, 0), fps=12))
    assert slow[FLOW] @ fast[FLOW] > 0.6
    assert slow[FLOW] @ back[FLOW] < 0.2


@pytest.mark.parametrize("rate", [0.0, 0.5, 8.0, 25.0, 30.0, 1000.0])
@pytest.mark.parametrize("duration", [0.04, 1.6, 90.0])
def test_the_moments_lie_in_the_clip_and_their_pictures_are_a_gap_apart(rate, duration):
    onlooker = MotionOnlooker(MotionEncoder("flow"))
    last = max(duration - (1 / rate if rate else 1.0), 0.0)
    times = onlooker.times(duration, last, rate)
    assert list(times) == sorted(set(times))
    assert times[0] >= 0
    assert times[-1] <= last
    assert len(times) <= 2 * MOMENTS
    if duration == 90.0 and rate >= 8:
        gaps = [later - earlier for earlier, later in onlooker._pairs]
        assert max(gaps) - min(gaps) < 1e-6
        middles = [(earlier + later) / 2 for earlier, later in onlooker._pairs]
        assert middles == pytest.approx([(part + 0.5) * duration / MOMENTS for part in range(MOMENTS)])
        assert abs(gaps[0] - GAP) <= max(0.5 / rate, 1 / rate - GAP) + 1e-6


def test_a_long_video_is_measured_as_clips_are():
    before, after = disc_clip(3, 0)[7:9]
    follower = MotionFollower(MotionEncoder("flow"))
    follower.look_ahead(1.0, before)
    found = follower.see(1.08, after)
    wanted = DenseFlow()([(shrink_grey(before), shrink_grey(after), 1.08 - 1.0)])[0]
    torch.testing.assert_close(found.cells, wanted)
    assert found.cells.any()
    assert found.body is None
    follower.forget()
    assert not follower.see(1.08, after).cells.any()


def random_moments(count, seed, *, columns=6, body=True):
    random = torch.Generator().manual_seed(seed)
    return [
        MovingMoment(
            torch.randn(2, 5, columns, generator=random), torch.rand(33, 2, generator=random) if body else None
        )
        for _ in range(count)
    ]


def test_a_stretch_of_video_is_described_as_a_clip_is():
    moving, bodies = random_moments(16, 0), random_moments(8, 1)
    cells, points = torch.stack([one.cells for one in moving]), torch.stack([one.body for one in bodies])
    torch.testing.assert_close(describe_moments(moving, bodies), describe(cells, points))
    torch.testing.assert_close(describe_moments(moving, random_moments(8, 1, body=False)), describe(cells, None))
    assert describe_moments([*moving[:-1], None], bodies) is None
    assert torch.equal(describe_moments([*moving[:-1], *random_moments(1, 2, columns=7)], bodies), torch.zeros(NUMBERS))


@pytest.mark.parametrize(
    ("missing", "wanted", "motion", "why"),
    [
        (("cv2",), "flow+pose", "none", "OpenCV"),
        (("cv2",), "flow", "none", "OpenCV"),
        (("cv2", "ai_edge_litert"), "none", "none", ""),
        (("ai_edge_litert",), "flow+pose", "flow", "LiteRT"),
        (("ai_edge_litert",), "flow", "flow", ""),
        ((), "flow+pose", "flow", "lga motion fetch"),
    ],
)
def test_what_cannot_be_measured_here_is_left_out_and_told(monkeypatch, tmp_path, missing, wanted, motion, why):
    monkeypatch.setenv("LGA_POSE", str(tmp_path))
    monkeypatch.setattr(encoder_module, "find_spec", lambda name: None if name in missing else object())
    found, reason = available_motion(wanted)
    assert found == motion
    assert (why in reason) if why else not reason
    one = find_encoder(wanted)
    assert (one.motion if one else "none") == motion


def test_an_encoder_says_what_its_numbers_depend_on():
    assert MotionEncoder("flow").identity != MotionEncoder("flow+pose").identity
    assert MotionEncoder("flow").tracker is None


@pytest.mark.shared
@pytest.mark.usefixtures("pose")
def test_a_real_body_is_described(shared):
    row = measured(shared / "data/jhmdb16/golf/golf_g038_c01.mp4", "flow+pose")
    assert row[FOUND] >= 0.75
    for part in (FLOW, DEVIATIONS, TURNS):
        assert row[part].norm().item() == pytest.approx(1.0, abs=1e-4)
