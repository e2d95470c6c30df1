from dataclasses import replace

import pytest
import torch

from lga.config import MethodConfig
from lga.errors import LGAError, SettingsError
from lga.explain.explanation import explain_clip

pytestmark = pytest.mark.usefixtures("one_thread")


def test_an_explanation_holds_the_answer_and_its_likeliest_labels(taught):
    found = explain_clip(taught.recognizer, taught.actions, taught.clip, top=4)
    (plain,) = taught.recognizer.recognize(taught.actions, [taught.clip])
    assert found.recognition == plain
    assert [one.candidate for one in found.labels] == list(plain.candidates)
    assert found.frames_shown.path == taught.clip
    assert found.taught == 6
    assert found.by_text.text == max(one.text for one in plain.candidates)
    assert found.by_video.video == max(one.video for one in plain.candidates)
    for one in found.labels:
        assert (one.example is None) == (one.candidate.label == "swing golf club")
        assert one.examples == (0 if one.example is None else 2)


@pytest.mark.parametrize(
    "method", [{}, {"reduction": "mean"}, {"matcher": "bi_mhm"}, {"frames": 5, "stages": 2}], ids=str
)
def test_the_stages_distances_are_the_parts_of_the_distance(taught, method):
    paths = {
        label: [one.path for one in taught.actions.examples if one.label == label] for label in taught.actions.labels
    }
    actions, _ = taught.recognizer.teach(paths, method=MethodConfig(**method))
    found = explain_clip(taught.recognizer, actions, taught.clip)
    assert found.labels[0].example.distance == pytest.approx(found.recognition.best_distance, abs=1e-4)
    assert str(found.labels[0].example.frames_shown.path) == found.recognition.best_example
    for one in found.labels:
        if one.example is not None:
            still = one.example.distance - one.example.motion
            assert sum(one.example.stage_distance) == pytest.approx(still, abs=1e-4)
            matched = sum(match.distance for match in one.example.map.matches)
            if method.get("reduction") != "mean":
                assert matched == pytest.approx(still, abs=1e-4)


def test_matches_are_shared_cells_and_every_frame_has_some(taught):
    found = explain_clip(taught.recognizer, taught.actions, taught.clip)
    seen = found.labels[0].example.map
    assert seen.distance.isfinite().all()
    assert all(bool(seen.shared[one.frame, one.other]) for one in seen.matches)
    assert {one.frame for one in seen.matches if one.forth} == set(range(8))
    assert {one.other for one in seen.matches if not one.forth} == set(range(8))
    assert all(one.distance >= seen.distance[one.frame, one.other] - 1e-6 for one in seen.matches)


def test_an_example_explained_by_itself_lies_on_the_diagonal(taught):
    example = taught.actions.examples[0]
    seen = explain_clip(taught.recognizer, taught.actions, example.path).labels[0].example.map
    torch.testing.assert_close(seen.distance.diagonal(), torch.zeros(8), atol=1e-5, rtol=0)
    assert all(one.distance == pytest.approx(0, abs=1e-5) for one in seen.matches)


def test_without_examples_the_video_says_nothing(taught):
    words, _ = taught.recognizer.teach({"wave": [], "jump": []})
    found = explain_clip(taught.recognizer, words, taught.clip)
    assert found.by_video is None
    assert found.by_text.label == found.recognition.label
    assert all(one.example is None for one in found.labels)


def test_what_cannot_be_explained_is_refused(taught, tmp_path):
    with pytest.raises(SettingsError, match="at least 1"):
        explain_clip(taught.recognizer, taught.actions, taught.clip, top=0)
    with pytest.raises(LGAError, match="gone"):
        explain_clip(taught.recognizer, taught.actions, tmp_path / "gone.mp4")
    foreign = replace(taught.actions, identity="another")
    with pytest.raises(LGAError, match="another"):
        explain_clip(taught.recognizer, foreign, taught.clip)


def test_the_judgement_is_the_one_asked_for(taught):
    strict = explain_clip(taught.recognizer, taught.actions, taught.clip, accept=1.0).recognition
    assert strict.known == (strict.known_score == 1.0)
    assert explain_clip(taught.recognizer, taught.actions, taught.clip, accept="always").recognition.known
