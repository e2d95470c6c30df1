from dataclasses import replace
from math import log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lga.core.distance import class_distances
from lga.core.score import contrast_stretch
from lga.model.task import (
    MATCHES,
    Alike,
    ClassScores,
    Compared,
    Rule,
    ScoreWeights,
    joined,
    learn,
    leave_out,
    solve_whole,
)

pytestmark = pytest.mark.usefixtures("one_thread")

seeds = st.integers(0, 2**31)
counts = st.lists(st.integers(0, 3), min_size=2, max_size=4)
alphas = st.sampled_from([None, 0.0, 0.3, 1.0])
FITTED = Rule(0.6, "softmin", 0.4, 4.0, 2.0, usual=0.7)
PARTS = ("distance", "motion", "appearance", "moving", "similarity")


def random_task(seed, count, clips=3):
    """Examples and clips of one task, `count[c]` examples of class c in mixed order."""
    random = torch.Generator().manual_seed(seed)
    label = torch.tensor([one for one, many in enumerate(count) for _ in range(many)], dtype=torch.long)
    label = label[torch.randperm(len(label), generator=random)]
    shown, rows = len(label), len(label) + clips
    sight = torch.nn.functional.normalize(2 + torch.randn(rows, 5, generator=random, dtype=torch.float64), dim=-1)
    move = torch.randn(rows, 4, generator=random, dtype=torch.float64)
    far = 8 * torch.rand(2, rows, shown, generator=random, dtype=torch.float64)
    like = torch.randn(rows, len(count), generator=random, dtype=torch.float64)
    table = Compared(far[0], far[1], sight @ sight[:shown].T, move @ move[:shown].T, like)
    every = torch.arange(shown)
    return rows_of(table, every, every), rows_of(table, torch.arange(shown, rows), every), label


def rows_of(table, rows, columns, classes=None):
    classes = torch.arange(table.similarity.shape[-1]) if classes is None else classes
    pairs = (getattr(table, name)[rows][:, columns] for name in PARTS[:-1])
    return Compared(*pairs, table.similarity[rows][:, classes])


def stacked(tables):
    return Compared(*(torch.stack([getattr(one, name) for one in tables]) for name in PARTS))


@settings(deadline=None, max_examples=30)
@given(counts, alphas, st.booleans(), seeds)
def test_an_example_left_out_scores_as_if_it_or_its_label_had_never_been_taught(count, alpha, whole, seed):
    examples, _, label = random_task(seed, count)
    learnt = learn(examples, label, len(count), replace(FITTED, alpha=alpha))
    found = leave_out(examples, learnt, label=whole)
    stretch = learnt.stretch  # is the backbone's, and not learnt anew without an example
    plain = replace(examples, distance=stretch * examples.distance, appearance=stretch * examples.appearance)
    for row in range(len(label)):
        keep = torch.tensor([one for one in range(len(label)) if (label[one] != label[row] if whole else one != row)])
        if not len(keep) or (whole and len(label.unique()) < 3):
            continue  # of two labels, hubs are corrected by what is left of both
        classes = torch.tensor([one for one in range(len(count)) if not whole or one != label[row]])
        place = torch.full((len(count),), -1).scatter(0, classes, torch.arange(len(classes)))
        rest = learn(rows_of(plain, keep, keep, classes), place[label[keep]], len(classes), replace(FITTED, alpha=1.0))
        wanted = rest.scores(rows_of(plain, torch.tensor([row]), keep, classes))
        torch.testing.assert_close(found.distance[row, classes], wanted.distance[0])
        torch.testing.assert_close(found.head[row, classes], wanted.head[0])
        torch.testing.assert_close(found.similarity[row, classes], wanted.similarity[0])


def test_two_labels_keep_their_hub_correction_for_unknown_clips():
    examples, _, label = random_task(0, [2, 2])
    examples = replace(examples, motion=None)
    rule = Rule(1.0, "mean", 1.0, 0.0, 1.0, alpha=1.0)
    found = leave_out(examples, learn(examples, label, 2, rule), label=True)
    for row in range(4):
        foreign = [one for one in range(4) if label[one] != label[row]]
        mates = [one for one in range(4) if label[one] == label[row] and one != row]
        near = [examples.distance[row, one] - examples.distance[mates, one].mean() for one in foreign]
        torch.testing.assert_close(found.distance[row, 1 - label[row]], sum(near) / 2)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 3), st.integers(2, 4), alphas, seeds)
def test_tasks_learnt_together_answer_as_if_alone(shots, way, alpha, seed):
    rule, tasks = replace(FITTED, alpha=alpha), [random_task(seed + number, [shots] * way) for number in range(3)]
    order = [label.argsort(stable=True) for _, _, label in tasks]  # those of a batch have their examples in one order
    label = torch.arange(way).repeat_interleave(shots)
    examples = [rows_of(one, by, by) for (one, _, _), by in zip(tasks, order, strict=True)]
    clips = [rows_of(one, torch.arange(3), by) for (_, one, _), by in zip(tasks, order, strict=True)]
    whole = learn(stacked(examples), label, way, rule)
    for match in MATCHES:
        found = whole.only(match).weigh(whole.scores(stacked(clips)))
        for number, (taught, asked) in enumerate(zip(examples, clips, strict=True)):
            alone = learn(taught, label, way, rule)
            wanted = alone.only(match).weigh(alone.scores(asked))
            torch.testing.assert_close(found[number], wanted, atol=1e-3, rtol=1e-3)


@settings(deadline=None, max_examples=30)
@given(counts, alphas, seeds)
def test_renaming_the_classes_renames_the_answers(count, alpha, seed):
    examples, clips, label = random_task(seed, count)
    rule, name = replace(FITTED, alpha=alpha), torch.randperm(len(count), generator=torch.Generator().manual_seed(seed))
    back = name.argsort()
    plain = learn(examples, label, len(count), rule)
    renamed = learn(replace(examples, similarity=examples.similarity[:, back]), name[label], len(count), rule)
    found = renamed.weights.weigh(renamed.scores(replace(clips, similarity=clips.similarity[:, back])))
    torch.testing.assert_close(found, plain.weights.weigh(plain.scores(clips))[:, back], atol=1e-3, rtol=1e-3)


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 4), st.floats(0, 1), st.floats(0.05, 20), seeds)
def test_a_fixed_alpha_is_the_geometric_mean_of_both_matches(way, alpha, temperature, seed):
    examples, clips, label = random_task(seed, [1] * way)
    examples, clips = (replace(one, motion=None, moving=None) for one in (examples, clips))
    learnt = learn(examples, label, way, Rule(0.0, "mean", 1 / temperature, 0.0, 1 / temperature, alpha))
    scores = learnt.scores(clips)
    torch.testing.assert_close(scores.distance, class_distances(clips.distance, label, way))
    found = learnt.weights.weigh(scores).softmax(-1)
    by_video, by_text = (learnt.only(match).weigh(scores).softmax(-1) for match in ("video", "text"))
    torch.testing.assert_close(by_video, (-scores.distance / temperature).softmax(-1))
    torch.testing.assert_close(by_text, (clips.similarity / temperature).softmax(-1))
    for one, video, text in zip(found.tolist(), by_video.tolist(), by_text.tolist(), strict=True):
        if min(*video, *text) < 1e-200:
            continue  # the powers would underflow
        product = [v**alpha * t ** (1 - alpha) for v, t in zip(video, text, strict=True)]
        assert one == pytest.approx([p / sum(product) for p in product])


def test_a_posterior_worked_out_by_hand():
    scores = ClassScores(torch.tensor([[0.0, log(4.0)]]), None, torch.tensor([[log(9.0), 0.0]]))
    half = torch.tensor(0.5)
    found = ScoreWeights(half, half, half).weigh(scores).softmax(-1)  # 4:1 and 9:1, whose geometric mean is 6:1
    torch.testing.assert_close(found, torch.tensor([[6 / 7, 1 / 7]]))


@pytest.mark.parametrize("alpha", [None, 0.4])
def test_without_examples_only_the_text_tells_classes_apart(alpha):
    examples, clips, label = random_task(0, [0, 0, 0])
    learnt = learn(examples, label, 3, replace(FITTED, alpha=alpha))
    scores = learnt.scores(clips)
    assert not scores.distance.any()
    torch.testing.assert_close(learnt.weights.weigh(scores), FITTED.similarity * clips.similarity)
    assert not learnt.only("video").weigh(scores).any()


def test_a_class_without_examples_is_answered_by_its_text():
    examples, clips, label = random_task(1, [2, 2, 0])
    learnt = learn(examples, label, 3, FITTED)
    told = replace(clips, similarity=clips.similarity + torch.tensor([0.0, 0.0, 50.0]))
    assert (learnt.weights.weigh(learnt.scores(told)).argmax(-1) == 2).all()


@pytest.mark.parametrize("alpha", [None, 0.4])
def test_only_fitting_stretches_looks_that_lie_close(alpha):
    examples, _, label = random_task(2, [2, 2])
    examples = replace(examples, appearance=0.95 + examples.appearance / 20)
    learnt = learn(examples, label, 2, replace(FITTED, alpha=alpha))
    assert contrast_stretch(examples.appearance, label) > 1
    assert learnt.stretch == (contrast_stretch(examples.appearance, label) if alpha is None else 1.0)


def test_a_text_or_a_video_that_misleads_loses_its_weight():
    label = torch.arange(3).repeat_interleave(5)
    same, right = label[:, None] == label, label[:, None] == torch.arange(3)
    far = torch.where(same, 1.0, 6.0).double()
    sights = torch.where(same, 0.9, 0.1).double()

    def weights(distance, similarity, appearance):
        found = learn(Compared(distance, None, appearance, None, similarity), label, 3, FITTED).weights
        return float(found.distance / FITTED.distance), float(found.similarity / FITTED.similarity)

    seen, read = weights(far, right.double(), sights)
    assert weights(far, 9 * (1 - right.double()), sights)[1] < 0.7 * read
    nothing = torch.full_like(sights, 0.5).fill_diagonal_(1.0)
    assert weights(7 - far, right.double(), nothing)[0] < 0.7 * seen


def test_sentences_that_hardly_differ_leave_the_answer_to_the_video():
    """Two actions of opposite order, shown once each: the text sees next to no difference, and that the wrong way."""
    label, same = torch.arange(2), torch.eye(2, dtype=torch.bool)
    far, seen = torch.where(same, 0.0, 0.5).double(), torch.eye(2, dtype=torch.float64)

    def learnt(difference):
        like = torch.where(same, 0.0, difference).double()
        examples = Compared(far, None, seen, None, like)
        found = learn(examples, label, 2, FITTED)
        return float(found.weights.similarity / FITTED.similarity), found.weights.weigh(found.scores(examples))

    weight, score = learnt(0.02)
    assert weight < 0.05
    assert score.argmax(-1).tolist() == [0, 1]
    assert learnt(-0.02)[0] < 0.05 < 0.8 < learnt(-0.6)[0]


def test_an_example_alone_in_its_class_says_nothing_about_the_video():
    examples, _, label = random_task(5, [1, 1, 1])
    found = learn(examples, label, 3, FITTED).weights
    assert float(found.distance / FITTED.distance) == pytest.approx(FITTED.usual)


def test_the_video_has_the_share_of_the_spread_that_it_makes():
    distance = torch.tensor([[0.0, 3.0], [1.0, 1.0], [2.0, 2.0]])
    similarity = torch.tensor([[0.0, 1.0], [0.0, 1.0], [5.0, 5.0]])
    one = torch.tensor(1.0)
    found = ScoreWeights(one, one, one).video_share(ClassScores(distance, None, similarity))
    assert found.tolist() == pytest.approx([0.75, 0.0, 0.5])


def test_parts_of_a_table_are_joined_and_looked_up():
    _, clips, _ = random_task(6, [2, 1], clips=5)
    halves = [rows_of(clips, rows, torch.arange(3)) for rows in (torch.arange(2), torch.arange(2, 5))]
    whole = joined(halves)
    for name in PARTS:
        assert torch.equal(getattr(whole, name), getattr(clips, name))
    some = whole.of(torch.tensor([[4, 0]]), torch.tensor([[2, 1]]), torch.tensor([[1]]))
    assert torch.equal(some.distance, clips.distance[[4, 0]][:, [2, 1]][None])
    assert torch.equal(some.similarity, clips.similarity[[4, 0]][:, [1]][None])


@settings(deadline=None, max_examples=20)
@given(alphas, st.booleans(), seeds)
def test_some_examples_asked_about_score_as_their_own_rows_say(alpha, whole, seed):
    examples, clips, label = random_task(seed, [3, 2, 4])
    rule, asked = replace(FITTED, alpha=alpha), torch.tensor([0, 2, 3, 5, 8])
    solved = solve_whole(Alike(examples.appearance, examples.moving), label, rule)
    rows = rows_of(examples, asked, torch.arange(len(label)))
    learnt = learn(rows, label, 3, rule, asked=asked, solved=solved)
    apart, mine = rows.apart(learnt.stretch), label[asked]
    for column, own in enumerate(label.tolist()):
        foreign = [apart[row, column] for row, one in enumerate(mine.tolist()) if one != own]
        assert learnt.far_from_all[column] == pytest.approx(0.6 * sum(foreign) / len(foreign))
    found = leave_out(rows, learnt, label=whole)
    full = learn(examples, label, 3, rule)
    torch.testing.assert_close(found.head, leave_out(examples, full, label=whole).head[asked])
    torch.testing.assert_close(learnt.scores(clips).head, full.scores(clips).head)
    assert found.distance.shape == found.similarity.shape == (5, 3)


@settings(deadline=None, max_examples=20)
@given(counts, alphas, seeds)
def test_asking_about_all_examples_by_name_is_asking_about_all(count, alpha, seed):
    examples, clips, label = random_task(seed, count)
    rule = replace(FITTED, alpha=alpha)
    plain = learn(examples, label, len(count), rule)
    named = learn(
        examples,
        label,
        len(count),
        rule,
        asked=torch.arange(len(label)),
        solved=solve_whole(Alike(examples.appearance, examples.moving), label, rule),
    )
    assert torch.equal(named.weights.weigh(named.scores(clips)), plain.weights.weigh(plain.scores(clips)))


def test_the_distance_to_some_examples_is_that_of_the_table():
    _, clips, _ = random_task(2, [3, 2])
    torch.testing.assert_close(clips.apart_from(1, [4, 0]), clips.apart()[1, [4, 0]])
    still = replace(clips, motion=None)
    torch.testing.assert_close(still.apart_from(0, [2]), still.distance[0, [2]])
