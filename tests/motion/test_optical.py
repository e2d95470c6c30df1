import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lga.motion.descriptor import FLOW, STILL, describe
from lga.motion.flow import DIRECTIONS, GRID, MOMENTS, direction_histograms, remove_camera
from lga.motion.optical import CELLS, LONGEST, SHORT, DenseFlow, shrink_grey

pytest.importorskip("cv2", reason="OpenCV is not installed: pip install 'lga[motion]'")
pytestmark = pytest.mark.usefixtures("one_thread")

SECONDS = 0.08


def cloth(height, width, seed=0):
    """A picture with something to see everywhere."""
    random = np.random.default_rng(seed)
    coarse = random.integers(40, 216, (height // 6 + 1, width // 6 + 1, 3), np.uint8)
    return np.ascontiguousarray(coarse.repeat(6, 0).repeat(6, 1)[:height, :width])


def disc(right, down, *, height=128, width=160, radius=24):
    """A patterned disc before a patterned wall, its centre moved off the middle of the picture."""
    picture, pattern = cloth(height, width), cloth(height * 2, width * 2, seed=1)
    y, x = np.mgrid[:height, :width]
    y, x = y - height // 2 - down, x - width // 2 - right
    inside = x**2 + y**2 < radius**2
    picture[inside] = pattern[y[inside] + height, x[inside] + width]
    return picture


def moving_disc(right, down):
    """Pairs in which the disc moves by so many pixels, along a path of a few pixels in all."""
    places = [(number - MOMENTS / 2) / 2 for number in range(MOMENTS)]
    return [
        (
            shrink_grey(disc(round(right * place), round(down * place))),
            shrink_grey(disc(round(right * place) + right, round(down * place) + down)),
            SECONDS,
        )
        for place in places
    ]


@pytest.mark.parametrize(
    ("right", "down", "direction"), [(4, 0, 0), (0, 4, 2), (-4, 0, 4), (0, -4, 6)], ids=["right", "down", "left", "up"]
)
def test_a_disc_ends_in_the_bins_of_the_way_it_goes(right, down, direction):
    flow = DenseFlow()(moving_disc(right, down))
    row = describe(flow, None)
    bins = row[FLOW].unflatten(0, (MOMENTS, GRID, GRID, DIRECTIONS)).clamp_min(0).square().sum((0, 1, 2))
    assert bins[direction] > 0.7 * bins.sum()
    assert bins.argmax() == direction
    assert row[STILL] > 0.9


def test_pictures_that_do_not_change_have_no_flow():
    grey = shrink_grey(disc(0, 0))
    flow = DenseFlow()([(grey, grey, SECONDS)] * MOMENTS)
    assert not flow.any()
    assert describe(flow, None)[STILL] == 1


def test_no_time_between_pictures_and_pictures_of_another_size_give_no_motion():
    here, there, small = shrink_grey(disc(0, 0)), shrink_grey(disc(5, 0)), shrink_grey(cloth(128, 128))
    flow = DenseFlow()([(here, there, 0.0), (here, small, SECONDS), (here, there, SECONDS)])
    assert not flow[:2].any()
    assert flow[2].any()


def test_a_panned_picture_is_the_cameras_own_motion_in_short_sides_a_second():
    wide = cloth(128, 200)
    pairs = [(shrink_grey(wide[:, n : n + 160]), shrink_grey(wide[:, n + 3 : n + 163]), SECONDS) for n in range(16)]
    flow = DenseFlow()(pairs)
    assert flow[:, 0].median().item() == pytest.approx(-3 / 128 / SECONDS, rel=0.1)
    moved = DenseFlow()(moving_disc(4, 0))
    left = direction_histograms(remove_camera(flow)).sum()
    assert left < 0.1 * direction_histograms(flow).sum()
    assert left < 0.5 * direction_histograms(remove_camera(moved)).sum()


@settings(max_examples=15)
@given(st.integers(1, 300), st.integers(1, 300))
def test_a_picture_of_any_size_is_shrunk_to_the_short_side(height, width):
    grey = shrink_grey(np.full((height, width, 3), 90, np.uint8))
    assert min(grey.shape) == SHORT
    assert max(grey.shape) <= LONGEST * SHORT
    assert (height < width) == (grey.shape[0] < grey.shape[1]) or abs(height - width) < 2
    assert (grey == 90).all()
    flow = DenseFlow()([(grey, grey, SECONDS)])
    assert min(flow.shape[2:]) == CELLS
    assert flow.shape[2] / flow.shape[3] == pytest.approx(grey.shape[0] / grey.shape[1], rel=0.05)


def test_flow_of_a_mirrored_picture_points_the_other_way():
    pairs = moving_disc(4, 0)[:3]
    mirrored = [(np.ascontiguousarray(a[:, ::-1]), np.ascontiguousarray(b[:, ::-1]), s) for a, b, s in pairs]
    found, wanted = DenseFlow()(mirrored), DenseFlow()(pairs).flip(3) * torch.tensor([-1.0, 1.0])[:, None, None]
    assert torch.cosine_similarity(found.flatten(), wanted.flatten(), dim=0) > 0.9
