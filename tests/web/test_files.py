"""What the page's files must keep to, without a browser."""

import re
from itertools import product
from pathlib import Path

import pytest

import lga.serve
from lga.explain.strip import STAGE_COLORS

PAGE = Path(lga.serve.__file__).parent / "page"
FILES = sorted(PAGE.iterdir())
STYLE = (PAGE / "style.css").read_text(encoding="utf-8")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_is_one_sitting_and_asks_nobody_else(file):
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 250
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)\S+", text.replace("https:// or", "")) == []


@pytest.mark.parametrize(
    "banned", ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("]
)
def test_data_never_becomes_markup(banned):
    assert not [file.name for file in FILES if banned in file.read_text(encoding="utf-8")]


def test_the_page_obeys_a_strict_content_policy():
    text = (PAGE / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*src=)", text) == []


def test_stages_have_the_colours_of_the_pictures():
    found = re.findall(r"--stage-\d: (#\w{6})", STYLE)
    assert [tuple(bytes.fromhex(one[1:])) for one in found] == list(STAGE_COLORS)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_ink_can_be_read_on_every_paper(scheme):
    roots = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    colours = dict(re.findall(r"--(\w+): (#\w{6})", roots[scheme]))
    for ink, paper in product(("ink", "faint", "accent", "good", "bad"), ("paper", "card", "glow")):
        assert _contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)
    for edge, paper in product(("edge", "together", "video", "text", "accent"), ("paper", "card")):
        assert _contrast(colours[edge], colours[paper]) >= 3, (edge, paper)


def _contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2."""
    dark, light = sorted(map(_luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    linear = [
        v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4
        for v in (b / 255 for b in bytes.fromhex(colour[1:]))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
