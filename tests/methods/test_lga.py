from itertools import pairwise
from math import exp, log, sqrt

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lga.backbone.protocol import Space
from lga.config import MethodConfig, ProtocolConfig
from lga.core.distance import class_distances
from lga.core.score import hub_means
from lga.core.support_head import head_scores, invert_gram, solve_head
from lga.core.weighing import fit_temperature
from lga.datasets.episodes import Episodes, plan_episodes
from lga.methods import lga
from lga.methods.lga import Matrix, fuse_dataset, lga_method, lga_scorer, match_dataset, pairwise_matrix
from lga.methods.protocol import Dataset, Tasks
from lga.model.head import Adapter, Head, StageFusion
from lga.model.matching import LGA
from lga.model.task import MATCHES, Compared, learn, leave_out

pytestmark = pytest.mark.usefixtures("one_thread")

CLASSES, PER_CLASS, FRAMES, STAGES, DIM = 5, 5, 6, 3, 12
SPACE = Space(DIM, slice(0, 7), slice(7, DIM))
LABEL = np.random.default_rng(2).permutation(np.repeat(np.arange(CLASSES), PER_CLASS))
OWNER = torch.from_numpy(LABEL)


def random_set(seed):
    """Clips and texts that show a little of their class, so that some answers are right and some wrong."""
    random = torch.Generator().manual_seed(seed)
    centre = torch.randn(CLASSES, DIM, generator=random, dtype=torch.float64)
    frames = centre[OWNER][:, None] + 2 * torch.randn(len(LABEL), FRAMES, DIM, generator=random, dtype=torch.float64)
    return frames, centre[:, None] + 2 * torch.randn(CLASSES, STAGES, DIM, generator=random, dtype=torch.float64)


def planned(**protocol):
    settled = ProtocolConfig(**{"ways": 3, "queries": 2, "episodes": 11, "seed": 5, **protocol})
    return plan_episodes(LABEL, None, settled)


def dataset_of(frames, text, space=SPACE):
    return Dataset(frames, OWNER, text, text[:, 0], space)


def logits_of(matrix, plan, method):
    return {match: lga_scorer(matrix, method, match=match)(Tasks.of(plan)) for match in MATCHES}


# --- the whole evaluation written out, one query at a time, in plain Python -------------------------------------------


def cosine(one, other):
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    return dot / sqrt(sum(a * a for a in one) * sum(b * b for b in other))


def mean(vectors):
    return [sum(column) / len(vectors) for column in zip(*vectors, strict=True)]


def stages_of(frames):
    """CLUSTER-Segment with one frame of overlap: the frame numbers that each stage sees."""
    groups = [[at] for at in range(len(frames))]
    while len(groups) > STAGES:
        like = [
            cosine(mean([frames[at] for at in one]), mean([frames[at] for at in other]))
            for one, other in pairwise(groups)
        ]
        best = like.index(max(like))
        groups[best : best + 2] = [groups[best] + groups[best + 1]]
    return [[at for at in range(one[0] - 1, one[-1] + 2) if 0 <= at < len(frames)] for one in groups]


def video_distance(query, support, sentences):
    """AB-MHM: cuts by the visual parts, the example's frames with their stage's sentence."""
    ours, theirs = stages_of([f[SPACE.visual] for f in query]), stages_of([f[SPACE.visual] for f in support])
    total = 0.0
    for here, there, sentence in zip(ours, theirs, sentences, strict=True):
        one = [query[at][SPACE.visual] for at in here]
        other = [[f + t for f, t in zip(support[at], sentence, strict=True)][SPACE.visual] for at in there]
        total += sum(min(1 - cosine(a, b) for b in other) for a in one)
        total += sum(min(1 - cosine(a, b) for a in one) for b in other)
    return total


def text_score(query, sentences):
    cut = stages_of([f[SPACE.visual] for f in query])
    means = [mean([query[at][SPACE.semantic] for at in seen]) for seen in cut]
    return sum(cosine(one, sentence[SPACE.semantic]) for one, sentence in zip(means, sentences, strict=True))


class Loops:
    """One episode, one clip at a time. A task is a list of (clip, class) pairs, a clip the number of its frames.

    `stretch`, `head` and the three factors are set for a rule; distances and similarities are remembered.
    """

    def __init__(self, frames, text, method):
        self.frames, self.text, self.method = frames, text, method
        self.known = {}

    def distance(self, clip, example, label):
        key = clip, example, label
        if key not in self.known:
            self.known[key] = video_distance(self.frames[clip], self.frames[example], self.text[label])
        return self.known[key]

    def similarity(self, clip, label):
        if (clip, label) not in self.known:
            self.known[clip, label] = text_score(self.frames[clip], self.text[label])
        return self.known[clip, label]

    def alike(self, one, other):
        """The cosine of the mean frames, each of norm 1."""
        means = [mean([frame[SPACE.visual] for frame in self.frames[clip]]) for clip in (one, other)]
        return cosine(*means)

    def stretch(self, task):
        square, differences = 5 * 0.07**2, 5.0
        for one, own in task:
            foreign = [self.alike(one, clip) for clip, label in task if label != own]
            square += sum((each - sum(foreign) / len(foreign)) ** 2 for each in foreign)
            differences += max(len(foreign) - 1, 0)
        return min(10.0, max(1.0, 0.07 / sqrt(square / differences)))

    def held_against(self, score, task, label):
        """The share of a column's mean over the examples of other classes."""
        foreign = [clip for clip, other in task if other != label]
        if not foreign:
            return None
        return self.method.hub_correction * sum(score(clip) for clip in foreign) / len(foreign)

    def columns(self, value, hubs):
        """Values less what is held against them; where no other class is left to say, the mean of what there is."""
        some = [one for one in hubs if one is not None]
        usual = sum(some) / len(some) if some else 0.0
        return [one - (usual if hub is None else hub) for one, hub in zip(value, hubs, strict=True)]

    def class_distances(self, clip, task, classes, stretch):
        apart = self.columns(
            [stretch * self.distance(clip, example, label) for example, label in task],
            [
                self.held_against(lambda c, one=example, own=label: stretch * self.distance(c, one, own), task, label)
                for example, label in task
            ],
        )
        found = []
        for wanted in classes:
            own = [d for d, (_, label) in zip(apart, task, strict=True) if label == wanted]
            if not own:
                found.append(None)
            elif self.method.pooling == "mean":
                found.append(sum(own) / len(own))
            else:
                found.append(-log(sum(exp(-d) for d in own) / len(own)))
        some = [one for one in found if one is not None]
        return [(sum(some) / len(some) if some else 0.0) if one is None else one for one in found]

    def class_similarities(self, clip, task, classes):
        return self.columns(
            [self.similarity(clip, label) for label in classes],
            [self.held_against(lambda c, own=label: self.similarity(c, own), task, label) for label in classes],
        )

    def head(self, clip, task, classes, stretch):
        """Ridge regression by its normal equations in the dual, with an intercept that is not penalised."""
        n = len(task)
        gram = np.array([[stretch * self.alike(one, other) for other, _ in task] for one, _ in task])
        target = np.array([[float(label == one) for one in classes] for _, label in task])
        system = np.block([[gram + 0.3 * np.eye(n), np.ones((n, 1))], [np.ones((1, n)), np.zeros((1, 1))]])
        solved = np.linalg.solve(system, np.vstack([target, np.zeros((1, len(classes)))]))
        row = np.array([stretch * self.alike(clip, other) for other, _ in task])
        score = row @ solved[:n] + solved[n] - target.mean(0)
        present = target.any(0)
        return np.where(present, score - score[present].mean(), 0.0)

    def parts(self, clip, task, classes, stretch):
        """Distance, head score and similarity of a clip to every class."""
        far = self.class_distances(clip, task, classes, stretch)
        like = self.class_similarities(clip, task, classes)
        some = self.method.head == "support" and task
        return far, self.head(clip, task, classes, stretch) if some else [0.0] * len(classes), like

    def left_out(self, task, classes, stretch):
        """The parts of every example as if it had not been taught."""
        return [self.parts(one[0], [other for other in task if other != one], classes, stretch) for one in task]


def log_share(row, place):
    most = max(row)
    return row[place] - most - log(sum(exp(one - most) for one in row))


def temperature_by_hand(rows, truth):
    """The likeliest of finely spaced temperatures, by a loop."""
    tried = [10 ** (-1 + step / 80) for step in range(161)]
    loss = [
        10 * log(one) ** 2 / 2
        - sum(log_share([x / one for x in row], own) for row, own in zip(rows, truth, strict=True))
        for one in tried
    ]
    return tried[loss.index(min(loss))]


def task_of(episode):
    classes, _, supports = episode
    return [(clip, label) for label, clips in zip(classes, supports, strict=True) for clip in clips]


def answers_by_hand(loops, episode, alpha, softness, weight):
    """For every query of an episode, what video, text and both say at a fixed alpha."""
    classes, queries, supports = episode
    task = task_of(episode)

    def weighed(parts, alpha):
        return [
            (alpha * -far + (1 - alpha) * like + (weight * head if alpha > 0 else 0.0)) / softness
            for far, head, like in zip(*parts, strict=True)
        ]

    heat = 1.0
    if len(supports[0]) > 1:
        rows = [weighed(parts, alpha) for parts in loops.left_out(task, classes, 1.0)]
        heat = temperature_by_hand(rows, [classes.index(label) for _, label in task])
    for clips in queries:
        for clip in clips:
            parts = loops.parts(clip, task, classes, 1.0)
            yield [[one / heat for one in weighed(parts, some)] for some in (1.0 if task else 0.0, 0.0, alpha)]


def all_answers(plan, answers):
    return np.array(
        [
            list(answers(episode))
            for episode in zip(plan.classes.tolist(), plan.query.tolist(), plan.support.tolist(), strict=True)
        ]
    )


@pytest.mark.parametrize(
    ("shots", "pooling", "rule", "alpha", "temperature", "head"),
    [
        (0, "softmin", "shots", 0.0, 1.0, "none"),
        (0, "mean", 0.3, 0.0, 0.4, "support"),
        (1, "softmin", "shots", 1 / 5, 1.0, "none"),
        (1, "mean", 0.3, 0.3, 2.5, "support"),
        (3, "softmin", "shots", 3 / 7, 0.4, "support"),
        (3, "softmin", 0.3, 0.3, 1.0, "none"),
        (3, "mean", "shots", 3 / 7, 1.0, "none"),
        (3, "mean", 1.0, 1.0, 1.0, "support"),
        (2, "softmin", 0.0, 0.0, 0.3, "support"),
    ],
)
def test_with_a_fixed_alpha_the_logits_are_what_the_textbook_loop_says(shots, pooling, rule, alpha, temperature, head):
    (frames, text), plan = random_set(shots), planned(shots=shots)
    method = MethodConfig(
        frames=FRAMES, segmenter="cluster", pooling=pooling, alpha=rule, temperature=temperature, head=head
    )
    found = logits_of(pairwise_matrix(dataset_of(frames, text), method), plan, method)
    growth = {0: 1.0, 1: 1.25, 2: 2.25, 3: 3.25}[shots] if head == "support" else 1.0
    weight = {0: 0.0, 1: 2.0, 2: 6.0, 3: 10.0}[shots] if head == "support" else 0.0
    loops = Loops(frames.tolist(), text.tolist(), method)
    wanted = all_answers(plan, lambda one: answers_by_hand(loops, one, alpha, temperature * growth, weight))
    for number, match in enumerate(MATCHES):
        if shots == 0 and match == "video":
            assert not found[match].any(), "without examples the video knows nothing"
            continue
        np.testing.assert_allclose(found[match], wanted[:, :, number], rtol=1e-9, atol=1e-12)


def fitted_by_hand(loops, episode, base, usual):
    """The stretch, the gain of the text, and the loss of any weights of video and text over the left-out examples."""
    classes, _, supports = episode
    task = task_of(episode)
    stretch = loops.stretch(task)
    video, text = [], []
    for far, head, like in loops.left_out(task, classes, stretch):
        seen = [-base[0] * d + base[1] * h for d, h in zip(far, head, strict=True)]
        video.append(seen if len(supports[0]) > 1 else [0.0] * len(classes))
        text.append([base[2] * s for s in like])
    truth = [classes.index(label) for _, label in task]
    squares = sum((one - sum(row) / len(row)) ** 2 for row in text for one in row)
    spread = squares / (len(text) * (len(classes) - 1))
    gain = max(0.001, 1 - 0.1**2 / spread)

    def loss(a, b):
        found = 20 * (a - usual) ** 2 / 2 + (b - 1) ** 2 / 2
        for seen, read, own in zip(video, text, truth, strict=True):
            found -= log_share([a * v + b * gain * t for v, t in zip(seen, read, strict=True)], own)
        return found

    return stretch, gain, loss


def grid_minimum(loss, step=0.01, least=0.001):
    """The place of the least loss of weights up to 4 and 1 on a grid: a coarse one, then a fine one around its best."""
    coarse = [(max(least, a / 10), max(least, b / 10)) for a in range(41) for b in range(11)]
    best = min(coarse, key=lambda one: loss(*one))
    fine = [
        (min(4.0, max(least, best[0] + i * step)), min(1.0, max(least, best[1] + j * step)))
        for i in range(-10, 11)
        for j in range(-10, 11)
    ]
    return min(fine, key=lambda one: loss(*one))


@pytest.mark.parametrize(
    ("shots", "pooling", "head", "scale"),
    [
        (0, "softmin", "support", 7.5),
        (1, "softmin", "support", 7.5),
        (2, "mean", "none", 30.0),
        (3, "softmin", "support", 7.5),
        (3, "softmin", "support", 100.0),
    ],
)
def test_with_alpha_fitted_every_episode_weighs_as_a_grid_search_over_left_out_examples_says(
    shots, pooling, head, scale
):
    (frames, text), plan = random_set(shots + 20), planned(shots=shots, episodes=4)
    frames[..., SPACE.visual] += 6.0  # all in a narrow cone, so that there is something to stretch
    space = Space(DIM, SPACE.visual, SPACE.semantic, scale)
    method = MethodConfig(frames=FRAMES, segmenter="cluster", pooling=pooling, head=head)
    matrix = pairwise_matrix(dataset_of(frames, text, space), method)
    found, loops = logits_of(matrix, plan, method), Loops(frames.tolist(), text.tolist(), method)
    growth = {0: 1.0, 1: 1.25, 2: 2.25, 3: 3.25}[shots] if head == "support" else 1.0
    softness, with_head = 0.4 * growth, {0: 0.0, 1: 2.0, 2: 6.0, 3: 10.0}[shots] if head == "support" else 0.0
    base = shots / (shots + 4) / softness, with_head / softness, scale / STAGES
    stretches = []
    for number, episode in enumerate(
        zip(plan.classes.tolist(), plan.query.tolist(), plan.support.tolist(), strict=True)
    ):
        classes, queries, _ = episode
        task = task_of(episode)
        stretch, gain, loss = fitted_by_hand(loops, episode, base, usual=0.95) if shots else (1.0, 1.0, None)
        stretches.append(stretch)
        tasks = Tasks.of(Episodes(*(one[number : number + 1] for one in (plan.classes, plan.query, plan.support))))
        a, b = fitted_weights(matrix, tasks, method, shots, (base[0], gain * base[2])) if shots else (0.0, 1.0)
        if shots:
            assert (a, b) == pytest.approx(grid_minimum(loss), abs=1e-2)
            assert loss(a, b) <= loss(*grid_minimum(loss)) + 1e-9
        if shots == 1:
            assert a == pytest.approx(0.95), "an example alone says nothing about the video"
        for row, clip in enumerate(clip for clips in queries for clip in clips):
            far, seen, like = loops.parts(clip, task, classes, stretch)
            video = [a * (-base[0] * d + base[1] * h) for d, h in zip(far, seen, strict=True)]
            read = [b * gain * base[2] * s for s in like]
            both = [v + t for v, t in zip(video, read, strict=True)]
            for match, wanted in zip(("video", "text", "combined"), (video, read, both), strict=True):
                np.testing.assert_allclose(found[match][number, row], wanted, rtol=1e-7, atol=1e-9)
    assert (min(stretches) > 1) == (shots > 0)


def fitted_weights(matrix, tasks, method, shots, base):
    """The two weights of one episode, as factors of these for distance and similarity."""
    support = tasks.support.flatten(1)
    support_label = torch.arange(tasks.support.shape[1]).repeat_interleave(shots)
    rule = LGA(method, matrix.space).rule(float(shots))
    learnt = learn(matrix.table.of(support, support, tasks.classes), support_label, tasks.support.shape[1], rule)
    return learnt.weights.distance.item() / base[0], learnt.weights.similarity.item() / base[1]


def test_the_matrix_holds_every_pair_of_clips_and_every_text():
    frames, text = random_set(7)
    matrix = pairwise_matrix(dataset_of(frames, text), MethodConfig(frames=FRAMES, segmenter="cluster"))
    pairs = [(0, 0), (0, 3), (3, 0), (17, 24)]
    for one, other in pairs:
        wanted = video_distance(frames[one].tolist(), frames[other].tolist(), text[LABEL[other]].tolist())
        assert matrix.table.distance[one, other].item() == pytest.approx(wanted)
    wanted = [[text_score(clip, sentences) for sentences in text.tolist()] for clip in frames[:3].tolist()]
    torch.testing.assert_close(matrix.table.similarity[:3], torch.tensor(wanted, dtype=torch.float64))


def test_an_untrained_head_leaves_the_matrix_as_it_is():
    frames, text = random_set(3)
    method, space = MethodConfig(frames=FRAMES), Space(DIM, slice(0, DIM), slice(0, DIM))
    adapter = Adapter(space, 0)
    head = Head(adapter, StageFusion(adapter.width, heads=3)).double().eval()
    plain, found = (pairwise_matrix(dataset_of(frames, text, space), method, head=one) for one in (None, head))
    torch.testing.assert_close(found.table.distance, plain.table.distance)
    assert torch.equal(found.table.similarity, plain.table.similarity)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_the_stages_alone_add_up_to_the_whole(reduction):
    dataset, method = dataset_of(*random_set(4)), MethodConfig(frames=FRAMES, reduction=reduction)
    whole = pairwise_matrix(dataset, method)
    fused = fuse_dataset(dataset, method)
    parts = [match_dataset(fused, stage=stage) for stage in range(STAGES)]
    torch.testing.assert_close(sum(one.table.distance for one in parts), whole.table.distance)
    torch.testing.assert_close(sum(one.table.similarity for one in parts), whole.table.similarity)


# --- the same as the core functions, which know no episodes -----------------------------------------------------------


@settings(max_examples=30)
@given(
    st.integers(2, 5),
    st.integers(1, 4),
    st.integers(1, 3),
    st.sampled_from(["softmin", "mean"]),
    st.sampled_from([0.0, 0.6]),
    st.integers(0, 2**31),
)
def test_look_ups_score_as_the_core_functions_do(ways, shots, queries, pooling, correction, seed):
    random = torch.Generator().manual_seed(seed)
    method = MethodConfig(pooling=pooling, hub_correction=correction, alpha=0.3)
    label = np.arange(60) % 6
    plan = plan_episodes(label, None, ProtocolConfig(ways=ways, shots=shots, queries=queries, episodes=7, seed=seed))
    far, moved, like, clips = (torch.rand(60, many, generator=random, dtype=torch.float64) for many in (60, 60, 6, 9))
    product = clips @ clips.T
    matrix = Matrix(Compared(far, moved, product, 0.1 * product, like), SPACE)
    found = logits_of(matrix, plan, method)["combined"]
    support_label = torch.arange(ways).repeat_interleave(shots)
    foreign, rule = support_label[:, None] != support_label, LGA(method, SPACE).rule(float(shots))
    for number, (classes, query, support) in enumerate(zip(plan.classes, plan.query, plan.support, strict=True)):
        asked, taught = torch.from_numpy(query.ravel()), torch.from_numpy(support.ravel())
        apart, alike = far + moved, 1.1 * product
        hubs = correction * hub_means(apart[taught][:, taught], foreign)
        distance = class_distances(apart[asked][:, taught] - hubs, support_label, ways, pooling=pooling)
        hubs = correction * hub_means(like[taught][:, classes], support_label[:, None] != torch.arange(ways))
        text = like[asked][:, classes] - hubs
        solved = solve_head(*invert_gram(alike[taught][:, taught]), support_label, ways)
        head = head_scores(alike[asked][:, taught], *solved, support_label=support_label)
        wanted = (method.support_weight(shots) * head - 0.3 * distance + 0.7 * text) / method.softness(shots)
        if shots > 1:
            examples = Compared(
                *(one[taught][:, taught] for one in (far, moved, product, 0.1 * product)), like[taught][:, classes]
            )
            learnt = learn(examples, support_label, ways, rule)
            out = leave_out(examples, learnt, label=False)
            score = method.support_weight(shots) * out.head - 0.3 * out.distance + 0.7 * out.similarity
            wanted = wanted / fit_temperature(score / method.softness(shots), support_label)
        torch.testing.assert_close(found[number], wanted)


# --- planted answers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shots", [1, 3])
def test_classes_that_share_nothing_are_told_apart_every_time(shots):
    one_hot = torch.eye(CLASSES).repeat(1, 2)
    frames, text = one_hot[OWNER][:, None].repeat(1, FRAMES, 1), one_hot[:, None].repeat(1, STAGES, 1)
    space = Space(2 * CLASSES, slice(0, CLASSES), slice(CLASSES, 2 * CLASSES))
    tasks = Tasks.of(planned(shots=shots))
    for match in MATCHES:
        logits = lga_method(MethodConfig(frames=FRAMES), match=match)(dataset_of(frames, text, space))(tasks)
        assert (logits.argmax(-1) == torch.arange(3).repeat_interleave(2)).all()


def test_an_episode_where_only_video_or_only_text_knows():
    """Class 0 of two is asked about clip 0; the examples are clips 2 and 3."""
    distance, similarity = torch.full((4, 4), 5.0), torch.zeros(4, 2)
    distance[0, 2], distance[1, 2] = 1.0, 4.0
    similarity[0, 1] = 3.0
    plan = Episodes(np.array([[0, 1]] * 2), np.array([[[0], [1]]] * 2), np.array([[[2], [3]]] * 2))
    found = logits_of(
        Matrix(Compared(distance, None, torch.eye(4), None, similarity), SPACE),
        plan,
        MethodConfig(alpha=0.5, temperature=1.0, hub_correction=0.0, head="none"),
    )
    assert found["video"][0].tolist() == [[-1, -5], [-4, -5]]
    assert found["text"][0].tolist() == [[0, 3], [0, 0]]
    assert found["combined"][0].tolist() == [[-0.5, -1], [-2, -2.5]]


# --- settings and the order of the work -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "switched", [{"pooling": "mean"}, {"alpha": 0.9}, {"temperature": 3.0}, {"hub_correction": 0.0}], ids=str
)
def test_every_setting_of_the_combination_changes_the_logits(switched):
    plan, matrix = planned(shots=3), pairwise_matrix(dataset_of(*random_set(3)), MethodConfig(frames=FRAMES))
    both = ({"alpha": "shots"}, {"alpha": "shots", **switched})
    one, other = (logits_of(matrix, plan, MethodConfig(**some))["combined"] for some in both)
    assert not torch.allclose(one, other)


@pytest.mark.parametrize("at_once", [1, 3, 10, 11])
def test_how_many_episodes_are_answered_at_once_does_not_matter(at_once, monkeypatch):
    plan, method = planned(shots=3), MethodConfig(frames=FRAMES)
    matrix = pairwise_matrix(dataset_of(*random_set(3)), method)
    wanted = logits_of(matrix, plan, method)
    monkeypatch.setattr(lga, "NUMBERS_AT_ONCE", at_once * 9 * 9)
    found = logits_of(matrix, plan, method)
    for match in MATCHES:
        torch.testing.assert_close(found[match], wanted[match])


@pytest.mark.parametrize("shots", [1, 4])
def test_single_precision_fits_the_same_weights(shots):
    plan, method = planned(shots=shots, queries=1, episodes=50), MethodConfig(frames=FRAMES)
    frames, text = random_set(3)
    exact = pairwise_matrix(dataset_of(frames, text), method)
    coarse = Matrix(
        Compared(
            exact.table.distance.float(), None, exact.table.appearance.float(), None, exact.table.similarity.float()
        ),
        SPACE,
    )
    one, other = (logits_of(matrix, plan, method)["combined"] for matrix in (exact, coarse))
    torch.testing.assert_close(other.double(), one, rtol=1e-4, atol=1e-4)


def test_matching_in_blocks_tells_how_far_it_is(monkeypatch):
    dataset, method, calls = dataset_of(*random_set(3)), MethodConfig(frames=FRAMES), []
    wanted = pairwise_matrix(dataset, method)
    monkeypatch.setattr(lga, "CLIPS_AT_ONCE", 10)
    found = pairwise_matrix(dataset, method, progress=lambda *now: calls.append(now))
    torch.testing.assert_close(found.table.distance, wanted.table.distance)
    assert calls == [(10, 25), (20, 25), (25, 25)]


def test_gradients_reach_the_frames_through_matrix_and_scores():
    frames, text = random_set(3)
    frames.requires_grad_()
    scorer = lga_method(MethodConfig(frames=FRAMES))(dataset_of(frames, text))
    scorer(Tasks.of(planned(shots=3))).log_softmax(-1)[..., 0].sum().backward()
    assert frames.grad.isfinite().all()
    assert frames.grad.any()
