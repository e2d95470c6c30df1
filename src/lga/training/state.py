"""The state of an unfinished training run in one file, so that it goes on where it stopped."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from lga.errors import TrainingError
from lga.files import kind_of, write_atomically
from lga.model.checkpoint import fill
from lga.training.select import ValidationResult

NOTES = {"task", "fingerprint", "best"}
CHECKSUM = "sha256"
"""What stands beside the tensors; 0.1.0 wrote no checksum."""


@dataclass(frozen=True, slots=True)
class RunState:
    """A run after `task` episodes, with the best weights so far and what they reached."""

    task: int
    weights: Mapping[str, Tensor]
    momenta: Mapping[str, Tensor]
    """the optimiser's tensors, named PARAMETER.NAME"""
    best: Mapping[str, Tensor]
    best_result: ValidationResult


def write_state(path: Path, fingerprint: str, state: RunState) -> None:
    """Write the state whole or not at all, in one file, so that no crash leaves parts of two states.

    Raises:
        LGAError: the disk is full, or the place cannot be written.
    """
    parts = {"weights": state.weights, "momenta": state.momenta, "best": state.best}
    tensors = {
        f"{part}/{name}": one.detach().cpu().contiguous().clone()
        for part, named in parts.items()
        for name, one in named.items()
    }
    note = {
        "task": str(state.task),
        "fingerprint": fingerprint,
        "best": state.best_result.model_dump_json(),
    }
    write_atomically(path, save(tensors, {**note, CHECKSUM: _checksum(tensors, note)}))


def read_state(path: Path, fingerprint: str) -> RunState | None:
    """The state of the same run, or None if there is none.

    Raises:
        TrainingError: it is damaged or was changed, or is of a run with other settings, clips or software.
    """
    if kind_of(path) != "file":
        return None
    try:
        state, found = _read(path)
    except (SafetensorError, OSError, KeyError, ValueError, RecursionError) as error:
        why = str(error).splitlines()[0] if str(error) else "unreadable"
        raise TrainingError(f"{path}: damaged ({why}); delete it to train from the start") from error
    if found != fingerprint:
        raise TrainingError(
            f"{path}: left by a run with other settings, clips or versions; finish that one, or choose another --out"
        )
    return state


def _read(path: Path) -> tuple[RunState, str]:
    """What a file holds, and the fingerprint of its run.

    Raises:
        ValueError, KeyError, OSError, SafetensorError: it is not what `write_state` wrote.
    """
    with safe_open(path, framework="pt") as file:
        note: dict[str, str] = file.metadata() or {}
        tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    checksum = note.pop(CHECKSUM, None)
    if note.keys() != NOTES:
        raise ValueError(f"its notes are {sorted(note)}, not {sorted(NOTES)}")
    if checksum is not None and checksum != _checksum(tensors, note):
        raise ValueError("its content has changed since it was written")
    parts: dict[str, dict[str, Tensor]] = {"weights": {}, "momenta": {}, "best": {}}
    for name, one in tensors.items():
        part, _, rest = name.partition("/")
        parts[part][rest] = one
        if not bool(one.isfinite().all()):
            raise ValueError(f"{name} holds what is no finite number")
    task, result = int(note["task"]), ValidationResult.model_validate_json(note["best"])
    if not 0 <= result.task <= task:
        raise ValueError(f"{task} episodes, the best moment after {result.task}: there is no such run")
    return RunState(task, parts["weights"], parts["momenta"], parts["best"], result), note["fingerprint"]


def _checksum(tensors: Mapping[str, Tensor], note: Mapping[str, str]) -> str:
    """The sha256 of all that a state says: of the tensors as they would be saved alone, and of the notes."""
    return sha256(json.dumps(note, sort_keys=True).encode() + save(dict(tensors))).hexdigest()


def momenta_of(optimizer: torch.optim.Optimizer, learner: nn.Module) -> dict[str, Tensor]:
    """The optimiser's tensors, named after the parameters that they belong to."""
    state = optimizer.state
    return {
        f"{name}.{kind}": value
        for name, parameter in learner.named_parameters()
        if parameter in state
        for kind, value in state[parameter].items()
        if isinstance(value, Tensor)
    }


def put_back(state: RunState, learner: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Give the learner and its optimiser the state's tensors.

    Raises:
        CheckpointError: the tensors do not fit the learner.
    """
    fill(learner, state.weights, where="the saved state")
    names = dict(learner.named_parameters())
    for key, value in state.momenta.items():
        name, _, kind = key.rpartition(".")
        place = torch.device("cpu") if kind == "step" else names[name].device
        optimizer.state[names[name]][kind] = value.to(place).clone()
