"""What a person sees: commands in a pseudo-terminal, and what it shows in the end."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from dataclasses import dataclass

import pytest

ROWS = 24
CONTROL = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|\r\n|\r|\n|[^\x1b\r\n]")


@dataclass(frozen=True, slots=True)
class Seen:
    """A command's exit code, what the terminal shows in the end, line by line, and what it was sent."""

    code: int
    lines: list[str]
    sent: str
    piped: str


def screen(sent: str) -> list[str]:
    """The lines that a terminal shows after this: cursor up, carriage returns, erased lines, and nothing else."""
    lines, row, column = [""], 0, 0
    for part in CONTROL.finditer(sent):
        count, what = part.group(1), part.group(2)
        if what == "A":
            row = max(0, row - int(count or 1))
        elif what == "K":
            assert count == "2"
            lines[row] = ""
        elif what is not None:
            assert what in "mhl", part.group()
        elif part.group() == "\r":
            column = 0
        elif part.group() in ("\r\n", "\n"):
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        else:
            line = lines[row].ljust(column)
            lines[row] = line[:column] + part.group() + line[column + 1 :]
            column += 1
    return [one.rstrip() for one in lines]


@pytest.fixture
def seen(actions):
    """`seen(*arguments, columns=80, pipe=False)` runs `lga` on a terminal of its own; `pipe` takes its results away."""

    def seen(*arguments, columns=80, pipe=False):
        mine, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
        attributes = termios.tcgetattr(theirs)
        attributes[1] &= ~termios.ONLCR  # line ends arrive as they are written
        termios.tcsetattr(theirs, termios.TCSANOW, attributes)
        env = {**os.environ, "LGA_CACHE": str(actions.parent / "cache"), "TERM": "xterm-256color"}
        env = {name: value for name, value in env.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
        line = [sys.executable, "-m", "lga.cli", *map(str, arguments)]
        out = subprocess.PIPE if pipe else theirs
        process = subprocess.Popen(line, env=env, stdin=theirs, stdout=out, stderr=theirs)
        os.close(theirs)
        sent = b""
        while True:
            try:
                more = os.read(mine, 65536)
            except OSError:  # the other end is closed
                break
            if not more:
                break
            sent += more
        os.close(mine)
        piped, _ = process.communicate(timeout=60)
        text = sent.decode()
        return Seen(process.returncode, screen(text), text, (piped or b"").decode())

    return seen


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_bars_leave_one_line_a_clip_and_the_summary_behind(seen, actions, clips, columns):
    done = seen("recognize", actions, clips, columns=columns)
    assert done.code == 0
    shown = [line for line in done.lines if line]
    assert len(shown) == 6, shown
    assert all(len(line) <= columns for line in shown[:-1])
    assert [line for line in shown if "recognising" in line or "loading" in line] == []
    assert shown[-1].startswith("5 clips: ")
    assert sum(line.split()[0].endswith(".mp4") for line in shown) == 5


def test_phases_are_named_and_the_total_is_known_from_the_start(seen, actions, clips):
    sent = seen("recognize", actions, clips).sent
    plain = re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", sent)
    assert plain.index("loading") < plain.index("recognising") < plain.index("0/5") < plain.index("5/5")


def test_teaching_names_what_it_does(seen, clips, tmp_path):
    done = seen("teach", clips, "-o", tmp_path / "a", "--backbone", "tiny")
    assert done.code == 0
    for phase in ("loading", "teaching"):
        assert phase in done.sent
    assert done.lines[-2] == f"taught 3 actions from 5 clips: {tmp_path / 'a'}"


def test_results_that_are_piped_away_are_all_in_the_pipe_and_the_bar_is_on_the_terminal(seen, actions, clips):
    done = seen("recognize", actions, clips, pipe=True)
    assert done.code == 0
    assert len(done.piped.splitlines()) == 5
    assert "\x1b" not in done.piped
    assert "recognising" in done.sent
    assert [line for line in done.lines if line] == [line for line in done.lines if line.startswith("5 clips")]


def test_a_clip_that_cannot_be_read_is_named_below_the_lines(seen, actions, clips, tmp_path):
    (tmp_path / "bad.mp4").touch()
    shown = [line for line in seen("recognize", actions, tmp_path, clips / "wave", columns=200).lines if line]
    assert "1 skipped" in shown[2]
    assert shown[3].startswith("skipped: ")


def test_quiet_draws_nothing(seen, actions, clips):
    done = seen("recognize", actions, clips, "-q")
    assert "recognising" not in done.sent
    assert len([line for line in done.lines if line]) == 5


@pytest.mark.parametrize("columns", [40, 80])
@pytest.mark.parametrize("arguments", [(), ("--help",), ("recognize", "--help"), ("evaluate", "-h")])
def test_help_fits_the_terminal(seen, arguments, columns):
    done = seen(*arguments, columns=columns)
    assert done.code == 0
    assert [line for line in done.lines if len(line) > columns] == []
