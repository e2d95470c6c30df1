import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from lga.explain.lettering import printable, shorten, width_of, wrap, write

WORDS = st.lists(st.text("abcdefgWi.", min_size=1, max_size=29), min_size=1, max_size=11).map(" ".join)


@given(WORDS, st.integers(40, 400))
def test_a_shortened_text_fits_and_begins_like_the_whole(text, width):
    short = shorten(text, 16, width)
    assert width_of(short, 16) <= width
    assert short == text or text.startswith(short.removesuffix("…"))


@given(WORDS, st.integers(40, 400))
def test_wrapping_loses_nothing_and_overruns_nothing(text, width):
    lines = wrap(text, 16, width, lines=999)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(width_of(line, 16) <= width for line in lines)


@given(WORDS, st.integers(40, 400), st.integers(1, 5))
def test_wrapping_keeps_to_the_lines_there_are(text, width, most):
    lines = wrap(text, 16, width, lines=most)
    assert len(lines) <= most
    assert all(width_of(line, 16) <= width for line in lines)


def test_wrapping_by_hand():
    assert wrap("sit down on it", 16, width_of("sit down", 16), lines=3) == ("sit down", "on it")
    assert wrap(" ", 16, 100, lines=3) == ()


@pytest.mark.parametrize("text", ["", "é", "坐下", "\udcff", "🏃‍♀️", "قفز", "\u0301", "\u200d"])
def test_any_text_can_be_written(text):
    picture = Image.new("RGB", (59, 31), (255, 255, 255))
    write(ImageDraw.Draw(picture), (2, 2), text, size=16, color=(0, 0, 0))
    assert width_of(text, 16) < 90


def test_a_name_with_control_characters_stays_on_its_line():
    assert printable("a\nb\x1b\udcffc é") == "a b??c é"
