import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lga.evaluation.outcome import Outcome
from lga.evaluation.statistics import worst_mistakes


def outcome_of(query, truth, predicted, own):
    """Two-way episodes of one query a class; `own` is the posterior of the right class."""
    own = np.array(own)
    pair = np.stack([own, 1 - own], -1)
    pair[:, 1] = pair[:, 1, ::-1]  # the second query's class stands second
    return Outcome(np.array(query), np.array(truth), np.array(predicted), np.log(pair))


PLANTED = outcome_of(
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
    assert worst_mistakes(outcome_of([[0, 1]], [[0, 1]], [[0, 1]], [[0.6, 0.6]]), 5) == ()


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
