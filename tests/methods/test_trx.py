from itertools import combinations
from math import comb

import pytest
import torch

from lga.methods.trx import POSITION, TRX, WIDTH, encode_positions, list_tuples

pytestmark = pytest.mark.usefixtures("one_thread")


def tuples_by_hand(frames, cardinality):
    """One clip's tuples, concatenated."""
    even = frames / frames.square().mean(-1, keepdim=True).sqrt() + POSITION * encode_positions(*frames.shape)
    return torch.stack(
        [torch.cat([even[t] for t in chosen]) for chosen in combinations(range(len(frames)), cardinality)]
    )


def distance_by_hand(query, examples, cardinality, key, value, sharpness):
    asked, shown = tuples_by_hand(query, cardinality), torch.cat([tuples_by_hand(one, cardinality) for one in examples])
    total = 0.0
    for one in asked:
        share = (sharpness * key(shown) @ key(one)).softmax(0)
        prototype = share @ value(shown)
        total += (value(one) - prototype).square().mean()
    return total / len(asked)


@pytest.mark.parametrize("learnt", [False, True])
@pytest.mark.parametrize("cardinalities", [(2,), (3,), (2, 3)])
@torch.no_grad()
def test_it_matches_the_loop_over_tuples(learnt, cardinalities, make_dataset, make_tasks):
    dataset = make_dataset(1)
    tasks = make_tasks(dataset, 2, episodes=1)
    head = TRX(11, cardinalities=cardinalities, width=19 if learnt else None, scale=10.0).double().eval()
    found = head(dataset)(tasks)[0]
    seen = dataset.frames[..., :11]
    for place, query in enumerate(tasks.query.flatten().tolist()):
        for way in range(3):
            apart = [
                distance_by_hand(
                    seen[query],
                    seen[tasks.support[0, way]],
                    cardinality,
                    head.keys[at] if learnt else torch.nn.Identity(),
                    head.values[at] if learnt else torch.nn.Identity(),
                    19**-0.5 if learnt else WIDTH**0.5 / (11 * cardinality),
                )
                for at, cardinality in enumerate(cardinalities)
            ]
            torch.testing.assert_close(found[place, way], -10.0 * torch.stack(apart).mean())


@pytest.mark.parametrize(("frames", "cardinality"), [(8, 2), (8, 3), (5, 5), (4, 1)])
def test_tuples_are_all_ordered_choices(frames, cardinality):
    found = list_tuples(frames, cardinality)
    assert found.shape == (comb(frames, cardinality), cardinality)
    assert (found.diff(dim=1) > 0).all()
    assert len(found.unique(dim=0)) == len(found)


@pytest.mark.parametrize("cardinality", [0, 6])
def test_tuples_longer_than_a_clip_are_refused(cardinality):
    with pytest.raises(ValueError, match=f"tuples of {cardinality} frames need clips of at least as many, not 5"):
        list_tuples(5, cardinality)


def test_positions_are_told_apart():
    found = encode_positions(8, 6)
    assert found.shape == (8, 6)
    assert torch.equal(found[0], torch.tensor([0.0, 1.0, 0.0, 1.0, 0.0, 1.0]))
    assert len(found.unique(dim=0)) == 8
    torch.testing.assert_close(found[:, ::2].square() + found[:, 1::2].square(), torch.ones(8, 3))


def test_order_matters(make_dataset, make_tasks):
    dataset = make_dataset(3)
    tasks = make_tasks(dataset, 4)
    head = TRX(11, width=None).double().eval()
    before = head(dataset)(tasks)
    dataset.frames[tasks.query[0, 0, 0]] = dataset.frames[tasks.query[0, 0, 0]].flip(0)
    assert not torch.allclose(head(dataset)(tasks)[0, 0], before[0, 0])


def test_nothing_is_dropped_outside_training(make_dataset, make_tasks):
    dataset = make_dataset(5)
    tasks = make_tasks(dataset, 6)
    head = TRX(11, width=19).double()
    assert not torch.equal(head(dataset)(tasks), head(dataset)(tasks))
    head.eval()
    assert torch.equal(head(dataset)(tasks), head(dataset)(tasks))
