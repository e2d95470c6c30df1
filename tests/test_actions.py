"""`lga.actions`: taught actions as a value."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lga.actions import check_actions
from lga.anatomy.lexicon import anatomize
from lga.backbone.tiny import TinyBackbone
from lga.config import BackboneConfig, MethodConfig
from lga.errors import ActionsError, LGAError, SettingsError
from lga.features.cache import FeatureCache
from lga.recognizer import Recognizer

TINY = TinyBackbone()
LABELS = ("jump into pool", "žába, 跳", "wave", "Brush_Hair")


@pytest.fixture
def make(taught):
    return taught.make


@pytest.fixture
def same(taught):
    return taught.same


@pytest.mark.parametrize(
    "change",
    [
        lambda a: replace(a, anatomies=a.anatomies[:3] + a.anatomies[:1]),
        lambda a: replace(a, text=a.text[:3]),
        lambda a: replace(a, frames=a.frames[:2]),
        lambda a: replace(a, frames=a.frames[:, :3]),
        lambda a: replace(a, frames=a.frames.double(), text=a.text.double()),
        lambda a: replace(a, method=MethodConfig(frames=5, stages=3)),
        lambda a: replace(a, method=MethodConfig(frames=6, stages=2)),
        lambda a: a.without("wave") and replace(a, anatomies=a.anatomies[1:], text=a.text[1:]),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(make, change):
    with pytest.raises(ActionsError, match=r"^its labels, examples and features do not fit together$"):
        check_actions(change(make()))


@pytest.mark.parametrize("part", ["frames", "text", "motion"])
@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf"), 3e38])
def test_what_is_no_number_to_compare_is_refused_and_named(make, part, number):
    given = make(motion=True)
    getattr(given, part)[1].flatten()[7] = number
    named = (
        "the sentences of 'žába, 跳'" if part == "text" else "the example '/clips/jump into pool 1.mp4' of 'jump into"
    )
    with pytest.raises(ActionsError, match=f"^{named}.* features that are no numbers to be compared"):
        check_actions(given)
    with pytest.raises(ActionsError, match=r"these actions cannot be used: .*; restore a copy of them"):
        Recognizer(given.backbone, cache=FeatureCache(None)).prepare(given)


def test_features_as_wide_as_no_backbone_makes_them_are_refused_when_they_are_used(make):
    given = make()
    narrow = replace(given, frames=given.frames[..., :-1], text=given.text[..., :-1])
    with pytest.raises(ActionsError, match=f"are not {TINY.space.dim} numbers each"):
        Recognizer(given.backbone, cache=FeatureCache(None)).prepare(narrow)


@pytest.mark.parametrize("value", [1e-308, float("nan"), float("inf"), 0.0, 1e300])
def test_a_temperature_that_makes_no_probabilities_is_refused(value):
    with pytest.raises(SettingsError, match="temperature"):
        MethodConfig(temperature=value)


def test_actions_of_another_backbone_are_refused_when_they_are_used(make):
    actions = replace(make(), identity="clip of old")
    recognizer = Recognizer(BackboneConfig(backbone="tiny"), cache=FeatureCache(None))
    with pytest.raises(ActionsError) as caught:
        next(recognizer.recognize(actions, []))
    message = str(caught.value)
    assert "'clip of old'" in message
    assert repr(TINY.identity) in message
    assert message.endswith("use the same backbone and precision or teach them again")
    assert "\n" not in message


def test_owners_and_shots_are_counted(make):
    actions = make()
    assert actions.labels == LABELS
    assert actions.support_label.tolist() == [0, 0, 0, 1, 3, 3]
    assert actions.shots == 1.5
    assert make({"wave": 0}).support_label.tolist() == []


@pytest.mark.parametrize("spelling", ["Brush_Hair", "brush hair", "BrushHair", "BRUSH-HAIR"])
def test_a_label_is_found_by_any_spelling(spelling, make):
    assert make().find(spelling) == "Brush_Hair"


def test_an_unknown_label_is_refused_with_those_there_are(make):
    for search in (make().find, make().without):
        with pytest.raises(ActionsError, match="no action 'fly' is taught; there are: jump into pool, žába, 跳, wave"):
            search("fly")


@pytest.mark.parametrize(
    ("spelling", "meant"), [("jump inot pool", "jump into pool"), ("jumping into a pool", "jump into pool")]
)
def test_a_misspelt_label_is_refused_with_the_one_that_may_be_meant(make, spelling, meant):
    said = f"no action '{spelling}' is taught; is '{meant}' meant\\? there are: jump"
    with pytest.raises(ActionsError, match=said):
        make().find(spelling)


@pytest.mark.parametrize("gone", LABELS)
def test_a_removed_action_takes_its_examples_along(gone, make, same):
    actions = make()
    less = actions.without(gone.upper())
    assert less.labels == tuple(label for label in LABELS if label != gone)
    assert [one.label for one in less.examples] == [one.label for one in actions.examples if one.label != gone]
    for number, label in enumerate(less.labels):
        assert torch.equal(less.text[number], actions.text[LABELS.index(label)])
    for number, one in enumerate(less.examples):
        assert torch.equal(less.frames[number], actions.frames[actions.examples.index(one)])
    assert same(actions, make())


def test_the_last_action_stays(make):
    with pytest.raises(LGAError, match="'wave' is the only action taught; teach another first, or delete the folder"):
        make({"wave": 2}).without("wave")


def test_a_removed_example_leaves_the_others(make):
    actions = make()
    less = actions.without_example("/clips/jump into pool 1.mp4")
    assert [one.path for one in less.examples] == [one.path for one in actions.examples if "pool 1" not in one.path]
    assert torch.equal(less.frames, actions.frames[[0, 2, 3, 4, 5]])
    assert less.labels == actions.labels
    assert torch.equal(less.text, actions.text)


def test_the_last_example_may_go(make):
    less = make({"wave": 1}).without_example("/clips/wave 0.mp4")
    assert less.frames.shape == (0, 5, TINY.space.dim)
    assert less.labels == ("wave",)


def test_an_unknown_example_is_refused(make):
    with pytest.raises(ActionsError, match=r"no example 'a\.mp4'; `lga actions show` lists them"):
        make().without_example(str(Path("a.mp4")))


def test_a_reworded_action_keeps_its_place_and_examples(make):
    before = make()
    text = torch.ones(2, TINY.space.dim)
    after = before.with_anatomy("BRUSH hair", anatomize("comb hair", stages=2), text)
    assert after.labels == (*before.labels[:3], "comb hair")
    assert [one.label for one in after.examples if one.label not in before.labels] == ["comb hair"] * 2
    assert torch.equal(after.text[3], text)
    assert torch.equal(after.text[:3], before.text[:3])
    assert torch.equal(after.support_label, before.support_label)
    assert not torch.equal(before.text[3], text)


def test_an_action_may_be_respelt_but_not_take_the_name_of_another(make):
    before = make()
    assert before.with_anatomy("wave", anatomize("Wave", stages=2), before.text[2]).labels[2] == "Wave"
    with pytest.raises(ActionsError, match="'WAVE' is taught already"):
        before.with_anatomy("Brush_Hair", anatomize("WAVE", stages=2), before.text[2])
    with pytest.raises(ActionsError, match="no action 'gone'"):
        before.with_anatomy("gone", anatomize("new", stages=2), before.text[2])
