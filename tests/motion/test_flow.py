from math import atan2, exp, floor, hypot, pi, sqrt

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lga.motion.flow import (
    DIRECTIONS,
    GRID,
    MOMENTS,
    NARROWEST,
    NUMBERS,
    ROUNDS,
    SLOWEST,
    SMOOTHING,
    SPAN,
    STILL_SPEED,
    direction_histograms,
    flow_vector,
    mirrored,
    remove_camera,
    smoothing,
    stillness,
)

pytestmark = pytest.mark.usefixtures("one_thread")

seeds = st.integers(0, 2**31)
shapes = st.tuples(st.integers(2, 6), st.integers(2, 9))


def random_flow(seed, moments=3, rows=5, columns=7, speed=1.0):
    """Some of it too slow to count, some of it fast."""
    random = torch.Generator().manual_seed(seed)
    flow = speed * torch.randn(moments, 2, rows, columns, generator=random)
    return flow * (torch.rand(moments, 1, rows, columns, generator=random) < 0.6)


def camera_removed_by_hand(flow):
    """Weighted least squares, cell by cell, one moment and one component after the other."""
    moments, _, rows, columns = flow.shape
    rest = np.zeros(flow.shape)
    for moment in range(moments):
        cells = [(r, c) for r in range(rows) for c in range(columns)]
        place = np.array([[1.0, -1 + 2 * c / (columns - 1), -1 + 2 * r / (rows - 1)] for r, c in cells])
        vector = np.array([[flow[moment, 0, r, c], flow[moment, 1, r, c]] for r, c in cells], dtype=float)
        weight = np.ones(len(cells))
        for _ in range(ROUNDS):
            curve = sum(w * np.outer(p, p) for w, p in zip(weight, place, strict=True)) + 1e-4 * np.eye(3)
            left = vector - place @ np.linalg.solve(
                curve, sum(w * np.outer(p, v) for w, p, v in zip(weight, place, vector, strict=True))
            )
            size = [hypot(*one) for one in left]
            usual = 1.5 * max(sorted(size)[(len(size) - 1) // 2], 0.01)
            weight = np.array([1 / (1 + (one / usual) ** 2) ** 2 for one in size])
        for (r, c), one in zip(cells, left, strict=True):
            rest[moment, :, r, c] = one
    return rest


def shares(place, count):
    """The two whole numbers beside a place on a line, and its share of each; the ends take what is beyond."""
    place = min(max(place, 0.0), count - 1.0)
    low = min(floor(place), count - 2)
    return (low, 1 - (place - low)), (low + 1, place - low)


def histograms_by_hand(motion):
    moments, _, rows, columns = motion.shape
    unit = 1 / min(rows, columns)
    cells = [(r, c, (r + 0.5) * unit, (c + 0.5) * unit) for r in range(rows) for c in range(columns)]
    extra = [[max(hypot(*motion[t, :, r, c]) - SLOWEST, 0.0) for r, c, _, _ in cells] for t in range(moments)]
    share = [sum(each) / moments for each in zip(*extra, strict=True)]
    share = [one / sum(share) for one in share] if sum(share) > 0 else [1 / len(cells)] * len(cells)
    middle = [sum(s * cell[axis] for s, cell in zip(share, cells, strict=True)) for axis in (2, 3)]
    spread = [
        max(sum(s * (cell[axis] - m) ** 2 for s, cell in zip(share, cells, strict=True)), NARROWEST**2)
        for axis, m in zip((2, 3), middle, strict=True)
    ]
    reach = SPAN * sqrt(sum(spread) / 2)
    wanted = np.zeros((moments, GRID, GRID, DIRECTIONS))
    for t in range(moments):
        for (r, c, y, x), amount in zip(cells, extra[t], strict=True):
            place = [((one - m) / reach + 1) / 2 * GRID - 0.5 for one, m in zip((y, x), middle, strict=True)]
            turn = atan2(motion[t, 1, r, c], motion[t, 0, r, c]) / (2 * pi) * DIRECTIONS
            for i, a in shares(place[0], GRID):
                for j, b in shares(place[1], GRID):
                    for d, part in ((floor(turn), 1 - turn % 1), (floor(turn) + 1, turn % 1)):
                        wanted[t, i, j, d % DIRECTIONS] += amount * a * b * part / len(cells)
    return wanted


@settings(max_examples=10)
@given(seeds, shapes)
def test_the_camera_is_what_weighted_least_squares_finds(seed, shape):
    flow = random_flow(seed, 2, *shape)
    torch.testing.assert_close(
        remove_camera(flow).double(), torch.from_numpy(camera_removed_by_hand(flow.numpy())), rtol=1e-3, atol=1e-3
    )


@settings(max_examples=15)
@given(seeds, shapes)
def test_histograms_are_those_of_the_textbook_loop(seed, shape):
    motion = random_flow(seed, 2, *shape)
    torch.testing.assert_close(
        direction_histograms(motion).double(),
        torch.from_numpy(histograms_by_hand(motion.double().numpy())),
        rtol=1e-3,
        atol=1e-5,
    )


@settings(max_examples=20)
@given(seeds, st.lists(st.floats(-1, 1), min_size=6, max_size=6))
def test_a_moving_camera_is_taken_off_and_what_moves_by_itself_stays(seed, affine):
    down, across = torch.meshgrid(torch.linspace(-1, 1, 16), torch.linspace(-1, 1, 20), indexing="ij")
    camera = torch.stack([a + b * across + c * down for a, b, c in (affine[:3], affine[3:])])[None]
    own = torch.zeros(1, 2, 16, 20)
    row, column = seed % 12, seed % 17
    own[0, 0, row : row + 3, column : column + 3] = 2.0
    torch.testing.assert_close(remove_camera(own + camera), own, rtol=0.0, atol=0.05)


@settings(max_examples=20)
@given(seeds)
def test_a_mirrored_flow_gives_mirrored_columns_and_directions(seed):
    motion = random_flow(seed)
    mirrored = motion.flip(3) * torch.tensor([-1.0, 1.0])[:, None, None]
    found = direction_histograms(mirrored)
    direction = [(DIRECTIONS // 2 - one) % DIRECTIONS for one in range(DIRECTIONS)]
    torch.testing.assert_close(found, direction_histograms(motion).flip(2)[..., direction], rtol=1e-3, atol=1e-5)


@settings(max_examples=20)
@given(seeds)
def test_a_clip_played_backwards_gives_opposite_directions_in_reversed_order(seed):
    motion = random_flow(seed)
    wanted = direction_histograms(motion).flip(0).roll(DIRECTIONS // 2, -1)
    torch.testing.assert_close(direction_histograms(-motion.flip(0)), wanted, rtol=1e-3, atol=1e-5)


def test_where_in_the_picture_and_how_large_something_moves_does_not_matter():
    motion, moved = torch.zeros(2, 2, 24, 24), torch.zeros(2, 2, 24, 24)
    motion[:, 1, 4:10, 3:9] = 0.7
    moved[:, 1, 13:19, 16:22] = 0.7
    found = direction_histograms(motion)
    torch.testing.assert_close(direction_histograms(moved), found)
    moved[:, 1, 9:21, 10:22] = 0.7
    assert flow_vector(direction_histograms(moved)) @ flow_vector(found) > 0.9


@pytest.mark.parametrize(("right", "down", "direction"), [(1, 0, 0), (1, 1, 1), (0, 1, 2), (-1, 0, 4), (0, -1, 6)])
def test_directions_go_from_right_over_down(right, down, direction):
    motion = torch.tensor([float(right), float(down)])[:, None, None].expand(1, 2, 6, 8)
    found = direction_histograms(motion).sum((0, 1, 2))
    assert found[direction] > 0
    torch.testing.assert_close(found[direction], found.sum())


@settings(max_examples=20)
@given(seeds, st.sampled_from([0.0, 1e-6, 1.0, 1e4]))
def test_a_flow_becomes_a_vector_of_length_one_or_zeros(seed, speed):
    motion = random_flow(seed, MOMENTS, speed=speed)
    found = flow_vector(direction_histograms(remove_camera(motion)))
    assert found.shape == (NUMBERS,)
    assert found.isfinite().all()
    assert found.norm().item() == pytest.approx(float(speed >= 1), abs=1e-4)


def test_the_same_motion_a_little_later_is_alike_and_the_opposite_motion_is_not():
    here, later, opposite = (torch.zeros(MOMENTS, GRID, GRID, DIRECTIONS) for _ in range(3))
    here[6, 1, 1, 2] = later[7, 1, 1, 2] = opposite[6, 1, 1, 6] = 1.0
    vector = flow_vector(here)
    assert vector @ flow_vector(later) > 0.8
    assert vector @ flow_vector(opposite) < 0


def test_stillness_falls_with_the_median_speed():
    flow = torch.zeros(2, 2, 3, 3)
    flow[0, :, 1, 1] = 5.0
    assert stillness(flow) == 1.0
    assert stillness(torch.full((2, 2, 3, 3), STILL_SPEED)) == pytest.approx(exp(-sqrt(2)))
    assert stillness(torch.full((2, 2, 3, 3), 1e4)) == 0.0


@settings(max_examples=15)
@given(seeds)
def test_the_mirrored_vector_is_the_vector_of_the_mirrored_flow(seed):
    flow = random_flow(seed, MOMENTS, speed=0.5)
    image = flow.flip(3) * torch.tensor([-1.0, 1.0])[:, None, None]
    here, there = (flow_vector(direction_histograms(one))[None] for one in (flow, image))
    torch.testing.assert_close(mirrored(here), there, atol=2e-5, rtol=0)
    assert torch.equal(mirrored(mirrored(here)), here)


def test_smoothing_is_a_mean_that_weighs_near_moments_most():
    kernel = smoothing(16)
    torch.testing.assert_close(kernel.sum(1), torch.ones(16))
    assert (kernel.argmax(1) == torch.arange(16)).all()
    assert kernel[8, 9] / kernel[8, 8] == pytest.approx(exp(-1 / (2 * SMOOTHING**2)))
