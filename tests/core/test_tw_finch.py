"""TW-FINCH against a textbook loop, reference outputs of the official code, planted segments and refusals."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lga.core.tw_finch import fill_up, tw_finch

pytestmark = pytest.mark.usefixtures("one_thread")

lengths = st.integers(1, 12)
seeds = st.integers(0, 2**31)


def random_frames(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def apart(frames, one, other):
    """How far two clusters, lists of frame numbers, are apart."""
    sights = [torch.nn.functional.normalize(frames[members].mean(0), dim=0) for members in (one, other)]
    gap = abs(sum(one) / len(one) - sum(other) / len(other))
    return float(1 - sights[0] @ sights[1]) * gap


def linked(frames, clusters):
    """What the links to the nearest clusters join, by following them one after another."""
    nearest = [
        min((n for n in range(len(clusters)) if n != m), key=lambda n, m=m: apart(frames, clusters[m], clusters[n]))
        for m in range(len(clusters))
    ]
    group = list(range(len(clusters)))
    for _ in clusters:
        for m, n in enumerate(nearest):
            group[m] = group[n] = min(group[m], group[n])
    return in_order([[t for c, g in zip(clusters, group, strict=True) if g == own for t in c] for own in set(group)])


def in_order(clusters):
    return sorted((sorted(one) for one in clusters), key=min)


def by_hand(frames, stages):
    """One clip, cluster lists and no tensors of them."""
    clusters = [[t] for t in range(len(frames))]
    if len(clusters) > 1:
        clusters = linked(frames, clusters)
    while len(clusters) > 1 and len(coarser := linked(frames, clusters)) >= stages:
        clusters = coarser
    while len(clusters) > stages:
        pairs = [(m, n) for m in range(len(clusters)) for n in range(m + 1, len(clusters))]
        m, n = min(pairs, key=lambda pair: apart(frames, clusters[pair[0]], clusters[pair[1]]))
        rest = [one for number, one in enumerate(clusters) if number not in (m, n)]
        clusters = in_order([*rest, clusters[m] + clusters[n]])
    label = [0] * len(frames)
    for number, members in enumerate(clusters):
        for member in members:
            label[member] = number
    return label


@settings(max_examples=40)
@given(lengths, st.integers(1, 12), seeds)
def test_it_matches_the_textbook_loop(length, stages, seed):
    frames = random_frames(seed, 3, length, 4)
    assert tw_finch(frames, stages).tolist() == [by_hand(clip, stages) for clip in frames]


@pytest.mark.shared
@pytest.mark.parametrize("length", [8, 32])
def test_it_gives_what_the_official_code_gave(length, shared):
    with np.load(shared / "reference/reference_twfinch.npz") as reference:
        frames = torch.from_numpy(reference[f"frames_{length}"])
        assert tw_finch(frames, 3).tolist() == reference[f"labels_{length}"].tolist()


@given(lengths, st.integers(1, 5), seeds, st.floats(1e-3, 1e3))
def test_neither_scale_nor_batch_matters(length, stages, seed, scale):
    frames = random_frames(seed, 4, length, 7)
    alone = torch.cat([tw_finch(clip * scale, stages) for clip in frames.split(1)])
    assert torch.equal(tw_finch(frames, stages), alone)


def test_planted_segments_are_found():
    planted = torch.tensor([0] * 5 + [1] * 9 + [2] * 6)
    frames = torch.eye(11)[[3, 0, 7]][planted] + 0.02 * random_frames(0, 13, 20, 11).float()
    assert torch.equal(tw_finch(frames, 3), planted.expand(13, -1))


def test_the_first_round_alone_can_leave_fewer_than_asked_for():
    frames = torch.eye(5, dtype=torch.float64)[[3, 3, 0, 0]][None]
    assert tw_finch(frames, 3).tolist() == [[0, 0, 1, 1]]
    assert fill_up(tw_finch(frames, 3), 3).tolist() == [[0, 1, 2, 2]]


@pytest.mark.parametrize(
    ("label", "stages", "filled"),
    [
        ([0, 0, 0, 0, 0, 1, 1, 1], 3, [0, 0, 0, 1, 1, 2, 2, 2]),
        ([0, 0, 0, 0, 0, 0, 0, 0], 4, [0, 0, 1, 1, 2, 2, 3, 3]),
        ([0, 0, 1, 1, 0, 0], 3, [0, 0, 1, 1, 2, 2]),
        ([0, 1, 2, 3], 3, [0, 1, 2, 3]),
    ],
)
def test_the_longest_clusters_are_halved(label, stages, filled):
    assert fill_up(torch.tensor([label]), stages).tolist() == [filled]


@given(lengths, st.data(), seeds)
def test_filled_up_there_are_as_many_as_asked_for_in_the_order_in_which_they_begin(length, data, seed):
    stages = data.draw(st.integers(1, length))
    for row in fill_up(tw_finch(random_frames(seed, 4, length, 3), stages), stages).tolist():
        assert list(dict.fromkeys(row)) == list(range(stages))


@pytest.mark.parametrize("stages", [0, -1])
def test_no_stage_at_all_is_refused(stages):
    with pytest.raises(ValueError, match=f"1 stage or more, not {stages}"):
        tw_finch(torch.zeros(2, 5, 3), stages)
