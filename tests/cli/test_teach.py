"""`lga teach` on the command line."""

import json
import shutil
from pathlib import Path

import pytest


def test_an_action_with_a_broken_clip_is_taught_from_the_good_ones(command, clips, tmp_path):
    examples = Path(shutil.copytree(clips, tmp_path / "examples"))
    (examples / "wave" / "broken.mp4").write_bytes((clips / "wave" / "1.mp4").read_bytes()[:200])
    (examples / "wave" / "notes.txt").write_text("not a clip")
    done = command("teach", examples, "--out", tmp_path / "actions", "--backbone", "tiny")
    assert "broken.mp4" in done.stderr
    assert "notes.txt" in done.stderr
    assert "2 clips skipped" in done.stderr
    listed = json.loads(command("actions", "list", tmp_path / "actions", "--json").stdout)["actions"]
    assert {one["label"]: one["examples"] for one in listed} == {"kick ball": 2, "pull up": 1, "wave": 2}


def test_a_level_too_high_or_too_low_is_one_line_that_names_the_level(command, clips, tmp_path):
    high = command("teach", clips.parent, "--out", tmp_path / "a", "--backbone", "tiny", code=1).error
    assert f"they lie deeper, as {clips}" in high
    low = command("teach", clips / "wave", "--out", tmp_path / "a", "--backbone", "tiny", code=1).error
    assert f"or give {clips}, if this is one action" in low
    assert not (tmp_path / "a").exists()


def test_sentences_of_a_label_that_is_not_taught_are_refused_by_name(command, clips, tmp_path):
    sentences = ["A person stands.", "A person lifts an arm.", "A person lowers it."]
    (tmp_path / "mine.json").write_text(json.dumps({"wave": sentences, "pull-ups": sentences}))
    told = ("--descriptions", tmp_path / "mine.json", "--out", tmp_path / "a", "--backbone", "tiny")
    said = command("teach", clips, *told, code=1).stderr.splitlines()
    assert said[-1] == "lga: mine.json: describes 'pull-ups', and no action is called that; is 'pull up' meant?"
    assert not (tmp_path / "a").exists()


def test_two_folders_with_the_same_label_are_refused(command, clips, tmp_path):
    examples = Path(shutil.copytree(clips, tmp_path / "examples"))
    (examples / "Wave").mkdir()
    error = command("teach", examples, "--out", tmp_path / "a", "--backbone", "tiny", code=1).error
    assert "same action" in error


@pytest.mark.parametrize("source", ["nothing", "empty"])
def test_nothing_to_teach_is_one_line(command, tmp_path, source):
    if source == "empty":
        (tmp_path / source).mkdir()
    assert command("teach", tmp_path / source, "--out", tmp_path / "a", "--backbone", "tiny", code=1).error


def test_a_label_without_clips_is_taught_by_its_words(command, clips, tmp_path):
    examples = tmp_path / "examples"
    (examples / "swing golf club").mkdir(parents=True)
    (examples / "opening a door").mkdir()
    shown = command("teach", examples, "--out", tmp_path / "a", "--backbone", "tiny").stdout
    assert "by its words alone" in shown
    assert "template" in shown
    value = json.loads(command("recognize", tmp_path / "a", clips / "wave" / "1.mp4", "--json").stdout)
    [result] = value["results"]
    assert result["best_example"] is None
    assert all(one["video"] == pytest.approx(0.5) for one in result["candidates"])


def test_learning_nothing_is_an_error_that_says_what_is_meant(command, tmp_path):
    (tmp_path / "examples" / "opening a door").mkdir(parents=True)
    told = ("teach", tmp_path / "examples", "-o", tmp_path / "a", "--backbone", "tiny")
    assert "no clip, and no lexicon knows it; is 'open door' meant?" in command(*told, code=1).error
    (tmp_path / "examples" / "opening a door").rename(tmp_path / "examples" / "frobnicate")
    assert "'frobnicate' from: no clip, and no lexicon knows it; give a clip of it" in command(*told, code=1).error
    assert not (tmp_path / "a").exists()


def test_a_name_near_one_in_a_lexicon_is_asked_about(command, clips, tmp_path):
    (tmp_path / "examples").mkdir()
    shutil.copytree(clips / "wave", tmp_path / "examples" / "kicking a ball")
    told = ("teach", tmp_path / "examples", "-o", tmp_path / "a", "--backbone", "tiny")
    assert "'kicking a ball' is in no lexicon; is 'kick ball' meant?" in command(*told).stderr
    sentences = ["A person runs.", "A person kicks.", "A person stops."]
    (tmp_path / "mine.json").write_text(json.dumps({"kicking a ball": sentences}))
    assert "lexicon" not in command(*told, "--descriptions", tmp_path / "mine.json").stderr


def test_a_model_that_cannot_be_reached_names_the_offline_backbone(command, clips, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    error = command(
        "teach", clips, "--out", tmp_path / "a", "--backbone", "clip", "--model", "no/such-model", code=1
    ).error
    assert "offline" in error
    assert not (tmp_path / "a").exists()


def test_every_action_may_have_its_own_number_of_stages(command, clips, tmp_path):
    own = tmp_path / "own.json"
    own.write_text(json.dumps({"wave": ["A person waves."], "kick ball": ["Up.", "Back.", "Forth.", "Gone."]}))
    taught = tmp_path / "actions"
    command("teach", clips, "--out", taught, "--backbone", "tiny", "--stages", "auto", "--descriptions", own)
    stages = {"wave": 1, "kick ball": 4, "pull up": 3}
    for label, count in stages.items():
        shown = json.loads(command("actions", "show", taught, label, "--json").stdout)
        assert len(shown["anatomy"]["stages"]) == count
    value = json.loads(command("recognize", taught, clips / "wave" / "1.mp4", "--json").stdout)
    [result] = value["results"]
    assert len(result["stages"]) == stages[result["candidates"][0]["label"]]
