import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lga.core.support_head import PENALTY, head_scores, head_scores_without

pytestmark = pytest.mark.usefixtures("one_thread")

seeds = st.integers(0, 2**31)
labels = st.lists(st.integers(0, 3), min_size=1, max_size=8)


def random_examples(seed, examples, queries=3, dim=6):
    random = torch.Generator().manual_seed(seed)
    return (torch.randn(count, dim, generator=random, dtype=torch.float64) for count in (queries, examples))


def scores_by_hand(query, example, label, way):
    """Ridge regression in the space of the features, one class at a time, not through inner products."""
    query, example = query.numpy(), example.numpy()
    scores = np.zeros((len(query), way))
    curve = example.T @ example + PENALTY * np.eye(example.shape[1])
    present = [number for number in range(way) if number in label]
    for number in present:
        target = np.array([float(one == number) for one in label])
        scores[:, number] = query @ np.linalg.solve(curve, example.T @ target)
    if present:
        scores[:, present] -= scores[:, present].mean(1, keepdims=True)
    return torch.from_numpy(scores)


def members(label, way=4):
    return torch.nn.functional.one_hot(torch.tensor(label, dtype=torch.long), way).double()


@settings(max_examples=30)
@given(labels, seeds)
def test_scores_are_those_of_ridge_regression_on_the_features(label, seed):
    query, example = random_examples(seed, len(label))
    found = head_scores(query @ example.T, example @ example.T, members(label))
    torch.testing.assert_close(found, scores_by_hand(query, example, label, 4))
    torch.testing.assert_close(found.sum(-1), torch.zeros(3, dtype=torch.float64))
    absent = [number for number in range(4) if number not in label]
    assert (found[:, absent] == 0).all()


def test_tasks_solved_together_are_solved_as_if_alone():
    label = [[0, 1, 1, 2, 3], [0, 0, 0, 1, 1]]
    tasks = [tuple(random_examples(seed, 5)) for seed in range(2)]
    alone = [head_scores(q @ e.T, e @ e.T, members(own)) for (q, e), own in zip(tasks, label, strict=True)]
    query, example = (torch.stack(each) for each in zip(*tasks, strict=True))
    together = head_scores(query @ example.mT, example @ example.mT, torch.stack([members(own) for own in label]))
    torch.testing.assert_close(together, torch.stack(alone))


def test_without_examples_all_scores_are_zero():
    assert torch.equal(head_scores(torch.zeros(2, 0), torch.zeros(0, 0), torch.zeros(0, 3)), torch.zeros(2, 3))
    for found in head_scores_without(torch.zeros(0, 0), torch.zeros(0, dtype=torch.long), 3):
        assert found.shape == (0, 3)


def test_a_query_like_the_examples_of_one_class_is_given_to_it():
    example = torch.eye(3).repeat_interleave(2, 0)
    label = torch.nn.functional.one_hot(torch.arange(3).repeat_interleave(2), 3).float()
    assert head_scores(torch.eye(3) @ example.T, example @ example.T, label).argmax(-1).tolist() == [0, 1, 2]


@settings(max_examples=30)
@given(labels, seeds)
def test_an_example_left_out_gets_the_scores_of_a_head_that_never_saw_it(label, seed):
    _, example = random_examples(seed, len(label))
    itself, others = head_scores_without(example @ example.T, torch.tensor(label), 4)
    for place, own in enumerate(label):
        rest = [n for n in range(len(label)) if n != place]
        foreign = [n for n in rest if label[n] != own]
        for found, kept in ((itself, rest), (others, foreign)):
            wanted = scores_by_hand(example[[place]], example[kept], [label[n] for n in kept], 4)[0]
            torch.testing.assert_close(found[place], wanted)


@pytest.mark.parametrize("label", [[0, 0, 0, 1], [2], [0, 1, 2, 3], [1, 1, 1]])
def test_a_label_loses_its_score_with_its_last_example(label):
    _, example = random_examples(7, len(label))
    itself, others = head_scores_without(example @ example.T, torch.tensor(label), 4)
    for place, own in enumerate(label):
        assert others[place, own] == 0
        assert (itself[place, own] == 0) == (label.count(own) == 1 or len(set(label)) == 1)
