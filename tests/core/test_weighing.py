from math import exp, log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lga.core.weighing import (
    LEAST,
    MOST_VIDEO,
    MULTIPLES,
    TEMPERATURE_PRECISION,
    TEXT_NOISE,
    TEXT_PRECISION,
    VIDEO_PRECISION,
    fit_temperature,
    fit_weights,
    text_gain,
)

pytestmark = pytest.mark.usefixtures("one_thread")

seeds = st.integers(0, 2**31)


def loss_by_hand(video, text, truth, seen, read, usual):
    total = VIDEO_PRECISION * (seen - usual) ** 2 / 2 + TEXT_PRECISION * (read - 1) ** 2 / 2
    for far, like, right in zip(video.tolist(), text.tolist(), truth.tolist(), strict=True):
        score = [seen * one + read * other for one, other in zip(far, like, strict=True)]
        total += log(sum(exp(one - max(score)) for one in score)) + max(score) - score[right]
    return total


def planted(seed, *, rows, way, seen, read):
    """Scores of two kinds and labels drawn from the posterior that weighs them so."""
    random = torch.Generator().manual_seed(seed)
    video, text = 2 * torch.randn(2, rows, way, generator=random, dtype=torch.float64)
    truth = torch.multinomial((seen * video + read * text).softmax(-1), 1, generator=random)[:, 0]
    return video, text, truth


@settings(deadline=None, max_examples=25)
@given(seeds, st.integers(1, 12), st.integers(2, 5), st.floats(0.2, 1.5), st.floats(0.1, 30.0))
def test_the_weights_are_the_best_that_a_plain_search_finds(seed, rows, way, usual, size):
    random = torch.Generator().manual_seed(seed)
    video, text = size * torch.randn(2, rows, way, generator=random, dtype=torch.float64)
    truth = torch.randint(way, (rows,), generator=random)
    seen, read = (float(one) for one in fit_weights(video, text, truth, usual=usual))
    assert LEAST * 0.999 <= seen <= MOST_VIDEO
    assert LEAST * 0.999 <= read <= 1
    found = loss_by_hand(video, text, truth, seen, read, usual)
    for step in (0.3, 0.03, 0.003):
        for one, other in ((step, 0), (-step, 0), (0, step), (0, -step), (step, step), (-step, -step)):
            near = min(max(seen + one, LEAST), MOST_VIDEO), min(max(read + other, LEAST), 1.0)
            assert found <= loss_by_hand(video, text, truth, *near, usual) + 1e-4


@settings(deadline=None, max_examples=8)
@given(seeds, st.floats(0.2, 2.0), st.floats(0.1, 0.9))
def test_weights_that_drew_the_labels_are_found_again(seed, seen, read):
    video, text, truth = planted(seed, rows=20000, way=4, seen=seen, read=read)
    found = fit_weights(video, text, truth, usual=1.0)
    assert [float(one) for one in found] == pytest.approx([seen, read], rel=0.1, abs=0.03)


def test_a_text_is_never_taken_for_more_than_it_claims_and_may_be_worth_nothing():
    video, text, truth = planted(0, rows=5000, way=3, seen=1.0, read=3.0)
    assert fit_weights(video, text, truth, usual=1.0)[1] == 1
    assert float(fit_weights(video, -text, truth, usual=1.0)[1]) == pytest.approx(LEAST)


def test_few_examples_hardly_move_the_video_and_none_leave_all_as_it_is():
    video, text = torch.tensor([[0.0, 9.0]]), torch.tensor([[0.0, 9.0]])
    seen, read = fit_weights(video, text, torch.tensor([0]), usual=0.9)
    assert 0.3 < seen < 0.9
    assert read < 0.3
    nothing = torch.zeros(0, 2)
    assert [float(one) for one in fit_weights(nothing, nothing, torch.zeros(0, dtype=torch.long), usual=0.7)] == (
        pytest.approx([0.7, 1.0])
    )


def test_a_row_of_zeros_says_nothing():
    video, text, truth = planted(3, rows=6, way=3, seen=1.0, read=0.5)
    wanted = fit_weights(video, text, truth, usual=0.8)
    padded = (torch.cat([one, torch.zeros(2, 3, dtype=torch.float64)]) for one in (video, text))
    torch.testing.assert_close(fit_weights(*padded, torch.cat([truth, truth[:2]]), usual=0.8), wanted)


def test_tasks_fitted_together_are_fitted_as_if_alone():
    truth = torch.tensor([0, 1, 2, 0])
    tasks = [
        3 * torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        for seed in range(3)
    ]
    together = fit_weights(*torch.stack(tasks, 1), truth, usual=0.6)
    for number, task in enumerate(tasks):
        alone = fit_weights(*task, truth, usual=0.6)
        torch.testing.assert_close(tuple(one[number] for one in together), alone, atol=1e-4, rtol=1e-4)


@settings(deadline=None, max_examples=25)
@given(seeds, st.integers(1, 9), st.integers(1, 6), st.floats(0.01, 10.0))
def test_the_text_is_believed_as_much_as_loops_over_its_differences_say(seed, rows, way, size):
    random = torch.Generator().manual_seed(seed)
    text = size * torch.randn(2, rows, way, generator=random, dtype=torch.float64)
    for task, found in zip(text.tolist(), text_gain(text).tolist(), strict=True):
        squares = 0.0
        for row in task:
            squares += sum((one - sum(row) / way) ** 2 for one in row)
        spread = squares / max(1, rows * (way - 1))
        wanted = max(LEAST, 1 - TEXT_NOISE**2 / spread) if spread > 0 else LEAST
        assert found == pytest.approx(wanted, abs=1e-9)


@given(seeds, st.floats(1.1, 20.0))
def test_a_text_is_believed_more_the_more_it_differs_whatever_it_says_of_all_classes(seed, factor):
    random = torch.Generator().manual_seed(seed)
    text = torch.randn(4, 3, generator=random, dtype=torch.float64)
    gain = float(text_gain(text))
    assert LEAST < gain < text_gain(factor * text) < 1
    assert gain == pytest.approx(float(text_gain(text[:, [2, 0, 1]] + torch.tensor([[5.0], [-3.0], [0.0], [9.0]]))))


@pytest.mark.parametrize("way", [2, 5, 20])
def test_noise_hides_as_much_of_a_text_between_any_number_of_classes(way):
    noise = TEXT_NOISE * torch.randn(20000, way, generator=torch.Generator().manual_seed(way), dtype=torch.float64)
    assert float(text_gain(noise)) == pytest.approx(0, abs=0.03)
    assert float(text_gain(2 * noise)) == pytest.approx(0.75, abs=0.01)
    assert text_gain(torch.ones(3, way)) == LEAST


@given(st.floats(0.3, 3), st.integers(2, 5), seeds)
@settings(deadline=None, max_examples=10)
def test_the_temperature_that_drew_the_labels_is_found_again(true, way, seed):
    random = torch.Generator().manual_seed(seed)
    score = 3 * torch.randn(20000, way, generator=random, dtype=torch.float64)
    truth = torch.multinomial((score / true).softmax(-1), 1, generator=random)[:, 0]
    assert float(fit_temperature(score, truth)) == pytest.approx(true, rel=0.1)


@given(seeds, st.integers(1, 9), st.integers(2, 5), st.floats(0.05, 50.0))
@settings(deadline=None, max_examples=25)
def test_no_other_temperature_of_the_grid_suits_the_examples_better(seed, rows, way, size):
    random = torch.Generator().manual_seed(seed)
    score = size * torch.randn(3, rows, way, generator=random, dtype=torch.float64)
    truth = torch.randint(way, (rows,), generator=random)
    heat = MULTIPLES[:, None, None]
    loss = -(score[:, None] / heat).log_softmax(-1)[..., torch.arange(rows), truth].sum(-1)
    loss = loss + TEMPERATURE_PRECISION * MULTIPLES.log().square() / 2
    torch.testing.assert_close(fit_temperature(score, truth), MULTIPLES[loss.argmin(-1)])


def test_few_examples_hardly_move_the_temperature_and_none_leave_it():
    score, truth = torch.tensor([[5.0, 0.0], [0.0, 5.0]]) / 0.4, torch.tensor([0])
    assert fit_temperature(score[:0], truth[:0]) == 1
    assert 0.75 < fit_temperature(score[:1], truth) <= 1
    assert 1 < fit_temperature(score[1:], truth) < 2.5


def test_the_temperature_is_the_one_a_plain_search_finds():
    score = torch.tensor([[2.0, 0.0, -1.0], [0.5, 1.0, 0.0], [1.0, 1.5, 0.0], [0.0, 0.2, 3.0]])
    truth = torch.tensor([0, 1, 0, 2])

    def loss(heat):
        total = TEMPERATURE_PRECISION * log(heat) ** 2 / 2
        for row, right in zip(score.tolist(), truth.tolist(), strict=True):
            total += log(sum(exp(one / heat) for one in row)) - row[right] / heat
        return total

    found = float(fit_temperature(torch.stack([score, 2 * score]), truth)[0])
    assert loss(found) <= min(loss(0.1 * 1.02**step) for step in range(230)) + 1e-3


@given(st.integers(1, 4), seeds)
def test_a_row_that_counts_for_more_is_as_good_as_so_many_rows(each, seed):
    random = torch.Generator().manual_seed(seed)
    video, text = (torch.randn(5, 3, generator=random, dtype=torch.float64) for _ in range(2))
    truth = torch.randint(3, (5,), generator=random)
    repeated = [one.repeat_interleave(each, 0) for one in (video, text, truth)]
    found = fit_weights(video, text, truth, usual=0.8, each=float(each))
    wanted = fit_weights(*repeated, usual=0.8)
    torch.testing.assert_close(torch.stack(found), torch.stack(wanted), atol=1e-4, rtol=1e-4)
    temperature = fit_temperature(video, truth, each=float(each))
    assert float(temperature) == pytest.approx(float(fit_temperature(repeated[0], repeated[2])), rel=0.04)  # one step
