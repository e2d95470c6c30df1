"""`lga train` and what becomes of its checkpoint, on rendered clips with the toy backbone."""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lga.cli.main import run
from lga.config import BackboneConfig, MethodConfig, TrainConfig
from lga.model.checkpoint import RECORD, load_checkpoint, read_record, save_checkpoint
from lga.store.folder import load_actions
from lga.training import fit as fitting

pytestmark = pytest.mark.usefixtures("one_thread")

SPLITS = {
    "train": ("wave", "kick ball", "pull up"),
    "val": ("push up", "jump"),
    "test": ("squat", "clap"),
}
SCENES = (
    *(61, 138, 244, 302, 389, 57, 30, 279, 128, 148, 246),
    *(174, 200, 80, 94, 377, 85, 357, 81, 28, 90),
)
"""The seeds of short clips, one for each."""
PLAIN = (
    *("--backbone", "tiny", "--frames", 4, "--ways", 2, "--queries", 1, "--heads", 4, "--width", 0),
    *("--validation-episodes", 100, "--learning-rate", 1e-3),
)
SHORT = (*PLAIN, "--tasks", 8, "--validate-every", 4)
LONG = (*PLAIN, "--tasks", 120, "--validate-every", 20)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory, draw_clip):
    folder = tmp_path_factory.mktemp("clips")
    rows = ["path,label,group,split"]
    for split, labels in SPLITS.items():
        for label in labels:
            for seed in range(3):
                name = f"{label} {seed}.mp4"
                shown = "wave" if label in ("wave", "jump", "clap") else "kick ball"
                draw_clip(shown, SCENES[len(rows) - 1], folder / name)
                rows.append(f"{name},{label},{name},{split}")
    (folder / "manifest.csv").write_text("\n".join(rows))
    return folder / "manifest.csv"


@pytest.fixture
def lga(manifest, monkeypatch, capsys):
    """`lga(*arguments, code=0)` runs a command in this process: what it printed, and its errors."""
    monkeypatch.setenv("LGA_CACHE", str(manifest.parent / "cache"))

    def lga(*arguments, code=0):
        found = run([str(one) for one in arguments])
        said = capsys.readouterr()
        assert found == code, said.err
        return said

    return lga


@pytest.fixture
def start(manifest):
    """`start(*arguments)` starts a command in a process of its own."""
    env = {**os.environ, "LGA_CACHE": str(manifest.parent / "cache"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    running = []

    def start(*arguments):
        command = [sys.executable, "-m", "lga.cli", *map(str, arguments)]
        running.append(subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        return running[-1]

    yield start
    for one in running:
        one.kill()
        one.communicate()


@pytest.fixture(scope="module")
def trained(manifest, tmp_path_factory):
    """A short run's checkpoint; for reading only."""
    folder = tmp_path_factory.mktemp("trained") / "head"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LGA_CACHE", str(manifest.parent / "cache"))
        assert run([*map(str, ("train", manifest, "--out", folder, *SHORT, "--test", "no"))]) == 0
    return folder


@pytest.fixture
def head(trained, tmp_path):
    """A copy of the checkpoint that a test may spoil."""
    return Path(shutil.copytree(trained, tmp_path / "head"))


@pytest.fixture
def weighted(head):
    """A checkpoint that is trusted by half, whatever the validation classes said, with weights that have moved."""
    found = load_checkpoint(head)
    with torch.no_grad():
        found.head.adapter.turn.weight += 0.3 * torch.randn(32, 32, generator=torch.Generator().manual_seed(1))
    half = found.record.head.model_copy(update={"head_weight": 0.5})
    chosen = found.record.selection.model_copy(update={"head_weight": 0.5})
    save_checkpoint(head, found.head, {}, found.record.model_copy(update={"head": half, "selection": chosen}))
    return head


def weights_in(folder):
    """The file with a checkpoint's weights."""
    return folder / read_record(folder).weights


def events(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_a_run_leaves_a_checkpoint_a_log_and_the_result_of_the_test(lga, manifest, tmp_path):
    said = lga("train", manifest, "--out", tmp_path, *SHORT)
    assert {one.name for one in tmp_path.iterdir()} == {weights_in(tmp_path).name, RECORD, "log.jsonl", "test.json"}
    assert "chosen by the validation classes" in said.out
    record = load_checkpoint(tmp_path).record
    assert record.provenance.classes == tuple(sorted(SPLITS["train"]))
    assert record.selection.classes == tuple(sorted(SPLITS["val"]))
    test = json.loads((tmp_path / "test.json").read_text())
    assert test["classes"] == sorted(SPLITS["test"])
    assert [(one["event"], one["task"]) for one in events(tmp_path)] == [
        *(("episode", task) for task in (1, 2, 3, 4)),
        ("validation", 4),
        *(("episode", task) for task in (5, 6, 7, 8)),
        ("validation", 8),
    ]


def test_a_checkpoint_that_keeps_to_the_training_free_method_evaluates_as_it_does(lga, manifest, head):
    if load_checkpoint(head).record.selection.head_weight:
        pytest.skip("these validation classes were helped by training")
    protocol = ("evaluate", manifest, "--split", "test", "--json", "--episodes", 40, "--ways", 2, "--queries", 1)
    chosen = load_checkpoint(head).record.method
    same = (
        "--frames",
        4,
        "--alpha",
        chosen.alpha,
        "--text-shots",
        chosen.text_shots,
        "--temperature",
        chosen.temperature,
    )
    found = json.loads(lga(*protocol, "--model", head).out)
    plain = json.loads(lga(*protocol, "--backbone", "tiny", *same).out)
    assert found["accuracy"] == plain["accuracy"]
    assert found["training"]["selection"]["trust"] == 0
    assert plain["training"] is None


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_and_ends_with_the_same_weights(start, manifest, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    command = ("train", manifest, *LONG, "--test", "no", "--out")
    done = start(*command, whole)
    assert done.wait(120) == 0, done.stdout.read()
    for lines in (3, 30, 70, 110):
        process, patience = start(*command, cut), time.monotonic() + 60
        while not (cut / "log.jsonl").exists() or (cut / "log.jsonl").read_bytes().count(b"\n") < lines:
            assert time.monotonic() < patience
            assert process.poll() is None, process.stdout.read()
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        assert process.wait(60) == -signal.SIGKILL
        assert not (cut / RECORD).exists()
    done = start(*command, cut)
    assert done.wait(120) == 0
    assert "going on after 100 episodes" in done.stdout.read()
    assert weights_in(cut).read_bytes() == weights_in(whole).read_bytes()
    assert (cut / RECORD).read_bytes() == (whole / RECORD).read_bytes()
    assert (cut / "log.jsonl").read_text() == (whole / "log.jsonl").read_text()
    assert {one.name for one in cut.iterdir()} == {weights_in(cut).name, RECORD, "log.jsonl"}


@pytest.mark.slow
def test_two_processes_train_what_one_trains(start, manifest, tmp_path):
    command = ("train", manifest, *SHORT, "--accumulate", 4, "--test", "no", "--device", "cpu")
    both = [start(*command, "--devices", many, "--out", tmp_path / str(many)) for many in (1, 2)]
    for one in both:
        assert one.wait(300) == 0, one.stdout.read()
    one, two = (load_file(weights_in(tmp_path / many)) for many in "12")
    torch.testing.assert_close(two, one, rtol=1e-4, atol=1e-5)
    assert [one["task"] for one in events(tmp_path / "2") if one["event"] == "episode"] == [2, 4, 6, 8]


@pytest.mark.slow
def test_processes_that_cannot_share_a_step_are_refused(start, manifest, tmp_path):
    done = start("train", manifest, *SHORT, "--devices", 2, "--out", tmp_path / "head")
    assert done.wait(120) == 1
    said = done.stdout.read()
    assert "2 processes cannot share 1 episodes a step" in said
    assert "Traceback" not in said


def test_a_dry_run_prints_every_setting_and_trains_nothing(lga, manifest, tmp_path):
    said = lga("train", manifest, "--out", tmp_path / "head", *SHORT, "--dry-run").out
    for group in (BackboneConfig, MethodConfig, TrainConfig):
        for name in group.model_fields:
            assert f"--{name.replace('_', '-')} " in said
    assert "9 clips of 3 classes" in said
    assert not (tmp_path / "head").exists()


def test_a_dry_run_opens_no_clip(lga, tmp_path):
    listed = [f"gone {n}.mp4,{label},{split}" for split, labels in SPLITS.items() for label in labels for n in range(3)]
    (tmp_path / "clips.csv").write_text("\n".join(["path,label,split", *listed]))
    said = lga("train", tmp_path / "clips.csv", "--out", tmp_path / "head", *SHORT, "--dry-run").out
    assert "9 clips of 3 classes" in said
    assert "activations of an episode" in said


def test_more_clips_can_be_trained_on_too(lga, manifest, tmp_path):
    extra = manifest.parent / "more.csv"
    extra.write_text("path,label\nwave 0.mp4,stand up\nkick ball 1.mp4,stand up\n")
    own = manifest.read_text().splitlines()
    rest = manifest.parent / "rest.csv"
    rest.write_text("\n".join(row for row in own if not row.startswith(("wave 0", "kick ball 1"))))
    assert "9 clips of 4 classes" in lga("train", rest, "--also", extra, "--out", tmp_path, *SHORT, "--dry-run").out


@pytest.mark.parametrize("label", ["jump", "Squat"])
def test_a_class_of_another_split_in_the_training_is_refused_before_anything_is_done(lga, manifest, tmp_path, label):
    extra = manifest.parent / "leak.csv"
    extra.write_text(f"path,label\nnowhere.mp4,{label}\n")
    said = lga("train", manifest, "--also", extra, "--out", tmp_path / "head", *SHORT, code=1).err
    assert label in said
    assert "is in two of the splits" in said
    assert not (tmp_path / "head").exists()


def test_the_test_split_is_not_read_before_everything_is_chosen(lga, manifest, tmp_path):
    rows = [row for row in manifest.read_text().splitlines() if not row.endswith(",test")]
    broken = manifest.parent / "broken.csv"
    broken.write_text("\n".join([*rows, "gone 1.mp4,squat,a,test", "gone 2.mp4,clap,b,test"]))
    said = lga("train", broken, "--out", tmp_path, *SHORT, code=1)
    assert "none of the 2 clips can be read" in said.err
    assert load_checkpoint(tmp_path).record.selection.clips == 6
    assert not (tmp_path / "test.json").exists()
    assert "saved" in lga("train", broken, "--out", tmp_path, *SHORT, "--test", "no").out


def test_a_manifest_without_validation_classes_is_refused(lga, manifest, tmp_path):
    rows = [row for row in manifest.read_text().splitlines() if not row.endswith(",val")]
    (manifest.parent / "noval.csv").write_text("\n".join(rows))
    assert "val" in lga("train", manifest.parent / "noval.csv", "--out", tmp_path, *SHORT, code=1).err


def test_too_few_clips_for_an_episode_are_refused_in_words(lga, manifest, tmp_path):
    said = lga("train", manifest, "--out", tmp_path, *SHORT, "--shots", 3, code=1).err
    assert len(said.strip().splitlines()) == 1
    assert "lga: " in said


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--width", 31, "--heads", 1), "--width 31 needs as many training frames, there are 24"),
        (("--heads", 5), "5 attention heads cannot share 32 numbers"),
        (("--backbone-rate", 1e-4), "cannot be fine-tuned"),
    ],
)
def test_settings_that_do_not_go_with_the_clips_are_refused(lga, manifest, tmp_path, flags, words):
    rows = [row for row in manifest.read_text().splitlines() if " 2.mp4" not in row or row.endswith("test")]
    few = manifest.parent / "few.csv"
    few.write_text("\n".join(rows))
    said = lga("train", few, "--out", tmp_path, *SHORT, *flags, code=1).err
    assert words in said


def test_a_checkpoint_is_no_start(lga, manifest, head, tmp_path):
    said = lga("train", manifest, "--out", tmp_path / "again", "--model", head, code=2).err
    assert "starts from a backbone, not from a checkpoint" in said


def test_a_run_with_other_settings_is_not_gone_on_with(lga, manifest, tmp_path, monkeypatch):
    from lga.cli import train

    monkeypatch.setattr(train.Path, "unlink", lambda path, **_: None)  # as if it was killed before its last act
    lga("train", manifest, "--out", tmp_path, *SHORT, "--test", "no")
    monkeypatch.undo()
    monkeypatch.setenv("LGA_CACHE", str(manifest.parent / "cache"))
    before = (tmp_path / "state.safetensors").read_bytes()
    said = lga("train", manifest, "--out", tmp_path, *SHORT, "--seed", 7, code=1).err
    assert "state.safetensors: left by a run with other settings" in said
    assert (tmp_path / "state.safetensors").read_bytes() == before
    (tmp_path / "state.safetensors").write_bytes(before[:1000])
    assert "damaged" in lga("train", manifest, "--out", tmp_path, *SHORT, code=1).err


def test_tensorboard_files_on_request(lga, manifest, tmp_path):
    lga("train", manifest, "--out", tmp_path, *SHORT, "--test", "no", "--tensorboard")
    assert list((tmp_path / "tensorboard").glob("events.out.tfevents*"))


@pytest.mark.parametrize("split", ["train", "val"])
def test_classes_that_it_was_trained_or_chosen_on_cannot_be_asked_about(lga, manifest, head, split):
    said = lga("evaluate", manifest, "--split", split, "--model", head, "--ways", 2, code=1).err
    assert "nothing would be measured; use --split test" in said
    lga("evaluate", manifest, "--split", "test", "--model", head, "--ways", 2, "--queries", 1, "--episodes", 20)


def test_actions_hold_their_head_themselves(lga, manifest, weighted, tmp_path):
    folder = manifest.parent
    examples = tmp_path / "examples.csv"
    shown = [folder / f"{label} {seed}.mp4" for label in SPLITS["test"] for seed in (0, 1)]
    examples.write_text("\n".join(["path,label", *(f"{one},{one.name[:-6]}" for one in shown)]))
    lga("teach", examples, "--out", tmp_path / "taught", "--model", weighted)
    lga("teach", examples, "--out", tmp_path / "free", "--backbone", "tiny", "--frames", 4)
    asked = (folder / "squat 2.mp4", "--json")
    first = lga("recognize", tmp_path / "taught", *asked).out
    assert first != lga("recognize", tmp_path / "free", *asked).out
    shutil.rmtree(weighted)
    assert lga("recognize", tmp_path / "taught", *asked).out == first
    lga("actions", "add", tmp_path / "taught", "stand up", folder / "jump 0.mp4")
    added = load_actions(tmp_path / "taught")
    assert added.head_weight == 0.5
    assert len(added.labels) == 3
    lga("actions", "remove", tmp_path / "taught", "stand up")
    assert lga("recognize", tmp_path / "taught", *asked).out == first


def test_a_checkpoint_is_extracted_for_with_its_own_frames_and_no_table_takes_it(lga, manifest, trained, tmp_path):
    value = json.loads(lga("extract", manifest, "--model", trained, "--json").out)
    assert value["identity"] == load_checkpoint(trained).record.identity
    asked = ("evaluate", manifest, "--model", trained, "--split", "test", "--ways", 2, "--episodes", 4, "--json")
    features = {one: one.stat().st_mtime_ns for one in (manifest.parent / "cache" / "clips").rglob("*.safetensors")}
    lga(*asked)
    assert features == {one: one.stat().st_mtime_ns for one in (manifest.parent / "cache/clips").rglob("*.safetensors")}
    refused = lga("table", "compare", manifest, "--model", trained, code=2).err
    assert "a table compares methods on a backbone, not a trained checkpoint" in refused
    for command in (("table", "compare"), ("extract",)):
        said = lga(*command, manifest, "--model", tmp_path / "nowhere", code=1).err
        assert "no checkpoint there" in said
        assert said.count("\n") == 1


def clip_folder(place):
    path = Path(__file__).parents[1] / "backbone" / "conftest.py"
    spec = importlib.util.spec_from_file_location("clip_folders", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.write_clip(place, seed=3)


@pytest.mark.slow
def test_a_vision_tower_is_fine_tuned_from_video(lga, manifest, tmp_path, monkeypatch):
    clip_folder(tmp_path / "clip")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True}, raising=False)
    monkeypatch.setattr(fitting.Trial, "clearly_beats", lambda *_: True)
    measured = fitting.validation_result

    def measure(task, *rest):  # a trained moment is chosen, however the few clips are rounded
        result = measured(task, *rest)
        return result if task else result.model_copy(update={"mean": -1.0})

    monkeypatch.setattr(fitting, "validation_result", measure)
    monkeypatch.chdir(tmp_path)
    tuned = ("--backbone", "clip", "--model", "clip", "--backbone-rate", 1e-4, "--flip", "--crop-scale", 0.8)
    rest = ("--frames", 4, "--ways", 2, "--queries", 1, "--heads", 1, "--width", 0, "--validation-episodes", 100)
    few = ("--tasks", 4, "--accumulate", 2, "--validate-every", 2, "--contrast", 1.0)
    lga("train", manifest, "--out", tmp_path / "head", *tuned, *rest, *few)
    found = load_checkpoint(tmp_path / "head")
    assert found.vision
    assert found.record.backbone.precision == "float32"  # auto, which is bfloat16 on this processor elsewhere
    assert found.record.frozen_identity.endswith(" float32")
    assert found.record.identity != found.record.frozen_identity
    monkeypatch.chdir(manifest.parent)  # the record names its backbone from anywhere
    asked = ("--split", "test", "--ways", 2, "--queries", 1, "--episodes", 20, "--json")
    value = json.loads(lga("evaluate", manifest, "--model", tmp_path / "head", *asked).out)
    assert value["backbone"]["identity"] == found.record.identity
    examples = tmp_path / "examples.csv"
    rows = [f"{manifest.parent / label} 0.mp4,{label}" for label in SPLITS["test"]]
    examples.write_text("\n".join(["path,label", *rows]))
    lga("teach", examples, "--out", tmp_path / "taught", "--model", tmp_path / "head")
    assert load_actions(tmp_path / "taught").identity == found.record.identity
    clip = manifest.parent / "squat 0.mp4"
    assert '"squat"' in lga("recognize", tmp_path / "taught", clip, "--top", 1, "--json").out


def test_a_head_is_not_trained_with_a_number_of_stages_for_each_action(tmp_path, capsys):
    flags = ["--out", str(tmp_path / "head"), "--backbone", "tiny", "--stages", "auto", "--dry-run"]
    assert run(["train", str(tmp_path / "no.csv"), *flags]) == 2
    said = capsys.readouterr().err
    assert "--stages auto: a head is trained with one number of stages" in said
    assert said.count("\n") == 1
