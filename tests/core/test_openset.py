from math import exp

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lga.core.openset import fit_known, max_logit, recall_threshold

pytestmark = pytest.mark.usefixtures("one_thread")

seeds = st.integers(0, 2**31)
values = st.lists(st.floats(-50, 50), min_size=1, max_size=30)


def test_the_max_logit_is_that_of_the_class_that_suits_best():
    assert max_logit(torch.tensor([[-3.0, -1.0, -2.0], [-40.0, -41.0, -torch.inf]])).tolist() == [-1.0, -40.0]


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
