import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from lga.core.logistic import fit_logistic

pytestmark = pytest.mark.usefixtures("one_thread")

seeds = st.integers(0, 2**31)
strengths = st.sampled_from([0.1, 1.0, 10.0, 100.0])


def random_problem(seed, *, way=3, shots=4, dim=11):
    random = torch.Generator().manual_seed(seed)
    examples = F.normalize(torch.randn(way * shots, dim, generator=random, dtype=torch.float64) + 0.5, dim=-1)
    support_label = torch.arange(way).repeat_interleave(shots)
    return examples, support_label, F.one_hot(support_label, way).double()


@pytest.mark.parametrize("strength", [0.1, 1.0, 10.0, 100.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_it_is_scikit_learns_solution(strength, seed):
    examples, support_label, target = random_problem(seed)
    wanted = LogisticRegression(C=strength, fit_intercept=False, tol=1e-9, max_iter=10_000)
    wanted.fit(examples.numpy(), support_label.numpy())
    found = examples.T @ fit_logistic(examples @ examples.T, target, strength)
    torch.testing.assert_close(found.T, torch.from_numpy(wanted.coef_), rtol=1e-4, atol=1e-4)


@settings(max_examples=20)
@given(seeds, strengths)
def test_no_direction_leads_downhill_from_the_solution(seed, strength):
    examples, _, target = random_problem(seed)
    found = examples.T @ fit_logistic(examples @ examples.T, target, strength)
    share = (examples @ found).softmax(-1)
    slope = strength * examples.T @ (share - target) + found
    torch.testing.assert_close(slope, torch.zeros_like(slope), rtol=0.0, atol=1e-4 * strength)


@settings(max_examples=10)
@given(seeds)
def test_problems_solved_together_are_solved_as_if_alone(seed):
    grams = torch.stack([one @ one.T for one in (random_problem(seed + n)[0] for n in range(3))])
    _, _, target = random_problem(0)
    together = fit_logistic(grams, target.expand(3, -1, -1), torch.tensor([1.0, 10.0, 100.0], dtype=torch.float64))
    for gram, strength, found in zip(grams, (1.0, 10.0, 100.0), together, strict=True):
        torch.testing.assert_close(found, fit_logistic(gram, target, strength), rtol=1e-4, atol=1e-4)


def test_two_plain_examples_are_told_apart():
    weight = fit_logistic(torch.eye(2), torch.eye(2), 100.0)
    assert weight.argmax(-1).tolist() == [0, 1]
    torch.testing.assert_close(weight.sum(-1), torch.zeros(2), rtol=0.0, atol=1e-4)


@pytest.mark.parametrize("strength", [0.0, -1.0])
def test_a_strength_that_is_not_positive_is_refused(strength):
    with pytest.raises(ValueError, match="the strength must be positive"):
        fit_logistic(torch.eye(2), torch.eye(2), strength)
