import numpy as np
import pytest
import torch

from lga.explain.explanation import FrameMap, FrameMatch
from lga.explain.heatmap import CELL, DARK, LIGHT, draw_heatmap, matched_pairs
from lga.explain.strip import FrameTiles, stage_color

pytestmark = pytest.mark.usefixtures("one_thread")


def planted(tmp_path, count, matches=()):
    """A map with the least distance, 0, in its first cell; the clips are gone."""
    distance = torch.full((count, count), 0.5)
    distance[0, 0], distance[-1, -1] = 0.0, 1.0
    stage = tuple(number * 3 // count for number in range(count))
    times = tuple(0.1 * number for number in range(count))
    frames_shown = FrameTiles(tmp_path / "gone.mp4", times, stage, (0.0, 0.1, 0.2, 0.3))
    shared = torch.ones(count, count, dtype=torch.bool)
    return FrameMap(distance, shared, tuple(matches)), frames_shown, frames_shown


def count_pixels(picture, color):
    return int((np.array(picture) == color).all(-1).sum())


@pytest.mark.parametrize("shades", [LIGHT, DARK])
def test_near_and_far_have_their_colours_and_stages_theirs(tmp_path, shades):
    picture = draw_heatmap(*planted(tmp_path, 8), shades=shades)
    for color in (shades.near, shades.far):
        assert count_pixels(picture, color) > CELL**2 / 2
    assert all(count_pixels(picture, stage_color(stage)) > 0 for stage in range(3))
    assert count_pixels(picture, shades.paper) > 0


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
