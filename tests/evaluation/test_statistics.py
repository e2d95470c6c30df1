from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from lga.evaluation.outcome import Outcome
from lga.evaluation.statistics import (
    Interval,
    accuracy,
    bootstrap,
    bootstrap_units,
    calibration_error,
    calibration_gaps,
    class_accuracy,
    confusion,
    expected_calibration_error,
    half_width,
    paired_difference,
    worst_mistakes,
)


def outcome_of(hits, truth=None, sure=None, query=None):
    """An outcome of two-way episodes; a wrong answer names the class after the right one."""
    hits = np.array(hits)
    sure = np.full(hits.shape, 0.75) if sure is None else np.array(sure)
    truth = np.zeros(hits.shape, int) if truth is None else np.array(truth)
    query = np.stack(np.split(np.arange(hits.size), len(hits))) if query is None else np.array(query)
    return Outcome(query, truth, truth + ~hits, np.log(np.stack([sure, 1 - sure], -1)))


def test_the_interval_is_the_normal_one_over_episodes():
    found = accuracy(outcome_of([[True, True], [False, False], [True, False]]))
    assert found.mean == 0.5
    assert found.ci95 == pytest.approx(1.96 * 0.5 / sqrt(3))


def test_the_bootstrap_draws_units_with_all_their_values():
    values, unit = np.array([[1.0, 1, 1, 0]] * 50), np.array([[0, 0, 0, 1]] * 50)
    assert bootstrap(values, unit) == (0.0, 1.0)
    assert bootstrap(values, np.zeros((50, 4), int)) == (0.75, 0.75)


def test_many_units_of_one_value_have_the_normal_interval():
    values = (np.random.default_rng(3).random((500, 4)) < 0.3).astype(float)
    low, high = bootstrap(values, np.stack(np.split(np.arange(2000), 500)))
    half = 1.96 * values.std() / sqrt(2000)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.2 * half)


def test_a_method_does_not_differ_from_itself_and_differs_from_its_opposite_by_twice_its_lead():
    one = outcome_of([[True, True], [False, True], [True, False]])
    same = paired_difference(one, one)
    assert (same.mean, same.ci95, same.clips, same.classes) == (0, 0, (0, 0), (0, 0))
    opposite = outcome_of(~one.hits)
    assert paired_difference(one, opposite).mean == pytest.approx(2 * accuracy(one).mean - 1)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=9))
def test_the_paired_interval_is_that_of_the_differences(pairs):
    one, other = (outcome_of([[pair[which]] for pair in pairs]) for which in (0, 1))
    gap = np.array([int(first) - second for first, second in pairs])
    found = paired_difference(one, other)
    assert found.mean == pytest.approx(gap.mean())
    assert found.ci95 == pytest.approx(1.96 * gap.std(ddof=1) / sqrt(len(gap)))


def test_other_episodes_cannot_be_paired():
    with pytest.raises(ValueError, match="same episodes"):
        paired_difference(outcome_of([[True], [True]]), outcome_of([[True], [True]], query=[[5], [6]]))


def test_the_accuracy_of_a_class_counts_its_own_queries():
    outcome = outcome_of([[True, False], [True, True], [False, False]], truth=[[0, 3], [0, 1], [0, 3]])
    found = class_accuracy(outcome, 5)
    assert found[[0, 1, 3]] == pytest.approx([2 / 3, 1.0, 0.0])
    assert np.isnan(found[[2, 4]]).all()


def test_the_confusion_matrix_has_a_row_for_what_is_and_a_column_for_what_was_said():
    outcome = outcome_of([[True, False], [True, True], [False, False]], truth=[[0, 1], [0, 1], [0, 1]])
    assert confusion(outcome, 3).tolist() == [[2, 1, 0], [0, 1, 2], [0, 0, 0]]


def test_the_calibration_error_worked_out_by_hand():
    """Bins of a tenth: at 0.95, 1 of 2 right; at 0.65, 3 of 3; at 0.75, 0 of 1."""
    right = [[True, False, True], [True, True, False]]
    outcome = outcome_of(right, sure=[[0.95, 0.95, 0.65], [0.65, 0.65, 0.75]])
    wanted = (2 * abs(0.5 - 0.95) + 3 * abs(1.0 - 0.65) + 1 * abs(0.0 - 0.75)) / 6
    assert calibration_error(outcome, 10) == pytest.approx(wanted)


@given(st.integers(0, 2**32 - 1), st.integers(1, 20))
def test_the_calibration_error_is_that_of_scikit_learns_calibration_curve(seed, bins):
    random = np.random.default_rng(seed)
    confidence = random.random(200)
    right = random.random(200) < confidence**2
    share, mean = calibration_curve(right, confidence, n_bins=bins)
    size = np.histogram(confidence, np.linspace(0, 1, bins + 1))[0]
    wanted = (np.abs(share - mean) * size[size > 0]).sum() / 200
    assert expected_calibration_error(confidence, right, bins) == pytest.approx(wanted)


def test_calibration_gaps_add_over_answers():
    confidence, right = np.array([0.15, 0.95, 0.12, 0.97]), np.array([True, True, False, False])
    found = calibration_gaps(confidence, right, 10)
    assert found == pytest.approx(
        calibration_gaps(confidence[:2], right[:2], 10) + calibration_gaps(confidence[2:], right[2:], 10)
    )
    assert found[[1, 9]] == pytest.approx([1 - 0.27, 1 - 1.92])


def test_any_statistic_has_a_bootstrap_interval_over_its_units():
    random = np.random.default_rng(0)
    hits, size = random.integers(0, 5, 40), np.full(40, 5)
    wanted = bootstrap((np.arange(5) < hits[:, None]).astype(float), np.repeat(np.arange(40)[:, None], 5, 1))
    assert bootstrap_units(lambda weight: (weight @ hits) / (weight @ size), 40) == wanted
    assert half_width(np.array([0.0, 1.0])) == pytest.approx(1.96 * sqrt(0.5) / sqrt(2))


def test_an_interval_is_written_in_percent():
    interval = Interval(0.54612, 0.00432, (0.5312, 0.5604), (-0.01, 0.602))
    assert interval.text() == ("54.61", "± 0.43", "53.1 to 56.0", "-1.0 to 60.2")
    assert interval.text(1, signed=True) == ("+54.6", "± 0.4", "+53.1 to +56.0", "-1.0 to +60.2")
    assert str(interval) == "54.6 ± 0.4 % (95 %: other clips 53.1 to 56.0, other classes -1.0 to 60.2)"


def test_an_answer_that_is_as_often_right_as_it_is_sure_has_no_calibration_error():
    assert calibration_error(outcome_of([[True, True, True, False]] * 3)) == pytest.approx(0.0)
    sure = np.full((2, 4), 1 - 1e-12)
    assert calibration_error(outcome_of([[True] * 4] * 2, sure=sure)) == pytest.approx(0.0)
    assert calibration_error(outcome_of([[False] * 4] * 2, sure=sure)) == pytest.approx(1.0)


def outcome_of_mistakes(query, truth, predicted, own):
    """Two-way episodes of one query a class; `own` is the posterior of the right class."""
    own = np.array(own)
    pair = np.stack([own, 1 - own], -1)
    pair[:, 1] = pair[:, 1, ::-1]  # the second query's class stands second
    return Outcome(np.array(query), np.array(truth), np.array(predicted), np.log(pair))


PLANTED = outcome_of_mistakes(
    query=[[0, 1], [0, 2], [0, 1]],
    truth=[[0, 1], [0, 1], [0, 1]],
    predicted=[[1, 1], [2, 0], [1, 0]],
    own=[[0.1, 0.9], [0.1, 0.4], [0.1, 0.3]],
)


def test_the_clip_whose_class_was_held_least_likely_comes_first():
    first, second, third = worst_mistakes(PLANTED, 5)
    assert (first.clip, first.truth, first.taken, first.asked, first.wrong) == (0, 0, 1, 3, 3)
    assert first.belief == pytest.approx(0.1)
    assert (second.clip, second.belief) == (2, pytest.approx(0.4))
    assert (third.clip, third.asked, third.wrong, third.taken) == (1, 2, 1, 0)
    assert third.belief == pytest.approx((0.9 * 0.3) ** 0.5)
    assert worst_mistakes(PLANTED, 1) == (first,)


def test_clips_that_are_always_right_are_no_mistakes():
    assert worst_mistakes(outcome_of_mistakes([[0, 1]], [[0, 1]], [[0, 1]], [[0.6, 0.6]]), 5) == ()


def test_fewer_than_none_are_refused():
    with pytest.raises(ValueError, match="not -1"):
        worst_mistakes(PLANTED, -1)


@given(st.integers(0, 2**32 - 1))
def test_it_is_what_a_loop_over_all_answers_finds(seed):
    random = np.random.default_rng(seed)
    query = np.stack([random.choice([0, 2, 4], 20), random.choice([1, 3, 5], 20)], 1)
    log_posterior = np.log(random.dirichlet((1, 1), (20, 2)))
    truth = np.tile(np.arange(2), (20, 1))
    outcome = Outcome(query, truth, log_posterior.argmax(-1), log_posterior)
    answers = {clip: [] for clip in range(6)}
    for episode in range(20):
        for place in range(2):
            answers[query[episode, place]].append(
                (log_posterior[episode, place, place], outcome.predicted[episode, place] != place)
            )
    wanted = {
        clip: (np.exp(np.mean([one for one, _ in all_])), sum(wrong for _, wrong in all_))
        for clip, all_ in answers.items()
        if any(wrong for _, wrong in all_)
    }
    found = worst_mistakes(outcome, 10)
    assert {one.clip: (pytest.approx(one.belief), one.wrong) for one in found} == wanted
    assert [one.belief for one in found] == sorted(one.belief for one in found)
