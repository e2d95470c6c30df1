from math import exp, log, sqrt

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lga.core.distance import (
    class_distances,
    class_sums,
    clip_distances,
    frame_distances,
    hausdorff,
    nearest_tokens,
    stage_costs,
    token_distances,
    unit_distances,
)

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
    support_label = torch.randint(0, way, (examples,), generator=random)
    for row, found in zip(distance.tolist(), class_distances(distance, support_label, way).tolist(), strict=True):
        shots = [[d for d, o in zip(row, support_label.tolist(), strict=True) if o == c] for c in range(way)]
        means = [sum(own) / len(own) for own in shots if own]
        neutral = sum(means) / len(means) if means else 0.0
        assert found == pytest.approx([sum(own) / len(own) if own else neutral for own in shots])


@given(st.integers(0, 11), st.integers(1, 5), seeds)
def test_renaming_the_classes_renames_the_columns(examples, way, seed):
    random = torch.Generator().manual_seed(seed)
    distance = torch.rand(3, examples, generator=random, dtype=torch.float64)
    support_label = torch.randint(0, way, (examples,), generator=random)
    name = torch.randperm(way, generator=random)
    renamed = class_distances(distance, name[support_label], way)
    torch.testing.assert_close(renamed[:, name], class_distances(distance, support_label, way))


def test_classes_may_have_different_numbers_of_examples():
    distance = torch.tensor([[1.0, 2.0, 6.0, 5.0]])
    found = class_distances(distance, torch.tensor([2, 0, 0, 3]), 4)
    torch.testing.assert_close(found, torch.tensor([[4.0, (4 + 1 + 5) / 3, 1.0, 5.0]]))


@pytest.mark.parametrize("support_label", [3, -1])
def test_an_example_of_an_unknown_class_is_refused(support_label):
    with pytest.raises(IndexError, match="out of range"):
        class_distances(torch.zeros(1, 1), torch.tensor([support_label]), 3)


def softmin_by_hand(row, support_label, way):
    """-log of the mean likelihood of each class's examples; classes without any get the mean of the others."""
    shots = [[d for d, o in zip(row, support_label, strict=True) if o == c] for c in range(way)]
    pooled = [-log(sum(exp(-d) for d in own) / len(own)) if own else None for own in shots]
    known = [one for one in pooled if one is not None]
    return [(sum(known) / len(known) if known else 0.0) if one is None else one for one in pooled]


@given(st.integers(0, 11), st.integers(1, 5), seeds)
def test_softmin_matches_the_textbook_loop(examples, way, seed):
    random = torch.Generator().manual_seed(seed)
    distance = 24 * torch.rand(3, examples, generator=random, dtype=torch.float64)
    support_label = torch.randint(0, way, (examples,), generator=random)
    found = class_distances(distance, support_label, way, pooling="softmin")
    wanted = [softmin_by_hand(row, support_label.tolist(), way) for row in distance.tolist()]
    torch.testing.assert_close(found, torch.tensor(wanted, dtype=torch.float64).reshape(3, way))


@given(st.integers(1, 5), seeds)
def test_softmin_of_one_example_a_class_is_its_distance(way, seed):
    distance = 24 * torch.rand(3, way, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    support_label = torch.randperm(way, generator=torch.Generator().manual_seed(seed))
    soft, mean = (class_distances(distance, support_label, way, pooling=pooling) for pooling in ("softmin", "mean"))
    torch.testing.assert_close(soft, mean)
    torch.testing.assert_close(soft[:, support_label], distance)


@given(st.integers(1, 11), seeds, st.floats(0.1, 500))
def test_softmin_lies_between_the_nearest_example_and_the_mean(examples, seed, scale):
    distance = scale * torch.rand(3, examples, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    found = class_distances(distance, torch.zeros(examples, dtype=torch.long), 1, pooling="softmin")[:, 0]
    slack = 1e-9 * scale
    assert (found >= distance.amin(1) - slack).all()
    assert (found <= distance.mean(1) + slack).all()
    assert (found <= distance.amin(1) + log(examples) + slack).all()


@given(st.integers(1, 5), seeds)
def test_softmin_moves_with_its_distances_and_examples_told_twice_change_nothing(way, seed):
    random = torch.Generator().manual_seed(seed)
    distance, support_label = 9 * torch.rand(3, 7, generator=random, dtype=torch.float64), torch.arange(7) % way
    found = class_distances(distance, support_label, way, pooling="softmin")
    torch.testing.assert_close(class_distances(distance + 2.5, support_label, way, pooling="softmin"), found + 2.5)
    twice = class_distances(distance.repeat(1, 2), support_label.repeat(2), way, pooling="softmin")
    torch.testing.assert_close(twice, found)


def test_softmin_with_different_numbers_of_examples_worked_out_by_hand():
    distance = torch.tensor([[1.0, 2.0, 6.0, 5.0]])
    found = class_distances(distance, torch.tensor([2, 0, 0, 3]), 4, pooling="softmin")
    near = -log((exp(-2) + exp(-6)) / 2)
    torch.testing.assert_close(found, torch.tensor([[near, (near + 1 + 5) / 3, 1.0, 5.0]]))


def test_softmin_of_far_examples_stays_finite():
    found = class_distances(torch.tensor([[900.0, 1000.0]]), torch.tensor([0, 0]), 2, pooling="softmin")
    torch.testing.assert_close(found, torch.full((1, 2), 900.0 + log(2)))


@pytest.mark.parametrize("pooling", ["mean", "softmin"])
@pytest.mark.parametrize("leading", [(), (2,), (2, 3), (2, 1, 3), (0,)])
def test_any_axes_may_come_before_the_examples(pooling, leading):
    random = torch.Generator().manual_seed(5)
    distance, support_label = torch.rand(*leading, 7, generator=random), torch.tensor([0, 2, 2, 3, 0, 0, 3])
    found = class_distances(distance, support_label, 5, pooling=pooling)
    assert found.shape == (*leading, 5)
    flat = class_distances(distance.reshape(-1, 7), support_label, 5, pooling=pooling)
    torch.testing.assert_close(found, flat.reshape(*leading, 5))


@pytest.mark.parametrize("pooling", ["mean", "softmin"])
def test_the_gradient_of_a_pooled_distance_is_finite_with_and_without_examples(pooling):
    distance = torch.rand(3, 5, generator=torch.Generator().manual_seed(5)).requires_grad_(True)
    class_distances(distance, torch.tensor([0, 0, 2, 2, 2]), 4, pooling=pooling).square().sum().backward()
    assert distance.grad.isfinite().all()
    assert (distance.grad > 0).all()


matches_seeds = st.integers(0, 2**31)


def matches_random_clips(seed, tokens=7, others=5, stages=3):
    """Tokens and stages of two clips; some tokens are padding."""
    random = torch.Generator().manual_seed(seed)
    clips = [torch.randn(count, 6, generator=random, dtype=torch.float64) for count in (tokens, others)]
    return *clips, *(torch.randint(-1, stages, (count,), generator=random) for count in (tokens, others))


@given(matches_seeds)
def test_token_distances_are_one_less_the_cosine(seed):
    here, there, *_ = matches_random_clips(seed)
    found = token_distances(here, there)
    for row, one in enumerate(here):
        for column, other in enumerate(there):
            wanted = 1 - float(one @ other) / float(one.norm() * other.norm())
            assert found[row, column].item() == pytest.approx(wanted)


@given(matches_seeds)
def test_the_nearest_token_is_the_one_a_plain_search_finds(seed):
    here, there, stage, other_stage = matches_random_clips(seed)
    distance = token_distances(here, there)
    forth, back = nearest_tokens(distance, stage, other_stage)
    for row, own in enumerate(stage.tolist()):
        rivals = [column for column, one in enumerate(other_stage.tolist()) if one == own >= 0]
        assert forth[row] == min(rivals, key=distance[row].tolist().__getitem__, default=-1)
    swapped = nearest_tokens(distance.T, other_stage, stage)
    assert torch.equal(back, swapped[0])
    assert torch.equal(forth, swapped[1])


@given(matches_seeds, st.sampled_from(["sum", "mean"]))
def test_the_stages_costs_add_up_to_the_clip_distance(seed, reduction):
    here, there, stage, other_stage = matches_random_clips(seed)
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


@given(st.lists(st.integers(0, 3), min_size=1, max_size=6), st.sampled_from(["mean", "softmin"]), st.integers(0, 2**31))
def test_examples_that_are_gone_count_as_if_never_there(label, pooling, seed):
    random, count = torch.Generator().manual_seed(seed), len(label)
    distance = 20 * torch.rand(2, 3, count, generator=random, dtype=torch.float64)
    gone, own = torch.rand(3, count, generator=random) < 0.5, torch.tensor(label)
    found = class_distances(distance, own, 4, pooling=pooling, gone=gone)
    for row in range(3):
        kept = ~gone[row]
        wanted = class_distances(distance[:, row][:, kept], own[kept], 4, pooling=pooling)
        torch.testing.assert_close(found[:, row], wanted)


@given(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9), reductions, st.integers(1, 200), seeds)
def test_frames_compared_once_give_the_distances_of_their_tokens(clips, tokens, others, reduction, block, seed):
    random = torch.Generator().manual_seed(seed)
    frames = [torch.randn(count, 5, 3, generator=random, dtype=torch.float64) for count in (2, clips)]
    counts = (2, tokens), (clips, others)
    place = [torch.randint(5, count, generator=random) for count in counts]
    stage = [torch.randint(-1, 3, one.shape, generator=random) for one in place]
    gathered = [one[torch.arange(len(one))[:, None], at] for one, at in zip(frames, place, strict=True)]
    unit = [torch.nn.functional.normalize(one, dim=-1) for one in frames]
    found = unit_distances(*unit, tuple(stage), tuple(place), reduction=reduction, block=block)
    wanted = clip_distances(gathered[0], stage[0], gathered[1], stage[1], reduction=reduction)
    torch.testing.assert_close(found, wanted)


def test_examples_in_many_blocks_have_the_distances_that_they_have_in_one(monkeypatch):
    query, support = random_clips(0, 3, 7), random_clips(1, 11, 5)
    wanted = clip_distances(*query, *support)
    monkeypatch.setattr("lga.core.distance.VECTORS_AT_ONCE", 10)
    torch.testing.assert_close(clip_distances(*query, *support), wanted)


@given(st.lists(st.integers(0, 3), min_size=0, max_size=9), st.booleans(), seeds)
def test_a_class_sum_is_over_its_own_examples(label, ordered, seed):
    label = torch.arange(4).repeat_interleave(len(label)) if ordered else torch.tensor(label, dtype=torch.long)
    values = torch.randn(2, 3, len(label), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    found = class_sums(values, label, 4)
    for one in range(4):
        wanted = sum(
            (values[..., at] for at, own in enumerate(label.tolist()) if own == one), torch.zeros(2, 3).double()
        )
        torch.testing.assert_close(found[..., one], wanted)
