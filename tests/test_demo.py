import io
from dataclasses import FrozenInstanceError

import pytest
from PIL import Image
from rich.console import Console

from lga.config import BackboneConfig
from lga.demo import run_demo
from lga.errors import LGAError
from lga.store.folder import load_actions
from lga.synthetic import render

LABELS = ("pick up", "wave", "put down")
TINY = BackboneConfig(backbone="tiny")
SEED = 314
"""one whose clips are short"""


@pytest.fixture(scope="module", autouse=True)
def _few_pictures():
    """Clips of 10 frames a second instead of 25: drawing them takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(render, "FPS", 10.0)
        yield


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The report, what was printed, and the folder."""
    folder, printed = tmp_path_factory.mktemp("demo") / "new", io.StringIO()
    report = run_demo(
        folder, backbone=TINY, clips=3, seed=SEED, console=Console(file=printed, width=100), labels=LABELS
    )
    return report, printed.getvalue(), folder


def test_every_clip_that_was_not_taught_is_counted_once(ran):
    report, _, _ = ran
    assert [(one.label, one.clips) for one in report.actions] == [(label, 1) for label in LABELS]
    assert report.clips == 3
    assert sum(one.right for one in report.actions) == round(report.accuracy.combined * 3)
    assert report.chance == pytest.approx(1 / 3)


def test_the_figures_are_possible(ran):
    report, _, _ = ran
    for shares in (report.accuracy, *(pair.right for pair in report.pairs)):
        assert all(0 <= share <= 1 for share in (shares.video, shares.text, shares.combined))
    assert 0 < report.border_error < 3
    assert 0 < report.thirds_error < 1


def test_only_a_pair_that_is_there_whole_is_reported(ran):
    report, printed, _ = ran
    assert [(pair.labels, pair.clips) for pair in report.pairs] == [(("pick up", "put down"), 2)]
    assert "sit down" not in printed


def test_within_a_pair_at_least_as_much_is_right_as_among_all(ran):
    report, _, _ = ran
    in_pair = sum(one.right for one in report.actions if one.label != "wave")
    assert report.pairs[0].right.combined * 2 >= in_pair


def test_leaves_everything_in_the_folder(ran):
    report, _, folder = ran
    assert report.folder == folder
    assert sorted(one.name for one in folder.iterdir()) == ["actions", "cache", "clips", "decision.png"]
    taught = load_actions(folder / "actions")
    assert taught.labels == LABELS
    assert len(taught.examples) == 6
    with Image.open(folder / "decision.png") as picture:
        assert picture.width == 1280


def test_prints_plain_text_that_ends_with_what_to_type(ran):
    _, printed, folder = ran
    assert "\x1b" not in printed
    assert str(folder / "decision.png") in printed
    assert printed.rstrip().endswith("lga teach my_clips/ --out my_actions/\n  lga recognize my_actions/ new_clip.mp4")
    assert all(f"{label} " in printed for label in LABELS)


def test_a_second_run_gives_the_same_report_and_a_terminal_sees_bars(ran):
    report, _, folder = ran
    printed = io.StringIO()
    console = Console(file=printed, force_terminal=True, width=120)
    again = run_demo(folder, backbone=TINY, clips=3, seed=SEED, console=console, labels=LABELS)
    assert again == report
    assert "━" in printed.getvalue()
    assert "9/9" in printed.getvalue()
    with pytest.raises(FrozenInstanceError):
        again.chance = 1.0


@pytest.mark.parametrize(("clips", "labels"), [(2, LABELS), (3, LABELS[:1])])
def test_too_little_to_learn_from_is_refused(clips, labels, tmp_path):
    with pytest.raises(LGAError, match="at least 2 actions and 3 clips"):
        run_demo(tmp_path, backbone=TINY, clips=clips, console=Console(file=io.StringIO()), labels=labels)
    assert not list(tmp_path.iterdir())
