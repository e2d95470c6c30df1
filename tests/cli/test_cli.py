"""The real command line in real processes, on real files."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from lga.actions import load_actions, save_actions
from lga.synthetic.render import render_clip, write_clip

TAUGHT = {"wave": (1, 2), "kick ball": (3, 4), "pull up": (5,)}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """`run(*arguments, ...)` runs `lga` in a process of its own with a cache of this module's."""
    cache = tmp_path_factory.mktemp("cache")

    def run(*arguments, code=0, **environment):
        command = [sys.executable, "-m", "lga.cli", *map(str, arguments)]
        env = {**os.environ, "LGA_CACHE": str(cache), "HF_HUB_OFFLINE": "1", **environment}
        done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=120, check=False)
        assert done.returncode == code, done.stderr + done.stdout
        assert "Traceback" not in done.stderr + done.stdout
        return done

    return run


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """A folder with a folder of rendered clips for each action."""
    folder = tmp_path_factory.mktemp("clips")
    for label, seeds in TAUGHT.items():
        (folder / label.replace(" ", "_")).mkdir()
        for seed in seeds:
            write_clip(render_clip(label, seed=seed), folder / label.replace(" ", "_") / f"{seed}.mp4")
    return folder


@pytest.fixture(scope="module")
def actions(run, clips, tmp_path_factory):
    """Taught with the toy backbone."""
    folder = tmp_path_factory.mktemp("taught") / "actions"
    run("teach", clips, "--out", folder, "--backbone", "tiny")
    return folder


@pytest.fixture
def changed(actions, tmp_path):
    """A copy of the taught actions that a test may spoil."""
    return Path(shutil.copytree(actions, tmp_path / "actions"))


def one_line_error(done):
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("lga: ")
    return lines[0]


def test_help_teaches_and_does_not_wait_for_torch(run):
    shown = run("--help").stdout
    assert all(name in shown for name in ("teach", "recognize", "actions", "anatomize", "extract", "evaluate", "demo"))
    code = (
        "import sys\nfrom lga.cli.main import run\n"
        "try: run(['--help'])\nexcept SystemExit: pass\nassert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_a_wrong_usage_exits_with_2(run):
    run("teach", code=2)
    run("frobnicate", code=2)
    run("evaluate", "x.csv", "--ways", "many", code=2)


@pytest.mark.parametrize("flag", [("--ways", "1"), ("--alpha", "2"), ("--frames", "2"), ("--stages", "9")])
def test_a_setting_out_of_its_range_is_one_line_and_exits_with_2(run, flag):
    assert flag[1] in one_line_error(run("evaluate", "x.csv", *flag, code=2))


def test_a_taught_clip_is_recognised_with_its_stages_and_itself_as_nearest(run, actions, clips):
    done = run("recognize", actions, clips / "wave" / "1.mp4", "--json")
    [result] = json.loads(done.stdout)["results"]
    assert result["label"] == "wave"
    assert result["best_example"].endswith("wave/1.mp4")
    assert result["best_distance"] == pytest.approx(0, abs=1e-4)
    assert sum(one["probability"] for one in result["candidates"]) == pytest.approx(1, abs=1e-5)
    assert result["stages"][0]["start"] == 0
    assert result["stages"][-1]["end"] == pytest.approx(result["duration"])


def test_the_table_names_label_scores_stages_and_example(run, actions, clips):
    shown = run("recognize", actions, clips / "wave" / "1.mp4", "--top", "2").stdout
    for word in ("wave", "probability", "video alone", "text alone", "stage", "nearest example: 1.mp4"):
        assert word in shown


def test_a_broken_clip_among_good_ones_is_named_and_counted_and_the_others_are_recognised(
    run, actions, clips, tmp_path
):
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video at all")
    done = run("recognize", actions, bad, clips / "kick_ball" / "3.mp4", "--json")
    value = json.loads(done.stdout)
    assert [Path(one["path"]).name for one in value["results"]] == ["3.mp4"]
    assert [Path(one["path"]).name for one in value["skipped"]] == ["bad.mp4"]
    assert "bad.mp4" in done.stderr
    assert "1 clip skipped" in done.stderr


def test_an_empty_folder_given_as_a_clip_is_named(run, actions, clips, tmp_path):
    (tmp_path / "nothing").mkdir()
    done = run("recognize", actions, tmp_path / "nothing", clips / "wave" / "1.mp4")
    assert "nothing" in done.stderr
    assert "1 clip skipped" in done.stderr


def test_a_cache_that_cannot_be_written_stops_nothing(run, actions, clips, tmp_path):
    (tmp_path / "file").touch()
    done = run("recognize", actions, clips / "wave" / "1.mp4", LGA_CACHE=str(tmp_path / "file"))
    assert "wave" in done.stdout
    assert done.stderr.count("cannot be written") == 1
    manifest = tmp_path / "m.csv"
    manifest.write_text(f"path,label\n{clips / 'wave' / '1.mp4'},wave\n")
    refused = run("extract", manifest, "--backbone", "tiny", LGA_CACHE=str(tmp_path / "file"), code=1)
    assert "cannot be written" in one_line_error(refused)


def test_only_broken_clips_exit_with_1(run, actions, tmp_path):
    (tmp_path / "bad.mp4").write_bytes(b"")
    assert "bad.mp4" in run("recognize", actions, tmp_path / "bad.mp4", code=1).stderr


def test_an_action_with_a_broken_clip_is_taught_from_the_good_ones(run, clips, tmp_path):
    examples = Path(shutil.copytree(clips, tmp_path / "examples"))
    (examples / "wave" / "broken.mp4").write_bytes((clips / "wave" / "1.mp4").read_bytes()[:200])
    (examples / "wave" / "notes.txt").write_text("not a clip")
    done = run("teach", examples, "--out", tmp_path / "actions", "--backbone", "tiny")
    assert "broken.mp4" in done.stderr
    assert "notes.txt" in done.stderr
    assert "2 clips skipped" in done.stderr
    listed = json.loads(run("actions", "list", tmp_path / "actions", "--json").stdout)["actions"]
    assert {one["label"]: one["examples"] for one in listed} == {"kick ball": 2, "pull up": 1, "wave": 2}


def test_hostile_names_are_only_names(run, actions, clips, tmp_path):
    names = ["-x.mp4", "a;rm -rf $HOME.mp4", "перо %d?.mp4", "http:evil.mp4", "[red]b[bold].mp4", "two  blanks.mp4"]
    for name in names:
        shutil.copy(clips / "pull_up" / "5.mp4", tmp_path / name)
    value = json.loads(run("recognize", actions, tmp_path, "--json").stdout)
    assert sorted(Path(one["path"]).name for one in value["results"]) == sorted(names)
    assert {one["label"] for one in value["results"]} == {"pull up"}
    shown = run("recognize", actions, tmp_path / "[red]b[bold].mp4").stdout
    assert "[red]b[bold].mp4" in shown


def test_two_folders_with_the_same_label_are_refused(run, clips, tmp_path):
    examples = Path(shutil.copytree(clips, tmp_path / "examples"))
    (examples / "Wave").mkdir()
    error = one_line_error(run("teach", examples, "--out", tmp_path / "a", "--backbone", "tiny", code=1))
    assert "same action" in error


@pytest.mark.parametrize("source", ["nothing", "empty"])
def test_nothing_to_teach_is_one_line(run, tmp_path, source):
    if source == "empty":
        (tmp_path / source).mkdir()
    one_line_error(run("teach", tmp_path / source, "--out", tmp_path / "a", "--backbone", "tiny", code=1))


def test_a_label_without_clips_is_taught_by_its_words(run, clips, tmp_path):
    examples = tmp_path / "examples"
    (examples / "swing golf club").mkdir(parents=True)
    (examples / "frobnicate").mkdir()
    shown = run("teach", examples, "--out", tmp_path / "a", "--backbone", "tiny").stdout
    assert "by its words alone" in shown
    assert "template" in shown
    value = json.loads(run("recognize", tmp_path / "a", clips / "wave" / "1.mp4", "--json").stdout)
    [result] = value["results"]
    assert result["best_example"] is None
    assert all(one["video"] == pytest.approx(0.5) for one in result["candidates"])


def test_actions_can_be_changed_without_teaching_the_rest_again(run, changed, clips, tmp_path):
    run("actions", "add", changed, "jump", clips / "pull_up" / "5.mp4")
    run("actions", "remove", changed, "Pull-Up")
    run("actions", "remove", changed, "--example", str((clips / "wave" / "2.mp4").absolute()))
    own = tmp_path / "own.json"
    own.write_text(json.dumps({"jump": ["One bends.", "One flies.", "One lands."]}))
    run("actions", "describe", changed, own)
    listed = json.loads(run("actions", "list", changed, "--json").stdout)["actions"]
    assert {(one["label"], one["examples"], one["origin"]) for one in listed} == {
        ("kick ball", 2, "lexicon"),
        ("wave", 1, "lexicon"),
        ("jump", 1, "file"),
    }
    shown = json.loads(run("actions", "show", changed, "jump", "--json").stdout)
    assert [stage["sentence"] for stage in shown["anatomy"]["stages"]] == ["One bends.", "One flies.", "One lands."]


def test_a_folder_edited_by_hand_is_refused_and_told_what_to_use(run, changed, clips):
    record = changed / "actions.json"
    record.write_text(record.read_text().replace("spread fingers", "closed fist"))
    assert "changed by hand" in one_line_error(run("recognize", changed, clips, code=1))


def test_a_half_written_folder_is_refused(run, changed, clips):
    (changed / "features.safetensors").unlink()
    one_line_error(run("recognize", changed, clips, code=1))
    (changed / "actions.json").unlink()
    one_line_error(run("recognize", changed, clips, code=1))


def test_actions_from_another_backbone_are_refused(run, changed, clips):
    save_actions(replace(load_actions(changed), identity="tiny 0 another"), changed)
    assert "taught with the backbone" in one_line_error(run("recognize", changed, clips, code=1))


def test_a_model_that_cannot_be_reached_names_the_offline_backbone(run, clips, tmp_path):
    error = one_line_error(
        run("teach", clips, "--out", tmp_path / "a", "--backbone", "clip", "--model", "no/such-model", code=1)
    )
    assert "offline" in error
    assert not (tmp_path / "a").exists()


def test_evaluate_prints_intervals_and_json_repeats_everything(run, clips, tmp_path):
    rows = ["path,label,group"]
    rows += [f"{path.relative_to(clips)},{path.parent.name},{path.stem}" for path in sorted(clips.rglob("*.mp4"))]
    manifest = clips / "manifest.csv"
    manifest.write_text("\n".join(rows))
    flags = ["--backbone", "tiny", "--ways", "2", "--shots", "1", "--episodes", "50", "--seed", "3"]
    value = json.loads(run("evaluate", manifest, *flags, "--source-disjoint", "--json").stdout)
    for match in ("video", "text", "combined"):
        assert 0 <= value["accuracy"][match]["mean"] <= 1
        assert value["accuracy"][match]["ci95"] >= 0
    assert value["protocol"] == {
        "ways": 2, "shots": 1, "queries": 1, "episodes": 50, "seed": 3, "source_disjoint": True
    }  # fmt: skip
    assert value["backbone"]["identity"].startswith("tiny")
    assert "± " in run("evaluate", manifest, *flags).stdout
    error = one_line_error(run("evaluate", manifest, *flags[:2], "--ways", "9", code=1))
    assert "9-way episode needs 9 classes" in error
    manifest.unlink()


def test_extract_fills_the_cache_that_evaluate_reads(run, clips, tmp_path):
    manifest = tmp_path / "m.csv"
    manifest.write_text(f"path,label\n{clips / 'wave' / '1.mp4'},wave\nmissing.mp4,wave\n")
    done = run("extract", manifest, "--backbone", "tiny", "--json", LGA_CACHE=str(tmp_path / "cache"))
    value = json.loads(done.stdout)
    assert value["encoded"] == 1
    assert [Path(one["path"]).name for one in value["skipped"]] == ["missing.mp4"]
    [entry] = (tmp_path / "cache").rglob("*.safetensors")
    entry.write_bytes(entry.read_bytes()[:50])
    again = run("extract", manifest, "--backbone", "tiny", LGA_CACHE=str(tmp_path / "cache"))
    assert "was damaged and has been made anew" in again.stderr


def test_anatomize_says_where_the_stages_come_from(run):
    shown = run("anatomize", "jump into pool", "frobnicate").stdout
    assert "shipped lexicon" in shown
    assert "template" in shown
    one_line_error(run("anatomize", "a\nb", code=1))
    one_line_error(run("anatomize", "jump", "--stages", "9", code=2))


def test_ctrl_c_leaves_the_finished_clips_in_the_cache_and_says_so(clips, tmp_path):
    manifest = tmp_path / "m.csv"
    folder = tmp_path / "many"
    folder.mkdir()
    rows = ["path,label"]
    for number in range(400):
        copy = folder / f"{number}.mp4"
        padding = (12).to_bytes(4, "big") + b"free" + number.to_bytes(4, "big")  # another file, the same video
        copy.write_bytes((clips / "wave" / "1.mp4").read_bytes() + padding)
        rows.append(f"{copy},wave")
    manifest.write_text("\n".join(rows))
    cache = tmp_path / "cache"
    process = subprocess.Popen(
        [sys.executable, "-m", "lga.cli", "extract", str(manifest), "--backbone", "tiny"],
        env={**os.environ, "LGA_CACHE": str(cache)},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background job inherits "ignore"
    )
    deadline = time.monotonic() + 60
    while not list(cache.rglob("*.safetensors")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "interrupted" in errors
    assert 0 < len(list(cache.rglob("*.safetensors"))) < 400
    assert not list(cache.rglob("*.part"))
