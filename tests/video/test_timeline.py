import pytest
from hypothesis import given
from hypothesis import strategies as st

from lga.video.timeline import LONGEST_STILL, Timeline, leaps


def placed(line, stamps):
    return [None if one is None else round(one.time, 6) for one in map(line.place, stamps)]


def test_usual_time_stamps_begin_at_0_and_stay():
    assert placed(Timeline(), [5.0, 5.04, 5.08, 5.5]) == [0, 0.04, 0.08, 0.5]


def test_a_file_whose_first_pictures_are_lost_keeps_its_time():
    assert placed(Timeline(1.0, duration=9.0), [3.0, 3.04]) == [2.0, 2.04]


def test_time_stamps_that_go_back_go_on_one_picture_after_the_last():
    assert placed(Timeline(), [0.0, 0.1, 0.2, -70.0, -69.9]) == [0, 0.1, 0.2, pytest.approx(0.3), pytest.approx(0.4)]


def test_a_jump_ahead_is_closed_in_a_stream_and_believed_in_a_file_that_is_that_long():
    ahead = [0.0, 0.1, 95_000.0, 95_000.1]
    assert placed(Timeline(), ahead) == [0, 0.1, pytest.approx(0.2), pytest.approx(0.3)]
    line = Timeline(0.0, duration=100.0)
    assert line.place(0.0).gap is None
    found = line.place(60.0)
    assert (found.time, found.gap) == (60.0, pytest.approx(0.04))


def test_a_picture_that_comes_a_little_late_or_twice_is_left_out():
    assert placed(Timeline(), [0.0, 0.1, 0.1, 0.05, 0.2]) == [0, 0.1, None, None, 0.2]


def test_the_last_picture_from_before_a_gap_comes_too_late_after_the_first_one_behind_it():
    assert placed(Timeline(), [0.0, 0.1, 3.2, 0.2, 3.3]) == [0, 0.1, 3.2, None, 3.3]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), st.none() | st.floats(1, 1e6))
def test_time_always_goes_on_and_never_leaps_without_saying_so(stamps, duration):
    line, before = Timeline(0.0 if duration else None, duration), None
    for stamp in stamps:
        found = line.place(stamp)
        if found is None:
            continue
        if before is not None:
            assert found.time > before
            assert found.gap is not None or found.time - before <= LONGEST_STILL + 1e-3
        before = found.time
    assert line.end > (before or 0)


@given(st.floats(-1e6, 1e6))
def test_a_step_leaps_if_no_time_line_would_follow_it(step):
    line = Timeline()
    line.place(0.0)
    found = line.place(step)
    assert leaps(step) == (found is not None and found.time != pytest.approx(step, abs=1e-12))
