"""`lga` itself: its overview, its help, its exit codes, and what becomes of an interrupted command."""

import re
import signal
import subprocess
import sys
import time
import warnings
from importlib.metadata import version

import pytest

from lga.cli import extract
from lga.cli.main import OVERVIEW
from lga.cli.options import clip_notes
from lga.errors import ClipWarning
from lga.features.store import FeatureStore

COMMANDS = (
    *("teach", "recognize", "explain", "watch", "actions", "serve", "demo"),
    *("anatomize", "lexicon", "motion", "extract", "cache", "evaluate", "train", "table", "data"),
)


def without_torch(*arguments):
    """Run a command in a process of its own, which must not import torch; what it printed."""
    code = (
        f"import sys\nfrom lga.cli.main import main\ntry: main({list(arguments)})\n"
        "except SystemExit as end: assert end.code == 0\nassert 'torch' not in sys.modules"
    )
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_without_arguments_it_says_what_there_is():
    shown = without_torch()
    assert shown == OVERVIEW + "\n"
    assert all(len(line) <= 100 for line in shown.splitlines())
    assert shown.count("  lga ") == 2


def test_the_overview_names_every_command_once(command):
    listed = re.findall(r"^  ([a-z]+)  ", command().stdout, flags=re.MULTILINE)
    assert sorted(listed) == sorted(COMMANDS)


def test_the_version_is_printed_by_a_process_that_starts_as_a_module(start):
    process = start("--version")
    said, errors = process.communicate(timeout=60)
    assert (process.returncode, said, errors) == (0, f"lga {version('lga')}\n", "")
    assert without_torch("--version") == said


def test_help_teaches_and_does_not_wait_for_torch():
    [listed] = re.findall(r"lga \[-h\] \{([a-z,]+)\}", re.sub(r"\s*\n\s*", "", without_torch("--help")))
    assert sorted(listed.split(",")) == sorted(COMMANDS)


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
