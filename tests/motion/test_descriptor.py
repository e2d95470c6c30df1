from math import sqrt

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lga.motion.descriptor import (
    DEVIATIONS,
    FLOW,
    FOUND,
    NUMBERS,
    SEARCHED,
    SIDED_WEIGHT,
    STILL,
    TURNS,
    camera_stillness,
    comparable,
    describe,
    flow_course,
    motion_vectors,
)
from lga.motion.flow import mirrored
from lga.motion.pose import LANDMARKS, MOMENTS

pytestmark = pytest.mark.usefixtures("one_thread")

seeds = st.integers(0, 2**31)


def random_motion(seed, moments=16):
    return torch.randn(moments, 2, 6, 8, generator=torch.Generator().manual_seed(seed))


def random_body(seed, found=MOMENTS):
    body = torch.rand(MOMENTS, LANDMARKS, 2, generator=torch.Generator().manual_seed(seed))
    body[torch.randperm(MOMENTS, generator=torch.Generator().manual_seed(seed))[found:]] = torch.nan
    return body


def cosine(one, other):
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    norm = sqrt(sum(a * a for a in one)) * sqrt(sum(b * b for b in other))
    return dot / norm if norm else 0.0


def less_sided(one, other):
    """The cosine of what a mirror leaves as it is beside what it turns round, the latter at half its weight."""
    images = [mirrored(torch.tensor(flow)[None])[0].tolist() for flow in (one, other)]
    even, odd = (
        [[(a + sign * b) / 2 for a, b in zip(*pair, strict=True)] for pair in zip((one, other), images, strict=True)]
        for sign in (1, -1)
    )
    parts = [a + [sqrt(SIDED_WEIGHT) * value for value in b] for a, b in zip(even, odd, strict=True)]
    return cosine(*parts)


@settings(max_examples=15)
@given(seeds, st.integers(0, MOMENTS), st.integers(0, MOMENTS))
def test_clips_are_compared_by_the_weighted_mean_of_three_cosines(seed, found, other_found):
    clips = [describe(random_motion(seed + n), random_body(seed + n, f)) for n, f in enumerate((found, other_found))]
    here, there = (one.double().tolist() for one in clips)
    shares = [number / MOMENTS if number >= 2 else 0.0 for number in (found, other_found)]
    parts = [less_sided(here[FLOW], there[FLOW]), *(cosine(here[one], there[one]) for one in (DEVIATIONS, TURNS))]
    both = shares[0] * shares[1]
    wanted = (1.0 * parts[0] + 1.0 * both * parts[1] + 0.5 * both * parts[2]) / 2.5
    vectors = motion_vectors(torch.stack(clips), "flow+pose")
    assert float(vectors[0] @ vectors[1]) == pytest.approx(wanted, abs=1e-4)
    flow = motion_vectors(torch.stack(clips), "flow")
    assert float(flow[0] @ flow[1]) == pytest.approx(parts[0], abs=1e-4)


@settings(max_examples=15)
@given(seeds, st.integers(0, MOMENTS))
def test_a_description_says_how_often_a_body_was_found(seed, found):
    row = describe(random_motion(seed), random_body(seed, found))
    assert row.shape == (NUMBERS,)
    assert row.isfinite().all()
    assert row[SEARCHED] == 1
    assert row[FOUND] == (found / MOMENTS if found >= 2 else 0)
    assert row[FLOW].norm().item() == pytest.approx(1.0)
    for part in (DEVIATIONS, TURNS):
        assert row[part].norm().item() == pytest.approx(float(found >= 2), abs=1e-5)


def test_a_body_that_was_not_searched_for_is_not_one_that_was_not_found():
    absent, unasked = (describe(random_motion(0), body) for body in (random_body(0, 0), None))
    assert absent[SEARCHED] == 1
    assert unasked[SEARCHED] == 0
    absent[SEARCHED] = 0
    assert torch.equal(absent, unasked)


def test_pose_is_compared_only_where_it_was_searched_for_in_every_clip():
    searched, unasked = describe(random_motion(0), random_body(0)), describe(random_motion(1), None)
    both, mixed = torch.stack([searched, searched]), torch.stack([searched, unasked])
    assert comparable(both, "flow+pose") == "flow+pose"
    assert comparable(mixed, "flow+pose") == "flow"
    assert comparable(both, "flow") == "flow"
    assert comparable(mixed, "none") == "none"
    assert comparable(torch.zeros(0, NUMBERS), "flow+pose") == "flow+pose"


def test_a_clip_without_any_motion_is_zeros_from_a_still_camera():
    row = describe(torch.zeros(16, 2, 6, 8), None)
    assert camera_stillness(row[None]).item() == 1.0
    row[STILL] = 0
    assert not row.any()


def test_a_mirrored_clip_is_nearer_than_its_flow_is_and_the_same_clip_nearest():
    clip = describe(random_motion(0), None)
    image = clip.clone()
    image[FLOW] = mirrored(clip[None, FLOW])[0]
    vectors = motion_vectors(torch.stack([clip, image]), "flow")
    assert float(clip[FLOW] @ image[FLOW]) < float(vectors[0] @ vectors[1]) < 0.999
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2))


def test_the_course_of_the_flow_is_its_numbers_moment_by_moment():
    described = torch.stack([describe(random_motion(seed), None) for seed in (0, 1)])
    course = flow_course(described)
    assert len(course[0]) == 16
    assert torch.equal(course.flatten(1), described[:, FLOW])
