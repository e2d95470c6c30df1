from itertools import pairwise
from math import sqrt

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lga.motion.pose import DEVIATIONS, JOINTS, LANDMARKS, MOMENTS, TURNS, fill_gaps, joint_deviations, turns

pytestmark = pytest.mark.usefixtures("one_thread")

seeds = st.integers(0, 2**31)
SIGNED = [*range(len(JOINTS) + 1), TURNS - 3, TURNS - 2]


def random_body(seed, moments=MOMENTS):
    """A body of about a height of 0.5 that waves everything it has."""
    random = torch.Generator().manual_seed(seed)
    own = 0.5 * torch.rand(LANDMARKS, 2, generator=random)
    own[[11, 12], 1], own[[23, 24], 1] = 0.1, 0.4
    return own + 0.05 * torch.randn(moments, LANDMARKS, 2, generator=random)


def root(value):
    return np.sign(value) * sqrt(abs(value))


def unit(numbers):
    numbers = np.array(numbers)
    return torch.from_numpy(numbers / np.linalg.norm(numbers))


def strays_by_hand(body):
    """Moment by moment and joint by joint: numpy [moments joints 2], and the body's size."""
    body = body.double().numpy()
    torso = [np.linalg.norm((one[11] + one[12] - one[23] - one[24]) / 2) for one in body]
    size = 2 * np.percentile(torso, 75) + 1e-3
    places = np.array(
        [
            [*[(one[joint] - (one[23] + one[24]) / 2) / size for joint in JOINTS], (one[23] + one[24]) / 2 / size]
            for one in body
        ]
    )
    return places - places.mean(0), size


def turns_by_hand(body):
    stray, size = strays_by_hand(body)
    body = body.double().numpy()
    swept, length = [], []
    for joint in range(stray.shape[1]):
        area = way = 0.0
        for before, after in zip(stray[:-1, joint], stray[1:, joint], strict=True):
            middle, step = (before + after) / 2, after - before
            area += middle[0] * step[1] - middle[1] * step[0]
            way += np.linalg.norm(middle) * np.linalg.norm(step)
        swept.append(root(area))
        length.append(0.5 * sqrt(way))
    along = aside = far = 0.0
    for before, after in pairwise(body):
        facing = sum(
            (one[31] + one[32] - one[29] - one[30]) / 2 + one[0] - (one[7] + one[8]) / 2 for one in (before, after)
        ) / (2 * size)
        travel = (after[23] + after[24] - before[23] - before[24]) / (2 * size)
        along += facing @ travel
        aside += facing[0] * travel[1] - facing[1] * travel[0]
        far += abs(travel).sum()
    return unit([*swept, *length, 3 * root(along), 3 * root(aside), 3 * 0.3 * far])


@settings(max_examples=30)
@given(seeds, st.lists(st.booleans(), min_size=1, max_size=9).filter(any))
def test_gaps_are_filled_as_numpy_interpolates(seed, found):
    body = torch.randn(len(found), 3, 2, generator=torch.Generator().manual_seed(seed))
    body[~torch.tensor(found)] = torch.nan
    filled = fill_gaps(body, torch.tensor(found))
    seen = np.flatnonzero(found)
    for point in range(3):
        for axis in range(2):
            wanted = np.interp(np.arange(len(found)), seen, body[seen, point, axis].numpy())
            np.testing.assert_allclose(filled[:, point, axis], wanted, rtol=1e-4, atol=1e-6)


def test_a_body_that_is_nowhere_is_refused():
    with pytest.raises(ValueError, match="found at one moment at least"):
        fill_gaps(torch.full((3, 2, 2), torch.nan), torch.zeros(3, dtype=torch.bool))


@settings(max_examples=20)
@given(seeds)
def test_deviations_are_those_of_the_textbook_loop(seed):
    body = random_body(seed)
    wanted = unit(strays_by_hand(body)[0].flatten())
    assert wanted.shape == (DEVIATIONS,)
    torch.testing.assert_close(joint_deviations(body).double(), wanted, rtol=1e-3, atol=1e-4)


@settings(max_examples=20)
@given(seeds, st.integers(2, 9))
def test_turns_are_those_of_the_textbook_loop(seed, moments):
    body = random_body(seed, moments)
    found = turns(body)
    assert found.shape == (TURNS,)
    torch.testing.assert_close(found.double(), turns_by_hand(body), rtol=1e-3, atol=2e-3)


@settings(max_examples=20)
@given(seeds)
def test_a_clip_played_backwards_turns_the_other_way_round(seed):
    body = random_body(seed)
    wanted = turns(body)
    wanted[SIGNED] *= -1
    torch.testing.assert_close(turns(body.flip(0)), wanted, rtol=1e-3, atol=2e-3)
    torch.testing.assert_close(
        joint_deviations(body.flip(0)), joint_deviations(body).unflatten(0, (MOMENTS, -1)).flip(0).flatten()
    )


@settings(max_examples=20)
@given(seeds, st.floats(0.3, 3.0), st.floats(-2.0, 2.0), st.floats(-2.0, 2.0))
def test_where_and_how_large_a_body_is_does_not_matter(seed, scale, right, down):
    body = random_body(seed)
    moved = scale * body + torch.tensor([right, down])
    torch.testing.assert_close(joint_deviations(moved), joint_deviations(body), rtol=0.0, atol=1e-4)
    torch.testing.assert_close(turns(moved), turns(body), rtol=0.0, atol=1e-2)


@settings(max_examples=20)
@given(seeds, st.sampled_from([0.0, 1e-3, 1.0, 1e3]))
def test_numbers_are_finite_and_of_length_one_or_nought(seed, scale):
    body = scale * random_body(seed)
    for found in (joint_deviations(body), turns(body), turns(body[:2])):
        assert found.isfinite().all()
        assert found.norm().item() == pytest.approx(float(scale > 0), abs=1e-4)


def test_a_body_that_stands_still_has_no_numbers():
    body = torch.randint(0, 32, (LANDMARKS, 2), generator=torch.Generator().manual_seed(3)) / 32
    body = body.expand(MOMENTS, -1, -1)
    assert not joint_deviations(body).any()
    assert not turns(body).any()


def circling(sign):
    body = random_body(5, 1).repeat(MOMENTS, 1, 1)
    angle = sign * torch.linspace(0, 6, MOMENTS)
    body[:, 15] += 0.2 * torch.stack([angle.cos(), angle.sin()], -1)
    return turns(body)[JOINTS.index(15)]


def test_a_hand_that_goes_round_clockwise_on_the_screen_counts_above_nought():
    assert circling(1) > 0.3
    assert circling(-1) < -0.3


def test_walking_ahead_and_stepping_back_differ_in_sign():
    body = random_body(6, 1).repeat(MOMENTS, 1, 1)
    body[:, [31, 32], 0] = body[:, [29, 30], 0] + 0.1
    body[:, 0, 0] = body[:, [7, 8], 0].mean(-1) + 0.05
    walk = torch.linspace(0, 0.5, MOMENTS)[:, None, None] * torch.tensor([1.0, 0.0])
    assert turns(body + walk)[-3] > 0.3
    assert turns(body - walk)[-3] < -0.3
