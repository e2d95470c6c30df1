"""`lga lexicon` in this process; the encoder is the toy one."""

import json

import pytest

from lga.anatomy.descriptions import read_records
from lga.anatomy.lexicon import LEXICONS
from lga.cli.main import run
from lga.synthetic.render import render_clip, write_clip


def generated(*told):
    """A record as a model's: stages with subject, motion and object."""
    parts = ("subject", "motion", "object", "sentence")
    stages = [dict(zip(parts, ("a person", *one, f"A person {one[0]} {one[1]}."), strict=True)) for one in told]
    return {"source": "llm", "model": "m", "prompt": 1, "stages": stages}


GENERATED = {
    "wave": generated(("raises", "a hand"), ("waves", "the hand"), ("lowers", "the hand")),
    "kick ball": [
        "A person swings a leg.",
        "A person hits the ball with a foot.",
        "A person stands as the ball flies.",
    ],
    "pull up": ["A person hangs on a bar.", "A person pulls the body up.", "A person sinks with straight arms."],
}
HAND = ["A person raises one open hand.", "A person waves the hand.", "A person lowers the hand."]
AGAIN = generated(("lifts", "an arm"), ("sways", "the hand"), ("drops", "the arm"))


def changed(**stages):
    """The generated descriptions with other sentences for some labels."""
    return {**GENERATED, **{label.replace("_", " "): told for label, told in stages.items()}}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LGA_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def file(tmp_path):
    """`file(name, descriptions)` writes a JSON file and gives its path."""

    def write(name, descriptions):
        path = tmp_path / name
        path.write_text(json.dumps(descriptions), encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def lga(capsys):
    """`lga(*arguments, code=0)` runs a command and gives what it printed."""

    def command(*arguments, code=0):
        capsys.readouterr()
        assert run(["lexicon", *map(str, arguments)]) == code
        return capsys.readouterr()

    return command


def test_the_shipped_lexicons_are_clean(lga):
    assert lga("check").out == "412 labels read, 0 with problems\n"
    assert lga("check", "builtin:ucf101", "--wanted", "3").out == "90 labels read, 0 with problems\n"


def test_bad_sentences_are_named_with_their_reason_and_exit_1(lga, file):
    bad = file("bad.json", changed(wave=["A person finishes.", "Raise the hand!", "A person hears a bell."]))
    shown = lga("check", bad, code=1).out
    for said in ("wave", "'finishes' belongs to an end", "a question or a call", "no camera sees 'hears'"):
        assert said in shown
    assert "3 labels read, 1 with problems" in shown
    found = json.loads(lga("check", bad, "--json", code=1).out)
    assert found["labels"] == 3
    assert list(found["problems"]) == ["wave"]


def test_a_wanted_number_of_stages_is_checked(lga, file):
    two = file("two.json", {"wave": ["A person lifts a hand.", "A person waves the hand."]})
    lga("check", two)
    assert "3 stages are wanted; found 2" in lga("check", two, "--wanted", 3, code=1).out


def test_sense_compares_sentences_with_labels(lga, file):
    swapped = file("swapped.json", changed(wave=GENERATED["pull up"], pull_up=GENERATED["wave"]))
    shown = lga("check", swapped, "--sense", "--backbone", "tiny").out
    assert "wave" in shown
    assert "labels; share of the other labels" in " ".join(shown.split())
    found = json.loads(lga("check", swapped, "--sense", "--backbone", "tiny", "--json").out)["sense"]
    assert {one["label"] for one in found} == set(GENERATED)
    assert all(len(one["shares"]) == 3 for one in found)


def test_clips_show_which_sentences_hurt(lga, file, tmp_path):
    clips = tmp_path / "clips"
    for label in ("wave", "kick ball"):
        (clips / label).mkdir(parents=True)
        write_clip(render_clip(label, seed=1), clips / label / "1.mp4")
    (clips / "wave" / "broken.mp4").write_bytes(b"no video")
    told = file("told.json", GENERATED)
    done = lga("check", told, "--clips", clips, "--backbone", "tiny")
    assert "recognised by words alone among 2 labels" in done.out
    assert "label alone" in done.out
    assert "broken.mp4" in done.err
    found = json.loads(lga("check", told, "--clips", clips, "--backbone", "tiny", "--json").out)
    assert {one["label"]: (one["origin"], one["clips"]) for one in found["views"]} == {
        "wave": ("file", 1),
        "kick ball": ("file", 1),
    }
    assert found["method"]["wording"] == "label+stages"
    assert "lexicon" in lga("check", "--clips", clips, "--backbone", "tiny").out
    assert "choose stages or label+stages" in lga("check", "--clips", clips, "--wording", "label", code=2).err


def test_a_diff_marks_words_stage_by_stage(lga, file):
    old, new = file("old.json", GENERATED), file("new.json", changed(wave=HAND))
    shown = lga("diff", old, new).out
    assert "A person raises [-a-] {+one open+} hand." in shown
    assert "0 added, 0 removed, 1 changed" in shown
    assert json.loads(lga("diff", old, new, "--json").out)[0]["kind"] == "changed"
    assert lga("diff", old, old).out == "0 added, 0 removed, 0 changed\n"
    assert "3 added" in lga("diff", "builtin:ucf101", new).out


def test_a_merge_keeps_what_was_written_by_hand_and_names_conflicts(lga, file, tmp_path):
    base, out = file("base.json", GENERATED), tmp_path / "merged.json"
    mine = file("mine.json", changed(wave=HAND))
    theirs = file("theirs.json", changed(wave=AGAIN, pull_up=HAND))
    done = lga("merge", base, mine, theirs, "--out", out, code=1).out
    assert "changed in both" in done
    assert done.endswith(f"{out}: 3 labels, 1 taken from theirs, 1 conflict\n")
    merged = read_records(out)
    assert [one.sentence for one in merged["wave"].stages] == HAND
    assert [one.sentence for one in merged["pull up"].stages] == HAND
    assert merged["kick ball"] == read_records(tmp_path / "base.json")["kick ball"]
    done = lga("merge", base, mine, base, "--out", out).out
    assert done == f"{out}: 3 labels, 0 taken from theirs, 0 conflicts\n"


def test_a_merge_that_leaves_nothing_writes_nothing(lga, file, tmp_path):
    one, other = file("one.json", {"wave": HAND, "sit": HAND}), file("other.json", {"wave": HAND})
    assert (
        "nothing is left"
        in lga("merge", one, other, file("sit.json", {"sit": HAND}), "--out", tmp_path / "o", code=1).err
    )
    assert not (tmp_path / "o").exists()


def test_a_distance_counts_rewritten_words(lga, file):
    old, new = file("old.json", GENERATED), file("new.json", changed(wave=HAND))
    shown = lga("distance", old, new).out
    assert "wave" in shown
    assert "kick" not in shown
    assert "3 labels in both (of 3 and 3), 2 with the same words; 2 words rewritten, 4 % of a label's words" in shown
    assert json.loads(lga("distance", old, new, "--json").out)[0] == {
        "label": "wave",
        "edits": [2, 0, 0],
        "share": pytest.approx(2 / 16),
    }
    assert lga("distance", "builtin:ucf101", "builtin:ssv2").out == "no label is in both (90 and 145 labels)\n"


def test_a_missing_file_and_lexicon_are_one_line_errors(lga, tmp_path):
    assert lga("check", tmp_path / "none.json", code=1).err.startswith("lga: ")
    assert "no lexicon 'hmdb'" in lga("diff", "builtin:hmdb", "builtin", code=1).err


def test_a_model_that_is_not_there_or_not_used_is_refused(lga, file, tmp_path):
    told, nowhere = file("told.json", GENERATED), tmp_path / "head"
    for check in (["--sense"], ["--clips", tmp_path]):
        assert "no checkpoint there" in lga("check", told, *check, "--model", nowhere, code=1).err
    assert "--model: no backbone reads the sentences" in lga("check", told, "--model", nowhere, code=2).err
    assert "there are offline, clip, tiny" in lga("check", told, "--sense", "--backbone", "mien", code=2).err


def test_the_lexicons_are_listed(command):
    found = json.loads(command("lexicon", "list", "--json").stdout)
    assert {*found} == {*LEXICONS}
    assert "open door" in found["everyday"]
    shown = command("lexicon", "list", "everyday").stdout.splitlines()
    assert shown == [f"everyday: {len(found['everyday'])} actions", *found["everyday"]]
    assert "there is no lexicon 'mine'; there are everyday" in command("lexicon", "list", "mine", code=2).error


def test_an_action_is_found_by_roughly_its_name(command):
    shown = command("lexicon", "search", "Opening", "a", "door").stdout.splitlines()
    assert shown[0] == "open door  (everyday)"
    assert len(shown) == 4
    found = [one["label"] for one in json.loads(command("lexicon", "search", "golf", "--json").stdout)]
    assert found[0] == "golf"
    assert "no lexicon knows 'frobnicate'" in command("lexicon", "search", "frobnicate", code=1).error
