import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lga.motion.encoder import MovingMoment
from lga.watch.windows import FROZEN_SPEED, WindowPlan, fit_cut


def fed(plan, times, tokens=None):
    tokens = torch.ones(len(times), 2) if tokens is None else tokens
    found = [window for time, token in zip(times, tokens, strict=True) for window in plan.add(time, token)]
    return [*found, *plan.finish()]


def spans(windows):
    return sorted((round(one.start, 6), round(one.end, 6)) for one in windows)


@given(
    st.integers(1, 60),
    st.integers(2, 7),
    st.lists(st.sampled_from([1.0, 1.5, 2.0, 3.7]), min_size=1, max_size=3),
    st.sampled_from([0.2, 0.5, 1.3]),
)
def test_every_window_is_asked_about_once_with_the_nearest_moments_as_a_plain_loop_says(count, rate, lengths, stride):
    times = [number / rate for number in range(count)]
    found = fed(WindowPlan(4, float(rate), lengths, stride), times)
    whole, wanted = count / rate, []
    for length in set(lengths):
        number = 0
        while number * stride + length <= whole + 1e-6:
            wanted.append((round(number * stride, 6), round(number * stride + length, 6)))
            number += 1
    if count > 1 and whole <= max(lengths) + 1e-6 and all(abs(whole - length) > 1e-6 for length in lengths):
        wanted.append((0.0, round(whole, 6)))
    assert spans(found) == sorted(wanted)
    for window in found:
        for part, time in enumerate(window.times):
            centre = window.start + (part + 0.5) * (window.end - window.start) / 4
            come = [other for other in times if other < window.end - 1e-6]
            assert abs(time - centre) <= min(abs(other - centre) for other in come) + 1e-6


def test_no_window_reaches_over_a_cut_and_a_scene_is_asked_about_as_a_whole():
    tokens = torch.tensor([[1.0, 0.0]] * 7 + [[0.0, 1.0]] * 8)
    found = fed(WindowPlan(8, 5.0, (2.0,), 0.4, cut=0.5), [number / 5 for number in range(15)], tokens)
    assert spans(found) == [(0.0, 1.4), (1.4, 3.0)]
    assert all(len(one.tokens.unique(dim=0)) == 1 for one in found)


def test_one_moment_between_two_cuts_belongs_to_no_scene():
    tokens = torch.eye(3)[[0] * 5 + [1] + [2] * 5]
    found = fed(WindowPlan(8, 5.0, (2.0,), 0.4, cut=0.5), [number / 5 for number in range(11)], tokens)
    assert spans(found) == [(0.0, 1.0), (1.2, 2.2)]


def test_a_gap_in_the_moments_ends_a_scene():
    times = [0.0, 0.2, 0.4, 5.0, 5.2, 5.4]
    assert spans(fed(WindowPlan(4, 5.0, (2.0,), 0.4), times)) == [(0.0, 0.6), (5.0, 5.6)]


def test_what_is_held_does_not_grow_with_the_video():
    plan = WindowPlan(4, 5.0, (1.0, 4.0), 0.4)
    most = 0
    for number in range(5000):
        for _ in plan.add(number / 5, torch.ones(2)):
            pass
        most = max(most, len(plan.held))
    assert most <= 22


def test_a_planted_cut_lies_between_the_changes_within_and_between_examples():
    frames = torch.eye(4)[:, None].repeat(1, 5, 1) + 0.05 * torch.randn(
        4, 5, 4, generator=torch.Generator().manual_seed(0)
    )
    cut = fit_cut(frames, torch.tensor([0, 0, 1, 1]))
    assert 0.2 < cut < 0.8


@pytest.mark.parametrize("support_label", [[], [0, 0]])
def test_without_two_labels_no_cut_is_known(support_label):
    assert fit_cut(torch.rand(len(support_label), 5, 4), torch.tensor(support_label, dtype=torch.long)) is None


def test_examples_that_change_as_much_within_as_between_know_no_cut():
    frames = torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(0))
    assert fit_cut(frames, torch.tensor([0, 0, 1, 1])) is None


def test_parts_come_on_the_grid_each_before_the_windows_that_hold_it():
    found = fed(WindowPlan(4, 5.0, (2.0,), 0.4, part=1.0), [number / 5 for number in range(14)])
    parts = [one for one in found if one.part]
    assert spans(parts) == [(0.0, 1.0), (0.4, 1.4), (0.8, 1.8), (1.2, 2.2), (1.6, 2.6)]
    assert spans(one for one in found if not one.part) == [(0.0, 2.0), (0.4, 2.4), (0.8, 2.8)]
    for place, window in enumerate(found):
        assert window.part or not any(one.part and window.holds(one) for one in found[place:])


def test_a_scene_as_long_as_a_part_is_asked_about_as_a_whole_all_the_same():
    found = fed(WindowPlan(4, 5.0, (2.0,), 0.4, part=1.0), [number / 5 for number in range(5)])
    assert sorted((one.part, one.start, one.end) for one in found) == [(False, 0.0, 1.0), (True, 0.0, 1.0)]


def test_a_part_as_long_as_a_window_is_refused():
    with pytest.raises(ValueError, match="shorter than every window"):
        WindowPlan(4, 5.0, (1.0, 2.0), 0.4, part=1.0)


@pytest.mark.parametrize(("speed", "frozen"), [(0.0, True), (FROZEN_SPEED, True), (FROZEN_SPEED * 1.2, False)])
def test_a_window_is_frozen_where_its_picture_hardly_moves_on_average(speed, frozen):
    plan = WindowPlan(4, 5.0, (2.0,), 0.4)
    moving = MovingMoment(torch.full((2, 3, 4), speed / 2**0.5), None)
    found = [one for number in range(11) for one in plan.add(number / 5, torch.ones(2), moving)]
    assert found[-1].speed == pytest.approx(0.9 * speed)  # the first moment sees no motion
    assert found[-1].frozen is frozen


def test_without_motion_nothing_is_known_to_be_frozen():
    assert not any(one.frozen for one in fed(WindowPlan(4, 5.0, (1.0,), 0.4), [number / 5 for number in range(9)]))
