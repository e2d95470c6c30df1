import errno
import os

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from lga.errors import CheckpointError, LGAError, TrainingError
from lga.training.select import ValidationResult
from lga.training.state import RunState, momenta_of, put_back, read_state, write_state

pytestmark = pytest.mark.usefixtures("one_thread")

RESULT = ValidationResult(task=20, head_weight=0.5, accuracy={1: 0.4, 5: 0.6}, mean=0.5)


def trained(seed=0):
    """A learner and its optimiser after some steps."""
    learner, random = nn.Sequential(nn.Linear(3, 5), nn.LayerNorm(5)), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for one in learner.parameters():
            one.copy_(torch.randn(one.shape, generator=random))
    optimizer = torch.optim.AdamW(learner.parameters())
    for _ in range(3):
        step(learner, optimizer, torch.randn(7, 3, generator=random))
    return learner, optimizer


def step(learner, optimizer, rows):
    optimizer.zero_grad()
    learner(rows).square().mean().backward()
    optimizer.step()


@pytest.fixture
def state():
    learner, optimizer = trained()
    weights = learner.state_dict()
    return RunState(
        40, weights, momenta_of(optimizer, learner), {name: one + 1 for name, one in weights.items()}, RESULT
    )


def test_a_state_comes_back_bit_for_bit(tmp_path, state):
    write_state(tmp_path / "state", "key", state)
    found = read_state(tmp_path / "state", "key")
    assert (found.task, found.best_result) == (40, RESULT)
    for one, other in (
        (found.weights, state.weights),
        (found.momenta, state.momenta),
        (found.best, state.best),
    ):
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_what_is_put_back_goes_on_as_if_nothing_had_been(tmp_path):
    (learner, optimizer), (other, fresh) = trained(), trained(seed=1)
    state = RunState(30, learner.state_dict(), momenta_of(optimizer, learner), {}, RESULT)
    write_state(tmp_path / "state", "key", state)
    put_back(read_state(tmp_path / "state", "key"), other, fresh)
    rows = torch.ones(2, 3)
    step(learner, optimizer, rows)
    step(other, fresh, rows)
    for one, same in zip(learner.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, same)


def test_no_state_is_no_trouble(tmp_path):
    assert read_state(tmp_path / "state", "key") is None


def test_the_state_of_another_run_is_refused_and_kept(tmp_path, state):
    write_state(tmp_path / "state", "key", state)
    with pytest.raises(TrainingError, match="left by a run with other settings"):
        read_state(tmp_path / "state", "other")
    assert (tmp_path / "state").is_file()


@pytest.mark.parametrize("cut", [0, 7, 500, -1])
def test_a_damaged_state_is_refused(tmp_path, state, cut):
    write_state(tmp_path / "state", "key", state)
    (tmp_path / "state").write_bytes((tmp_path / "state").read_bytes()[:cut])
    with pytest.raises(TrainingError, match=r"damaged .* delete it to train from the start"):
        read_state(tmp_path / "state", "key")


@pytest.mark.parametrize("note", [None, {"task": "x"}, {"task": "3", "best": "{}"}, {"fingerprint": "key"}], ids=str)
def test_a_state_without_its_notes_is_refused(tmp_path, note):
    save_file({"weights/one": torch.ones(2)}, tmp_path / "state", note)
    with pytest.raises(TrainingError, match="damaged"):
        read_state(tmp_path / "state", "key")


def test_no_flipped_bit_is_taken_for_a_state(tmp_path, state):
    path = tmp_path / "state"
    write_state(path, "key", state)
    data = path.read_bytes()
    for place in range(0, len(data), max(1, len(data) // 400)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :])
        with pytest.raises(TrainingError, match=r"^[^\n]*$"):
            read_state(path, "key")


def rewritten(path, *, change_note=None, change_tensors=None):
    """The file as version 0.1.0 would have written it, without a checksum, with a change."""
    with safe_open(path, framework="pt") as file:
        note = {name: value for name, value in file.metadata().items() if name != "sha256"}
    tensors = load_file(path)
    note.update(change_note or {})
    if change_tensors:
        change_tensors(tensors)
    save_file(tensors, path, note)


def test_a_state_of_the_first_version_has_no_checksum_and_is_read(tmp_path, state):
    write_state(tmp_path / "state", "key", state)
    rewritten(tmp_path / "state")
    assert read_state(tmp_path / "state", "key").task == 40


@pytest.mark.parametrize(
    "change",
    [
        {"change_note": {"task": "-5"}},
        {"change_note": {"task": "19"}},
        {"change_note": {"task": "1" + "0" * 5000}},
        {"change_note": {"best": "[" * 100_000}},
        {"change_note": {"best": RESULT.model_dump_json().replace("20", "1" + "0" * 400)}},
        {"change_note": {"more": "1"}},
        {"change_tensors": lambda tensors: tensors["momenta/0.weight.exp_avg"].fill_(float("nan"))},
        {"change_tensors": lambda tensors: tensors["best/0.weight"].fill_(float("inf"))},
    ],
    ids=range(8),
)
def test_what_no_run_can_have_written_is_refused(tmp_path, state, change):
    write_state(tmp_path / "state", "key", state)
    rewritten(tmp_path / "state", **change)
    with pytest.raises(TrainingError, match=r"damaged \([^\n]+\); delete it to train from the start"):
        read_state(tmp_path / "state", "key")


def test_a_state_of_another_learner_is_refused(tmp_path, state):
    write_state(tmp_path / "state", "key", state)
    learner = nn.Linear(3, 5)
    with pytest.raises(CheckpointError, match="missing"):
        put_back(read_state(tmp_path / "state", "key"), learner, torch.optim.AdamW(learner.parameters()))


def test_a_full_disk_keeps_the_state_before(tmp_path, state, monkeypatch):
    write_state(tmp_path / "state", "key", state)
    before = (tmp_path / "state").read_bytes()

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LGAError, match="No space left on device"):
        write_state(tmp_path / "state", "key", state)
    assert (tmp_path / "state").read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["state"]
    assert load_file(tmp_path / "state")
