from math import exp, log, sqrt

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lga.core.alignment import align_frames, cosine_distances

pytestmark = pytest.mark.usefixtures("one_thread")

seeds = st.integers(0, 2**31)
smoothings = st.sampled_from([0.05, 0.1, 0.5, 2.0])


def random_table(seed, frames, others, *, pairs=3):
    return torch.rand(pairs, frames, others, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def softmin(values, smoothing):
    return -smoothing * log(sum(exp(-value / smoothing) for value in values))


def align_by_hand(table, smoothing):
    """The recursion cell by cell on the padded table."""
    padded = [[0.0, *row, 0.0] for row in table]
    last = len(padded[0]) - 1
    cost = [[0.0] * (last + 1) for _ in padded]
    for m in range(1, last + 1):
        cost[0][m] = cost[0][m - 1] + padded[0][m]
    for t in range(1, len(padded)):
        for m in range(1, last + 1):
            before = [cost[t - 1][m - 1], cost[t][m - 1]]
            if m in (1, last):
                before.append(cost[t - 1][m])
            cost[t][m] = padded[t][m] + softmin(before, smoothing)
    return cost[-1][-1]


@settings(max_examples=40)
@given(st.integers(1, 7), st.integers(1, 7), seeds, smoothings)
def test_it_matches_the_textbook_recursion(frames, others, seed, smoothing):
    table = random_table(seed, frames, others)
    wanted = [align_by_hand(one, smoothing) for one in table.tolist()]
    found = align_frames(table, smoothing=smoothing)
    torch.testing.assert_close(found, torch.tensor(wanted, dtype=torch.float64))


def test_with_hardly_any_smoothing_it_is_the_cheapest_path():
    table = torch.full((4, 4), 1.0, dtype=torch.float64)
    table[[0, 1, 1, 2], [0, 1, 2, 3]] = 0.125
    assert align_frames(table, smoothing=1e-4).item() == pytest.approx(0.5, abs=1e-3)


def test_frames_before_and_after_the_path_cost_nothing():
    table = torch.ones(5, 2, dtype=torch.float64)
    table[2, 0] = table[3, 1] = 0.0
    assert align_frames(table, smoothing=1e-4).item() == pytest.approx(0.0, abs=1e-3)


def test_a_clip_played_backwards_costs_more():
    random = torch.Generator().manual_seed(0)
    clip = torch.randn(1, 6, 32, generator=random)
    forth, back = (align_frames(cosine_distances(clip, one))[0, 0] for one in (clip, clip.flip(1)))
    assert forth + 1 < back


@given(seeds, smoothings)
def test_it_grows_with_every_distance(seed, smoothing):
    table = random_table(seed, 4, 5)
    farther = table + random_table(seed + 1, 4, 5)
    assert (align_frames(farther, smoothing=smoothing) >= align_frames(table, smoothing=smoothing)).all()


@pytest.mark.parametrize("smoothing", [0.1, 0.5])
def test_long_clips_have_finite_costs_and_gradients(smoothing):
    table = random_table(0, 128, 128, pairs=1).float().requires_grad_()
    cost = align_frames(table, smoothing=smoothing)
    cost.sum().backward()
    assert cost.isfinite().all()
    assert table.grad.isfinite().all()


@pytest.mark.parametrize("smoothing", [0.0, -0.5])
def test_a_smoothing_that_is_not_positive_is_refused(smoothing):
    with pytest.raises(ValueError, match="the smoothing must be positive, not"):
        align_frames(random_table(0, 2, 2), smoothing=smoothing)


@settings(max_examples=10)
@given(seeds, st.sampled_from([0.0, 0.01]))
def test_frame_distances_match_the_textbook_loop(seed, guard):
    random = torch.Generator().manual_seed(seed)
    query = torch.randn(2, 3, 5, generator=random, dtype=torch.float64)
    support = torch.randn(4, 2, 5, generator=random, dtype=torch.float64)
    found = cosine_distances(query, support, guard=guard)
    assert found.shape == (2, 4, 3, 2)
    for q, s, i, j in torch.cartesian_prod(*map(torch.arange, found.shape)).tolist():
        one, other = query[q, i].tolist(), support[s, j].tolist()
        dot = sum(a * b for a, b in zip(one, other, strict=True))
        length = sqrt(sum(a * a for a in one)) * sqrt(sum(b * b for b in other))
        assert found[q, s, i, j].item() == pytest.approx(1 - dot / (length + guard))


def test_a_frame_of_zeros_is_at_distance_one():
    assert torch.equal(cosine_distances(torch.zeros(1, 2, 3), torch.ones(1, 2, 3)), torch.ones(1, 1, 2, 2))


@pytest.mark.shared
@pytest.mark.parametrize(("smoothing", "name"), [(0.5, "distance"), (0.1, "distance_lbda01")])
def test_it_is_the_official_distance(smoothing, name, shared):
    reference = {
        key: torch.from_numpy(value) for key, value in np.load(shared / "reference/reference_otam.npz").items()
    }
    table = cosine_distances(reference["query"], reference["support"], guard=0.01)
    torch.testing.assert_close(table, reference["frame_dists"])
    exact = reference["frame_dists"].double()
    forth = align_frames(exact, smoothing=smoothing)
    both = forth + align_frames(exact.mT, smoothing=smoothing)
    torch.testing.assert_close(both, reference[f"{name}_float64"])
    single = "distance_q2s" if smoothing == 0.5 else "distance_q2s_lbda01"
    torch.testing.assert_close(forth.float(), reference[single], rtol=1e-5, atol=2e-5)
