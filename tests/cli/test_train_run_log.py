import json

import pytest

from lga.cli.train import LOG, run_log
from lga.errors import LGAError
from lga.training.fit import Resumed
from lga.training.loop import TrainStep
from lga.training.select import ValidationResult


def step(task):
    return TrainStep(task, loss=1.5, contrast=0.5, accuracy=0.25, rate=1e-3)


def result(task):
    return ValidationResult(task=task, head_weight=0.5, accuracy={1: 0.4, 5: 0.6}, mean=0.5)


def written(folder):
    return [(one["event"], one["task"]) for one in map(json.loads, (folder / LOG).read_text().splitlines())]


@pytest.fixture
def half(tmp_path):
    """The log of a run that was cut off after 3 episodes and had saved its state after 2."""
    with run_log(tmp_path, 4, tensorboard=False) as log:
        for event in (step(1), step(2), result(2), step(3)):
            log(event)
    return tmp_path


WHOLE = [("episode", 1), ("episode", 2), ("validation", 2), ("episode", 3), ("episode", 4), ("validation", 4)]


def test_every_event_is_a_line(half):
    first, *_ = (half / LOG).read_text().splitlines()
    assert json.loads(first) == {
        "event": "episode",
        "task": 1,
        "loss": 1.5,
        "contrast": 0.5,
        "accuracy": 0.25,
        "rate": 1e-3,
    }
    assert written(half) == WHOLE[:4]


def test_a_run_that_goes_on_writes_no_line_twice(half, capsys):
    with run_log(half, 4, tensorboard=False) as log:
        for event in (Resumed(2), step(3), step(4), result(4)):
            log(event)
    assert written(half) == WHOLE
    assert "going on after 2 episodes" in capsys.readouterr().err


def test_a_run_that_starts_anew_starts_a_new_log(half):
    with run_log(half, 4, tensorboard=False) as log:
        log(step(1))
    assert written(half) == WHOLE[:1]


@pytest.mark.parametrize("torn", ['{"event": "epi', "\0\0\0\0\n", "[]\n", '{"event": "episode"}\n'])
def test_a_line_that_a_crash_left_damaged_is_taken_off(half, torn):
    lines = (half / LOG).read_text().splitlines(keepends=True)
    (half / LOG).write_text("".join([*lines[:3], torn]))
    with run_log(half, 4, tensorboard=False) as log:
        for event in (Resumed(2), step(3)):
            log(event)
    assert written(half) == WHOLE[:4]


def test_being_killed_while_it_goes_on_loses_no_line(half):
    with run_log(half, 4, tensorboard=False) as log:
        log(Resumed(2))
        assert written(half) == WHOLE[:3], "before anything is closed or flushed"


def test_tensorboard_gets_the_same_numbers(tmp_path):
    with run_log(tmp_path, 4, tensorboard=True) as log:
        log(step(1))
        log(result(1))
    assert list((tmp_path / "tensorboard").iterdir())


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LGAError, match="cannot be written"), run_log(tmp_path / "file" / "in", 4, tensorboard=False):
        pass


def test_tensorboard_in_such_a_place_is_refused_too(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LGAError, match="cannot be written"), run_log(tmp_path / "file" / "in", 4, tensorboard=True):
        pass


@pytest.mark.parametrize("line", [b"\xff", b"[" * 100_000, b'{"task": 1' + b"0" * 400 + b"}", b'{"task": []}'])
def test_a_damaged_line_ends_what_is_kept(half, line):
    data = (half / LOG).read_bytes().splitlines(keepends=True)
    (half / LOG).write_bytes(b"".join([data[0], line + b"\n", *data[1:]]))
    with run_log(half, 4, tensorboard=False) as log:
        log(Resumed(2))
        log(step(3))
    assert written(half) == [("episode", 1), ("episode", 3)]
