from fractions import Fraction
from itertools import combinations, pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lga import config
from lga.core.segment import (
    EVENNESS,
    SEGMENTERS,
    centred_segment,
    cluster_segment,
    count_stages,
    hard_segment,
    motion_segment,
    overlap_mask,
    pack_stages,
    stage_borders,
    stage_mask,
    stage_means,
    twfinch_segment,
    window_mask,
)
from lga.video.clip import uniform_times

pytestmark = pytest.mark.usefixtures("one_thread")

lengths = st.integers(1, 12)
seeds = st.integers(0, 2**31)


def random_frames(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def whole_frames(seed, *shape, largest):
    return torch.randint(-largest, largest + 1, shape, generator=torch.Generator().manual_seed(seed))


def random_label(seed, batch, length, stages):
    """Every stage in order, each with at least one frame."""
    order = torch.rand(batch, length - 1, generator=torch.Generator().manual_seed(seed)).argsort(1)
    return torch.nn.functional.pad((order < stages - 1).long().cumsum(1), (1, 0))


def merge_by_hand(frames):
    """The labels at every number of stages, by exact arithmetic: whole-number frames, ties to the earliest pair."""
    clusters = [[t] for t in range(len(frames))]
    labels = {}
    while True:
        labels[len(clusters)] = [stage for stage, members in enumerate(clusters) for _ in members]
        if len(clusters) == 1:
            return labels
        means = [[sum(frames[t][d] for t in members) for d in range(len(frames[0]))] for members in clusters]
        similarity = [signed_square_cosine(one, other) for one, other in pairwise(means)]
        best = similarity.index(max(similarity))
        clusters[best : best + 2] = [clusters[best] + clusters[best + 1]]


def signed_square_cosine(one, other):
    """The cosine's square with its sign: it orders as the cosine does, and whole numbers keep it exact."""
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    norms = sum(a * a for a in one) * sum(b * b for b in other)
    return Fraction(dot * abs(dot), norms) if norms else Fraction(0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("largest", "dim", "clips"), [(10**6, 5, 64), (1, 2, 160), (2, 3, 96)])
def test_cluster_segment_matches_the_textbook_loop(dtype, largest, dim, clips):
    """Coordinates up to 10^6 stand for random features; up to 1 or 2 they give duplicates, zero frames and ties."""
    for length in range(1, 13):
        frames = whole_frames(length, clips, length, dim, largest=largest)
        wanted = [merge_by_hand(clip) for clip in frames.tolist()]
        for stages in range(1, length + 1):
            label = cluster_segment(frames.to(dtype), stages)
            assert label.tolist() == [by_stages[stages] for by_stages in wanted]


@given(lengths, st.data(), seeds)
def test_the_batch_a_clip_is_in_does_not_matter(length, data, seed):
    stages = data.draw(st.integers(1, length))
    tied = whole_frames(seed, 7, length, 3, largest=1).float()
    frames = torch.cat([tied, random_frames(seed, 4, length, 3).float()])
    alone = torch.cat([cluster_segment(clip, stages) for clip in frames.split(1)])
    assert torch.equal(cluster_segment(frames, stages), alone)


@given(lengths, st.data(), seeds, st.floats(1e-4, 1e4))
def test_the_scale_of_the_features_does_not_matter(length, data, seed, scale):
    stages = data.draw(st.integers(1, length))
    frames = random_frames(seed, 5, length, 7)
    assert torch.equal(cluster_segment(frames * scale, stages), cluster_segment(frames, stages))


@given(st.integers(2, 12), st.data(), seeds)
def test_one_stage_fewer_merges_two_neighbours(length, data, seed):
    stages = data.draw(st.integers(2, length))
    frames = random_frames(seed, 3, length, 5)
    many, few = cluster_segment(frames, stages), cluster_segment(frames, stages - 1)
    assert (many.diff(dim=1) >= few.diff(dim=1)).all()
    assert (many.diff(dim=1) <= 1).all()
    assert many.amax(1).tolist() == [stages - 1] * 3
    assert few.amax(1).tolist() == [stages - 2] * 3


@pytest.mark.parametrize("sizes", [(1, 5, 2), (3, 3, 2), (6, 1, 1), (1, 1, 1, 1, 4), (8,)])
def test_planted_segments_are_found(sizes):
    planted = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    directions = torch.eye(11)[[3, 0, 7, 5, 2]]
    noise = 0.1 * random_frames(0, 13, len(planted), 11).float()
    found = cluster_segment(directions[planted] + noise, len(sizes))
    assert torch.equal(found, planted.expand(13, -1))


@pytest.mark.parametrize("frame", [[0.0, 0.0], [0.3, 0.7]])
def test_of_equal_pairs_the_earliest_is_merged(frame):
    still = torch.tensor(frame).expand(1, 5, 2)
    assert cluster_segment(still, 3).tolist() == [[0, 0, 0, 1, 2]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rounding_does_not_decide_between_equal_pairs(dtype):
    one, other = random_frames(0, 2, 97, 512).to(dtype)
    frames = torch.stack([one, 3.3 * one, other, 0.7 * other], dim=1)
    assert cluster_segment(frames, 3).tolist() == [[0, 0, 1, 2]] * 97


@pytest.mark.parametrize(
    ("length", "stages", "label"),
    [(8, 3, [0, 0, 0, 1, 1, 1, 2, 2]), (4, 4, [0, 1, 2, 3]), (5, 1, [0] * 5), (7, 2, [0, 0, 0, 0, 1, 1, 1])],
)
def test_hard_segment_cuts_equal_parts(length, stages, label):
    assert hard_segment(random_frames(0, 2, length, 3), stages).tolist() == [label, label]


@given(st.integers(1, 40), st.data())
def test_hard_parts_differ_by_one_frame_at_most(length, data):
    stages = data.draw(st.integers(1, length))
    sizes = hard_segment(torch.zeros(1, length, 2), stages)[0].bincount(minlength=stages).tolist()
    assert sum(sizes) == length
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("segment", [cluster_segment, hard_segment, twfinch_segment])
@pytest.mark.parametrize("stages", [-1, 0, 6])
def test_an_impossible_number_of_stages_is_refused(segment, stages):
    with pytest.raises(ValueError, match=f"5 frames can be cut into 1 to 5 stages, not {stages}"):
        segment(torch.zeros(2, 5, 3), stages)


@given(lengths, st.data(), st.integers(0, 5), seeds)
def test_overlap_mask_matches_the_textbook_loop(length, data, overlap, seed):
    stages = data.draw(st.integers(1, length))
    label = random_label(seed, 3, length, stages)
    wanted = [
        [
            [any(clip[u] == s and abs(u - t) <= overlap for u in range(length)) for t in range(length)]
            for s in range(stages)
        ]
        for clip in label.tolist()
    ]
    assert overlap_mask(label, stages, overlap).tolist() == wanted


@given(lengths, st.data(), seeds)
def test_overlap_one_borrows_one_frame_at_every_border(length, data, seed):
    stages = data.draw(st.integers(1, length))
    mask = overlap_mask(random_label(seed, 5, length, stages), stages)
    assert mask.sum((1, 2)).tolist() == [length + 2 * (stages - 1)] * 5


def test_stages_of_one_five_and_two_frames_share_their_borders():
    mask = overlap_mask(torch.tensor([[0, 1, 1, 1, 1, 1, 2, 2]]), 3)
    assert mask.int().tolist() == [[[1, 1, 0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 1, 1, 1]]]


def test_a_negative_overlap_is_refused():
    with pytest.raises(RuntimeError, match="kernel_size"):
        overlap_mask(torch.zeros(1, 5, dtype=torch.long), 2, -1)


def test_the_hard_windows_of_eight_frames_and_three_stages():
    label = hard_segment(torch.zeros(2, 8, 3), 3)
    windows = [[start <= t < start + 4 for t in range(8)] for start in (0, 2, 4)]
    assert window_mask(label, 3).tolist() == [windows, windows]
    assert torch.equal(window_mask(label, 3, 0), overlap_mask(label, 3, 0))


@given(st.integers(1, 40), st.data())
def test_a_hard_window_holds_its_own_part(length, data):
    stages = data.draw(st.integers(1, length))
    label = hard_segment(torch.zeros(1, length, 2), stages)
    mask = window_mask(label, stages)
    assert (mask >= overlap_mask(label, stages, 0)).all()
    assert mask.any(1).all()
    start, end = mask[0].int().argmax(1), mask[0].cumsum(1).argmax(1)
    assert (start.diff() >= 0).all()
    assert (end.diff() >= 0).all()
    assert torch.equal(end - start + 1, mask[0].sum(1))


@given(lengths, st.data(), st.integers(0, 4), seeds)
def test_pack_stages_lists_the_tokens_in_order(length, data, overlap, seed):
    stages = data.draw(st.integers(1, length))
    mask = overlap_mask(random_label(seed, 5, length, stages), stages, overlap)
    wanted = [[(t, s) for s, row in enumerate(clip) for t, seen in enumerate(row) if seen] for clip in mask.tolist()]
    most = max(map(len, wanted))
    padded = [tokens + [(0, -1)] * (most - len(tokens)) for tokens in wanted]
    frame, stage = pack_stages(mask)
    assert [list(zip(*clip, strict=True)) for clip in zip(frame.tolist(), stage.tolist(), strict=True)] == padded


def test_the_tokens_of_one_five_and_two_frames():
    frame, stage = pack_stages(overlap_mask(torch.tensor([[0, 1, 1, 1, 1, 1, 2, 2]]), 3))
    assert frame.tolist() == [[0, 1, 0, 1, 2, 3, 4, 5, 6, 5, 6, 7]]
    assert stage.tolist() == [[0, 0, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2]]


def test_clips_with_fewer_tokens_are_padded():
    label = torch.tensor([[0, 1, 2, 2, 2], [0, 0, 1, 2, 2]])  # 3 + 4 + 4 and 4 + 5 + 4 tokens with two frames borrowed
    frame, stage = pack_stages(overlap_mask(label, 3, 2))
    assert frame[0].tolist() == [0, 1, 2, 0, 1, 2, 3, 0, 1, 2, 3, 4, 0]
    assert stage.tolist() == [[0] * 3 + [1] * 4 + [2] * 5 + [-1], [0] * 4 + [1] * 5 + [2] * 4]


def test_no_clips_pack_into_no_rows():
    frame, stage = pack_stages(torch.zeros(0, 3, 8, dtype=torch.bool))
    assert frame.shape == stage.shape == (0, 1)


@given(lengths, st.data(), seeds)
def test_stage_means_match_the_textbook_loop(length, data, seed):
    stages = data.draw(st.integers(1, length))
    frames = random_frames(seed, 3, length, 5)
    mask = random_frames(seed + 1, 3, stages, length) > 0
    for clip, stages_of_clip, means in zip(frames, mask, stage_means(frames, mask), strict=True):
        for seen, mean in zip(stages_of_clip, means, strict=True):
            own = [clip[t] for t in range(length) if seen[t]]
            torch.testing.assert_close(mean, sum(own) / len(own) if own else torch.zeros(5, dtype=torch.float64))


def test_a_frame_that_no_stage_sees_does_not_move_the_means():
    mask = torch.tensor([[[True, True, False, False], [False, False, False, True]]])
    frames = random_frames(0, 1, 4, 3)
    other = frames.clone()
    other[:, 2] = 1e6
    assert torch.equal(stage_means(frames, mask), stage_means(other, mask))


def test_the_segmenters_are_those_that_the_settings_name():
    assert tuple(SEGMENTERS) == config.SEGMENTERS


@pytest.mark.parametrize("name", sorted(SEGMENTERS))
def test_every_segmenter_shows_every_frame_to_a_stage_and_every_stage_a_frame(name):
    for length in range(1, 13):
        for stages in range(1, length + 1):
            seen = stage_mask(SEGMENTERS[name](random_frames(length, 5, length, 3), stages), stages, 1, segmenter=name)
            assert seen.any(1).all()
            assert seen.any(2).all()


@given(seeds)
def test_centred_segmentation_is_cluster_segment_on_deviations_and_ignores_what_all_frames_share(seed):
    frames = torch.randn(3, 7, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    shared = 100 * torch.randn(3, 1, 5, generator=torch.Generator().manual_seed(seed + 1), dtype=torch.float64)
    expected = cluster_segment(frames - frames.mean(1, keepdim=True), 3)
    torch.testing.assert_close(centred_segment(frames, 3), expected)
    torch.testing.assert_close(centred_segment(frames + shared, 3), expected)


def test_centred_segmentation_refuses_more_stages_than_frames():
    with pytest.raises(ValueError, match="stages"):
        centred_segment(torch.zeros(1, 2, 3), 3)


def cheapest_cut(course, stages, frames):
    """Every cut between moments that leaves each stage a frame, one after the other: its labels and its borders."""
    moments, best = len(course), (float("inf"), None, None)
    middle = [(frame + 0.5) * moments / frames for frame in range(frames)]

    def variance(part):
        mean = [sum(column) / len(part) for column in zip(*part, strict=True)]
        return sum((value - centre) ** 2 for row in part for value, centre in zip(row, mean, strict=True))

    rows = course.tolist()
    for cut in combinations(range(1, moments), stages - 1):
        label = [sum(time >= border for border in cut) for time in middle]
        if set(label) != set(range(stages)):
            continue
        parts = list(pairwise((0, *cut, moments)))
        within = sum(variance(rows[start:end]) for start, end in parts) / variance(rows)
        cost = within + EVENNESS * sum(((end - start) / moments - 1 / stages) ** 2 for start, end in parts)
        if cost < best[0]:
            best = cost, label, [border / moments for border in cut]
    return best[1:]


@pytest.mark.parametrize(("moments", "stages", "frames"), [(9, 3, 8), (8, 1, 4), (16, 3, 3), (7, 4, 9), (5, 5, 5)])
def test_motion_segment_matches_a_loop_over_all_cuts(moments, stages, frames):
    course = random_frames(moments + stages, 3, moments, 4)
    label, begin = motion_segment(course, stages, frames)
    for number, one in enumerate(course):
        wanted = cheapest_cut(one, stages, frames)
        assert (label[number].tolist(), begin[number].tolist()) == wanted


@pytest.mark.parametrize("sizes", [(5, 5, 6), (4, 7, 5), (7, 4, 5)])
def test_a_change_of_motion_is_found_between_frames_too(sizes):
    number = torch.arange(3).repeat_interleave(torch.tensor(sizes))
    label, begin = motion_segment(10 * torch.eye(3)[number][None], 3, 8)
    assert begin[0].tolist() == [sizes[0] / 16, (sizes[0] + sizes[1]) / 16]
    assert label[0].tolist() == [sum((frame + 0.5) / 8 >= one for one in begin[0].tolist()) for frame in range(8)]


@pytest.mark.parametrize(("moments", "begin"), [(16, [5 / 16, 10 / 16]), (9, [3 / 9, 6 / 9])])
def test_without_motion_the_parts_are_equal_and_of_equals_the_earliest(moments, begin):
    found = motion_segment(torch.zeros(2, moments, 4), 3, 8)[1]
    torch.testing.assert_close(found, torch.tensor([begin, begin]))


@given(seeds, st.floats(0.01, 100), st.integers(0, 20))
def test_the_scale_and_the_mean_of_the_motion_do_not_matter(seed, scale, shift):
    course = random_frames(seed, 2, 12, 3)
    assert torch.equal(motion_segment(scale * course + shift, 3, 8)[0], motion_segment(course, 3, 8)[0])


@pytest.mark.parametrize(("moments", "stages", "frames"), [(16, 4, 3), (2, 3, 8), (16, 0, 8)])
def test_motion_that_cannot_be_cut_is_refused(moments, stages, frames):
    with pytest.raises(ValueError, match="cannot be cut"):
        motion_segment(torch.zeros(1, moments, 2), stages, frames)


def staged_courses(seed, stages, *, clips=3, moments=16, noise=0.5, smooth=None):
    """Clips of one action: in each of its stages they move in a direction of its own, for about as long, and a little
    differently."""
    random = torch.Generator().manual_seed(seed)
    direction = torch.randn(stages, 32, generator=random, dtype=torch.float64)
    length = 0.7 + 0.6 * torch.rand(clips, stages, generator=random)
    end = (length.cumsum(1) / length.sum(1, keepdim=True) * moments).round()
    label = (torch.arange(moments)[None, :, None] >= end[:, None, :-1]).sum(-1)
    course = direction[label] + noise * torch.randn(clips, moments, 32, generator=random, dtype=torch.float64)
    return course if smooth is None else smooth @ course


SMOOTH = torch.exp(-((torch.arange(16.0)[:, None] - torch.arange(16.0)) ** 2).double() / 4.5)


@pytest.mark.parametrize("stages", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("smooth", [None, SMOOTH], ids=["sharp", "smooth"])
def test_planted_numbers_of_stages_are_counted(stages, smooth):
    unstaged = torch.eye(16, dtype=torch.float64) if smooth is None else smooth
    found = [count_stages(staged_courses(seed, stages, smooth=smooth), unstaged) for seed in range(20)]
    assert found.count(stages) >= (18 if smooth is None else 13)


@settings(max_examples=20)
@given(seeds, st.integers(1, 5), st.floats(0.1, 10))
def test_counting_stages_knows_no_order_of_clips_no_scale_and_no_still_clip(seed, stages, scale):
    course, unstaged = staged_courses(seed, stages), torch.eye(16, dtype=torch.float64)
    found = count_stages(course, unstaged)
    still = torch.ones(1, 16, 32, dtype=torch.float64)
    assert count_stages(scale * course.flip(0), scale * unstaged) == found
    assert count_stages(torch.cat([still, course]), unstaged) == found
    assert count_stages(still, unstaged) is None
    assert count_stages(course[:0], unstaged) is None


def test_more_stages_than_moments_cannot_be_counted():
    with pytest.raises(ValueError, match="cannot be cut into 4 stages"):
        count_stages(torch.eye(3)[None], torch.eye(3))


def test_borders_lie_halfway_between_frames_of_different_stages():
    assert stage_borders((0, 0, 1, 2), (1.0, 2.0, 4.0, 5.0), 8.0) == (0.0, 3.0, 4.5, 8.0)


def test_one_stage_is_the_whole_clip():
    assert stage_borders((0, 0, 0), (0.5, 1.5, 2.5), 3.0) == (0.0, 3.0)
    assert stage_borders((0,), (0.02,), 0.04) == (0.0, 0.04)


@given(st.lists(st.integers(1, 7), min_size=1, max_size=8), st.floats(0.02, 9000))
def test_borders_run_from_the_first_moment_to_the_last(lengths, duration):
    stage = [number for number, length in enumerate(lengths) for _ in range(length)]
    borders = stage_borders(stage, uniform_times(duration, len(stage)), duration)
    assert len(borders) == len(lengths) + 1
    assert (borders[0], borders[-1]) == (0.0, duration)
    assert all(before < after for before, after in pairwise(borders))
