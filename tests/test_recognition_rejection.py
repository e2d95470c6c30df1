from dataclasses import replace
from math import inf

import pytest
import torch

from lga.config import MethodConfig
from lga.errors import SettingsError
from lga.recognition import INDISTINCT, NOTHING_KNOWN, TOO_FEW, fit_rejection

pytestmark = pytest.mark.usefixtures("one_thread")
METHOD = MethodConfig(hub_correction=0.5)


def fitted(counts, *, mates=2.0, others=9.0, seed=0):
    """Examples of labels that are `mates` from their own kind and `others` from the rest, give or take one."""
    random = torch.Generator().manual_seed(seed)
    support_label = torch.tensor([label for label, count in enumerate(counts) for _ in range(count)], dtype=torch.long)
    same = support_label[:, None] == support_label
    distance = (
        torch.where(same, mates, others) + 2 * torch.rand(len(support_label), len(support_label), generator=random) - 1
    )
    distance.fill_diagonal_(0)
    return fit_rejection(distance, torch.zeros(len(support_label), len(counts)), support_label, METHOD, alpha=0.5)


@pytest.mark.parametrize("counts", [(4, 4, 4), (5, 5), (1, 6, 6, 0)])
def test_labels_that_keep_apart_are_told_from_unknown_ones(counts):
    found = fitted(counts)
    assert found.why == ""
    assert found.recall == 0.9
    assert 0 < found.threshold <= 0.5
    near, far = found.offset + 10, found.offset - 10
    assert found.known_score(near) > 0.99
    assert found.known_score(far) < 0.01
    assert found.judge(found.known_score(near)) == (True, found.threshold)
    assert found.judge(found.known_score(far)) == (False, found.threshold)


def test_false_accepts_are_counted():
    assert fitted((5, 5, 5)).false_accept_rate == 0
    assert fitted((5, 5, 5), mates=8.5).false_accept_rate > 0.2


def test_the_score_rises_with_the_max_logit_and_stays_a_probability():
    found = fitted((4, 4, 4))
    scores = [found.known_score(one) for one in (-1e9, -10.0, 0.0, 10.0, 1e9)]
    assert scores == sorted(scores)
    assert 0 <= scores[0] < scores[-1] <= 1
    assert found.known_score(found.offset) == 0.5


@pytest.mark.parametrize("counts", [(1, 1, 1), (5,), (3, 1, 1), (0, 0), (4, 0)])
def test_too_few_examples_accept_everything_and_say_why(counts):
    found = fitted(counts)
    assert found == replace(NOTHING_KNOWN, temperature=METHOD.temperature)
    assert found.known_score(-1e9) is None
    assert found.judge(None) == found.judge(None, "always") == (True, None)
    with pytest.raises(SettingsError, match=TOO_FEW):
        found.judge(None, 0.5)


def test_labels_nearer_to_each_other_than_to_themselves_cannot_be_told_apart():
    found = fitted((3, 3, 3), mates=9.0, others=2.0)
    assert (found.slope, found.why) == (None, INDISTINCT)


def test_an_own_threshold_takes_the_place_of_the_suggested_one():
    found = fitted((4, 4, 4))
    assert found.judge(0.3, 0.25) == (True, 0.25)
    assert found.judge(0.3, 0.35) == (False, 0.35)
    assert found.judge(0.0, "always") == (True, None)


@pytest.mark.parametrize("wish", [-0.1, 1.1, inf])
def test_a_threshold_that_is_no_probability_is_refused(wish):
    with pytest.raises(SettingsError, match="from 0 to 1"):
        fitted((4, 4, 4)).judge(0.5, wish)
