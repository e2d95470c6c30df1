import re
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from lga.explain.explanation import FrameMap, FrameMatch
from lga.explain.heatmap import CELL, FARTHEST, NEAR, PAPER, arrange_heatmap, draw_heatmap, matched_pairs
from lga.explain.markup import css_color, render
from lga.explain.strip import FrameTiles, stage_color

pytestmark = pytest.mark.usefixtures("one_thread")
HOSTILE = "</title><script>'&"


def planted(tmp_path, count, matches=()):
    """A map with the least distance, 0, in its first cell; the clips are gone."""
    distance = torch.full((count, count), 0.5)
    distance[0, 0], distance[-1, -1] = 0.0, 1.0
    stage = tuple(number * 3 // count for number in range(count))
    times = tuple(0.1 * number for number in range(count))
    clip = FrameTiles(tmp_path / "gone.mp4", times, stage, (0.0, 0.1, 0.2, 0.3))
    shared = torch.ones(count, count, dtype=torch.bool)
    return FrameMap(distance, shared, tuple(matches)), clip, clip


def count_pixels(picture, color):
    return int((np.array(picture) == color).all(-1).sum())


def test_near_and_far_have_their_colours_and_stages_theirs(tmp_path):
    picture = draw_heatmap(*planted(tmp_path, 8))
    far = tuple(round(paper + (near - paper) * FARTHEST) for paper, near in zip(PAPER, NEAR, strict=True))
    for color in (NEAR, far):
        assert count_pixels(picture, color) > CELL**2 / 2
    assert all(count_pixels(picture, stage_color(stage)) > 0 for stage in range(3))
    assert count_pixels(picture, PAPER) > 0


def test_a_match_is_marked_where_it_is(tmp_path):
    bare = draw_heatmap(*planted(tmp_path, 8))
    marked = draw_heatmap(*planted(tmp_path, 8, [FrameMatch(2, 5, 1, 0.5, True), FrameMatch(6, 1, 1, 0.5, False)]))
    rows, columns = np.nonzero((np.array(bare) != np.array(marked)).any(-1))
    first = rows < rows.mean()
    assert np.ptp(rows[first]) < CELL
    assert np.ptp(columns[first]) < CELL
    assert columns[first].mean() - columns[~first].mean() == pytest.approx(4 * CELL, abs=2)
    assert rows[~first].mean() - rows[first].mean() == pytest.approx(4 * CELL, abs=2)


def test_many_frames_still_fit(tmp_path):
    picture = draw_heatmap(*planted(tmp_path, 256, [FrameMatch(0, 0, 0, 0.0, True)]))
    assert max(picture.size) < 1400


def test_equal_distances_are_drawn(tmp_path):
    seen, clip, example = planted(tmp_path, 3)
    flat = FrameMap(torch.ones(3, 3), torch.zeros(3, 3, dtype=torch.bool), ())
    assert draw_heatmap(flat, clip, example).size == draw_heatmap(seen, clip, example).size


def test_a_pair_matched_both_ways_is_one_pair():
    matches = [FrameMatch(1, 2, 0, 0.3, True), FrameMatch(1, 2, 0, 0.3, False), FrameMatch(0, 1, 0, 0.1, False)]
    assert matched_pairs(matches) == {(0, 1): (False, True), (1, 2): (True, True)}


def svg(tmp_path, count, matches=()):
    """The drawing of the page, as its parser reads it."""
    heatmap = arrange_heatmap(*planted(tmp_path, count, matches))
    page = render("heatmap.html", map=heatmap, label=HOSTILE)
    return ElementTree.fromstring(
        re.sub(r"class=(\w+)", r'class="\1"', page[page.index("<svg") : page.index("</svg>") + 6])
    )


def test_the_page_s_drawing_holds_what_the_picture_holds(tmp_path):
    matches = [FrameMatch(2, 5, 1, 0.5, True), FrameMatch(6, 1, 1, 0.5, False)]
    heatmap = arrange_heatmap(*planted(tmp_path, 8, matches))
    drawing = svg(tmp_path, 8, matches)
    shades = {path.get("fill-opacity"): path.get("d").count("z") for path in drawing.iterfind("g[@class='cells']/path")}
    assert shades == {"1.0": 1, "0.56": 62, "0.12": 1}
    numbers = [text.text for text in drawing.iterfind("g[@class='numbers']/text")]
    assert numbers == [f"{one:.2f}" for one in planted(tmp_path, 8)[0].distance.flatten().tolist()]
    bars = [rect.get("fill") for rect in drawing.iterfind("rect") if rect.get("fill")]
    assert bars == [css_color(stage_color(stage)) for stage in 2 * (0, 0, 0, 1, 1, 1, 2, 2)]
    dot, ring = drawing.findall("circle[@class='dot']"), drawing.findall("circle[@class='halo']")
    at = [(float(one[0].get("cx")), float(one[0].get("cy"))) for one in (dot, ring)]
    assert len(dot) == len(ring) == 1
    assert at[0][0] - at[1][0] == at[1][1] - at[0][1] == 4 * CELL
    assert heatmap.left < at[1][0] < at[0][0] < heatmap.width


def test_the_page_s_drawing_says_what_it_shows_and_fits_any_width(tmp_path):
    drawing = svg(tmp_path, 8)
    assert HOSTILE in drawing.findtext("title")
    assert "smallest distance is 0.00, the largest 1.00" in drawing.findtext("desc")
    assert drawing.get("width") is None
    _, _, width, height = map(int, drawing.get("viewBox").split())
    for rect in drawing.iterfind("rect"):
        assert 0 <= int(rect.get("x")) <= width - int(rect.get("width"))
        assert 0 <= int(rect.get("y")) <= height - int(rect.get("height"))


def test_the_page_s_drawing_of_many_frames_has_no_numbers(tmp_path):
    drawing = svg(tmp_path, 64)
    assert drawing.findall("g[@class='numbers']/text") == []
    assert len(drawing.findall("g[@class='cells']/path")) == 3
