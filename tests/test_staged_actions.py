"""Taught actions of which each has its own number of stages: taught, saved, asked, explained."""

import json
from dataclasses import replace

import pytest
import torch

from lga.anatomy.descriptions import read_descriptions
from lga.anatomy.lexicon import UNTOLD
from lga.anatomy.schema import template_anatomy
from lga.backbone.tiny import TinyBackbone
from lga.config import BackboneConfig, MethodConfig
from lga.errors import ActionsError, AnatomyError, SettingsError
from lga.explain.explanation import explain_clip
from lga.features.cache import FeatureCache
from lga.labels import lookup_key
from lga.motion.descriptor import stages_of
from lga.recognition import prepare
from lga.recognizer import Recognizer
from lga.store.folder import load_actions, save_actions
from lga.synthetic.render import render_clip, write_clip

pytestmark = pytest.mark.usefixtures("one_thread")

AUTO = MethodConfig(stages="auto")
OWN = {
    "wave": ["A person waves."],
    "kick ball": [f"A person kicks, part {part}." for part in ["one", "two", "three", "four"]],
}
"""A number of one's own for two of the labels; the lexicon speaks of the third, and of the fourth nobody does."""
EXAMPLES = {"wave": "wave", "kick ball": "kick ball", "pull up": "pull up", "frobnicate": "jump"}


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    made = {label: [folder / f"{label} {seed}.mp4" for seed in (1, 2, 3)] for label in EXAMPLES}
    for label, name in EXAMPLES.items():
        for seed, path in enumerate(made[label]):
            write_clip(render_clip(name, seed=seed), path)
    return made


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory):
    return Recognizer(BackboneConfig(backbone="tiny"), cache=FeatureCache(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    path = tmp_path_factory.mktemp("told") / "own.json"
    path.write_text(json.dumps(OWN))
    return read_descriptions(path, stages="auto")


@pytest.fixture(scope="module")
def actions(recognizer, clips, told):
    """All four labels with two examples each."""
    return recognizer.teach({one: paths[:2] for one, paths in clips.items()}, method=AUTO, descriptions=told)[0]


def same(one, other):
    return (
        torch.equal(one.text, other.text)
        and replace(one, text=other.text, frames=other.frames, motion=other.motion) == other
    )


def test_the_number_comes_from_the_file_then_the_lexicon_then_the_examples(actions):
    by_examples = stages_of(actions.motion[list(actions.examples_of("frobnicate"))])
    assert actions.stages == (1, 4, 3, by_examples)
    assert [one.origin for one in actions.anatomies] == ["file", "file", "lexicon", "template"]
    assert actions.anatomies[3] == template_anatomy("frobnicate", by_examples)
    for label, anatomy in enumerate(actions.anatomies):
        count = len(anatomy.stages)
        texts = [f"a photo of a person doing {anatomy.label}. {one}" for one in anatomy.sentences]
        torch.testing.assert_close(actions.text[label, :count], TinyBackbone().encode_text(texts))
        assert not actions.text[label, count:].any()


def test_without_motion_or_examples_an_untold_action_has_three(recognizer, clips):
    by_words, _ = recognizer.teach({"frobnicate": []}, method=AUTO)
    unmoved, _ = recognizer.teach({"frobnicate": clips["frobnicate"]}, method=AUTO.updated({"motion": "none"}))
    assert by_words.stages == unmoved.stages == (UNTOLD,) == (3,)


def about(told, label):
    """What is told of one label."""
    labels = tuple(one for one in told.labels if lookup_key(one) == lookup_key(label))
    return replace(told, labels=labels, stages={lookup_key(one): told.find(one) for one in labels})


def test_one_after_the_other_teaches_the_same_as_all_at_once(recognizer, clips, told, actions):
    first, *others = clips
    found, _ = recognizer.teach({first: clips[first][:2]}, method=AUTO, descriptions=about(told, first))
    for label in others:
        found, _ = recognizer.add(found, label, clips[label][:1], descriptions=about(told, label))
        found, _ = recognizer.add(found, label, clips[label][1:2])
    assert same(found, actions)
    for label in others:
        found = found.without(label)
    alone = recognizer.teach({first: clips[first][:2]}, method=AUTO, descriptions=about(told, first))[0]
    assert same(found, alone)


def test_a_folder_keeps_every_number(actions, tmp_path):
    save_actions(actions, tmp_path / "taught")
    again = load_actions(tmp_path / "taught")
    assert same(again, actions)
    wrong = replace(actions, anatomies=(template_anatomy("wave", 2), *actions.anatomies[1:]), text=actions.text[:, :3])
    with pytest.raises(ActionsError, match="do not fit together"):
        save_actions(wrong, tmp_path / "wrong")


def test_other_words_may_have_another_number(recognizer, actions, tmp_path):
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"pull up": [f"Part {n}." for n in range(5)]}))
    found = recognizer.describe(actions, read_descriptions(path, stages="auto"))
    assert found.stages == (1, 4, 5, actions.stages[3])
    three = recognizer.teach({"pull up": ()}, method=MethodConfig())[0]
    with pytest.raises(AnatomyError, match="3 stages are wanted"):
        recognizer.describe(three, read_descriptions(path, stages="auto"))


def test_one_number_for_all_answers_as_that_number_to_the_bit(recognizer, clips):
    known = {one: clips[one][:2] for one in ("wave", "kick ball", "pull up")}
    mixed, fixed = (recognizer.teach(known, method=method)[0] for method in (AUTO, MethodConfig()))
    assert mixed.stages == (3, 3, 3)
    new = [paths[2] for paths in clips.values()]
    assert list(recognizer.recognize(mixed, new)) == list(recognizer.recognize(fixed, new))


def test_the_order_of_the_labels_changes_nothing(recognizer, clips, told, actions):
    turned = {one: paths[:2] for one, paths in reversed(clips.items())}
    other, _ = recognizer.teach(turned, method=AUTO, descriptions=told)
    for one, two in zip(*(recognizer.recognize(each, clips["wave"]) for each in (actions, other)), strict=True):
        chances = [{found.label: found.probability for found in each.candidates} for each in (one, two)]
        assert chances[0] == pytest.approx(chances[1], abs=1e-5)
        assert (one.label, one.frame_stage) == (two.label, two.frame_stage)


def test_the_answer_shows_the_winners_own_stages_and_its_example_at_the_same_number(recognizer, clips, actions):
    for label, paths in clips.items():
        found = explain_clip(recognizer, actions, paths[0], top=4)
        result = found.recognition
        assert result.label == label  # it is one of the examples
        winner = actions.labels.index(label)
        assert len(result.stages) == max(result.frame_stage) + 1 == actions.stages[winner]
        assert [one.sentence for one in result.stages] == list(actions.anatomies[winner].sentences)
        for one in found.labels:
            count = actions.stages[actions.labels.index(one.candidate.label)]
            assert len(one.sentences) == len(one.similarity) == len(one.example.stage_distance) == count
            assert max(one.example.frames_shown.frame_stage) + 1 == count
            assert sum(one.example.stage_distance) + one.example.motion == pytest.approx(one.example.distance, abs=1e-4)


def test_a_clip_is_cut_once_for_every_number(recognizer, clips, actions):
    prepared = prepare(actions, recognizer.encoder.space)
    matched = prepared.match(list(recognizer.encode(actions, clips["wave"])))
    assert len(matched.cuts) == len(set(actions.stages))
    assert [int(cut.label.max()) + 1 for cut in matched.cuts] == sorted(set(actions.stages))


def test_auto_needs_as_many_frames_as_there_may_be_stages():
    with pytest.raises(SettingsError, match="5 stages need at least as many frames, not 4"):
        MethodConfig(frames=4, stages="auto")
