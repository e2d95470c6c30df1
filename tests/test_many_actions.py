"""Recognition among many examples: estimated, compared in full where a clip is near, and the same where that is all."""

from dataclasses import replace

import pytest
import torch

from lga.actions import Actions
from lga.anatomy.lexicon import anatomize
from lga.backbone.tiny import TinyBackbone
from lga.config import BackboneConfig, MethodConfig
from lga.core.support_head import head_scores, invert_gram, solve_head
from lga.explain.explanation import explain_features
from lga.features.cache import ClipFeatures
from lga.model.staged import StagedExamples
from lga.motion.descriptor import FOUND, NUMBERS, STILL
from lga.recognition import prepare
from lga.taught import Example

pytestmark = pytest.mark.usefixtures("one_thread")
TINY = TinyBackbone()
TIMES = tuple((2 * k + 1) / 10 for k in range(5))
WAY = 12


def example(seed, own, *, motion=True):
    random = torch.Generator().manual_seed(seed)
    kind = torch.Generator().manual_seed(own)
    frames = 1.2 * torch.randn(1, TINY.space.dim, generator=kind) + torch.randn(5, TINY.space.dim, generator=random)
    moved = torch.rand(NUMBERS, generator=random)
    moved[[FOUND, STILL]] = torch.tensor([1.0, 0.5])
    return ClipFeatures(frames, TIMES, 1.0, f"{seed}", moved / moved.norm() if motion else None)


def taught(shots, *, motion=True, **method):
    settings = MethodConfig(frames=5, motion="flow" if motion else "none", **method)
    anatomies = tuple(
        anatomize(f"action {'abcdefghijklmn'[number]}", stages=settings.stages) for number in range(len(shots))
    )
    clips = [example(10 * own + shot, own, motion=motion) for own, count in enumerate(shots) for shot in range(count)]
    owners = [own for own, count in enumerate(shots) for _ in range(count)]
    most = max(len(one.stages) for one in anatomies)
    text = torch.zeros(len(shots), most, TINY.space.dim)
    for place, one in enumerate(anatomies):
        text[place, : len(one.stages)] = TINY.encode_text(list(one.sentences))
    return Actions(
        backbone=BackboneConfig(backbone="tiny"),
        identity=TINY.identity,
        method=settings,
        anatomies=anatomies,
        text=text,
        examples=tuple(
            Example(label=anatomies[own].label, path=f"{number}.mp4", digest=f"{number}", times=TIMES, duration=1.0)
            for number, own in enumerate(owners)
        ),
        frames=torch.stack([one.frames for one in clips]),
        motion=torch.stack([one.motion for one in clips]) if motion else None,
    )


def new_clips(*, motion=True):
    return [example(1000 + own, own, motion=motion) for own in range(WAY)]


@pytest.fixture
def many(monkeypatch):
    """From the first example on."""
    monkeypatch.setattr("lga.model.learning.EXACT_UP_TO", 0)


def keep(monkeypatch, actions):
    monkeypatch.setattr("lga.model.retrieval.LEAST_ACTIONS", actions)
    monkeypatch.setattr("lga.model.retrieval.MOST_ACTIONS", actions)


@pytest.mark.parametrize("motion", [True, False])
@pytest.mark.parametrize("method", [{}, {"alpha": "shots"}, {"head": "none"}, {"matcher": "bi_mhm", "stages": 2}])
def test_where_all_actions_are_compared_in_full_the_answer_is_the_exact_one(monkeypatch, method, motion):
    actions, clips = taught((3,) * WAY, motion=motion, **method), new_clips(motion=motion)
    wanted = prepare(actions, TINY.space)
    monkeypatch.setattr("lga.model.learning.EXACT_UP_TO", 0)
    keep(monkeypatch, WAY)
    found = prepare(actions, TINY.space)
    torch.testing.assert_close(found.score(clips), wanted.score(clips), rtol=2e-2, atol=2e-2)
    for one, other in zip(found.answer(clips), wanted.answer(clips), strict=True):
        assert one.label == other.label
        assert (one.matched, other.matched) == (WAY, WAY)
        assert one.known_score == pytest.approx(other.known_score, abs=0.02)


@pytest.mark.parametrize("method", [{}, {"stages": "auto"}, {"alpha": "shots", "head": "none"}])
def test_the_first_answer_and_its_distance_are_exact_though_most_are_estimated(many, monkeypatch, method):
    keep(monkeypatch, 4)
    actions, clips = taught((3,) * WAY, **method), new_clips()
    some, exact = prepare(actions, TINY.space), prepare(actions, TINY.space, exact=True)
    right = 0
    for one, other in zip(some.answer(clips), exact.answer(clips), strict=True):
        assert sum(each.probability for each in one.candidates) == pytest.approx(1, abs=1e-5)
        assert len(one.candidates) == WAY
        assert (one.matched, other.matched) == (4, WAY)
        if one.label == other.label:
            right += 1
            assert one.best_example == other.best_example
            assert one.best_distance == pytest.approx(other.best_distance, abs=1e-4)
    assert right >= WAY - 1


def test_a_clip_alone_is_answered_as_among_others(many, monkeypatch):
    keep(monkeypatch, 4)
    prepared, clips = prepare(taught((3,) * WAY), TINY.space), new_clips()
    together = prepared.score(clips)
    for place, one in enumerate(clips):
        torch.testing.assert_close(prepared.score([one])[0], together[place], rtol=1e-3, atol=1e-3)


def test_compared_in_full_are_the_chosen_actions_and_no_others(many, monkeypatch):
    keep(monkeypatch, 4)
    actions, clips = taught((3,) * WAY), new_clips()[:2]
    prepared = prepare(actions, TINY.space)
    exact = replace(prepared, prototypes=replace(prepared.prototypes, exact=True))
    found, wanted = prepared.match(clips).comparison, exact.match(clips).comparison
    same = (found.distance - wanted.distance).abs() < 1e-4
    for row in same:
        assert torch.bincount(actions.support_label[row], minlength=WAY).eq(3).sum() == 4
        assert row.sum() == 12


def test_actions_without_examples_are_answered_by_their_words(many, monkeypatch):
    keep(monkeypatch, 20)
    actions = taught((3, 0, 2, 4, 1, 3))
    for one in prepare(actions, TINY.space).answer(new_clips()[:4]):
        assert one.matched == 5
        assert len(one.candidates) == 6
        assert sum(each.probability for each in one.candidates) == pytest.approx(1, abs=1e-5)


def test_the_head_of_a_clip_is_the_one_its_best_actions_would_have_alone(many, monkeypatch):
    keep(monkeypatch, 3)
    actions, clips = taught((3,) * WAY, alpha="shots"), new_clips()[:3]
    prepared = prepare(actions, TINY.space)
    found, examples = prepared.match(clips).comparison, prepared.prototypes
    exact = replace(prepared, prototypes=replace(examples, exact=True)).match(clips).comparison.distance
    for clip, row, near in zip(clips, found.head, (found.distance - exact).abs() < 1e-5, strict=True):
        kept = actions.support_label[near].unique()
        place = torch.isin(actions.support_label, kept).nonzero()[:, 0]
        whole = examples.whole(place)
        query = prepared.lga.as_a_whole(clip.frames[None], clip.motion[None])
        local = torch.searchsorted(kept, actions.support_label[place])
        one = torch.ones(())
        solved = solve_head(*invert_gram(whole.alike_among().stretched(one)), local, 3)
        wanted = head_scores(query.alike(whole, query.met(whole)).stretched(one), *solved, support_label=local)[0]
        torch.testing.assert_close(row[kept], wanted, rtol=1e-3, atol=1e-3)
        others = ~torch.isin(torch.arange(WAY), kept)
        assert torch.equal(row[others], row[kept].min().expand(WAY - 3))


def test_an_explanation_shows_the_examples_that_were_compared_in_full(many, monkeypatch, tmp_path):
    keep(monkeypatch, 4)
    prepared, clip = prepare(taught((3,) * WAY), TINY.space), new_clips()[0]
    found = explain_features(prepared, clip, tmp_path / "clip.mp4", top=2)
    for one in found.labels:
        moved = one.example.motion
        assert sum(one.example.stage_distance) + moved == pytest.approx(one.example.distance, abs=1e-3)


def test_up_to_the_threshold_nothing_is_estimated(monkeypatch):
    actions = taught((3,) * WAY)
    monkeypatch.setattr("lga.model.learning.EXACT_UP_TO", len(actions.examples))
    one, other = prepare(actions, TINY.space), prepare(actions, TINY.space, exact=True)
    assert torch.equal(one.score(new_clips()), other.score(new_clips()))
    assert isinstance(one.prototypes, StagedExamples)
