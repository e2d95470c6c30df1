import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lga.methods.protocol import Tasks
from lga.methods.scoring import count_pairs, in_blocks, matrix_scorer, meet

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("pooling", ["mean", "softmin"])
def test_scores_are_the_pooled_distances(pooling, make_dataset, make_tasks):
    tasks = make_tasks(make_dataset(0), 1, episodes=3)
    distance = torch.rand(41, 41, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    found = matrix_scorer(distance, pooling=pooling)(tasks)
    for episode in range(3):
        for place, query in enumerate(tasks.query[episode].flatten().tolist()):
            for way in range(3):
                apart = distance[query, tasks.support[episode, way]]
                wanted = apart.mean() if pooling == "mean" else -(-apart).exp().mean().log()
                torch.testing.assert_close(found[episode, place, way], -wanted)


@settings(max_examples=40)
@given(st.integers(1, 9), st.integers(1, 40), st.integers(1, 12))
def test_no_block_holds_more_than_it_may(numbers, most, episodes):
    seen = []

    def score(tasks):
        seen.append(len(tasks.classes))
        return tasks.classes[:, None].double()

    classes = torch.arange(2 * episodes).unflatten(0, (episodes, 2))
    tasks = Tasks(classes, classes[..., None], classes[..., None])
    assert torch.equal(in_blocks(score, lambda _: numbers, most=most)(tasks), classes[:, None].double())
    assert max(seen) <= max(1, most // numbers)
    assert sum(seen) == episodes


def test_queries_and_examples_meet_class_after_class(make_dataset, make_tasks):
    tasks = make_tasks(make_dataset(0), 1, episodes=1)
    query, support = meet(tasks)
    assert query.flatten().tolist() == tasks.query.flatten().tolist()
    assert support.flatten().tolist() == tasks.support.flatten().tolist()
    assert count_pairs(tasks) == 6 * 6 + 6 * 2
