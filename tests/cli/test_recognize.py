"""Recognising and explaining, on the command line."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lga.cli.main import run
from lga.recognition import TOO_FEW
from lga.store.folder import load_actions, save_actions
from lga.synthetic.render import render_clip, write_clip

pytestmark = pytest.mark.usefixtures("one_thread")
TAUGHT = {"wave": (1, 2), "pull up": (3, 4)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Rendered clips, and what was taught from all of them and from one of each action, with the toy backbone."""
    folder = tmp_path_factory.mktemp("recognized")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LGA_CACHE", str(folder / "cache"))
        for label, seeds in TAUGHT.items():
            for place in ("clips", "few"):
                (folder / place / label).mkdir(parents=True)
            for seed in seeds:
                write_clip(render_clip(label, seed=seed), folder / "clips" / label / f"{seed}.mp4")
            shutil.copy(folder / "clips" / label / f"{seeds[0]}.mp4", folder / "few" / label)
        for place, out in (("clips", "actions"), ("few", "one_each")):
            assert run(["teach", str(folder / place), "--out", str(folder / out), "--backbone", "tiny"]) == 0
        yield folder


@pytest.fixture
def asked(folder, capsys):
    """`asked("actions", flag, ...)`: what `lga recognize` says about one taught clip, as JSON."""

    def ask(actions, *flags):
        clip = str(folder / "clips" / "wave" / "1.mp4")
        assert run(["recognize", str(folder / actions), clip, "--json", *flags]) == 0
        said = capsys.readouterr()
        return json.loads(said.out)["results"][0], said.err

    return ask


def test_a_taught_clip_counts_as_known_with_its_score(asked):
    result, _ = asked("actions")
    assert result["known"] is True
    assert result["threshold"] <= result["known_score"] <= 1


def test_an_own_threshold_and_none_are_obeyed(asked):
    score = asked("actions")[0]["known_score"]
    result, _ = asked("actions", "--accept", f"{score / 2}")
    assert (result["known"], result["threshold"]) == (True, pytest.approx(score / 2))
    result, _ = asked("actions", "--accept", "always")
    assert (result["known"], result["threshold"], result["known_score"]) == (True, None, score)


def test_what_scores_too_low_is_none_of_these(folder, asked, capsys):
    score = asked("actions")[0]["known_score"]
    other = [str(folder / "clips" / "pull up" / "4.mp4"), "--accept", "1"]
    assert run(["recognize", str(folder / "actions"), *other, "--json"]) == 0
    [result] = json.loads(capsys.readouterr().out)["results"]
    assert run(["recognize", str(folder / "actions"), *other]) == 0
    shown = capsys.readouterr().out
    assert result["known"] == (result["known_score"] == 1)
    assert ("none of yours  closest: pull up" in shown) != result["known"]
    assert (result["word"] == "none of yours") != result["known"]
    assert score <= 1


def test_too_few_examples_accept_everything_and_say_so(asked, folder, capsys):
    result, err = asked("one_each")
    assert (result["known"], result["known_score"], result["threshold"]) == (True, None, None)
    assert TOO_FEW in err.replace("\n", " ")
    assert TOO_FEW not in asked("one_each", "--accept", "always")[1]
    clip = str(folder / "clips" / "wave" / "1.mp4")
    assert run(["recognize", str(folder / "one_each"), clip, "--accept", "0.5"]) == 2
    assert "needs scores" in capsys.readouterr().err


@pytest.mark.parametrize("wish", ["1.5", "-1", "nan"])
def test_a_threshold_that_is_no_probability_is_wrong_usage(folder, wish, capsys):
    clip = str(folder / "clips" / "wave" / "1.mp4")
    for command in (["recognize"], ["explain", "--out", str(folder / "never.html")]):
        assert run([command[0], str(folder / "actions"), clip, *command[1:], f"--accept={wish}"]) == 2
        assert "from 0 to 1" in capsys.readouterr().err
    assert not (folder / "never.html").exists()


def test_a_clip_is_explained_on_a_page_and_in_pictures(folder, capsys):
    clip, page, pictures = folder / "clips" / "wave" / "1.mp4", folder / "why.html", folder / "pictures"
    flags = ["--out", str(page), "--png", str(pictures), "--top", "2"]
    assert run(["explain", str(folder / "actions"), str(clip), *flags]) == 0
    shown = capsys.readouterr().out
    assert f"{clip}: wave" in shown
    assert "why.html" in shown
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert {one.name for one in pictures.iterdir()} == {"clip.png", "example_1.png", "example_2.png", "map.png"}


def test_too_few_examples_are_explained_with_a_note(folder, capsys):
    clip = str(folder / "clips" / "wave" / "1.mp4")
    assert run(["explain", str(folder / "one_each"), clip, "--out", str(folder / "few.html")]) == 0
    assert TOO_FEW in capsys.readouterr().err.replace("\n", " ")


def test_what_cannot_be_explained_is_one_line(folder, tmp_path, capsys):
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    page = ["--out", str(tmp_path / "why.html")]
    assert run(["explain", str(folder / "actions"), str(tmp_path / "bad.mp4"), *page]) == 1
    assert run(["explain", str(folder / "clips"), str(tmp_path / "bad.mp4"), *page]) == 1
    assert run(["explain", str(folder / "actions"), str(tmp_path / "bad.mp4"), *page, "--top", "0"]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 3
    assert all(line.startswith("lga: ") for line in lines)
    assert not (tmp_path / "why.html").exists()


def test_a_taught_clip_is_recognised_with_its_stages_and_itself_as_nearest(command, actions, clips):
    done = command("recognize", actions, clips / "wave" / "1.mp4", "--json")
    [result] = json.loads(done.stdout)["results"]
    assert result["label"] == "wave"
    assert result["best_example"].endswith("wave/1.mp4")
    assert result["best_distance"] == pytest.approx(0, abs=1e-4)
    assert sum(one["probability"] for one in result["candidates"]) == pytest.approx(1, abs=1e-5)
    assert result["stages"][0]["start"] == 0
    assert result["stages"][-1]["end"] == pytest.approx(result["duration"])


def test_the_table_names_label_scores_stages_and_example(command, actions, clips):
    shown = command("recognize", actions, clips / "wave" / "1.mp4", "--top", "2", "-v").stdout
    for word in ("wave", "probability", "video alone", "text alone", "stage", "nearest example: 1.mp4"):
        assert word in shown


def test_a_line_names_clip_label_word_stages_and_example_and_the_end_counts_them(command, actions, clips, tmp_path):
    done = command("recognise", actions, clips)
    lines = done.stdout.splitlines()
    [result] = json.loads(command("recognize", actions, clips / "wave" / "1.mp4", "--json").stdout)["results"]
    assert len(lines) == 5
    [line] = [one for one in lines if one.startswith("wave/1.mp4 ")]
    ends = [f"{stage['end']:.1f}" for stage in result["stages"]]
    assert line.split()[1:] == [
        "wave",
        result["word"],
        f"{100 * result['confidence']:.0f}",
        "%",
        *ends,
        "s",
        "like",
        "1.mp4",
    ]
    assert done.stderr.splitlines()[0].startswith("5 clips: ")
    assert result["confidence"] == pytest.approx(result["candidates"][0]["probability"] * result["known_score"])


def test_answers_are_written_as_the_ending_says(command, actions, clips, tmp_path):
    one, many = clips / "wave" / "1.mp4", clips / "wave"
    whole = json.loads(command("recognize", actions, many, "--json", "-o", tmp_path / "a.json").stdout)
    assert json.loads((tmp_path / "a.json").read_text()) == whole
    assert f"written to {tmp_path / 'a.jsonl'}" in command("recognize", actions, one, "-o", tmp_path / "a.jsonl").stderr
    [line] = (tmp_path / "a.jsonl").read_text().splitlines()
    assert json.loads(line)["path"] == str(one)
    assert json.loads(line).keys() == whole["results"][0].keys()
    command("recognize", actions, many, "--out", tmp_path / "new" / "a.csv")
    with (tmp_path / "new" / "a.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == [result["path"] for result in whole["results"]]
    assert [float(row["confidence"]) for row in rows] == pytest.approx(
        [result["confidence"] for result in whole["results"]], abs=1e-4
    )
    assert ".csv, .jsonl, .json is wanted" in command("recognize", actions, one, "-o", tmp_path / "a.txt", code=2).error


def test_operands_that_were_exchanged_are_noticed(command, actions, clips, tmp_path):
    clip = clips / "wave" / "1.mp4"
    page = ("--out", tmp_path / "why.html")
    for arguments in (("recognize", clip, actions), ("watch", clip, actions), ("explain", clip, actions, *page)):
        assert f"{actions} holds taught actions and {clip} does not" in command(*arguments, code=2).error


def test_a_long_clip_is_told_of_watch(command, actions, clips, monkeypatch):
    monkeypatch.setattr("lga.cli.recognize.LONG", 0.1)
    said = command("recognize", actions, clips / "wave" / "1.mp4").stderr
    assert "1.mp4 lasts" in said
    assert "`lga watch` finds what happens when" in said


def test_a_broken_clip_among_good_ones_is_named_and_counted_and_the_others_are_recognised(
    command, actions, clips, tmp_path
):
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video at all")
    done = command("recognize", actions, bad, clips / "kick_ball" / "3.mp4", "--json")
    value = json.loads(done.stdout)
    assert [Path(one["path"]).name for one in value["results"]] == ["3.mp4"]
    assert [Path(one["path"]).name for one in value["skipped"]] == ["bad.mp4"]
    assert "bad.mp4" in done.stderr
    assert "1 clip skipped" in done.stderr


def test_a_folder_is_searched_through_links_and_without_what_a_system_left(command, actions, clips, tmp_path):
    (tmp_path / "new/@eaDir/1.mp4").mkdir(parents=True)
    (tmp_path / "new/@eaDir/1.mp4/1.mp4").touch()
    (tmp_path / "new/far").symlink_to(clips / "wave")
    (tmp_path / "new/self").symlink_to(tmp_path / "new/self")
    (tmp_path / "new/back").symlink_to(tmp_path / "new")
    found = json.loads(command("recognize", actions, tmp_path / "new", "--json").stdout)
    assert [one["path"] for one in found["results"]] == [f"{tmp_path}/new/far/{name}.mp4" for name in (1, 2)]
    assert found["skipped"] == []


def test_an_empty_folder_given_as_a_clip_is_named(command, actions, clips, tmp_path):
    (tmp_path / "nothing").mkdir()
    done = command("recognize", actions, tmp_path / "nothing", clips / "wave" / "1.mp4")
    assert "nothing" in done.stderr
    assert "1 clip skipped" in done.stderr


def test_a_cache_that_cannot_be_written_stops_nothing(command, actions, clips, tmp_path):
    (tmp_path / "file").touch()
    done = command("recognize", actions, clips / "wave" / "1.mp4", LGA_CACHE=str(tmp_path / "file"))
    assert "wave" in done.stdout
    assert done.stderr.count("cannot be written") == 1
    manifest = tmp_path / "m.csv"
    manifest.write_text(f"path,label\n{clips / 'wave' / '1.mp4'},wave\n")
    refused = command("extract", manifest, "--backbone", "tiny", LGA_CACHE=str(tmp_path / "file"), code=1)
    assert "cannot be written" in refused.error


def test_only_broken_clips_exit_with_1(command, actions, tmp_path):
    (tmp_path / "bad.mp4").write_bytes(b"")
    assert "bad.mp4" in command("recognize", actions, tmp_path / "bad.mp4", code=1).stderr


def test_hostile_names_are_only_names(command, actions, clips, tmp_path):
    names = ["-x.mp4", "a;rm -rf $HOME.mp4", "перо %d?.mp4", "http:evil.mp4", "[red]b[bold].mp4", "two  blanks.mp4"]
    for name in names:
        shutil.copy(clips / "pull_up" / "5.mp4", tmp_path / name)
    value = json.loads(command("recognize", actions, tmp_path, "--json").stdout)
    assert sorted(Path(one["path"]).name for one in value["results"]) == sorted(names)
    assert {one["label"] for one in value["results"]} == {"pull up"}
    shown = command("recognize", actions, tmp_path / "[red]b[bold].mp4").stdout
    assert "[red]b[bold].mp4" in shown


def test_a_damaged_folder_is_refused_and_told_what_to_do(command, changed, clips):
    data = (changed / "actions.sqlite").read_bytes()
    (changed / "actions.sqlite").write_bytes(data.replace(b"spread fingers", b"closed fist...", 1))
    said = command("recognize", changed, clips, code=1).error
    assert "is not what was written" in said
    assert "restore a copy" in said


def test_a_folder_without_its_database_is_refused(command, changed, clips):
    (changed / "actions.sqlite").unlink()
    assert "nothing is taught there yet" in command("recognize", changed, clips, code=1).error


def test_actions_from_another_backbone_are_refused(command, changed, clips):
    save_actions(replace(load_actions(changed), identity="tiny 0 another"), changed)
    assert "taught with the backbone" in command("recognize", changed, clips, code=1).error
