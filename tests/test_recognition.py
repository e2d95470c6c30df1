from dataclasses import replace
from functools import partial
from math import inf

import pytest
import torch

from lga.actions import Actions
from lga.anatomy.lexicon import anatomize
from lga.backbone.protocol import Space
from lga.backbone.tiny import TinyBackbone
from lga.config import BackboneConfig, MethodConfig, TrainConfig
from lga.errors import ActionsError, SettingsError
from lga.features.cache import ClipFeatures
from lga.model.checkpoint import make_head
from lga.model.learning import choose_asked
from lga.model.matching import LGA
from lga.model.task import Compared, learn
from lga.recognition import INDISTINCT, NOTHING_KNOWN, TOO_FEW, fit_rejection, prepare
from lga.taught import Example

pytestmark = pytest.mark.usefixtures("one_thread")
RULES = {
    alpha: LGA(MethodConfig(hub_correction=0.5, head="none", alpha=alpha), Space(2, slice(0, 1), slice(1, 2))).rule(4.0)
    for alpha in ("fitted", "shots")
}


@pytest.fixture(params=RULES)
def fitted(request):
    return partial(fit, RULES[request.param])


def fit(rule, counts, *, mates=2.0, others=9.0, seed=0):
    """Examples of labels that are `mates` from their own kind and `others` from the rest, give or take one."""
    random = torch.Generator().manual_seed(seed)
    support_label = torch.tensor([label for label, count in enumerate(counts) for _ in range(count)], dtype=torch.long)
    same = support_label[:, None] == support_label
    distance = (
        torch.where(same, mates, others) + 2 * torch.rand(len(support_label), len(support_label), generator=random) - 1
    )
    distance.fill_diagonal_(0)
    similarity = torch.zeros(len(support_label), len(counts))
    examples = Compared(distance, None, torch.eye(len(support_label)), None, similarity)
    return fit_rejection(examples, learn(examples, support_label, len(counts), rule))


@pytest.mark.parametrize("counts", [(4, 4, 4), (5, 5), (1, 6, 6, 0)])
def test_labels_that_keep_apart_are_told_from_unknown_ones(fitted, counts):
    found = fitted(counts)
    assert found.why == ""
    assert found.recall == 0.9
    assert 0 < found.threshold <= 0.5
    near, far = found.offset + 10, found.offset - 10
    assert found.known_score(near) > 0.99
    assert found.known_score(far) < 0.01
    assert found.judge(found.known_score(near)) == (True, found.threshold)
    assert found.judge(found.known_score(far)) == (False, found.threshold)


def test_false_accepts_are_counted(fitted):
    assert fitted((5, 5, 5)).false_accept_rate == 0
    assert fitted((5, 5, 5), mates=8.5).false_accept_rate > 0.2


def test_the_score_rises_with_the_max_logit_and_stays_a_probability(fitted):
    found = fitted((4, 4, 4))
    scores = [found.known_score(one) for one in (-1e9, -10.0, 0.0, 10.0, 1e9)]
    assert scores == sorted(scores)
    assert 0 <= scores[0] < scores[-1] <= 1
    assert found.known_score(found.offset) == 0.5


@pytest.mark.parametrize("counts", [(1, 1, 1), (5,), (3, 1, 1), (0, 0), (4, 0)])
def test_too_few_examples_accept_everything_and_say_why(fitted, counts):
    found = fitted(counts)
    assert found == NOTHING_KNOWN
    assert found.known_score(-1e9) is None
    assert found.judge(None) == found.judge(None, "always") == (True, None)
    with pytest.raises(SettingsError, match=TOO_FEW):
        found.judge(None, 0.5)


def test_labels_nearer_to_each_other_than_to_themselves_cannot_be_told_apart(fitted):
    found = fitted((3, 3, 3), mates=9.0, others=2.0)
    assert (found.slope, found.why) == (None, INDISTINCT)


def test_an_own_threshold_takes_the_place_of_the_suggested_one(fitted):
    found = fitted((4, 4, 4))
    assert found.judge(0.3, 0.25) == (True, 0.25)
    assert found.judge(0.3, 0.35) == (False, 0.35)
    assert found.judge(0.0, "always") == (True, None)


@pytest.mark.parametrize("wish", [-0.1, 1.1, inf])
def test_a_threshold_that_is_no_probability_is_refused(fitted, wish):
    with pytest.raises(SettingsError, match="from 0 to 1"):
        fitted((4, 4, 4)).judge(0.5, wish)


TINY = TinyBackbone()
TIMES = tuple((2 * k + 1) / 10 for k in range(5))


def clip(seed):
    frames = torch.randn(5, TINY.space.dim, generator=torch.Generator().manual_seed(seed))
    return ClipFeatures(frames, TIMES, 1.0, f"{seed}")


def taught(shots, **method):
    """Actions with the clips `clip(0)`, `clip(1)`, ... as examples of the labels in turn."""
    settings = MethodConfig(frames=5, **method)
    anatomies = tuple(anatomize(label, stages=settings.stages) for label in shots)
    owners = [label for label, count in shots.items() for _ in range(count)]
    words = [text for anatomy in anatomies for text in anatomy.sentences]
    return Actions(
        backbone=BackboneConfig(backbone="tiny"),
        identity=TINY.identity,
        method=settings,
        anatomies=anatomies,
        text=TINY.encode_text(words).unflatten(0, (len(shots), settings.stages)),
        examples=tuple(
            Example(label=label, path=f"{number}.mp4", digest=f"{number}", times=TIMES, duration=1.0)
            for number, label in enumerate(owners)
        ),
        frames=torch.stack([clip(number).frames for number in range(len(owners))])
        if owners
        else torch.zeros(0, 5, TINY.space.dim),
    )


def ask(actions, *clips):
    return prepare(actions, TINY.space).answer(clips)


def test_as_many_are_asked_about_as_allowed_and_of_each_label_its_share(monkeypatch):
    label = torch.tensor([2, 0, 1] * 20)
    assert choose_asked(label).tolist() == list(range(60))
    monkeypatch.setattr("lga.model.learning.ALL_ASKED_UP_TO", 59)
    for pairs, least, wanted in ((0, 6, 6), (60 * 9, 6, 9), (60 * 60, 6, 60)):
        monkeypatch.setattr("lga.model.learning.PAIRS_ASKED", pairs)
        monkeypatch.setattr("lga.model.learning.LEAST_ASKED", least)
        found = choose_asked(label)
        assert found.tolist() == sorted(set(found.tolist()))
        assert torch.bincount(label[found]).tolist() == [wanted // 3] * 3


@pytest.mark.parametrize("method", [{}, {"alpha": "shots", "head": "none"}, {"stages": 2, "matcher": "bi_mhm"}])
def test_asking_about_all_of_many_is_asking_about_all_of_few(monkeypatch, method):
    actions, clips = taught({"wave": 4, "jump": 3, "clap": 5}, **method), [clip(number) for number in range(20, 24)]
    few = prepare(actions, TINY.space)
    monkeypatch.setattr("lga.model.learning.ALL_ASKED_UP_TO", 0)
    monkeypatch.setattr("lga.model.learning.LEAST_ASKED", 12)
    monkeypatch.setattr("lga.model.learning.PAIRS_ASKED", 0)
    many = prepare(actions, TINY.space)
    torch.testing.assert_close(many.score(clips), few.score(clips))
    monkeypatch.setattr("lga.model.learning.LEAST_ASKED", 6)
    some = prepare(actions, TINY.space)
    assert len(some.learnt.asked) == 6
    for result in some.answer(clips):
        assert sum(one.probability for one in result.candidates) == pytest.approx(1, abs=1e-5)


def test_what_is_kept_of_the_examples_keeps_nothing_else_alive():
    actions = taught({"wave": 4, "jump": 3})
    for one in prepare(actions, TINY.space).prototypes.prototypes:
        numbers = one.vectors.untyped_storage().nbytes() // one.vectors.element_size()
        assert numbers == one.vectors.numel() < actions.frames.numel() * 2
        assert one.unit


def test_no_clips_have_no_answers():
    assert ask(taught({"wave": 1})) == ()


@pytest.mark.parametrize("shots", [{"wave": 1, "jump": 1}, {"wave": 3, "jump": 1, "clap": 0}, {"wave": 0, "jump": 0}])
@pytest.mark.parametrize("stages", [1, 3, 5])
def test_every_share_is_a_distribution_and_candidates_fall(shots, stages):
    for result in ask(taught(shots, stages=stages), *map(clip, range(10, 17))):
        assert sorted(one.label for one in result.candidates) == sorted(shots)
        for share in ("probability", "video", "text"):
            values = [getattr(one, share) for one in result.candidates]
            assert sum(values) == pytest.approx(1, abs=1e-5)
            assert min(values) >= 0
        falling = [one.probability for one in result.candidates]
        assert falling == sorted(falling, reverse=True)
        assert (result.label, result.probability) == (result.candidates[0].label, falling[0])


@pytest.mark.parametrize("stages", [1, 2, 3, 5])
def test_stages_cover_the_clip_and_carry_the_winner_s_sentences(stages):
    actions = taught({"wave": 1, "jump into pool": 1}, stages=stages)
    for result in ask(actions, *map(clip, range(5))):
        winner = actions.anatomies[actions.labels.index(result.label)]
        assert tuple(stage.sentence for stage in result.stages) == winner.sentences
        assert result.stages[0].start == 0
        assert result.stages[-1].end == result.duration == 1.0
        assert [one.end for one in result.stages[:-1]] == [one.start for one in result.stages[1:]]
        assert all(-1 <= one.similarity <= 1 for one in result.stages)
        assert sorted(set(result.frame_stage)) == list(range(stages))
        assert list(result.frame_stage) == sorted(result.frame_stage)
        assert result.times == TIMES


def test_an_example_is_found_again_at_no_distance():
    actions = taught({"wave": 2, "jump": 3}, alpha=1.0)
    for number, result in enumerate(ask(actions, *map(clip, range(5)))):
        assert result.label == actions.examples[number].label
        assert result.best_example == f"{number}.mp4"
        assert result.best_distance == pytest.approx(0, abs=1e-4)


def test_the_best_example_belongs_to_the_winner_and_words_need_none():
    results = ask(taught({"wave": 3, "jump": 2}), *map(clip, range(20, 27)))
    for result in results:
        assert int(result.best_example.removesuffix(".mp4")) in ((0, 1, 2) if result.label == "wave" else (3, 4))
        assert result.best_distance > 0
    (result,) = ask(taught({"wave": 0, "jump": 0}), clip(20))
    assert (result.best_example, result.best_distance) == (None, None)


def test_features_of_which_no_probabilities_come_are_refused():
    actions = taught({"clap": 2, "wave": 2})
    prepared = prepare(replace(actions, frames=actions.frames * torch.nan), TINY.space)
    for asked in (prepared.answer, prepared.score):
        with pytest.raises(ActionsError, match="no probabilities"):
            asked([clip(5)])


def test_without_examples_the_words_decide_alone():
    for result in ask(taught({"wave": 0, "jump": 0, "clap": 0}), *map(clip, range(5))):
        for one in result.candidates:
            assert one.probability == pytest.approx(one.text)
            assert one.video == pytest.approx(1 / 3)


@pytest.mark.parametrize(("alpha", "share"), [(1.0, "video"), (0.0, "text")])
def test_the_extreme_weights_are_the_matches_alone(alpha, share):
    for result in ask(taught({"wave": 2, "jump": 1}, alpha=alpha), *map(clip, range(7, 10))):
        for one in result.candidates:
            assert one.probability == pytest.approx(getattr(one, share))


def test_the_order_of_the_labels_does_not_matter():
    actions = taught({"wave": 1, "jump": 1, "clap": 1})
    order = [2, 0, 1]
    turned = replace(
        actions,
        anatomies=tuple(actions.anatomies[n] for n in order),
        text=actions.text[order],
        examples=tuple(actions.examples[n] for n in order),
        frames=actions.frames[order],
    )
    for one, other in zip(ask(actions, *map(clip, range(9))), ask(turned, *map(clip, range(9))), strict=True):
        assert one.best_example == other.best_example
        for a, b in zip(one.candidates, other.candidates, strict=True):
            assert (a.label, a.probability) == (b.label, pytest.approx(b.probability, abs=1e-6))


def test_a_batch_is_answered_like_each_alone():
    actions = taught({"wave": 2, "jump": 1})
    together = ask(actions, *map(clip, range(7)))
    for number, one in enumerate(together):
        (alone,) = ask(actions, clip(number))
        assert (alone.label, alone.frame_stage, alone.best_example) == (one.label, one.frame_stage, one.best_example)
        assert alone.probability == pytest.approx(one.probability, abs=1e-6)


@pytest.mark.parametrize("shots", [{"wave": 2, "jump": 2}, {"wave": 0, "jump": 0}])
def test_the_softmax_of_the_scores_is_the_probabilities_of_the_answer(shots):
    prepared = prepare(taught(shots), TINY.space)
    clips = [clip(number) for number in range(7)]
    shares = prepared.score(clips).softmax(-1)
    for share, answer in zip(shares, prepared.answer(clips), strict=True):
        told = {one.label: one.probability for one in answer.candidates}
        assert share.tolist() == pytest.approx([told[label] for label in shots], abs=1e-6)


def spread(counts, *, seed=0):
    """Actions whose examples lie close to their own kind, and the clip each label's examples lie around."""
    actions = taught(counts, alpha=1.0)
    random = torch.Generator().manual_seed(seed)
    centre = torch.randn(len(counts), 5, TINY.space.dim, generator=random)
    noise = torch.randn(len(actions.examples), 5, TINY.space.dim, generator=random)
    return replace(actions, frames=centre[actions.support_label] + 0.7 * noise), centre


def like(frames):
    return ClipFeatures(frames, TIMES, 1.0, "like")


def test_clips_of_taught_actions_are_known_and_others_are_none_of_these():
    actions, centre = spread({"wave": 4, "jump": 4, "clap": 4})
    for result in ask(actions, *map(like, centre)):
        assert (result.known, result.rejection.why) == (True, "")
        assert result.known_score > result.threshold == result.rejection.threshold
    for result in ask(actions, *map(clip, range(30, 36))):
        assert not result.known
        assert result.known_score < result.threshold


def test_a_result_can_be_judged_again():
    actions, _ = spread({"wave": 4, "jump": 4, "clap": 4})
    (result,) = ask(actions, clip(30))
    assert result.accepting("always") == replace(result, known=True, threshold=None)
    assert result.accepting(0.0).known
    assert result.accepting("always").accepting("suggested") == result


@pytest.mark.parametrize("counts", [{"wave": 1, "jump": 1}, {"wave": 5}, {"wave": 0, "jump": 0}])
def test_what_too_few_examples_cannot_tell_counts_as_known(counts):
    (result,) = ask(taught(counts), clip(30))
    assert (result.known, result.known_score, result.threshold) == (True, None, None)
    assert result.rejection.why
    with pytest.raises(SettingsError, match="two examples each"):
        result.accepting(0.5)


def sure_and_muddled(**method):
    """The same clips taught twice, under their own labels and under any, and a clip like the first label's."""
    sure, centre = spread({"wave": 5, "jump": 5})
    sure = replace(sure, method=sure.method.updated(method))
    muddled = replace(sure, frames=sure.frames.flip(0)[torch.randperm(10, generator=torch.Generator().manual_seed(1))])
    return prepare(sure, TINY.space), prepare(muddled, TINY.space), like(centre[0])


def test_probabilities_are_softened_as_far_as_the_examples_say():
    sure, muddled, asked = sure_and_muddled(alpha=1.0)
    assert muddled.learnt.sharpness < 1 <= sure.learnt.sharpness
    (found,) = muddled.answer([asked])
    distance = muddled.learnt.scores(muddled.match([asked]).comparison).distance[0]
    head = muddled.learnt.scores(muddled.match([asked]).comparison).head[0]
    method = muddled.actions.method
    plain = (method.support_weight(5) * head - distance) / method.softness(5)
    assert found.probability == pytest.approx(float((muddled.learnt.sharpness * plain).softmax(0).max()))
    assert found.probability < float(plain.softmax(0).max())


def test_the_video_counts_as_far_as_the_examples_say():
    sure, muddled, asked = sure_and_muddled(alpha="fitted")
    usual = sure.learnt.rule.usual
    assert muddled.learnt.weights.distance < usual * sure.learnt.rule.distance < sure.learnt.weights.distance
    assert muddled.answer([asked])[0].probability < sure.answer([asked])[0].probability


def with_head(actions, head_weight):
    head, random = make_head(TINY.space, TrainConfig(width=8)), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for one in (*head.parameters(), *head.buffers()):
            one.copy_(0.3 * torch.randn(one.shape, generator=random))
    head.head_weight = head_weight
    return replace(actions, head=head.eval().requires_grad_(False))


def test_without_weight_a_head_changes_no_answer():
    actions = taught({"wave": 2, "kick ball": 2})
    assert ask(with_head(actions, 0.0), clip(7)) == ask(actions, clip(7))


def test_a_head_measures_the_distance_by_its_weight():
    actions = taught({"wave": 1})
    apart = [ask(with_head(actions, head_weight), clip(7))[0].best_distance for head_weight in (0.0, 0.25, 1.0)]
    assert apart[0] != pytest.approx(apart[2])
    assert apart[1] == pytest.approx(0.75 * apart[0] + 0.25 * apart[2])


def test_a_head_leaves_the_text_alone():
    actions = taught({"wave": 1, "kick ball": 1})
    plain, headed = (ask(one, clip(7))[0] for one in (actions, with_head(actions, 1.0)))
    by_label = {one.label: one for one in plain.candidates}
    assert all(one.video != pytest.approx(by_label[one.label].video) for one in headed.candidates)
    assert all(one.text == pytest.approx(by_label[one.label].text) for one in headed.candidates)
