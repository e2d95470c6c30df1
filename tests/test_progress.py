"""Progress where no bar can be drawn; `tests/cli/test_terminal.py` has what a terminal shows."""

import io
import time

from rich.console import Console

from lga.progress import progress_bars


def said(*, quiet: bool = False, every: float = 0.02, work: float = 0.3) -> list[str]:
    file = io.StringIO()
    with progress_bars(Console(file=file, width=80, quiet=quiet), every=every) as bars:
        bars.now("loading")
        time.sleep(work)
        bar = bars.add("encoding", 3)
        bar(1, 3)
        time.sleep(work)
    return file.getvalue().splitlines()


def test_a_line_every_so_often_names_the_phase_and_then_how_far_it_is():
    lines = said()
    assert lines[0].startswith("loading (")
    assert lines[-1].startswith("encoding: 1 of 3")
    assert 4 <= len(lines) <= 40


def test_what_takes_less_says_nothing():
    assert said(every=60.0, work=0.0) == []


def test_a_quiet_console_says_nothing():
    assert said(quiet=True) == []


def test_the_time_that_is_left_is_told_where_it_is_long(monkeypatch):
    monkeypatch.setattr("lga.progress.EVERY", 5.0)
    now = iter([0.0, 0.0, 10.0, 10.0, 20.0])
    monkeypatch.setattr("lga.progress.monotonic", lambda: next(now))
    with progress_bars(Console(file=io.StringIO(), width=80), every=60.0) as bars:
        bar = bars.add("encoding", 4)
        bar(1, 4)
        bar(2, 4)
        assert bars.state == "encoding: 2 of 4, about 10 s left"
