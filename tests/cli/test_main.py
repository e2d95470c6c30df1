"""`lga` itself: its overview, its help, its exit codes, and what becomes of an interrupted command."""

import inspect
import re
import signal
import subprocess
import sys
import time
import warnings
from importlib.metadata import version

import pytest

from lga.cli import extract
from lga.cli.commands import COMMANDS, CommandGroup
from lga.cli.flags import options_of
from lga.cli.options import clip_notes
from lga.errors import ClipWarning
from lga.features.store import FeatureStore


def without_torch(*arguments):
    """Run a command in a process of its own, which must not import torch; what it printed."""
    code = (
        f"import sys\nfrom lga.cli.main import main\ntry: main({list(arguments)})\n"
        "except SystemExit as end: assert end.code == 0\nassert 'torch' not in sys.modules"
    )
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_without_arguments_it_says_how_to_begin_on_half_a_screen():
    shown = without_torch()
    assert len(shown.splitlines()) <= 12
    assert all(len(line) <= 110 for line in shown.splitlines())
    for name in ("teach", "recognize", "serve", "demo", "--help", "doctor"):
        assert f"lga {name}" in shown


def test_the_list_of_commands_has_every_command_once_in_groups_on_one_screen():
    shown = without_torch("--help")
    assert re.findall(r"^  ([a-z]+)  ", shown, flags=re.MULTILINE) == [*COMMANDS]
    assert len(shown.splitlines()) <= 40
    assert all(len(line) <= 100 for line in shown.splitlines())
    assert without_torch("-h") == shown


def test_the_version_is_printed_by_a_process_that_starts_as_a_module(start):
    process = start("--version")
    said, errors = process.communicate(timeout=60)
    assert (process.returncode, said, errors) == (0, f"lga {version('lga')}\n", "")
    assert without_torch("--version") == said


EVERY = [
    (name, *rest)
    for name, command in COMMANDS.items()
    for rest in ([(one,) for one in command.commands] if isinstance(command, CommandGroup) else [()])
]


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
@pytest.mark.parametrize("columns", [40, 80])
def test_every_help_is_wrapped_at_words_and_free_of_python(command, monkeypatch, words, columns):
    monkeypatch.setattr("lga.cli.manual.WIDEST", columns)
    lines = command(*words, "--help").stdout.splitlines()
    assert lines[0].startswith(" ".join(["usage: lga", *words])[:columns].rstrip())
    fits = [line for line in lines if len(line) <= columns or " " not in line.strip()]
    assert fits == lines
    for ugly in ("{None}", "None|", "None)", "False)", "STR", "INT", "(default: "):
        assert not [line for line in lines if ugly in line], ugly


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_every_flag_says_what_it_does(words):
    command = COMMANDS[words[0]]
    settings = (command.commands[words[1]] if isinstance(command, CommandGroup) else command).load()
    assert inspect.isclass(settings)
    assert all(one.says for one in options_of(settings))


def test_help_begins_with_what_most_people_need(command):
    shown = command("teach", "--help").stdout
    marks = ("EXAMPLES", "Flags", "-o, --out FOLDER", "--descriptions", "Backbone", "Method", "--pooling")
    places = [shown.index(one) for one in marks]
    assert places == sorted(places)
    assert "lga teach my_clips/ --out my_actions/" in shown


def test_help_and_a_wrong_word_do_not_wait_for_torch():
    assert without_torch("recognize", "--help").startswith("usage: lga recognize ACTIONS CLIP")


@pytest.mark.parametrize(
    "arguments", [("list",), ("list", "--json"), ("show",), ("show", "--json"), ("show", "Wave")], ids=" ".join
)
def test_what_is_taught_is_listed_without_torch(command, actions, arguments):
    name, *rest = arguments
    shown = without_torch("actions", name, str(actions), *rest)
    assert shown == command("actions", name, actions, *rest).stdout
    assert "wave" in shown


@pytest.mark.parametrize("spelling", [("recognise", "recognize"), ("anatomise", "anatomize")])
def test_both_spellings_of_a_command_are_understood(command, spelling):
    british, american = (command(one, "--help").stdout.splitlines()[2:] for one in spelling)
    assert british == american


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("recogniz",), "is `lga recognize` meant?"),
        (("frobnicate",), "`lga --help` lists them"),
        (("actions", "shw"), "is `lga actions show` meant?"),
        (("teach",), "EXAMPLES and --out are missing; usage: lga teach EXAMPLES --out FOLDER"),
        (("teach", "a"), "--out is missing"),
        (("teach", "a", "--outt", "b"), "there is no flag --outt; is --out meant?"),
        (("teach", "a", "-o", "b", "--poling", "mean"), "there is no flag --poling; is --pooling meant?"),
        (("teach", "a", "b", "-o", "c"), "'b' is one word too many"),
        (("teach", "a", "-o"), "--out wants a value"),
        (("evaluate", "x.csv", "--ways", "many"), "--ways wants a whole number, not 'many'"),
        (("evaluate", "x.csv", "--ways=many"), "--ways wants a whole number, not 'many'"),
        (("evaluate", "x.csv", "--hub_correction", "much"), "--hub-correction wants a number, not 'much'"),
        (("evaluate", "x.csv", "--pooling", "max"), "--pooling wants softmin or mean, not 'max'"),
        (("recognize", "a", "b", "--accept", "some"), "--accept wants always or suggested or 0..1, not 'some'"),
    ],
    ids=" ".join,
)
def test_a_wrong_usage_is_one_line_that_says_what_is_meant(command, arguments, says):
    error = command(*arguments, code=2).error
    assert says in error
    assert not [word for word in ("Traceback", "int(", "literal", "STR", "None") if word in error]


def test_quiet_says_results_and_errors_alone(command, clips, tmp_path):
    done = command("teach", clips, "-o", tmp_path / "a", "--backbone", "tiny", "-q")
    assert "taught 3 actions" in done.stdout
    (tmp_path / "bad.mp4").touch()
    told = command("recognize", tmp_path / "a", tmp_path / "bad.mp4", clips / "wave", "-q")
    assert told.stdout.count("wave") >= 2
    assert told.stderr == ""
    assert command("recognize", tmp_path / "nothing", clips, "--quiet", code=1).error


def test_a_word_after_two_hyphens_is_no_flag(command):
    assert "-q" in command("anatomize", "--", "-q").stdout


def test_a_wrong_usage_exits_with_2(command):
    command("teach", code=2)
    command("frobnicate", code=2)
    command("evaluate", "x.csv", "--ways", "many", code=2)


@pytest.mark.parametrize("flag", [("--ways", "1"), ("--alpha", "2"), ("--frames", "2"), ("--stages", "9")])
def test_a_setting_out_of_its_range_is_one_line_and_exits_with_2(command, flag):
    assert flag[1] in command("evaluate", "x.csv", *flag, code=2).error


def test_a_file_that_looks_like_a_flag_is_told_how_to_be_given(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-x.mp4").touch()
    assert "write ./-x.mp4" in command("recognize", "taught", "-x.mp4", code=2).stderr
    assert "write ./" not in command("recognize", "taught", "-y.mp4", code=2).stderr
    assert "taught" in command("recognize", "taught", "./-x.mp4", code=1).error


def test_an_interrupted_command_is_one_line_that_holds_for_every_command(command, monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(extract.Extract, "run", interrupted)
    error = command("extract", "clips.csv", code=130).error
    assert error == "lga: interrupted before the end; files that were finished are kept"


@pytest.mark.slow
def test_ctrl_c_leaves_the_finished_clips_in_the_cache_and_says_so(start, clips, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    rows = ["path,label"]
    for number in range(400):
        copy = folder / f"{number}.mp4"
        padding = (12).to_bytes(4, "big") + b"free" + number.to_bytes(4, "big")  # another file, the same video
        copy.write_bytes((clips / "wave" / "1.mp4").read_bytes() + padding)
        rows.append(f"{copy},wave")
    manifest, cache = tmp_path / "m.csv", tmp_path / "cache"
    manifest.write_text("\n".join(rows))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job would inherit "ignore"
    process = start("extract", manifest, "--backbone", "tiny")
    signal.signal(signal.SIGINT, before)
    deadline = time.monotonic() + 60
    while not FeatureStore(cache).rows() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "interrupted" in errors
    kept = [key.kind for key, _ in FeatureStore(cache).rows()]
    assert 0 < kept.count("clip") == kept.count("motion") < 400
    assert [one.name for one in cache.iterdir()] == ["features.sqlite"]


def test_a_clip_that_is_not_read_to_its_beginning_is_noted_in_one_line(capsys):
    with clip_notes():
        for _ in range(2):
            warnings.warn("a.mp4: its first 2.0 s cannot be decoded", ClipWarning, stacklevel=1)
    assert capsys.readouterr().err == "note: a.mp4: its first 2.0 s cannot be decoded\n"
