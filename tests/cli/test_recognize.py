"""Recognising and explaining, on the command line."""

import json
import shutil

import pytest

from lga.cli.main import run
from lga.recognition import TOO_FEW
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
    assert ("none of these (closest: pull up" in shown) != result["known"]
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
