from math import sqrt

import numpy as np
import pytest
import torch

from lga.config import ProtocolConfig
from lga.datasets.episodes import Episodes, plan_episodes
from lga.errors import LGAError
from lga.evaluation import outcome as running
from lga.evaluation.outcome import run_episodes
from lga.evaluation.statistics import accuracy

PLAN = Episodes(
    np.array([[4, 7], [7, 2]]), np.array([[[0, 1], [2, 3]], [[3, 2], [5, 6]]]), np.array([[[8], [9]], [[9], [7]]])
)


def test_the_first_of_the_likeliest_classes_is_taken():
    logits = torch.tensor([[[2.0, 1], [0, 1], [0, 1], [3, 3]], [[0, 0], [0, 9], [0, 9], [9, 0]]])
    outcome = run_episodes({"planted": lambda _: logits}, PLAN)["planted"]
    assert outcome.query.tolist() == [[0, 1, 2, 3], [3, 2, 5, 6]]
    assert outcome.truth.tolist() == [[4, 4, 7, 7], [7, 7, 2, 2]]
    assert outcome.predicted.tolist() == [[4, 7, 7, 4], [7, 2, 2, 7]]
    assert outcome.hits.tolist() == [[True, False, True, False], [True, False, True, False]]
    np.testing.assert_allclose(outcome.log_posterior, logits.log_softmax(-1))


def test_scores_that_say_nothing_are_right_as_often_as_by_chance():
    random, ways = torch.Generator().manual_seed(1), 4
    plan = plan_episodes(np.arange(400) % 20, None, ProtocolConfig(ways=ways, episodes=3000, seed=2))
    outcomes = run_episodes({"luck": lambda tasks: torch.rand(len(tasks.classes), ways, ways, generator=random)}, plan)
    found = accuracy(outcomes["luck"])
    assert found.mean == pytest.approx(1 / ways, abs=0.02)
    assert found.ci95 == pytest.approx(1.96 * sqrt(0.25 * 0.75 / ways / 3000), rel=0.1)


def test_every_method_sees_the_same_episodes_in_blocks_and_progress_counts_them(monkeypatch):
    monkeypatch.setattr(running, "EPISODES_AT_ONCE", 30)
    plan = plan_episodes(np.arange(40) % 4, None, ProtocolConfig(ways=3, episodes=70))
    seen, calls = {"one": [], "other": []}, []

    def scorer(name):
        return lambda tasks: seen[name].append(tasks) or torch.zeros(len(tasks.classes), 3, 3)

    outcomes = run_episodes({name: scorer(name) for name in seen}, plan, progress=lambda *now: calls.append(now))
    for name, outcome in outcomes.items():
        assert torch.equal(torch.cat([one.support for one in seen[name]]), torch.from_numpy(plan.support))
        assert (outcome.predicted == plan.classes[:, :1]).all()
    assert calls == [(done, 140) for done in (30, 60, 70, 100, 130, 140)]


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_a_method_whose_scores_are_not_finite_is_named(bad):
    with pytest.raises(LGAError, match=r"method odd one: .* not finite"):
        run_episodes({"odd one": lambda _: torch.full((2, 4, 2), bad)}, PLAN)
