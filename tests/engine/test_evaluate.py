from itertools import pairwise
from math import exp, log, sqrt

import numpy as np
import pytest
import torch

from lga.backbone.protocol import Space
from lga.config import MethodConfig, ProtocolConfig
from lga.engine import evaluate
from lga.engine.evaluate import Interval, Matrix, Outcome, interval, match_all, run_episodes
from lga.episodes.plan import plan_episodes
from lga.model.fusion import StageFusion

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
    return plan_episodes(LABEL, None, settled), settled


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


def hubs_by_hand(frames, text, classes, supports, strength):
    """What is held against each example and each class's text: its mean score for the other classes' examples."""
    far, like = {}, {}
    for label, examples in zip(classes, supports, strict=True):
        foreign = [clip for other, clips in zip(classes, supports, strict=True) if other != label for clip in clips]
        count = max(1, len(foreign))
        like[label] = strength * sum(text_score(frames[clip], text[label]) for clip in foreign) / count
        for one in examples:
            apart = sum(video_distance(frames[clip], frames[one], text[label]) for clip in foreign)
            far[one] = strength * apart / count
    return far, like


def answers_by_hand(frames, text, episode, method, alpha):
    """For every query of an episode: is it right by video, text and both, and the log posterior."""
    classes, queries, supports = episode
    far_from_all, like_all = hubs_by_hand(frames, text, classes, supports, method.discount)
    for asked, clips in enumerate(queries):
        for clip in clips:
            far, like = [], []
            for label, examples in zip(classes, supports, strict=True):
                apart = [video_distance(frames[clip], frames[one], text[label]) - far_from_all[one] for one in examples]
                if not apart:
                    far.append(0.0)
                elif method.pooling == "mean":
                    far.append(sum(apart) / len(apart))
                else:
                    far.append(-log(sum(exp(-d) for d in apart) / len(apart)))
                like.append(text_score(frames[clip], text[label]) - like_all[label])
            logit = [(-alpha * d + (1 - alpha) * s) / method.temperature for d, s in zip(far, like, strict=True)]
            total = log(sum(exp(one) for one in logit))
            right = [row.index(max(row)) == asked for row in ([-d for d in far], like, logit)]
            yield right, classes[asked], [one - total for one in logit]


@pytest.mark.parametrize(
    ("shots", "pooling", "rule", "alpha", "temperature"),
    [
        (0, "softmin", "shots", 0.0, 1.0),
        (0, "mean", 0.3, 0.0, 0.4),
        (1, "softmin", "shots", 1 / 5, 1.0),
        (1, "mean", 0.3, 0.3, 2.5),
        (3, "softmin", "shots", 3 / 7, 0.4),
        (3, "softmin", 0.3, 0.3, 1.0),
        (3, "mean", "shots", 3 / 7, 1.0),
        (3, "mean", 1.0, 1.0, 1.0),
    ],
)
def test_an_evaluation_is_what_the_textbook_loop_says(shots, pooling, rule, alpha, temperature):
    (frames, text), (plan, protocol) = random_set(shots), planned(shots=shots)
    method = MethodConfig(frames=FRAMES, segmenter="cluster", pooling=pooling, alpha=rule, temperature=temperature)
    outcome = run_episodes(match_all(frames, OWNER, text, method, SPACE), plan, method, protocol)
    wanted = [
        list(answers_by_hand(frames.tolist(), text.tolist(), episode, method, alpha))
        for episode in zip(plan.classes.tolist(), plan.query.tolist(), plan.support.tolist(), strict=True)
    ]
    hits = np.array([[right for right, _, _ in row] for row in wanted])
    assert np.array_equal(np.stack([outcome.video, outcome.text, outcome.combined], -1), hits)
    assert outcome.truth.tolist() == [[truth for _, truth, _ in row] for row in wanted]
    np.testing.assert_allclose(outcome.log_posterior, [[log_p for _, _, log_p in row] for row in wanted], rtol=1e-9)
    for column, found in enumerate(outcome.accuracy().values()):
        assert found.mean == pytest.approx(hits[..., column].mean())


def test_the_matrix_holds_every_pair_of_clips_and_every_text():
    frames, text = random_set(7)
    matrix = match_all(frames, OWNER, text, MethodConfig(frames=FRAMES, segmenter="cluster"), SPACE)
    pairs = [(0, 0), (0, 3), (3, 0), (17, 24)]
    for one, other in pairs:
        wanted = video_distance(frames[one].tolist(), frames[other].tolist(), text[LABEL[other]].tolist())
        assert matrix.distance[one, other].item() == pytest.approx(wanted)
    wanted = [[text_score(clip, sentences) for sentences in text.tolist()] for clip in frames[:3].tolist()]
    torch.testing.assert_close(matrix.likeness[:3], torch.tensor(wanted, dtype=torch.float64))


def test_a_new_fusion_block_leaves_the_matrix_as_it_is():
    frames, text = random_set(7)
    method, block = MethodConfig(frames=FRAMES), StageFusion(DIM, heads=3).double().eval()
    plain, fused = (match_all(frames, OWNER, text, method, SPACE, fusion=one) for one in (None, block))
    assert torch.equal(plain.distance, fused.distance)
    assert torch.equal(plain.likeness, fused.likeness)


# --- planted answers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shots", [1, 3])
def test_classes_that_share_nothing_are_told_apart_every_time(shots):
    plan, protocol = planned(shots=shots)
    one_hot = torch.eye(CLASSES).repeat(1, 2)
    frames, text = one_hot[OWNER][:, None].repeat(1, FRAMES, 1), one_hot[:, None].repeat(1, STAGES, 1)
    space, method = Space(2 * CLASSES, slice(0, CLASSES), slice(CLASSES, 2 * CLASSES)), MethodConfig(frames=FRAMES)
    outcome = run_episodes(match_all(frames, OWNER, text, method, space), plan, method, protocol)
    assert outcome.accuracy() == dict.fromkeys(("video", "text", "combined"), Interval(1.0, 0.0))


def test_clips_that_say_nothing_are_recognised_as_often_as_by_chance():
    random = torch.Generator().manual_seed(1)
    clips, ways = 400, 4
    label = np.arange(clips) % 20
    protocol = ProtocolConfig(ways=ways, shots=1, episodes=3000, seed=2)
    matrix = Matrix(torch.rand(clips, clips, generator=random), torch.rand(clips, 20, generator=random))
    outcome = run_episodes(matrix, plan_episodes(label, None, protocol), MethodConfig(), protocol)
    for found in outcome.accuracy().values():
        assert found.mean == pytest.approx(1 / ways, abs=0.02)
        assert found.ci95 == pytest.approx(1.96 * sqrt(0.25 * 0.75 / ways / 3000), rel=0.1)
    asked = np.bincount(outcome.truth.ravel(), minlength=20)
    assert (outcome.class_accuracy(20) * asked).sum() / asked.sum() == pytest.approx(outcome.combined.mean())


def test_an_episode_where_only_video_or_only_text_knows():
    """Class 0 of two is asked about clip 0; the examples are clips 2 and 3."""
    distance, likeness = torch.full((4, 4), 5.0), torch.zeros(4, 2)
    distance[0, 2], distance[1, 2] = 1.0, 4.0
    likeness[0, 1] = 3.0
    plan, protocol = _two_class_plan(), ProtocolConfig(ways=2, shots=1, episodes=2)
    outcome = run_episodes(
        Matrix(distance, likeness), plan, MethodConfig(alpha=0.5, temperature=1.0, discount=0.0), protocol
    )
    assert outcome.video.tolist() == [[True, False]] * 2
    assert outcome.text.tolist() == [[False, False]] * 2
    assert outcome.combined.tolist() == [[True, False]] * 2
    gap = 0.5 * (5 - 1) - 0.5 * 3, 0.5 * (5 - 4) - 0.5 * 0  # of the logits: the video's less the text's
    assert np.exp(outcome.log_posterior[0, :, 0]) == pytest.approx([1 / (1 + exp(-one)) for one in gap])


def _two_class_plan():
    return evaluate.Episodes(np.array([[0, 1]] * 2), np.array([[[0], [1]]] * 2), np.array([[[2], [3]]] * 2))


# --- settings and the order of the work -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "switched", [{"pooling": "mean"}, {"alpha": 0.9}, {"temperature": 3.0}, {"discount": 0.0}], ids=str
)
def test_every_setting_of_the_combination_changes_the_posterior(switched):
    (frames, text), (plan, protocol) = random_set(3), planned(shots=3)
    matrix = match_all(frames, OWNER, text, MethodConfig(frames=FRAMES), SPACE)
    one, other = (run_episodes(matrix, plan, MethodConfig(**some), protocol) for some in ({}, switched))
    assert not np.allclose(one.log_posterior, other.log_posterior)


def test_the_temperature_changes_how_sure_an_answer_is_but_not_which():
    (frames, text), (plan, protocol) = random_set(3), planned(shots=1)
    matrix = match_all(frames, OWNER, text, MethodConfig(frames=FRAMES), SPACE)
    cool, warm = (run_episodes(matrix, plan, MethodConfig(temperature=t), protocol) for t in (0.5, 5.0))
    assert np.array_equal(cool.combined, warm.combined)
    assert (warm.log_posterior.max(-1) < cool.log_posterior.max(-1)).all()


@pytest.mark.parametrize("at_once", [1, 3, 10, 11])
def test_how_many_episodes_are_answered_at_once_does_not_matter(at_once, monkeypatch):
    (frames, text), (plan, protocol) = random_set(3), planned(shots=3)
    method = MethodConfig(frames=FRAMES)
    matrix = match_all(frames, OWNER, text, method, SPACE)
    wanted, calls = run_episodes(matrix, plan, method, protocol), []
    largest = protocol.ways * protocol.ways * protocol.shots * max(protocol.queries * protocol.ways, protocol.shots)
    monkeypatch.setattr(evaluate, "NUMBERS_AT_ONCE", at_once * largest)
    found = run_episodes(matrix, plan, method, protocol, progress=lambda *now: calls.append(now))
    for name in ("video", "text", "combined", "truth"):
        assert np.array_equal(getattr(found, name), getattr(wanted, name))
    np.testing.assert_allclose(found.log_posterior, wanted.log_posterior)
    assert calls == [(min(done, 11), 11) for done in range(at_once, 11 + at_once, at_once)]


# --- the figures ------------------------------------------------------------------------------------------------------


def test_the_interval_is_the_normal_one_of_the_mean():
    found = interval(np.array([0.0, 1.0, 1.0, 0.5]))
    assert found.mean == 0.625
    spread = sqrt((0.625**2 + 2 * 0.375**2 + 0.125**2) / 3)
    assert found.ci95 == pytest.approx(1.96 * spread / 2)
    assert interval(np.full(7, 0.2)).ci95 == pytest.approx(0.0, abs=1e-12)


def outcome_of(combined, truth=None, sure=None):
    """An outcome of two-way episodes from what the combined match got right and how sure it was."""
    combined = np.array(combined)
    sure = np.full(combined.shape, 0.75) if sure is None else np.array(sure)
    truth = np.zeros(combined.shape, int) if truth is None else np.array(truth)
    return Outcome(combined, ~combined, combined, truth, np.log(np.stack([sure, 1 - sure], -1)))


def test_the_interval_is_over_episodes_not_over_queries():
    accuracy = outcome_of([[True, True], [False, False], [True, False]]).accuracy()
    assert list(accuracy) == ["video", "text", "combined"]
    assert (accuracy["combined"].mean, accuracy["text"].mean) == (0.5, 0.5)
    assert accuracy["combined"].ci95 == pytest.approx(1.96 * 0.5 / sqrt(3))


def test_the_accuracy_of_a_class_counts_its_own_queries():
    outcome = outcome_of([[True, False], [True, True], [False, False]], truth=[[0, 3], [0, 1], [0, 3]])
    found = outcome.class_accuracy(4)
    assert found[[0, 1, 3]] == pytest.approx([2 / 3, 1.0, 0.0])
    assert np.isnan(found[2])


def test_the_calibration_error_worked_out_by_hand():
    """Bins of a tenth: at 0.95, 1 of 2 right; at 0.65, 3 of 3; at 0.75, 0 of 1."""
    right = [[True, False, True], [True, True, False]]
    outcome = outcome_of(right, sure=[[0.95, 0.95, 0.65], [0.65, 0.65, 0.75]])
    wanted = (2 * abs(0.5 - 0.95) + 3 * abs(1.0 - 0.65) + 1 * abs(0.0 - 0.75)) / 6
    assert outcome.calibration_error(10) == pytest.approx(wanted)


def test_an_answer_that_is_as_often_right_as_it_is_sure_has_no_calibration_error():
    right = [[True, True, True, False]] * 3
    assert outcome_of(right).calibration_error() == pytest.approx(0.0)
    assert outcome_of([[True] * 4] * 2, sure=np.full((2, 4), 1 - 1e-12)).calibration_error() == pytest.approx(0.0)
    assert outcome_of([[False] * 4] * 2, sure=np.full((2, 4), 1 - 1e-12)).calibration_error() == pytest.approx(1.0)
