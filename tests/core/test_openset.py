from math import exp, log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lga.core.distance import class_distances
from lga.core.openset import fit_known, fit_temperature, leave_one_out, max_logit, recall_threshold
from lga.core.score import correct_hubs

pytestmark = pytest.mark.usefixtures("one_thread")

seeds = st.integers(0, 2**31)
poolings = st.sampled_from(["softmin", "mean"])
values = st.lists(st.floats(-50, 50), min_size=1, max_size=30)


def random_taught(seed, counts):
    """Distances and similarities of examples, `counts[c]` of label c, in mixed order."""
    random = torch.Generator().manual_seed(seed)
    support_label = torch.tensor([label for label, count in enumerate(counts) for _ in range(count)], dtype=torch.long)
    support_label = support_label[torch.randperm(len(support_label), generator=random)]
    distance = 24 * torch.rand(len(support_label), len(support_label), generator=random, dtype=torch.float64)
    return distance, torch.randn(len(support_label), len(counts), generator=random, dtype=torch.float64), support_label


def asked(distance, similarity, support_label, keep, row, way, *, strength, pooling, alpha):
    """One example's scores when only `keep` has been taught, by the functions that answer for new clips."""
    keep = torch.tensor(keep, dtype=torch.long)
    mine = support_label[keep]
    apart = correct_hubs(distance[row][keep][None], distance[keep][:, keep], mine[:, None] != mine, strength=strength)
    words = correct_hubs(similarity[row][None], similarity[keep], mine[:, None] != torch.arange(way), strength=strength)
    return (-alpha * class_distances(apart, mine, way, pooling=pooling) + (1 - alpha) * words)[0]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=4), poolings, st.floats(0, 1), st.floats(0, 1), seeds)
def test_an_example_scores_as_if_it_had_never_been_taught(counts, pooling, strength, alpha, seed):
    distance, similarity, support_label = random_taught(seed, counts)
    how = {"strength": strength, "pooling": pooling, "alpha": alpha}
    found, _ = leave_one_out(distance, similarity, support_label, **how)
    for row in range(len(support_label)):
        others = [one for one in range(len(support_label)) if one != row]
        wanted = asked(distance, similarity, support_label, others, row, len(counts), **how)
        torch.testing.assert_close(found[row], wanted)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 3), min_size=3, max_size=4), poolings, st.floats(0, 1), st.floats(0, 1), seeds)
def test_an_unknown_clip_scores_as_if_its_label_had_never_been_taught(counts, pooling, strength, alpha, seed):
    distance, similarity, support_label = random_taught(seed, counts)
    how = {"strength": strength, "pooling": pooling, "alpha": alpha}
    _, found = leave_one_out(distance, similarity, support_label, **how)
    for row in range(len(support_label)):
        rest = [label for label in range(len(counts)) if label != support_label[row]]
        keep = [one for one in range(len(support_label)) if support_label[one] != support_label[row]]
        renamed = torch.tensor([rest.index(label) if label in rest else -1 for label in support_label.tolist()])
        wanted = asked(distance, similarity[:, rest], renamed, keep, row, len(rest), **how)
        assert found[row, support_label[row]] == -torch.inf
        torch.testing.assert_close(found[row, rest], wanted)


def test_two_labels_keep_their_hub_correction_for_unknown_clips():
    distance, similarity, support_label = random_taught(0, (2, 2))
    _, found = leave_one_out(distance, similarity, support_label, strength=1.0, pooling="mean", alpha=1.0)
    for row in range(4):
        foreign = [one for one in range(4) if support_label[one] != support_label[row]]
        mates = [one for one in range(4) if support_label[one] == support_label[row] and one != row]
        near = [distance[row, one] - distance[mates, one].mean() for one in foreign]
        torch.testing.assert_close(found[row, 1 - support_label[row]], -sum(near) / 2)


def test_tensors_that_do_not_fit_together_are_refused():
    distance, similarity, support_label = random_taught(0, (2, 2))
    with pytest.raises(TypeError):
        leave_one_out(distance, similarity[:3], support_label, strength=0.5, pooling="mean", alpha=0.5)


def test_the_max_logit_is_that_of_the_class_that_suits_best():
    assert max_logit(torch.tensor([[-3.0, -1.0, -2.0], [-40.0, -41.0, -torch.inf]])).tolist() == [-1.0, -40.0]


@given(st.floats(0.3, 3), st.integers(2, 5), seeds)
@settings(deadline=None, max_examples=10)
def test_the_temperature_that_drew_the_labels_is_found_again(true, way, seed):
    random = torch.Generator().manual_seed(seed)
    score = 3 * torch.randn(20000, way, generator=random, dtype=torch.float64)
    truth = torch.multinomial((score / true).softmax(-1), 1, generator=random)[:, 0]
    assert fit_temperature(score, truth, usual=0.4) == pytest.approx(true, rel=0.1)


def test_few_examples_hardly_move_the_temperature_and_none_leave_it():
    score, truth = torch.tensor([[5.0, 0.0]]), torch.tensor([0])
    assert fit_temperature(score[:0], truth[:0], usual=0.4) == 0.4
    assert 0.3 < fit_temperature(score, truth, usual=0.4) <= 0.4
    assert fit_temperature(score, truth, usual=0.4, prior_precision=0.0) == pytest.approx(0.04)


def test_the_temperature_is_the_one_a_plain_search_finds():
    score = torch.tensor([[2.0, 0.0, -1.0], [0.5, 1.0, 0.0], [1.0, 1.5, 0.0], [0.0, 0.2, 3.0]])
    truth = torch.tensor([0, 1, 0, 2])

    def loss(heat):
        total = 5 * log(heat) ** 2 / 2
        for row, right in zip(score.tolist(), truth.tolist(), strict=True):
            total += log(sum(exp(one / heat) for one in row)) - row[right] / heat
        return total

    found = fit_temperature(score, truth, usual=1.0, prior_precision=5.0)
    assert loss(found) <= min(loss(0.1 * 1.02**step) for step in range(230)) + 1e-3


@pytest.mark.parametrize(("usual", "prior_precision"), [(0.0, 1.0), (-1.0, 1.0), (1.0, -1.0)])
def test_an_impossible_prior_is_refused(usual, prior_precision):
    with pytest.raises(ValueError, match=f"not {usual} and {prior_precision}"):
        fit_temperature(
            torch.zeros(1, 2), torch.zeros(1, dtype=torch.long), usual=usual, prior_precision=prior_precision
        )


def test_the_threshold_lets_as_many_pass_as_wanted():
    assert recall_threshold(torch.arange(1.0, 10.0), 0.9) == pytest.approx(1.0)
    assert recall_threshold(torch.arange(1.0, 20.0), 0.9) == pytest.approx(2.0)
    assert recall_threshold(torch.arange(1.0, 10.0), 0.85) == pytest.approx(1.5)
    assert recall_threshold(torch.tensor([3.0, 1.0, 2.0]), 0.9) == 1.0  # three cannot say more
    random = torch.Generator().manual_seed(0)
    draws = torch.randn(4000, 20, generator=random)
    passed = [(row[-1] >= recall_threshold(row[:-1], 0.9)).item() for row in draws]
    assert sum(passed) / len(passed) == pytest.approx(0.9, abs=0.015)


@given(values, st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.floats(-9, 9))
def test_thresholds_fall_with_the_recall_and_move_with_the_values(known, one, other, shift):
    known = torch.tensor(known, dtype=torch.float64)
    strict, loose = recall_threshold(known, min(one, other)), recall_threshold(known, max(one, other))
    assert known.min() <= loose <= strict <= known.max()
    assert recall_threshold(known + shift, one) == pytest.approx(recall_threshold(known, one) + shift, abs=1e-9)


@pytest.mark.parametrize(("count", "recall"), [(0, 0.5), (3, 0.0), (3, 1.0)])
def test_a_threshold_from_nothing_or_for_everything_is_refused(count, recall):
    with pytest.raises(ValueError, match=f"not {count} and {recall}"):
        recall_threshold(torch.zeros(count), recall)


def test_the_probability_of_being_known_is_bayes_rule_for_two_normals():
    random = torch.Generator().manual_seed(1)
    known = 2 * torch.randn(50000, generator=random, dtype=torch.float64) + 3
    strange = 2 * torch.randn(30000, generator=random, dtype=torch.float64) - 1
    slope, centre = fit_known(known, strange)
    assert slope == pytest.approx(4 / 2**2, rel=0.03)
    assert centre == pytest.approx(1.0, abs=0.05)
    at = 2.0
    likelier = exp(-((at - 3) ** 2) / 8) / exp(-((at + 1) ** 2) / 8)
    assert 1 / (1 + exp(-slope * (at - centre))) == pytest.approx(likelier / (1 + likelier), abs=0.02)


@given(values, values, st.floats(0.1, 10), st.floats(-9, 9))
def test_the_slope_does_not_fall_and_turns_with_the_unit(known, strange, unit, shift):
    known, strange = (torch.tensor([*one, 1.0, 2.0], dtype=torch.float64) for one in (known, strange))
    slope, centre = fit_known(known, strange)
    assert slope >= 0
    scaled, moved = fit_known(known * unit + shift, strange * unit + shift)
    if 0.01 < slope < 1e6:
        assert scaled == pytest.approx(slope / unit, rel=1e-6)
        assert moved == pytest.approx(centre * unit + shift, rel=1e-6, abs=1e-6)


def test_the_slope_is_right_on_average_with_few_values():
    random = torch.Generator().manual_seed(2)
    draws = torch.randn(4000, 8, generator=random, dtype=torch.float64)
    slopes = [fit_known(row[:4] + 3, row[4:])[0] for row in draws]
    assert sum(slopes) / len(slopes) == pytest.approx(3.0, rel=0.05)


def test_two_values_have_no_sure_spread():
    with pytest.raises(ValueError, match="not 2 and 3"):
        fit_known(torch.zeros(2), torch.zeros(3))
