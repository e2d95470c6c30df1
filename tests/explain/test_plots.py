from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from lga.errors import LGAError
from lga.explain import plots
from lga.explain.plots import draw_confusion, draw_curves, require_plots

LINE = [(1.0, 0.5, 0.02), (2.0, 0.6, 0.01), (5.0, 0.7, 0.01)]


def pixels(data):
    with Image.open(BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def has(data, color):
    wanted = [int(color[at : at + 2], 16) for at in (1, 3, 5)]
    return (np.abs(pixels(data) - wanted).sum(-1) < 8).sum() > 50


def test_every_line_is_drawn_in_its_own_colour():
    both = draw_curves({"video": LINE, "text": LINE[::-1]}, title="t", along="x")
    one = draw_curves({"video": LINE}, title="t", along="x", chance=[(1.0, 0.2), (5.0, 0.2)], mark=2.0)
    assert has(both, plots.COLORS["video"])
    assert has(both, plots.COLORS["text"])
    assert not has(one, plots.COLORS["text"])


def test_a_right_answer_is_dark_and_a_missing_one_light():
    right, wrong = (pixels(draw_confusion(np.eye(3, dtype=int)[order] * 9, list("abc"), title="t")) for order in
                    ([0, 1, 2], [2, 1, 0]))  # fmt: skip
    assert right.shape == wrong.shape
    assert (right != wrong).any()
    dark = (right.sum(-1) < 250).sum()
    assert dark > 3 * 20 * 20


@pytest.mark.parametrize("classes", [1, 70])
def test_few_and_many_classes_with_odd_names_fit(classes):
    labels = [f"$_{number}^[x] ü" for number in range(classes)]
    height, width, _ = pixels(draw_confusion(np.zeros((classes, classes), int), labels, title="t")).shape
    assert max(height, width) <= 30 * plots.DPI


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(plots, "find_spec", lambda _: None)
    with pytest.raises(LGAError, match=r"lga\[research\]"):
        require_plots()
