import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lga.core.support_head import PENALTY, head_scores, head_scores_without, invert_gram, solve_head

pytestmark = pytest.mark.usefixtures("one_thread")

seeds = st.integers(0, 2**31)
labels = st.lists(st.integers(0, 3), min_size=1, max_size=8)


def random_examples(seed, examples, queries=3, dim=6):
    random = torch.Generator().manual_seed(seed)
    return (torch.randn(count, dim, generator=random, dtype=torch.float64) for count in (queries, examples))


def scores_by_hand(query, example, label, way):
    """Ridge regression in the space of the features, with an intercept, one class at a time."""
    query, example, count = query.numpy(), example.numpy(), len(label)
    scores, present = np.zeros((len(query), way)), [number for number in range(way) if number in label]
    middle = example.mean(0) if count else 0.0
    curve = (example - middle).T @ (example - middle) + PENALTY * np.eye(example.shape[1])
    for number in present:
        target = np.array([float(one == number) for one in label]) - label.count(number) / count
        scores[:, number] = (query - middle) @ np.linalg.solve(curve, (example - middle).T @ target)
    if present:
        scores[:, present] -= scores[:, present].mean(1, keepdims=True)
    return torch.from_numpy(scores)


def scores_of(query, example, label, way=4):
    own = torch.tensor(label, dtype=torch.long)
    return head_scores(query @ example.mT, *solve_head(*invert_gram(example @ example.mT), own, way), support_label=own)


@settings(max_examples=30, deadline=None)
@given(labels, seeds)
def test_scores_are_those_of_ridge_regression_on_the_features(label, seed):
    query, example = random_examples(seed, len(label))
    found = scores_of(query, example, label)
    torch.testing.assert_close(found, scores_by_hand(query, example, label, 4))
    torch.testing.assert_close(found.sum(-1), torch.zeros(3, dtype=torch.float64))
    absent = [number for number in range(4) if number not in label]
    assert (found[:, absent] == 0).all()


@settings(max_examples=20, deadline=None)
@given(labels, seeds)
def test_a_vector_that_all_share_changes_nothing(label, seed):
    query, example = random_examples(seed, len(label))
    shared = 3 * example.mean(0) + 1
    torch.testing.assert_close(scores_of(query + shared, example + shared, label), scores_of(query, example, label))


def test_a_class_is_not_the_likelier_for_having_many_examples():
    example = torch.eye(6, dtype=torch.float64)
    found = scores_of(torch.zeros(1, 6, dtype=torch.float64) + 1 / 6, example, [0, 0, 0, 0, 1, 2], 3)
    torch.testing.assert_close(found, torch.zeros(1, 3, dtype=torch.float64))


def test_tasks_solved_together_are_solved_as_if_alone():
    label = [0, 1, 1, 2, 3]
    tasks = [tuple(random_examples(seed, 5)) for seed in range(2)]
    alone = [scores_of(query, example, label) for query, example in tasks]
    torch.testing.assert_close(
        scores_of(*(torch.stack(each) for each in zip(*tasks, strict=True)), label), torch.stack(alone)
    )


def test_without_examples_all_scores_are_zero():
    none = torch.zeros(0, dtype=torch.long)
    solved = invert_gram(torch.zeros(0, 0))
    found = head_scores(torch.zeros(2, 0), *solve_head(*solved, none, 3), support_label=none)
    assert torch.equal(found, torch.zeros(2, 3))
    for label in (False, True):
        assert head_scores_without(solved[0], none, 3, label=label).shape == (0, 3)


def test_a_query_like_the_examples_of_one_class_is_given_to_it():
    example = torch.eye(3).repeat_interleave(2, 0)
    assert scores_of(torch.eye(3), example, [0, 0, 1, 1, 2, 2], 3).argmax(-1).tolist() == [0, 1, 2]


@settings(max_examples=30, deadline=None)
@given(labels, seeds)
def test_an_example_left_out_gets_the_scores_of_a_head_that_never_saw_it(label, seed):
    _, example = random_examples(seed, len(label))
    twice = torch.stack([example, 2 * example])  # two tasks at once
    solved, _ = invert_gram(twice @ twice.mT)
    itself, others = (head_scores_without(solved, torch.tensor(label), 4, label=whole) for whole in (False, True))
    for place, own in enumerate(label):
        rest = [n for n in range(len(label)) if n != place]
        foreign = [n for n in rest if label[n] != own]
        for found, kept in ((itself, rest), (others, foreign)):
            for task, some in enumerate(twice):
                wanted = scores_by_hand(some[[place]], some[kept], [label[n] for n in kept], 4)[0]
                torch.testing.assert_close(found[task, place], wanted)


@pytest.mark.parametrize("label", [[0, 0, 0, 1], [2], [0, 1, 2, 3], [1, 1, 1]])
def test_a_label_loses_its_score_with_its_last_example(label):
    _, example = random_examples(7, len(label))
    solved, _ = invert_gram(example @ example.T)
    itself, others = (head_scores_without(solved, torch.tensor(label), 4, label=whole) for whole in (False, True))
    for place, own in enumerate(label):
        assert others[place, own] == 0
        assert (itself[place, own].abs() < 1e-12) == (label.count(own) == 1 or len(set(label)) == 1)


@given(labels, st.booleans(), st.data(), seeds)
def test_some_examples_score_as_among_all(label, whole, data, seed):
    _, example = random_examples(seed, len(label))
    asked = torch.tensor(data.draw(st.lists(st.integers(0, len(label) - 1), max_size=4)), dtype=torch.long)
    solved, own = invert_gram(example @ example.T)[0], torch.tensor(label)
    wanted = head_scores_without(solved, own, 4, label=whole)[asked]
    torch.testing.assert_close(head_scores_without(solved, own, 4, label=whole, asked=asked), wanted)
