"""What earlier versions wrote is still read: files and folders in `fixtures/`, through the command line and `lga`."""

import json
import shutil
import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from lga import Actions, BackboneConfig, LGAError, Recognizer, load_actions, save_actions
from lga.cli.main import run
from lga.features.cache import ClipFeatures, FeatureCache, clip_entry
from lga.video.clip import content_digest

pytestmark = pytest.mark.usefixtures("one_thread")

FIXTURES = Path(__file__).parent / "fixtures"
ASKED = ("clips/wave_2.mp4", "clips/kick_ball_2.mp4")
TOLD = ("--descriptions", "descriptions.json")
TRAINING = (
    *("--backbone", "tiny", "--frames", 4, *TOLD, "--device", "cpu", "--ways", 3, "--queries", 1, "--width", 8),
    *("--heads", 2, "--learning-rate", 1e-2, "--tasks", 80, "--validate-every", 20, "--validation-episodes", 100),
)
AS_THEN = ("--motion", "none", "--head", "none", "--segmenter", "centred", "--alpha", "shots")
"""What the first version did not know."""
SURE = ("label", "probability", "known", "known_score", "threshold", "best_example", "best_distance", "times")


@pytest.fixture(params=["v0_1_0"])
def place(request, tmp_path, monkeypatch):
    """A copy of what one version wrote; it is the current folder, and the features that it made are in the cache."""
    folder = Path(shutil.copytree(FIXTURES / request.param, tmp_path / request.param))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LGA_CACHE", str(folder / "features"))
    take_over(folder / "cache", sorted((folder / "clips").iterdir()), FeatureCache(folder / "features"))
    return folder


def take_over(old, clips, cache):
    """Put the clips' features of a cache of 0.1.0 into one of today."""
    encoder = Recognizer(BackboneConfig(backbone="tiny")).encoder
    for path in clips:
        digest = content_digest(path)
        name = sha256("\0".join((digest, "uniform 4", encoder.identity)).encode()).hexdigest()
        with safe_open(old / "clips" / name[:2] / f"{name[2:]}.safetensors", framework="pt") as file:
            times, duration = json.loads(file.metadata()["times"]), float(file.metadata()["duration"])
            features = ClipFeatures(file.get_tensor("features"), tuple(times), duration, digest)
        cache.keep([clip_entry(features, "uniform 4", encoder)])


@pytest.fixture
def lga(place, capsys):
    """`lga(*arguments, code=0)` runs a command in this process: what it printed, and its errors."""

    def lga(*arguments, code=0):
        found = run([str(one) for one in arguments])
        said = capsys.readouterr()
        assert found == code, said.err
        return said

    return lga


@pytest.fixture
def nothing_encoded(place):
    """All clips are in the feature cache: one that is missed or cannot be read would be written."""
    before = kept_clips(place)
    assert len(before) == 27
    yield
    assert kept_clips(place) == before


class Blind:
    """The toy backbone, unable to encode anything."""

    def __init__(self, encoder):
        self.identity, self.space = encoder.identity, encoder.space
        self.preprocessing, self.motion_gap = encoder.preprocessing, encoder.motion_gap

    def encode_frames(self, clips):
        raise RuntimeError("a clip is encoded anew")

    def encode_text(self, sentences):
        raise RuntimeError("a sentence is encoded anew")


def kept_clips(place):
    with closing(sqlite3.connect(place / "features" / "features.sqlite")) as one:
        return one.execute("SELECT rowid, seal FROM feature WHERE kind<>'sentence' ORDER BY rowid").fetchall()


def read(*parts):
    return json.loads(Path(*parts).read_text(encoding="utf-8"))


def events(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def losses(log):
    return [one["loss"] for one in log if one["event"] == "episode"]


def assert_same_answers(printed, told, tolerance=1e-4):
    found, wanted = json.loads(printed)["results"], told["results"]
    assert len(found) == len(wanted) == len(ASKED)
    for one, old in zip(found, wanted, strict=True):
        for name in SURE:
            assert one[name] == pytest.approx(old[name], abs=tolerance), name
        assert [stage["sentence"] for stage in one["stages"]] == [stage["sentence"] for stage in old["stages"]]
        assert [stage["end"] for stage in one["stages"]] == pytest.approx([stage["end"] for stage in old["stages"]])


@pytest.mark.parametrize("taught", ["plain", "trained"])
def test_taught_actions_answer_as_they_did(lga, nothing_encoded, taught):
    assert_same_answers(lga("recognize", taught, *ASKED, "--json").out, read("expected", f"{taught}.json"))


@pytest.mark.parametrize("taught", ["plain", "trained"])
def test_clips_that_are_in_no_cache_are_answered_as_they_were(lga, place, monkeypatch, taught):
    monkeypatch.setenv("LGA_CACHE", str(place / "fresh"))
    told = read("expected", f"{taught}.json")
    assert_same_answers(lga("recognize", taught, *ASKED, "--json").out, told, tolerance=5e-3)
    assert len(FeatureCache(place / "fresh").store.rows()) == len(ASKED)


def test_the_cache_is_left_alone_and_named_once(lga, place, monkeypatch):
    monkeypatch.setenv("LGA_CACHE", "cache")
    before = {one: one.read_bytes() for one in (place / "cache").rglob("*.safetensors")}
    assert len(before) == 63
    extract = ("extract", "clips.csv", "--backbone", "tiny", "--frames", 4, "--motion", "none")
    assert lga(*extract).err.count("lga cache clear --old") == 1
    assert "--old" not in lga(*extract).err
    assert all(one.read_bytes() == content for one, content in before.items())
    assert lga("cache", "clear", "--old").out.startswith("cache: 63 files removed")
    assert [one.name for one in (place / "cache").iterdir()] == ["features.sqlite"]


@pytest.mark.parametrize(
    ("taught", "head_weight", "answers"), [("plain", 0.0, ["wave", "wave"]), ("trained", 1.0, ["wave", "kick ball"])]
)
def test_taught_actions_are_the_value_they_were(place, nothing_encoded, taught, head_weight, answers):
    actions = load_actions(place / taught)
    assert isinstance(actions, Actions)
    assert actions.labels == ("wave", "kick ball")
    assert actions.head_weight == head_weight
    assert [Path(one.path).name for one in actions.examples] == [
        *("wave_0.mp4", "wave_1.mp4", "kick_ball_0.mp4", "kick_ball_1.mp4")
    ]
    told = read("own.json")["Wave"]
    assert [stage.sentence for stage in actions.anatomies[0].stages] == told
    found = list(Recognizer(encoder=Blind(Recognizer(actions.backbone).encoder)).recognize(actions, ASKED))
    wanted = read("expected", f"{taught}.json")["results"]
    assert [one.label for one in found] == answers
    assert [one.probability for one in found] == pytest.approx([one["probability"] for one in wanted], abs=1e-4)


@pytest.mark.parametrize("taught", ["plain", "trained"])
def test_taught_actions_are_written_again_and_added_to(lga, place, nothing_encoded, taught):
    save_actions(load_actions(place / taught), place / "again")
    first = lga("recognize", taught, *ASKED, "--json").out
    assert lga("recognize", "again", *ASKED, "--json").out == first
    save_actions(load_actions(place / taught), place / taught)
    lga("actions", "add", taught, "comb hair", "clips/comb_hair_0.mp4", *TOLD)
    assert load_actions(place / taught).labels == ("wave", "kick ball", "comb hair")
    lga("actions", "remove", taught, "comb hair")
    assert lga("recognize", taught, *ASKED, "--json").out == first


def test_a_folder_that_was_changed_by_hand_is_still_refused(place):
    record = place / "plain" / "actions.json"
    record.write_text(record.read_text().replace('"label": "wave"', '"label": "waves"'))
    with pytest.raises(LGAError, match="changed by hand"):
        load_actions(place / "plain")


@pytest.mark.parametrize("taught", ["plain", "trained"])
def test_the_same_is_taught_from_cache_checkpoint_and_descriptions(lga, nothing_encoded, taught):
    source = ("--model", "head") if taught == "trained" else ("--backbone", "tiny", "--frames", 4, *AS_THEN)
    lga("teach", "examples.csv", "--out", "again", *source, *TOLD, "--temperature", 4)
    said = lga("recognize", "again", *ASKED, "--json").out
    for one, old in zip(json.loads(said)["results"], read("expected", f"{taught}.json")["results"], strict=True):
        assert one["label"] == old["label"]
        assert one["probability"] == pytest.approx(old["probability"], abs=1e-4)


def test_a_whole_manifest_is_found_in_the_cache(lga, nothing_encoded):
    said = json.loads(
        lga("extract", "clips.csv", "--backbone", "tiny", "--frames", 4, "--motion", "none", "--json").out
    )
    assert (said["encoded"], said["skipped"]) == (27, [])


def test_episodes_are_replayed_with_the_same_accuracy_and_results_replaced(lga, place, nothing_encoded):
    old = read("results", "report.json")
    flags = ("--backbone", "tiny", "--frames", 4, *AS_THEN, *TOLD, "--split", "test", "--episodes-in", "episodes.jsonl")
    lga("evaluate", "clips.csv", *flags, "--out", "results")
    found = read("results", "report.json")
    assert found["protocol"] == old["protocol"]
    assert found["episodes_in"] == "episodes.jsonl"
    assert_same_accuracy(found, old)


def test_a_checkpoint_evaluates_as_it_did(lga, nothing_encoded):
    flags = ("--model", "head", *TOLD, "--split", "test", "--episodes-in", "episodes.jsonl")
    found, old = json.loads(lga("evaluate", "clips.csv", *flags, "--json").out), read("expected", "evaluation.json")
    assert_same_accuracy(found, old)
    assert found["training"]["selection"] == old["training"]["selection"]
    assert found["accuracy"]["video"]["mean"] == 1


def assert_same_accuracy(found, old):
    for match, one in old["accuracy"].items():
        assert found["accuracy"][match]["mean"] == pytest.approx(one["mean"], abs=1e-6), match


def test_a_checkpoint_brings_its_head_and_its_settings(place):
    recognizer = Recognizer(BackboneConfig(model="head"))
    actions, skipped = recognizer.teach({"wave": ["clips/wave_0.mp4"], "kick ball": ["clips/kick_ball_0.mp4"]})
    assert not skipped
    assert (actions.head_weight, actions.method.frames, actions.method.temperature) == (1.0, 4, 0.2)
    assert [one.label for one in recognizer.recognize(actions, ASKED)] == ["wave", "kick ball"]


def test_an_unfinished_run_goes_on(lga, place, nothing_encoded, monkeypatch):
    made_with = read("head", "config.json")["made_with"]["torch"]  # a run goes on with its own version of torch only
    monkeypatch.setattr(torch, "__version__", type(torch.__version__)(made_with))
    said = lga("train", "clips.csv", "--out", "unfinished", *TRAINING, *AS_THEN, "--test", "no")
    assert "going on after 40 episodes" in said.err
    log, whole = events(place / "unfinished"), events(place / "head")
    assert [(one["event"], one["task"]) for one in log] == [(one["event"], one["task"]) for one in whole]
    assert losses(log)[:45] == pytest.approx(losses(whole)[:45], rel=1e-2, abs=1e-6)  # 5 of them after the state
    lga("teach", "examples.csv", "--out", "again", "--model", "unfinished", *TOLD)
    found = json.loads(lga("recognize", "again", *ASKED, "--json").out)["results"]
    assert [one["label"] for one in found] == ["wave", "kick ball"]


def test_descriptions_are_made_again_and_keep_what_was_written_by_hand(lga, place):
    before = read("descriptions.json")
    lga("anatomize", "--manifest", "clips.csv", "--out", "descriptions.json")
    after = read("descriptions.json")
    assert list(after) == list(before)
    assert after["wave"]["source"] == before["wave"]["source"] == "hand"
    assert after["wave"]["stages"] == before["wave"]["stages"]
    assert lga("lexicon", "check", "descriptions.json")


def test_a_language_model_is_not_asked_again(lga, place):
    pytest.importorskip("openai")
    before, journal = read("replies.json"), (place / "replies.json.journal").read_bytes()
    nowhere = ("--llm", "http://127.0.0.1:9/v1", "--model", "toy")
    said = lga("anatomize", "juggle", "spin", *nowhere, "--out", "replies.json")
    assert "0 questions sent, 0 answered, 2 known from before" in said.err
    after = read("replies.json")
    assert {label: one["stages"] for label, one in after.items()} == {
        label: one["stages"] for label, one in before.items()
    }
    assert (place / "replies.json.journal").read_bytes() == journal
