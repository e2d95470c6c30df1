from itertools import pairwise
from math import exp, log, sqrt

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from lga.backbone.protocol import Space
from lga.config import MethodConfig, ProtocolConfig
from lga.core.distance import class_distances
from lga.core.score import combine, correct_hubs
from lga.core.support_head import head_scores
from lga.datasets.episodes import Episodes, plan_episodes
from lga.methods import lga
from lga.methods.lga import MATCHES, Matrix, fuse_dataset, lga_method, lga_scorer, match_dataset, pairwise_matrix
from lga.methods.protocol import Dataset, Tasks
from lga.model.head import Adapter, Head, StageFusion

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
    far_from_all, like_all = hubs_by_hand(frames, text, classes, supports, method.hub_correction)
    for clips in queries:
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
            both = [-alpha * d + (1 - alpha) * s for d, s in zip(far, like, strict=True)]
            yield [[one / method.temperature for one in row] for row in ([-d for d in far], like, both)]


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
def test_the_logits_are_what_the_textbook_loop_says(shots, pooling, rule, alpha, temperature):
    (frames, text), plan = random_set(shots), planned(shots=shots)
    method = MethodConfig(
        frames=FRAMES, segmenter="cluster", pooling=pooling, alpha=rule, temperature=temperature, head="none"
    )
    found = logits_of(pairwise_matrix(dataset_of(frames, text), method), plan, method)
    wanted = np.array(
        [
            list(answers_by_hand(frames.tolist(), text.tolist(), episode, method, alpha))
            for episode in zip(plan.classes.tolist(), plan.query.tolist(), plan.support.tolist(), strict=True)
        ]
    )
    for number, match in enumerate(MATCHES):
        np.testing.assert_allclose(found[match], wanted[:, :, number], rtol=1e-9, atol=1e-12)


def test_the_matrix_holds_every_pair_of_clips_and_every_text():
    frames, text = random_set(7)
    matrix = pairwise_matrix(dataset_of(frames, text), MethodConfig(frames=FRAMES, segmenter="cluster"))
    pairs = [(0, 0), (0, 3), (3, 0), (17, 24)]
    for one, other in pairs:
        wanted = video_distance(frames[one].tolist(), frames[other].tolist(), text[LABEL[other]].tolist())
        assert matrix.distance[one, other].item() == pytest.approx(wanted)
    wanted = [[text_score(clip, sentences) for sentences in text.tolist()] for clip in frames[:3].tolist()]
    torch.testing.assert_close(matrix.similarity[:3], torch.tensor(wanted, dtype=torch.float64))


def test_an_untrained_head_leaves_the_matrix_as_it_is():
    frames, text = random_set(3)
    method, space = MethodConfig(frames=FRAMES), Space(DIM, slice(0, DIM), slice(0, DIM))
    adapter = Adapter(space, 0)
    head = Head(adapter, StageFusion(adapter.width, heads=3)).double().eval()
    plain, found = (pairwise_matrix(dataset_of(frames, text, space), method, head=one) for one in (None, head))
    torch.testing.assert_close(found.distance, plain.distance)
    assert torch.equal(found.similarity, plain.similarity)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_the_stages_alone_add_up_to_the_whole(reduction):
    dataset, method = dataset_of(*random_set(4)), MethodConfig(frames=FRAMES, reduction=reduction)
    whole = pairwise_matrix(dataset, method)
    fused = fuse_dataset(dataset, method)
    parts = [match_dataset(fused, stage=stage) for stage in range(STAGES)]
    torch.testing.assert_close(sum(one.distance for one in parts), whole.distance)
    torch.testing.assert_close(sum(one.similarity for one in parts), whole.similarity)


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
    far, like, clips = (torch.rand(60, many, generator=random, dtype=torch.float64) for many in (60, 6, 9))
    product = clips @ clips.T
    found = logits_of(Matrix(far, like, product), plan, method)["combined"]
    support_label = torch.arange(ways).repeat_interleave(shots)
    for number, (classes, query, support) in enumerate(zip(plan.classes, plan.query, plan.support, strict=True)):
        asked, taught = torch.from_numpy(query.ravel()), torch.from_numpy(support.ravel())
        apart = correct_hubs(
            far[asked][:, taught],
            far[taught][:, taught][None],
            support_label[:, None] != support_label,
            strength=correction,
        )
        text = correct_hubs(
            like[asked][:, classes],
            like[taught][:, classes][None],
            support_label[:, None] != torch.arange(ways),
            strength=correction,
        )
        distance = class_distances(apart, support_label, ways, pooling=pooling)
        head = head_scores(
            product[asked][:, taught], product[taught][:, taught], F.one_hot(support_label, ways).double()
        )
        weighted = method.support_weight(shots) * head
        wanted = combine(distance, text, alpha=0.3, temperature=method.softness(shots), head=weighted)
        torch.testing.assert_close(found[number].log_softmax(-1), wanted)


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
        Matrix(distance, similarity), plan, MethodConfig(alpha=0.5, temperature=1.0, hub_correction=0.0, head="none")
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
    one, other = (logits_of(matrix, plan, MethodConfig(**some))["combined"] for some in ({}, switched))
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


def test_matching_in_blocks_tells_how_far_it_is(monkeypatch):
    dataset, method, calls = dataset_of(*random_set(3)), MethodConfig(frames=FRAMES), []
    wanted = pairwise_matrix(dataset, method)
    monkeypatch.setattr(lga, "CLIPS_AT_ONCE", 10)
    found = pairwise_matrix(dataset, method, progress=lambda *now: calls.append(now))
    torch.testing.assert_close(found.distance, wanted.distance)
    assert calls == [(10, 25), (20, 25), (25, 25)]


def test_gradients_reach_the_frames_through_matrix_and_scores():
    frames, text = random_set(3)
    frames.requires_grad_()
    scorer = lga_method(MethodConfig(frames=FRAMES))(dataset_of(frames, text))
    scorer(Tasks.of(planned(shots=3))).log_softmax(-1)[..., 0].sum().backward()
    assert frames.grad.isfinite().all()
    assert frames.grad.any()
