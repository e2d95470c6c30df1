"""One line a clip."""

import io
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from lga.cli.lines import ResultLines, segment_line, short_names, shortened, summary
from lga.confidence import confidence_word
from lga.watch.segments import Segment

NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1, max_size=50)


def answer(path: str, label: str, confidence: float, *, known: bool = True):
    return SimpleNamespace(
        path=Path(path),
        label=label,
        known=known,
        confidence=confidence,
        word=confidence_word(confidence, known=known),
        borders=(0.0, 0.5, 1.25, 2.0),
        best_example=f"/examples/{label}/1.mp4",
        best_name="1.mp4",
    )


def lines(width: int | None, *answers) -> list[str]:
    console = Console(file=io.StringIO(), width=width or 100, force_terminal=width is not None)
    shown = ResultLines(console, [one.path for one in answers], [one.label for one in answers])
    return [shown.line(one).plain for one in answers]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@given(NAMES, NAMES, st.floats(0, 1), st.booleans())
def test_a_line_fits_every_terminal(width, name, label, confidence, known):
    shown = lines(width, answer(f"/a/{name}.mp4", label, confidence, known=known), answer("/a/b.mp4", "wave", 1.0))
    assert all(cell_len(one) <= width for one in shown)


def test_all_parts_are_there_where_there_is_room():
    [line] = lines(120, answer("/a/new.mp4", "wave", 0.74))
    assert line.split() == [
        "new.mp4",
        "wave",
        "likely",
        "74",
        "%",
        "━━━━━━━───",
        "0.5",
        "1.2",
        "2.0",
        "s",
        "like",
        "1.mp4",
    ]


def test_at_forty_columns_name_label_word_and_percent_are_left():
    shown = lines(
        40, answer("/a/a_long_name_of_a_clip.mp4", "brush hair", 0.95), answer("/a/b.mp4", "wave", 0.1, known=False)
    )
    assert shown == ["a_long…p.mp4 brush hair    sure    95 %", "b.mp4        none of yours wave 10 %"]


def test_elsewhere_nothing_is_cut_and_columns_stand_under_each_other():
    name = "a_long_name_of_a_clip_" * 5
    first, second = lines(None, answer(f"/a/{name}.mp4", "brush hair", 0.95), answer("/a/b.mp4", "wave", 0.6))
    assert name in first
    assert "━" not in first
    assert first.index("brush hair") == second.index("wave")
    assert first.index("sure") == second.index("likely")


def test_clips_are_told_apart_by_their_folders():
    assert short_names([Path("/a/b/1.mp4"), Path("/a/c/1.mp4")]) == ["b/1.mp4", "c/1.mp4"]
    assert short_names([Path("/a/b/1.mp4")]) == ["1.mp4"]
    assert short_names([]) == []


@given(st.text(max_size=60), st.integers(1, 40))
def test_a_shortened_text_keeps_both_ends_and_its_width(text, width):
    short = shortened(text, width)
    assert cell_len(short) <= width
    if cell_len(text) <= width:
        assert short == text
    elif short != "…":
        head, _, tail = short.partition("…")
        assert text.startswith(head)
        assert text.endswith(tail)


def test_the_end_counts_every_clip_once():
    some = [answer("/a", "x", value) for value in (0.9, 0.9, 0.6, 0.1)] + [answer("/a", "x", 0.9, known=False)]
    assert summary(some, 2, Path("o.csv")) == (
        "7 clips: 3 named (2 sure, 1 likely), 1 unsure, 1 none of yours, 2 skipped; written to o.csv"
    )
    assert summary(some[3:4], 0, None) == "1 clip: 1 unsure"


def test_a_segment_has_its_times_word_and_percent():
    found = Segment(61.5, 3599.0, "wave", 0.66)
    assert segment_line(found, wide=True).plain == "00:01:01.500  00:59:59.000  wave  likely 66 %"
    assert segment_line(found, wide=False).plain == "01:01.5 59:59.0 wave likely 66 %"
