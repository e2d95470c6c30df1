from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lga.video.sample import jittered_times, uniform_times

durations = st.floats(1e-3, 1e5)
counts = st.integers(1, 64)


def test_uniform_times_are_the_centres_of_equal_parts():
    assert uniform_times(8.0, 4) == (1.0, 3.0, 5.0, 7.0)
    assert uniform_times(3.0, 1) == (1.5,)


@given(durations, counts)
def test_uniform_times_read_the_same_backwards(duration, count):
    times = uniform_times(duration, count)
    assert [duration - time for time in reversed(times)] == pytest.approx(times, abs=1e-9 * duration)


@given(durations, counts, st.integers(0, 2**31))
def test_jittered_times_hold_one_moment_of_every_part(duration, count, seed):
    times = jittered_times(duration, count, generator=Random(seed))
    part = duration / count
    assert len(times) == count
    for number, time in enumerate(times):
        assert number * part <= time * (1 + 1e-12)
        assert time <= (number + 1) * part * (1 + 1e-12)


def test_the_same_seed_draws_the_same_times():
    assert jittered_times(7.0, 5, generator=Random(3)) == jittered_times(7.0, 5, generator=Random(3))
    assert jittered_times(7.0, 5, generator=Random(3)) != jittered_times(7.0, 5, generator=Random(4))


@pytest.mark.parametrize(("duration", "count"), [(0.0, 3), (-1.0, 3), (float("inf"), 3), (float("nan"), 3), (2.0, 0)])
def test_impossible_requests_are_refused(duration, count):
    with pytest.raises(ValueError, match="not"):
        uniform_times(duration, count)
    with pytest.raises(ValueError, match="not"):
        jittered_times(duration, count, generator=Random(0))
