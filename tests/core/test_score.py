from math import sqrt

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lga.core.score import (
    LEAST_SPREAD,
    MOST_STRETCH,
    SPREAD_PRIOR,
    contrast_stretch,
    gram,
    hub_means,
    hub_means_without,
    video_text_scores,
)

pytestmark = pytest.mark.usefixtures("one_thread")

seeds = st.integers(0, 2**31)


@given(st.integers(1, 5), seeds)
def test_text_scores_match_the_textbook_loop(stages, seed):
    random = torch.Generator().manual_seed(seed)
    video = torch.randn(3, stages, 7, generator=random, dtype=torch.float64)
    text = torch.randn(2, stages, 7, generator=random, dtype=torch.float64)
    scores = video_text_scores(video, text)
    assert scores.shape == (3, 2, stages)
    for q, c, s in torch.cartesian_prod(torch.arange(3), torch.arange(2), torch.arange(stages)).tolist():
        v, t = video[q, s].tolist(), text[c, s].tolist()
        dot = sum(a * b for a, b in zip(v, t, strict=True))
        cosine = dot / sqrt(sum(a * a for a in v) * sum(b * b for b in t))
        assert scores[q, c, s].item() == pytest.approx(cosine)


def test_text_scores_of_same_opposite_unrelated_and_empty_stages():
    video = torch.tensor([[[3.0, 4.0], [3.0, 4.0], [3.0, 4.0], [0.0, 0.0]]])
    text = torch.tensor([[[6.0, 8.0], [-0.3, -0.4], [4.0, -3.0], [1.0, 0.0]]])
    torch.testing.assert_close(video_text_scores(video, text), torch.tensor([[[1.0, -1.0, 0.0, 0.0]]]))


def test_a_stage_meets_only_its_own_sentence():
    video, text = torch.randn(2, 3, 3, 5, generator=torch.Generator().manual_seed(0))
    other = text.clone()
    other[:, 1] = 7.0
    change = video_text_scores(video, text) != video_text_scores(video, other)
    assert change.any((0, 1)).tolist() == [False, True, False]


def test_different_numbers_of_stages_are_refused():
    with pytest.raises(TypeError):
        video_text_scores(torch.zeros(1, 3, 5), torch.zeros(2, 4, 5))


def random_table(seed, *shape):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=random, dtype=torch.float64), random


@given(st.integers(1, 6), st.integers(1, 5), seeds)
def test_a_hub_mean_is_over_the_examples_of_other_classes(examples, columns, seed):
    table, random = random_table(seed, 2, examples, columns)
    foreign = torch.rand(examples, columns, generator=random) < 0.5
    found = hub_means(table, foreign)
    for episode in range(2):
        rows = [[table[episode, r, c].item() for r in range(examples) if foreign[r, c]] for c in range(columns)]
        means = [sum(some) / len(some) for some in rows if some]
        usual = sum(means) / len(means) if means else 0.0
        wanted = [sum(some) / len(some) if some else usual for some in rows]
        assert found[episode].tolist() == pytest.approx(wanted)


@given(st.lists(st.integers(0, 2), min_size=2, max_size=7), st.booleans(), seeds)
def test_a_hub_mean_without_some_examples_is_that_of_the_others(label, whole, seed):
    label, count = torch.tensor(label), len(label)
    table, _ = random_table(seed, 2, count, count)
    foreign, itself = label[:, None] != label, torch.eye(count, dtype=torch.bool)
    gone = ~foreign if whole else itself
    found = hub_means_without(table, foreign, label if whole else None, ~gone)
    for asked in range(count):
        kept = ~gone[asked]
        wanted = hub_means(table[:, kept][:, :, kept], foreign[kept][:, kept])
        torch.testing.assert_close(found[:, asked, kept], wanted)


def test_an_example_that_is_near_to_everything_is_unmasked():
    distance, among = torch.tensor([[4.0, 5.0]]), torch.tensor([[0.0, 9.0], [3.0, 0.0]])
    assert distance.argmin() == 0
    assert (distance - hub_means(among, torch.tensor([[False, True], [True, False]]))).argmin() == 1


@given(st.lists(st.integers(0, 2), min_size=1, max_size=6), st.floats(0.001, 0.999), seeds)
def test_examples_are_stretched_until_foreign_ones_differ_enough(label, narrow, seed):
    cosine, random = random_table(seed, 2, len(label), len(label))
    cosine = 1 - narrow * torch.rand(cosine.shape, generator=random, dtype=torch.float64)
    found = contrast_stretch(cosine, torch.tensor(label))
    for episode in range(2):
        square, differences = SPREAD_PRIOR * LEAST_SPREAD**2, SPREAD_PRIOR
        for row, own in enumerate(label):
            met = [cosine[episode, row, other].item() for other, one in enumerate(label) if one != own]
            square += sum((one - sum(met) / len(met)) ** 2 for one in met)
            differences += max(len(met) - 1, 0)
        wanted = LEAST_SPREAD / sqrt(square / differences)
        assert found[episode].item() == pytest.approx(min(MOST_STRETCH, max(1.0, wanted)))


def test_stretching_twice_is_stretching_once_where_examples_are_many():
    random = torch.Generator().manual_seed(0)
    label = torch.arange(4).repeat_interleave(50)
    cosine = 0.9 + 0.01 * torch.randn(200, 200, generator=random, dtype=torch.float64)
    factor = contrast_stretch(cosine, label)
    assert factor == pytest.approx(7, rel=0.02)
    assert contrast_stretch(factor * cosine, label) == pytest.approx(1, rel=0.01)


def test_equal_examples_are_stretched_no_further_than_the_limit_and_too_few_not_at_all():
    many = torch.arange(2).repeat_interleave(40)
    assert contrast_stretch(torch.ones(80, 80), many) == MOST_STRETCH
    for label in ([0, 1], [1, 1], []):
        own = torch.tensor(label, dtype=torch.long)
        assert contrast_stretch(torch.ones(len(own), len(own)), own) == pytest.approx(1)


@given(st.integers(0, 9), st.integers(1, 4), seeds)
def test_a_gram_matrix_by_halves_is_the_whole_product(rows, block, seed):
    table, _ = random_table(seed, rows, 3)
    torch.testing.assert_close(gram(table, block), table @ table.T)


def test_the_stretch_is_the_same_in_blocks(monkeypatch):
    cosine, _ = random_table(0, 2, 7, 7)
    label = torch.tensor([0, 1, 1, 2, 0, 2, 2])
    whole = contrast_stretch(0.05 * cosine, label)
    monkeypatch.setattr("lga.core.score.ROWS_AT_ONCE", 3)
    torch.testing.assert_close(contrast_stretch(0.05 * cosine, label), whole)
