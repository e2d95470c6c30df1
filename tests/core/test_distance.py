from math import sqrt

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lga.core.distance import class_distances, clip_distances, hausdorff

pytestmark = pytest.mark.usefixtures("one_thread")

seeds = st.integers(0, 2**31)
reductions = st.sampled_from(["sum", "mean"])


def random_clips(seed, clips, tokens, *, dim=5, stages=3):
    """Features with a zero token here and there, and any stages in any order, padding among them."""
    random = torch.Generator().manual_seed(seed)
    features = torch.randn(clips, tokens, dim, generator=random, dtype=torch.float64)
    features[torch.rand(clips, tokens, generator=random) < 0.05] = 0.0
    return features, torch.randint(-1, stages, (clips, tokens), generator=random)


def cosine_distance(one, other):
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    norm = sqrt(sum(a * a for a in one)) * sqrt(sum(b * b for b in other))
    return 1 - dot / norm if norm else 1.0


def hausdorff_by_hand(distance, one, other, reduction):
    """For one pair of clips: a table of distances and the stages of its rows and columns."""
    total = 0.0
    for stage in set(one) & set(other) - {-1}:
        rows = [i for i, s in enumerate(one) if s == stage]
        columns = [j for j, s in enumerate(other) if s == stage]
        forth = [min(distance[i][j] for j in columns) for i in rows]
        back = [min(distance[i][j] for i in rows) for j in columns]
        if reduction == "mean":
            total += sum(forth) / len(forth) + sum(back) / len(back)
        else:
            total += sum(forth) + sum(back)
    return total


def distances_by_hand(query, query_stage, support, support_stage, reduction):
    rows = [
        [
            hausdorff_by_hand([[cosine_distance(a, b) for b in other] for a in one], one_stage, other_stage, reduction)
            for other, other_stage in zip(support.tolist(), support_stage.tolist(), strict=True)
        ]
        for one, one_stage in zip(query.tolist(), query_stage.tolist(), strict=True)
    ]
    return torch.tensor(rows, dtype=torch.float64)


@given(st.integers(1, 7), st.integers(1, 11), seeds, reductions)
def test_hausdorff_matches_the_textbook_loop(tokens, others, seed, reduction):
    distance = torch.rand(2, 3, tokens, others, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    _, one = random_clips(seed, 2, tokens)
    _, other = random_clips(seed + 1, 3, others)
    wanted = [
        [hausdorff_by_hand(distance[q, s].tolist(), one[q].tolist(), other[s].tolist(), reduction) for s in range(3)]
        for q in range(2)
    ]
    found = hausdorff(distance, one, other, reduction=reduction)
    torch.testing.assert_close(found, torch.tensor(wanted, dtype=torch.float64))


@given(st.integers(1, 7), st.integers(1, 11), seeds, reductions, st.integers(1, 500))
def test_clip_distances_match_the_textbook_loops_in_blocks_of_any_size(tokens, others, seed, reduction, block):
    query, support = random_clips(seed, 3, tokens), random_clips(seed + 1, 2, others)
    found = clip_distances(*query, *support, reduction=reduction, block=block)
    torch.testing.assert_close(found, distances_by_hand(*query, *support, reduction))


@given(seeds, reductions)
def test_the_distance_is_symmetric(seed, reduction):
    query, support = random_clips(seed, 3, 5), random_clips(seed + 1, 2, 7)
    forth = clip_distances(*query, *support, reduction=reduction)
    torch.testing.assert_close(forth, clip_distances(*support, *query, reduction=reduction).T)


@given(seeds, reductions)
def test_a_clip_is_no_distance_from_itself(seed, reduction):
    features, stage = random_clips(seed, 3, 7)
    features = features + 10.0 * (features == 0)  # a token of all zeros is far even from itself
    itself = clip_distances(features, stage, features, stage, reduction=reduction).diagonal()
    torch.testing.assert_close(itself, torch.zeros_like(itself))


@given(seeds, reductions)
def test_the_order_of_the_tokens_and_their_lengths_do_not_matter(seed, reduction):
    (features, stage), support = random_clips(seed, 3, 7), random_clips(seed + 1, 2, 5)
    order = torch.randperm(7, generator=torch.Generator().manual_seed(seed))
    lengths = 0.1 + 9.9 * torch.rand(3, 7, 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    wanted = clip_distances(features, stage, *support, reduction=reduction)
    mixed = clip_distances((lengths * features)[:, order], stage[:, order], *support, reduction=reduction)
    torch.testing.assert_close(mixed, wanted)


@given(seeds, reductions)
def test_padding_tokens_change_nothing(seed, reduction):
    (features, stage), support = random_clips(seed, 3, 7), random_clips(seed + 1, 2, 5)
    wanted = clip_distances(features, stage, *support, reduction=reduction)
    features[stage < 0] = 1e3
    torch.testing.assert_close(clip_distances(features, stage, *support, reduction=reduction), wanted)
    real, real_stage = features[:1, stage[0] >= 0], stage[:1, stage[0] >= 0]
    if real.shape[1]:
        torch.testing.assert_close(clip_distances(real, real_stage, *support, reduction=reduction), wanted[:1])


@given(seeds)
def test_stages_add_up(seed):
    (query, query_stage), (support, support_stage) = random_clips(seed, 3, 7), random_clips(seed + 1, 2, 5)
    alone = [clip_distances(query, query_stage.where(query_stage == s, -1), support, support_stage) for s in range(3)]
    torch.testing.assert_close(clip_distances(query, query_stage, support, support_stage), sum(alone))


@given(seeds)
def test_one_stage_is_the_metric_of_whole_clips(seed):
    (query, _), (support, _) = random_clips(seed, 3, 7), random_clips(seed + 1, 2, 5)
    table = [[[[cosine_distance(a, b) for b in s] for a in q] for s in support.tolist()] for q in query.tolist()]
    table = torch.tensor(table, dtype=torch.float64)
    whole = table.amin(3).sum(2) + table.amin(2).sum(2)
    found = clip_distances(query, torch.full((3, 7), 2), support, torch.full((2, 5), 2))
    torch.testing.assert_close(found, whole)


def test_a_distance_worked_out_by_hand():
    distance = torch.tensor([[[[1.0, 5.0, 9.0], [4.0, 2.0, 9.0], [9.0, 9.0, 7.0]]]])
    one, other = torch.tensor([[0, 0, 1]]), torch.tensor([[0, 0, 1]])
    assert hausdorff(distance, one, other).item() == (1 + 2 + 7) + (1 + 2 + 7)
    assert hausdorff(distance, one, other, reduction="mean").item() == (1.5 + 7) + (1.5 + 7)


def test_the_same_frames_in_reverse_are_far_only_stage_by_stage():
    forward = torch.eye(3)[None]
    stage, whole = torch.tensor([[0, 1, 2]]), torch.zeros(1, 3, dtype=torch.long)
    assert clip_distances(forward, stage, forward.flip(1), stage).item() == 4.0
    assert clip_distances(forward, whole, forward.flip(1), whole).item() == 0.0


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_a_stage_that_one_clip_lacks_adds_nothing(reduction):
    opposite = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]]), torch.tensor([[[-1.0, 0.0], [-1.0, 0.0]]])
    one, both, neither = torch.tensor([[0, 0]]), torch.tensor([[0, 1]]), torch.tensor([[2, -1]])
    found = clip_distances(opposite[0], one, opposite[1], both, reduction=reduction)
    assert found.item() == {"sum": 2.0 + 2.0 + 2.0, "mean": 2.0 + 2.0}[reduction]
    assert clip_distances(opposite[0], both, opposite[1], neither, reduction=reduction).item() == 0.0


def test_a_token_of_zeros_is_one_away_from_everything():
    tokens = torch.tensor([[[0.0, 0.0]]]), torch.tensor([[[3.0, 4.0]]])
    stage = torch.tensor([[0]])
    assert clip_distances(tokens[0], stage, tokens[1], stage).item() == 2.0
    assert clip_distances(tokens[0], stage, tokens[0], stage).item() == 2.0


@pytest.mark.parametrize(("queries", "examples"), [(0, 3), (3, 0), (0, 0)])
def test_no_clips_have_no_distances(queries, examples):
    found = clip_distances(*random_clips(0, queries, 5), *random_clips(1, examples, 7))
    assert found.shape == (queries, examples)


def test_the_gradient_reaches_only_the_nearest_tokens():
    (query, stage), (support, support_stage) = random_clips(0, 1, 7), random_clips(1, 1, 5)
    query.requires_grad_(True)
    clip_distances(query, stage, support, support_stage).sum().backward()
    assert query.grad.isfinite().all()
    assert (query.grad[stage < 0] == 0).all()


def test_features_of_different_sizes_are_refused():
    with pytest.raises(TypeError):
        clip_distances(*random_clips(0, 3, 7, dim=5), *random_clips(1, 2, 7, dim=4))


@pytest.mark.shared
def test_one_stage_equals_the_published_bi_mhm(shared):
    """Its plain distance divides by |x||y| + 0.01, so that table goes in; its normalised one is our 1 - cos."""
    with np.load(shared / "reference/reference_bimhm.npz") as arrays:
        reference = {name: torch.from_numpy(array) for name, array in arrays.items()}
    query, support = reference["query"], reference["support"]
    stages = torch.zeros(query.shape[:2], dtype=torch.long), torch.zeros(support.shape[:2], dtype=torch.long)
    torch.testing.assert_close(hausdorff(reference["frame_dists"], *stages), reference["distance"])
    ours = clip_distances(query, stages[0], support, stages[1])
    torch.testing.assert_close(ours, reference["distance_normalize"])
    mean = clip_distances(query, stages[0], support, stages[1], reduction="mean")
    torch.testing.assert_close(mean * query.shape[1], ours)


@given(st.integers(0, 11), st.integers(1, 5), seeds)
def test_class_distances_match_the_textbook_loop(examples, way, seed):
    random = torch.Generator().manual_seed(seed)
    distance = torch.rand(3, examples, generator=random, dtype=torch.float64)
    owner = torch.randint(0, way, (examples,), generator=random)
    for row, found in zip(distance.tolist(), class_distances(distance, owner, way).tolist(), strict=True):
        shots = [[d for d, o in zip(row, owner.tolist(), strict=True) if o == c] for c in range(way)]
        means = [sum(own) / len(own) for own in shots if own]
        neutral = sum(means) / len(means) if means else 0.0
        assert found == pytest.approx([sum(own) / len(own) if own else neutral for own in shots])


@given(st.integers(0, 11), st.integers(1, 5), seeds)
def test_renaming_the_classes_renames_the_columns(examples, way, seed):
    random = torch.Generator().manual_seed(seed)
    distance = torch.rand(3, examples, generator=random, dtype=torch.float64)
    owner = torch.randint(0, way, (examples,), generator=random)
    name = torch.randperm(way, generator=random)
    renamed = class_distances(distance, name[owner], way)
    torch.testing.assert_close(renamed[:, name], class_distances(distance, owner, way))


def test_classes_may_have_different_numbers_of_examples():
    distance = torch.tensor([[1.0, 2.0, 6.0, 5.0]])
    found = class_distances(distance, torch.tensor([2, 0, 0, 3]), 4)
    torch.testing.assert_close(found, torch.tensor([[4.0, (4 + 1 + 5) / 3, 1.0, 5.0]]))


@pytest.mark.parametrize("owner", [3, -1])
def test_an_example_of_an_unknown_class_is_refused(owner):
    with pytest.raises(RuntimeError, match="Class values must be"):
        class_distances(torch.zeros(1, 1), torch.tensor([owner]), 3)
