"""What commands print, whatever the labels and paths are called and whatever reads it."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from lga.cli.options import print_json, stdout
from lga.errors import LGAError

STRANGE = "b\udcff\x1b[31mż\u202e.mp4"


@pytest.fixture
def lga(actions):
    """`lga(*arguments, shell="", **environment)` runs a command in a shell, with a redirection behind it."""

    def lga(*arguments, shell="", **environment):
        env = {**os.environ, "LGA_CACHE": str(actions.parent / "cache"), **environment}
        line = ["bash", "-o", "pipefail", "-c", f'"$0" -m lga.cli "$@" {shell}', sys.executable, *map(str, arguments)]
        return subprocess.run(line, env=env, capture_output=True)

    return lga


@pytest.fixture
def polish(changed, command, clips):
    """Taught actions with a label and an example's path that few encodings have."""
    (changed.parent / "clips").mkdir()
    clip = shutil.copy(clips / "wave" / "1.mp4", changed.parent / "clips" / STRANGE)
    command("actions", "add", changed, "żółć =1", clip)
    return changed


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8:strict"])
@pytest.mark.parametrize("how", [("list",), ("list", "--json"), ("show", "żółć =1"), ("show", "żółć =1", "--json")])
def test_every_encoding_gets_what_it_can_show_and_the_rest_escaped(lga, polish, encoding, how):
    done = lga("actions", how[0], polish, *how[1:], PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    shown = done.stdout.decode(encoding.partition(":")[0])
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    if "--json" in how:
        value = json.loads(shown)
        said = value["actions"][-1]["label"] if how[0] == "list" else value["anatomy"]["label"]
        assert said == "żółć =1"


def test_a_name_that_is_not_utf8_is_shown_and_the_clips_behind_it_too(lga, actions, clips, tmp_path):
    for name in ("a.mp4", STRANGE, "c.mp4"):
        shutil.copy(clips / "wave" / "1.mp4", tmp_path / name)
    done = lga("recognize", actions, tmp_path, "--json", PYTHONIOENCODING="utf-8:strict")
    paths = [one["path"] for one in json.loads(done.stdout)["results"]]
    assert paths == [str(tmp_path / name) for name in ("a.mp4", STRANGE, "c.mp4")]
    shown = lga("recognize", actions, tmp_path, PYTHONIOENCODING="utf-8:strict").stdout.decode()
    assert len([line for line in shown.splitlines() if " wave " in line]) == 3
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    "arguments", [(), ("--help",), ("actions", "list", "ACTIONS"), ("actions", "list", "ACTIONS", "--json")]
)
def test_a_reader_who_has_seen_enough_is_no_error(lga, actions, arguments):
    given = [actions if one == "ACTIONS" else one for one in arguments]
    done = lga(*given, shell="| head -1")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"\n") == 1
    assert lga(*given, shell="| head -0").returncode == 0


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("actions", "list", "ACTIONS")])
def test_an_output_that_is_full_is_one_line_and_one_that_is_closed_is_none(lga, actions, arguments):
    given = [actions if one == "ACTIONS" else one for one in arguments]
    full = lga(*given, shell="> /dev/full")
    assert full.returncode == 1
    assert full.stderr.startswith(b"lga: the output cannot be written (No space left on device)")
    assert full.stderr.count(b"\n") == 1
    closed = lga(*given, shell=">&- 2>&-")
    assert (closed.returncode, closed.stderr) == (0, b"")


def test_a_terminal_gets_nothing_to_obey(capsys):
    stdout().print("a\x1b[2Jb\x9bc\u202ed\re\n:dog: [red]f", "ż\nü")
    assert capsys.readouterr().out == "a\\x1b[2Jb\\x9bc\\u202ed\\re\n:dog: [red]f ż\nü\n"
    print_json({"a\x9b": "\u202e\udcff\U000e0041 ż"})
    out = capsys.readouterr().out
    assert out == '{\n  "a\\u009b": "\\u202e\\udcff\\udb40\\udc41 ż"\n}\n'
    assert json.loads(out) == {"a\x9b": "\u202e\udcff\U000e0041 ż"}


@pytest.mark.parametrize("hidden", ["\n", "\x1b[31m", "\x9b", "\udcff", "\u202e", "\u2028"])
def test_every_error_is_one_visible_line(hidden):
    assert str(LGAError(f"/a/{hidden}b: is wrong")).isprintable()


@pytest.mark.parametrize(
    "arguments",
    [
        ("recognize", "LONG", "x.mp4"),
        ("recognize", "ACTIONS", "LONG"),
        ("teach", "LONG", "--out", "OUT"),
        ("actions", "list", "LONG"),
        ("anatomize", "wave", "--descriptions", "LONG"),
        ("anatomize", "wave", "--out", "LONG"),
        ("evaluate", "LONG"),
        ("extract", "LONG"),
        ("explain", "ACTIONS", "LONG", "--out", "OUT"),
        ("watch", "ACTIONS", "LONG"),
        ("data", "check", "LONG"),
        ("data", "import", "hmdb51", "--videos", "LONG", "--out", "OUT"),
        ("train", "LONG", "--out", "OUT"),
        ("teach", "CLIPS", "--out", "OUT", "--backbone", "clip", "--model", "LONG"),
        ("lexicon", "check", "LONG"),
    ],
)
@pytest.mark.parametrize("place", ["x" * 300, "file.txt/deeper", "loop/x"])
def test_a_place_that_the_system_refuses_is_one_line(command, actions, clips, tmp_path, arguments, place):
    (tmp_path / "file.txt").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    words = {"LONG": tmp_path / place, "ACTIONS": actions, "CLIPS": clips, "OUT": tmp_path / "out"}
    done = command(*(words.get(one, one) for one in arguments), code=1)
    assert [line[:5] for line in done.stderr.splitlines()[-1:]] in (["lga: "], ["skipp"], ["1 cli"])


def test_what_no_command_has_words_for_is_one_line_with_the_place(command, monkeypatch):
    def refused(_):
        raise PermissionError(13, "Permission denied", "/root/\x1bsecret")

    monkeypatch.setattr("lga.cli.extract.Extract.run", refused)
    said = command("extract", "x.csv", code=1).error
    assert said.startswith("lga: /root/\\x1bsecret: Permission denied; ")
