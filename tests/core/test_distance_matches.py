import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lga.core.distance import clip_distances, frame_distances, nearest_tokens, stage_costs, token_distances

pytestmark = pytest.mark.usefixtures("one_thread")

seeds = st.integers(0, 2**31)


def random_clips(seed, tokens=7, others=5, stages=3):
    """Tokens and stages of two clips; some tokens are padding."""
    random = torch.Generator().manual_seed(seed)
    clips = [torch.randn(count, 6, generator=random, dtype=torch.float64) for count in (tokens, others)]
    return *clips, *(torch.randint(-1, stages, (count,), generator=random) for count in (tokens, others))


@given(seeds)
def test_token_distances_are_one_less_the_cosine(seed):
    here, there, *_ = random_clips(seed)
    found = token_distances(here, there)
    for row, one in enumerate(here):
        for column, other in enumerate(there):
            wanted = 1 - float(one @ other) / float(one.norm() * other.norm())
            assert found[row, column].item() == pytest.approx(wanted)


@given(seeds)
def test_the_nearest_token_is_the_one_a_plain_search_finds(seed):
    here, there, stage, other_stage = random_clips(seed)
    distance = token_distances(here, there)
    forth, back = nearest_tokens(distance, stage, other_stage)
    for row, own in enumerate(stage.tolist()):
        rivals = [column for column, one in enumerate(other_stage.tolist()) if one == own >= 0]
        assert forth[row] == min(rivals, key=distance[row].tolist().__getitem__, default=-1)
    swapped = nearest_tokens(distance.T, other_stage, stage)
    assert torch.equal(back, swapped[0])
    assert torch.equal(forth, swapped[1])


@given(seeds, st.sampled_from(["sum", "mean"]))
def test_the_stages_costs_add_up_to_the_clip_distance(seed, reduction):
    here, there, stage, other_stage = random_clips(seed)
    costs = stage_costs(token_distances(here, there), stage, other_stage, 3, reduction=reduction)
    whole = clip_distances(here[None], stage[None], there[None], other_stage[None], reduction=reduction)
    torch.testing.assert_close(costs.sum(), whole[0, 0])
    assert (costs >= 0).all()


def test_a_stage_that_differs_bears_the_whole_cost():
    here = torch.eye(3)
    there = torch.stack([here[0], here[1], here[0]])
    stage = torch.tensor([0, 1, 2])
    torch.testing.assert_close(
        stage_costs(token_distances(here, there), stage, stage, 3), torch.tensor([0.0, 0.0, 2.0])
    )


def test_a_frame_seen_by_two_stages_counts_by_its_nearer_token():
    distance = torch.tensor([[0.5, 0.9], [0.2, 0.8], [0.4, 0.1]])
    frame, other_frame = torch.tensor([0, 0, 1]), torch.tensor([0, 1])
    found = frame_distances(distance, frame, other_frame, 3)
    torch.testing.assert_close(found[:2, :2], torch.tensor([[0.2, 0.8], [0.4, 0.1]]))
    assert found[2].isinf().all()
    assert found[:, 2].isinf().all()


def test_stages_of_another_number_of_tokens_are_refused():
    with pytest.raises(TypeError):
        nearest_tokens(torch.zeros(3, 2), torch.zeros(2, dtype=torch.long), torch.zeros(2, dtype=torch.long))
