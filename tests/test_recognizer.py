import json
import os
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch

from lga.anatomy.descriptions import read_descriptions
from lga.backbone.tiny import TinyBackbone
from lga.config import BackboneConfig, MethodConfig
from lga.errors import ActionsError, AnatomyError, BackboneError, ManifestError, SettingsError
from lga.features import extract as extract_module
from lga.features.cache import FeatureCache
from lga.features.extract import BATCH, Skipped
from lga.motion import encoder as encoder_module
from lga.recognition import Recognition
from lga.recognizer import Recognizer
from lga.store.folder import load_actions, save_actions

pytestmark = pytest.mark.usefixtures("one_thread")
TINY = BackboneConfig(backbone="tiny")
BY_SIGHT = MethodConfig(frames=5, alpha=1.0)


@dataclass(frozen=True, slots=True)
class Counting(TinyBackbone):
    """A tiny backbone that counts the clips and sentences it is given."""

    clips: list[int] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)

    def encode_frames(self, clips):
        self.clips.append(len(clips))
        return TinyBackbone.encode_frames(self, clips)

    def encode_text(self, sentences):
        self.sentences.extend(sentences)
        return TinyBackbone.encode_text(self, sentences)


@pytest.fixture(scope="module")
def clips(tmp_path_factory, write_video):
    """`clips["sweep right"][2]`: a bright bar that sweeps over the picture, three clips in three colours each way."""
    folder = tmp_path_factory.mktemp("clips")
    ways = {
        "sweep right": lambda k: np.s_[:, 4 * k : 4 * k + 8],
        "sweep left": lambda k: np.s_[:, 40 - 4 * k : 48 - 4 * k],
        "sweep down": lambda k: np.s_[4 * k : 4 * k + 8, :],
    }
    made = {}
    for label, bar in ways.items():
        made[label] = []
        for colour in ((250, 230, 210), (220, 250, 230), (240, 220, 250)):
            pictures = [np.zeros((48, 48, 3), np.uint8) for _ in range(11)]
            for number, picture in enumerate(pictures):
                picture[bar(number)] = colour
            made[label].append(write_video(folder / f"{label} {colour[0]}.avi", pictures))
    return made


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory):
    return Recognizer(TINY, cache=FeatureCache(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def teach(recognizer, clips):
    """`teach({"sweep left": 1}) -> actions` with so many of the clips."""

    def from_clips(shots, method=BY_SIGHT):
        actions, skipped = recognizer.teach({label: clips[label][:k] for label, k in shots.items()}, method=method)
        assert skipped == ()
        return actions

    return from_clips


@pytest.fixture
def broken(tmp_path):
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"no video\n")
    return path


@pytest.fixture
def descriptions(tmp_path):
    """`descriptions({"wave": ["...", "...", "..."]})` from a file of the user's."""

    def write(told):
        path = tmp_path / "descriptions.json"
        path.write_text(json.dumps(told))
        return read_descriptions(path)

    return write


def same(one, other):
    plain = [(a.backbone, a.identity, a.method, a.anatomies, a.examples) for a in (one, other)]
    return plain[0] == plain[1] and torch.equal(one.text, other.text) and torch.equal(one.frames, other.frames)


@pytest.mark.parametrize("shots", [(1, 1, 1), (2, 2, 2), (1, 2, 1)])
def test_what_was_taught_is_recognised_in_new_clips(recognizer, teach, clips, shots):
    actions = teach(dict(zip(clips, shots, strict=True)))
    for label, paths in clips.items():
        (result,) = recognizer.recognize(actions, [paths[2]])
        assert result.label == label
        assert result.path == paths[2]
        assert result.best_example in {str(path) for path in paths[:2]}
        assert sum(one.probability for one in result.candidates) == pytest.approx(1, abs=1e-5)


def test_a_taught_clip_is_its_own_best_example(recognizer, teach, clips):
    actions = teach(dict.fromkeys(clips, 3))
    for label, paths in clips.items():
        for path, result in zip(paths, recognizer.recognize(actions, paths), strict=True):
            assert (result.label, result.best_example) == (label, str(path))
            assert result.best_distance == pytest.approx(0, abs=1e-4)


def test_labels_without_clips_are_taught_by_their_words(recognizer, teach, clips):
    actions = teach(dict.fromkeys(clips, 0), MethodConfig(frames=5))
    assert actions.examples == ()
    assert actions.frames.shape == (0, 5, TinyBackbone().space.dim)
    (result,) = recognizer.recognize(actions, clips["sweep left"][:1])
    assert (result.best_example, result.best_distance) == (None, None)
    assert all(one.probability == pytest.approx(one.text) for one in result.candidates)


def test_a_label_of_words_competes_with_labels_of_clips(recognizer, teach, clips):
    actions = teach({"sweep left": 2, "sweep down": 1, "sweep right": 0}, MethodConfig(frames=5))
    assert actions.support_label.tolist() == [0, 0, 1]
    (result,) = recognizer.recognize(actions, clips["sweep left"][2:])
    assert {one.label for one in result.candidates} == set(clips)
    assert sum(one.probability for one in result.candidates) == pytest.approx(1, abs=1e-5)


def test_a_clip_of_one_frame_can_be_taught_and_recognised(recognizer, tmp_path, write_video):
    paths = [
        write_video(tmp_path / f"{level}.avi", [np.full((48, 48, 3), level, np.uint8)]) for level in (20, 230, 200)
    ]
    actions, skipped = recognizer.teach({"dark": paths[:1], "bright": paths[1:2]}, method=BY_SIGHT)
    assert skipped == ()
    (result,) = recognizer.recognize(actions, paths[2:])
    assert result.label == "bright"
    assert len(result.stages) == 3
    assert result.stages[-1].end == result.duration > 0


def test_broken_clips_come_back_skipped_in_their_places(recognizer, teach, clips, broken, tmp_path):
    actions = teach(dict.fromkeys(clips, 1))
    good = clips["sweep left"]
    paths = [broken, good[0], tmp_path / "none.mp4", good[1], good[2], broken]
    results = list(recognizer.recognize(actions, paths))
    assert [type(one) for one in results] == [Skipped, Recognition, Skipped, Recognition, Recognition, Skipped]
    assert [one.path for one in results] == paths
    assert {one.label for one in results if isinstance(one, Recognition)} == {"sweep left"}
    for one in results[::5]:
        assert one.reason.startswith(f"{broken}: ")
        assert "\n" not in one.reason


def test_broken_examples_are_skipped_and_the_rest_is_taught(recognizer, teach, clips, broken):
    examples = {label: [broken, paths[0]] for label, paths in clips.items()}
    actions, skipped = recognizer.teach(examples, method=BY_SIGHT)
    assert same(actions, teach(dict.fromkeys(clips, 1)))
    assert [one.path for one in skipped] == [broken] * 3


def test_the_same_clip_twice_is_one_example(recognizer, clips, tmp_path):
    first = clips["sweep left"][0]
    copy = tmp_path / "a\ncopy.avi"
    copy.write_bytes(first.read_bytes())
    actions, skipped = recognizer.teach({"left": [first, first, copy], "also left": [first]}, method=BY_SIGHT)
    assert [(one.label, one.path) for one in actions.examples] == [("left", str(first)), ("also left", str(first))]
    why = "the same clip already is an example of 'left'"
    assert [one.reason for one in skipped] == [f"{first}: {why}", f"{tmp_path}/a\\ncopy.avi: {why}"]
    again, skipped = recognizer.add(actions, "left", [first])
    assert same(again, actions)
    assert len(skipped) == 1


def test_clips_that_cannot_be_read_do_not_make_an_action_of_words_alone(recognizer, clips, tmp_path):
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video")
    with pytest.raises(ActionsError, match=r"none of the 1 example clips can be used; the first: .*bad\.mp4"):
        recognizer.teach({"left": [bad]})
    actions, _ = recognizer.teach({"left": clips["sweep left"]})
    with pytest.raises(ActionsError, match="none of the 1 example clips can be used"):
        recognizer.add(actions, "right", [bad])


def test_blanks_around_a_label_are_not_part_of_it(recognizer, clips, tmp_path):
    actions, _ = recognizer.teach({" left ": clips["sweep left"]})
    save_actions(actions, tmp_path / "actions")
    assert load_actions(tmp_path / "actions").labels == ("left",)
    assert {one.label for one in actions.examples} == {"left"}


def test_adding_one_by_one_is_teaching_together(recognizer, teach, clips):
    wanted = teach({"sweep right": 2, "sweep down": 1, "sweep left": 0})
    actions = teach({"sweep right": 1})
    actions, _ = recognizer.add(actions, "Sweep_Right", clips["sweep right"][1:2])
    actions, _ = recognizer.add(actions, "sweep down", clips["sweep down"][:1])
    actions, _ = recognizer.add(actions, "sweep left", [])
    assert same(actions, wanted)


def test_adding_encodes_nothing_again(clips, tmp_path):
    backbone = Counting()
    recognizer = Recognizer(TINY, cache=FeatureCache(None), encoder=backbone)
    actions, _ = recognizer.teach({"left": clips["sweep left"][:2]}, method=BY_SIGHT)
    told = len(backbone.sentences)
    recognizer.add(actions, "left", clips["sweep left"][2:])
    assert backbone.clips == [2, 1]
    assert len(backbone.sentences) == told == 3


def test_adding_leaves_the_earlier_value_alone(recognizer, teach, clips):
    actions, before = teach({"sweep left": 1}), teach({"sweep left": 1})
    recognizer.add(actions, "sweep down", clips["sweep down"])
    assert same(actions, before)


def test_an_encoder_of_ones_own_is_saved_as_custom_and_needed_to_go_on(clips, tmp_path):
    mine = Counting(identity="mine 1")
    recognizer = Recognizer(encoder=mine, cache=FeatureCache(None))
    actions, _ = recognizer.teach({label: paths[:1] for label, paths in clips.items()}, method=BY_SIGHT)
    save_actions(actions, tmp_path / "actions")
    loaded = load_actions(tmp_path / "actions")
    assert loaded.backbone == BackboneConfig(backbone="custom", model="mine 1")
    with pytest.raises(BackboneError, match="the identity 'mine 1'; make it in Python and pass it as backbone="):
        Recognizer(loaded.backbone)
    again = Recognizer(loaded.backbone, encoder=mine, cache=FeatureCache(None))
    assert next(again.recognize(loaded, clips["sweep left"])).label == "sweep left"


def test_a_description_changes_only_the_labels_it_names(recognizer, teach, descriptions):
    actions = teach({"sweep left": 1, "sweep down": 1, "sweep right": 0})
    told = recognizer.describe(actions, descriptions({"Sweep_Down": ["A bar rises.", "It sinks.", "It is gone."]}))
    assert told.anatomies[1].sentences == ("A bar rises.", "It sinks.", "It is gone.")
    assert told.labels == actions.labels
    assert (told.anatomies[0], told.anatomies[2]) == (actions.anatomies[0], actions.anatomies[2])
    assert torch.equal(told.text[[0, 2]], actions.text[[0, 2]])
    assert not torch.equal(told.text[1], actions.text[1])
    assert same(replace(told, anatomies=actions.anatomies, text=actions.text), actions)


def test_describing_later_is_teaching_with_the_description(recognizer, clips, descriptions):
    told = descriptions({"sweep down": ["A bar rises.", "It sinks.", "It is gone."]})
    examples = {label: paths[:1] for label, paths in clips.items()}
    later = recognizer.describe(recognizer.teach(examples)[0], told)
    assert same(later, recognizer.teach(examples, descriptions=told)[0])
    again = recognizer.describe(later, descriptions({"sweep left": ["One.", "Two.", "Three."]}))
    assert again.anatomies[2] == later.anatomies[2], "what was described earlier stays"


def test_the_order_of_labels_does_not_matter(recognizer, teach, clips):
    shots = {"sweep right": 1, "sweep left": 2, "sweep down": 1}
    paths = [path for some in clips.values() for path in some]
    method = MethodConfig(frames=5)
    one = recognizer.recognize(teach(shots, method), paths)
    other = recognizer.recognize(teach(dict(reversed(shots.items())), method), paths)
    for a, b in zip(one, other, strict=True):
        assert {c.label: c.probability for c in a.candidates} == pytest.approx(
            {c.label: c.probability for c in b.candidates}, abs=1e-5
        )


def test_many_clips_are_answered_like_each_alone_and_in_order(recognizer, teach, clips):
    actions = teach(dict.fromkeys(clips, 1))
    paths = [path for some in clips.values() for path in some] * 3
    assert len(paths) > 3 * BATCH
    together = list(recognizer.recognize(actions, paths))
    assert [one.path for one in together] == paths
    for path, one in zip(paths[:9], together, strict=False):
        (alone,) = recognizer.recognize(actions, [path])
        assert (alone.label, alone.frame_stage, alone.best_example) == (one.label, one.frame_stage, one.best_example)
        assert alone.probability == pytest.approx(one.probability, abs=1e-5)


def test_recognition_waits_to_be_asked_and_stops_when_told(clips, teach, monkeypatch):
    actions, backbone = teach(dict.fromkeys(clips, 1)), Counting()
    recognizer = Recognizer(TINY, cache=FeatureCache(None), encoder=backbone)
    decoded, read = [], extract_module.read_clip
    monkeypatch.setattr(extract_module, "read_clip", lambda path, **how: decoded.append(path) or read(path, **how))
    paths = [path for some in clips.values() for path in some] * 8
    results = recognizer.recognize(actions, paths)
    assert decoded == []
    next(results)
    assert backbone.clips == [BATCH]
    results.close()
    assert len(decoded) <= 3 * BATCH < len(paths)


def test_progress_counts_to_the_last_clip_broken_ones_too(recognizer, clips, broken):
    told = []
    recognizer.teach(
        {"left": [*clips["sweep left"], broken], "down": clips["sweep down"][:1]},
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(number, 5) for number in range(1, 6)]


def test_nothing_to_teach_is_refused(recognizer):
    with pytest.raises(ActionsError, match="nothing to teach: give at least one label"):
        recognizer.teach({})


def test_two_spellings_of_a_label_are_refused(recognizer):
    with pytest.raises(ManifestError) as caught:
        recognizer.teach({"Brush Hair": [], "wave": [], "brush_hair": []})
    assert str(caught.value) == (
        "the examples: 'Brush Hair' and 'brush_hair' are the same action; merge them or rename one"
    )


@pytest.mark.parametrize("label", ["", "  ", "a\nb", "x" * 201])
def test_a_label_that_is_none_is_refused_in_one_line(recognizer, teach, label):
    actions = teach({"sweep left": 1})
    for ask in (lambda: recognizer.teach({label: []}), lambda: recognizer.add(actions, label, [])):
        with pytest.raises(AnatomyError) as caught:
            ask()
        assert str(caught.value).startswith("a label ")
        assert str(caught.value).isprintable()


def test_actions_of_another_backbone_are_refused_everywhere(recognizer, teach, clips, descriptions):
    foreign = replace(teach({"sweep left": 1}), identity="another 1")
    told = descriptions({"sweep left": ["One.", "Two.", "Three."]})
    for ask in (
        lambda: recognizer.add(foreign, "wave", []),
        lambda: recognizer.describe(foreign, told),
        lambda: next(recognizer.recognize(foreign, clips["sweep left"])),
    ):
        with pytest.raises(ActionsError, match="use the same backbone and precision or teach them again"):
            ask()


def test_more_stages_than_frames_are_refused_before_anything_is_encoded():
    with pytest.raises(SettingsError, match="3 stages need at least as many frames, not 2"):
        MethodConfig(frames=2, stages=3)


@pytest.mark.parametrize(
    "name", ["跳水.avi", "$(x) 'a' \"b\";&.avi", "a\nb.avi", "a\u202fb.avi", os.fsdecode(b"\xff.avi")]
)
def test_a_clip_of_any_name_is_taught_kept_and_recognised(recognizer, clips, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(clips["sweep left"][0].read_bytes())
    actions, _ = recognizer.teach({"left": [path], "down": clips["sweep down"][:1]}, method=BY_SIGHT)
    save_actions(actions, tmp_path / "taught")
    assert same(load_actions(tmp_path / "taught"), actions)
    (result,) = recognizer.recognize(actions, [path])
    assert result.path == path
    assert result.best_example == actions.examples[0].path
    assert result.best_example == str(path).replace("\udcff", "\\xff")


def test_examples_keep_whole_paths(recognizer, clips, monkeypatch):
    path = clips["sweep left"][0]
    monkeypatch.chdir(path.parent)
    actions, _ = recognizer.teach({"left": [path.name]}, method=BY_SIGHT)
    assert actions.examples[0].path == str(path)


def test_a_folder_of_pictures_can_be_recognised(recognizer, teach, clips, tmp_path):
    from PIL import Image

    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(11):
        picture = np.zeros((48, 48, 3), np.uint8)
        picture[:, 4 * number : 4 * number + 8] = 240
        Image.fromarray(picture).save(folder / f"frame{number}.png")
    (result,) = recognizer.recognize(teach(dict.fromkeys(clips, 2)), [folder])
    assert result.label == "sweep right"


def test_saved_actions_answer_like_those_in_memory(recognizer, teach, clips, tmp_path):
    actions = teach(dict.fromkeys(clips, 1), MethodConfig(frames=5))
    save_actions(actions, tmp_path / "taught")
    paths = [path for some in clips.values() for path in some]
    kept = load_actions(tmp_path / "taught")
    assert list(recognizer.recognize(kept, paths)) == list(recognizer.recognize(actions, paths))


def slid(path, step, write_video, seed):
    """A cloth that slides to the right or, with a negative step, to the left before a wall."""
    random = np.random.default_rng(seed)
    wall, cloth = (random.integers(60, 200, (12, 16, 3), np.uint8).repeat(8, 0).repeat(8, 1) for _ in range(2))
    pictures: list[np.ndarray] = []
    for number in range(16):
        left = 48 + round((number - 7.5) * step)
        pictures.append(wall.copy())
        pictures[-1][32:64, left : left + 32] = cloth[:32, :32]
    return write_video(path, pictures, fps=15)


@pytest.mark.parametrize("motion", ["flow", "none"])
def test_motion_tells_what_sight_cannot(recognizer, tmp_path, write_video, motion):
    clips = {
        label: [slid(tmp_path / f"{label} {seed}.mkv", step, write_video, seed) for seed in (1, 2, 3)]
        for label, step in (("to the right", 3.5), ("to the left", -3.5))
    }
    method = MethodConfig(frames=5, alpha=1.0, hub_correction=0.0, motion=motion)
    actions, _ = recognizer.teach({label: paths[:2] for label, paths in clips.items()}, method=method)
    assert (actions.motion is None) == (motion == "none")
    for label, paths in clips.items():
        (found,) = recognizer.recognize(actions, paths[2:])
        if motion == "flow":
            assert found.label == label
            assert found.probability > 0.8


def test_a_set_with_motion_is_kept_and_asked_where_motion_cannot_be_measured(
    recognizer, tmp_path, write_video, monkeypatch
):
    clips = {one: [slid(tmp_path / f"{one}.mkv", one, write_video, 1)] for one in (3, -3)}
    method = MethodConfig(frames=5, alpha=1.0)
    actions, _ = recognizer.teach({"to the right": clips[3], "to the left": clips[-3]}, method=method)
    save_actions(actions, tmp_path / "taught")
    again = load_actions(tmp_path / "taught")
    assert torch.equal(again.motion, actions.motion)
    monkeypatch.setattr(encoder_module, "find_spec", lambda name: None)
    blind = Recognizer(encoder=recognizer.encoder, cache=FeatureCache(None))
    (found,) = blind.recognize(again, clips[3])
    assert isinstance(found, Recognition)
    assert blind.prepare(again).lga.method.motion == "none"
