from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lga.actions import Actions
from lga.anatomy.schema import Anatomy, Stage
from lga.backbone.tiny import TinyBackbone
from lga.config import BackboneConfig, MethodConfig
from lga.errors import LGAError
from lga.explain.picture import RIGHT, WRONG, draw_decision
from lga.explain.strip import EMPTY, STAGE_COLORS, WIDTH
from lga.recognition import Candidate, Recognition, StageReport, prepare
from lga.taught import Example

SPACE = TinyBackbone().space
FILM = (0, 200, 255)
ORDER = ("First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth")


@pytest.fixture(scope="module")
def clip(write_video, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "film.mp4"
    frames = np.full((11, 48, 64, 3), FILM, np.uint8)
    return write_video(path, frames)


def decide(clip, *, label="sit down", frames=8, stages=3, rivals=("wave", "jump")) -> tuple[Recognition, Actions]:
    """A made-up decision about a clip of 1.1 seconds whose example is the clip itself."""
    told = tuple(Stage(sentence=f"{word} one bends the knees, lowering the body.") for word in ORDER[:stages])
    anatomies = tuple(Anatomy(label=one, stages=told, origin="template") for one in (label, *rivals))
    times = tuple((number + 0.5) * 1.1 / frames for number in range(frames))
    actions = Actions(
        backbone=BackboneConfig(backbone="tiny"),
        identity="tiny",
        method=MethodConfig(frames=frames, stages=stages, segmenter="cluster" if frames < 20 else "hard"),
        anatomies=anatomies,
        text=torch.ones(len(anatomies), stages, SPACE.dim),
        examples=(Example(label=anatomies[0].label, path=str(clip), digest="0", times=times, duration=1.1),),
        frames=torch.randn(1, frames, SPACE.dim, generator=torch.Generator().manual_seed(3)),
    )
    frame_stage = tuple(number * stages // frames for number in range(frames))
    share = 1 / stages
    reports = [
        StageReport(1.1 * share * number, 1.1 * share * (number + 1), sentence, 0.31)
        for number, sentence in enumerate(anatomies[0].sentences)
    ]
    recognition = Recognition(
        path=Path(clip),
        duration=1.1,
        candidates=tuple(Candidate(one.label, 0.5, 0.4, 1.0) for one in anatomies),
        stages=tuple(reports),
        best_example=str(clip),
        best_distance=1.7,
        frame_stage=frame_stage,
        times=times,
    )
    return recognition, actions


def drawn(tmp_path, recognition, actions, **more) -> np.ndarray:
    draw_decision(recognition, prepare(actions, SPACE), tmp_path / "decision.png", **more)
    with Image.open(tmp_path / "decision.png") as picture:
        assert picture.format == "PNG"
        return np.array(picture)


def count(picture, color, near=0) -> int:
    return int((np.abs(picture.astype(int) - color).max(-1) <= near).sum())


def test_shows_both_clips_in_the_colours_of_their_stages(clip, tmp_path):
    picture = drawn(tmp_path, *decide(clip))
    assert picture.shape[1] == WIDTH
    assert 500 < picture.shape[0] < 1200
    assert count(picture, FILM, near=40) > 2 * 8 * 100 * 90
    assert all(count(picture, color) > 2000 for color in STAGE_COLORS[:3])
    assert count(picture, STAGE_COLORS[3]) == 0
    assert count(picture, RIGHT) == count(picture, WRONG) == 0


def test_says_whether_it_was_right(clip, tmp_path):
    recognition, actions = decide(clip)
    assert count(drawn(tmp_path, recognition, actions, truth="SitDown"), RIGHT) > 100
    assert count(drawn(tmp_path, recognition, actions, truth="wave"), WRONG) > 100


def test_a_clip_that_has_moved_becomes_grey_tiles(clip, tmp_path):
    recognition, actions = decide(clip)
    gone = actions.examples[0].model_copy(update={"path": "/nowhere/film.mp4"})
    full = drawn(tmp_path, recognition, actions)
    half = drawn(tmp_path, replace(recognition, best_example=gone.path), replace(actions, examples=(gone,)))
    none = drawn(tmp_path, replace(recognition, path=Path("/nowhere/new.mp4")), actions)
    assert half.shape == none.shape == full.shape
    assert count(half, EMPTY) > count(full, EMPTY) + 8 * 100 * 80
    assert count(half, FILM, near=40) == pytest.approx(count(full, FILM, near=40) / 2, rel=0.1)


def test_a_damaged_clip_does_not_stop_the_picture(clip, tmp_path):
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(clip.read_bytes()[:300])
    recognition, actions = decide(clip)
    assert count(drawn(tmp_path, replace(recognition, path=damaged), actions), EMPTY) > 8 * 100 * 80


@pytest.mark.parametrize(("frames", "stages"), [(1, 1), (2, 2), (5, 5), (13, 5), (61, 1), (256, 4)])
def test_any_number_of_frames_and_stages_fits(frames, stages, clip, tmp_path):
    picture = drawn(tmp_path, *decide(clip, frames=frames, stages=stages))
    assert picture.shape[1] == WIDTH
    assert all(count(picture, color) > 500 for color in STAGE_COLORS[:stages])
    assert count(picture[:, -30:], (255, 255, 255)) == picture[:, -30:, 0].size


@pytest.mark.parametrize(
    "label", ["坐下", "s'asseoir à côté", "🏃 run", "قفز", "x" * 200, "pick " * 39, "a\u0301\u200dz", "[bold]jump[/]"]
)
def test_any_label_can_be_drawn(label, clip, tmp_path):
    recognition, actions = decide(clip, label=label)
    picture = drawn(tmp_path, recognition, actions, truth=label)
    assert picture.shape[0] < 1200
    assert count(picture[:, -30:], (255, 255, 255)) == picture[:, -30:, 0].size


def test_a_name_that_no_text_can_hold_is_drawn(clip, tmp_path):
    recognition, actions = decide(clip)
    drawn(tmp_path, replace(recognition, path=Path("no\udcffsuch\n\x1b[31mclip.mp4")), actions)


def test_without_examples_the_words_stand_alone(clip, tmp_path):
    recognition, actions = decide(clip, rivals=())
    alone = replace(actions, examples=(), frames=actions.frames[:0])
    picture = drawn(tmp_path, replace(recognition, best_example=None, best_distance=None), alone)
    assert picture.shape[0] < drawn(tmp_path, recognition, actions).shape[0]


def test_a_place_that_cannot_be_written_is_named(clip, tmp_path):
    (tmp_path / "file").touch()
    recognition, actions = decide(clip)
    with pytest.raises(LGAError, match="cannot be written"):
        draw_decision(recognition, prepare(actions, SPACE), tmp_path / "file" / "decision.png")
