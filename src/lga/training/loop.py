"""Episodic training, written out: the loop yields what happened, and its caller prints, selects and saves."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from math import cos, pi

import torch
from jaxtyping import Int
from lightning_fabric import Fabric
from torch import Tensor, nn

from lga.config import TrainConfig
from lga.errors import TrainingError
from lga.methods.protocol import Dataset, Tasks

Supply = Callable[[Iterable[tuple[int, Int[Tensor, " clips"]]]], Iterator[Tensor]]
"""Episodes' numbers and clips, to what the learner reads of each, in order: features or pixels."""


@dataclass(frozen=True, slots=True)
class TrainStep:
    """One episode of training."""

    task: int
    """how many episodes are done"""
    loss: float
    contrast: float
    """the contrastive part of the loss, before weighing"""
    accuracy: float
    """share of the episode's queries that were right, 0 to 1"""
    rate: float
    """learning rate of the head"""


def make_optimizer(learner: nn.Module, settings: TrainConfig) -> torch.optim.Optimizer:
    """Two groups of parameters: the head, and the vision tower with its own learning rate, if it is trained."""
    named = [(name, one) for name, one in learner.named_parameters() if one.requires_grad]
    groups = [
        {"params": [one for name, one in named if not name.startswith("vision.")], "lr": settings.learning_rate},
        {"params": [one for name, one in named if name.startswith("vision.")], "lr": settings.backbone_rate},
    ]
    family = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[settings.optimizer]
    return family([one for one in groups if one["params"]], weight_decay=settings.weight_decay)


def rate_at(step: int, settings: TrainConfig) -> float:
    """The share of the learning rate that a step of the optimiser gets: a linear rise, then level or a cosine to 0."""
    steps = max(1, settings.tasks // settings.accumulate)
    rise = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0
    return rise * (0.5 * (1 + cos(pi * step / steps)) if settings.schedule == "cosine" else 1.0)


def train(
    learner: nn.Module,
    optimizer: torch.optim.Optimizer,
    tasks: Tasks,
    supply: Supply,
    dataset: Dataset,
    settings: TrainConfig,
    fabric: Fabric,
    *,
    start: int = 0,
) -> Iterator[TrainStep]:
    """Train on the episodes of `tasks` from number `start` on; each process yields after each of its own episodes.

    `supply` gives what the learner reads of the clips; of `dataset` only the classes and their texts are read. A step
    of the optimiser takes `accumulate` episodes, shared evenly among the processes. Everything random in an episode
    (dropout, augmentation) depends on the seed and the episode's number alone, so that a run that was interrupted and
    goes on from the end of a step ends with the same weights.

    Raises:
        TrainingError: the loss is not a finite number, or the processes cannot share the episodes of a step.

    Source: LGA (arXiv:2507.16287), "Training"; CLIP-FSAR (arXiv:2303.02982) for accumulation over tasks.
    """
    world, rank, each = fabric.world_size, fabric.global_rank, settings.accumulate
    if each % world:
        raise TrainingError(f"{world} processes cannot share {each} episodes a step; set --accumulate to a multiple")
    text = dataset.sentences.to(fabric.device), dataset.names.to(fabric.device)
    numbers = range(start + rank, settings.tasks - settings.tasks % each, world)
    for number, seen in zip(numbers, supply((one, _clips(tasks, one)[0]) for one in numbers), strict=True):
        query, support = tasks.query[number], tasks.support[number]
        mine, place = _clips(tasks, number)
        asked, shown = place.split([query.numel(), support.numel()])
        last = number % each >= each - world
        waiting = nullcontext() if last else fabric.no_backward_sync(learner)  # pyright: ignore[reportArgumentType]
        with waiting, repeatable(settings.seed, number, fabric.device):
            loss, contrast, accuracy = learner(
                seen.to(fabric.device),
                dataset.label[mine].to(fabric.device),
                *text,
                tasks.classes[number].to(fabric.device),
                asked.unflatten(0, query.shape).to(fabric.device),
                shown.unflatten(0, support.shape).to(fabric.device),
            )
            if not bool(loss.isfinite()):
                raise TrainingError(
                    f"the loss of episode {number} is not a finite number; lower --learning-rate or use --arithmetic "
                    "32-true; the last saved state is kept"
                )
            fabric.backward(loss * world / each)
        share = rate_at(number // each, settings)
        if last:
            rates = settings.learning_rate, settings.backbone_rate
            for group, rate in zip(optimizer.param_groups, rates, strict=False):
                group["lr"] = rate * share
            if settings.clip_norm:
                fabric.clip_gradients(learner, optimizer, max_norm=settings.clip_norm, error_if_nonfinite=False)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        done = number - rank + world
        yield TrainStep(done, loss.item(), contrast.item(), accuracy.item(), settings.learning_rate * share)


def _clips(tasks: Tasks, number: int) -> tuple[Int[Tensor, " clips"], Int[Tensor, " places"]]:
    """The clips of an episode, each once, and for every query and example, in order, its place among them."""
    places = torch.cat([tasks.query[number].flatten(), tasks.support[number].flatten()])
    return places.unique(return_inverse=True)


@contextmanager
def repeatable(seed: int, number: int, device: torch.device) -> Generator[None]:
    """Dropout knows only torch's global generators: seed them for one episode, then put them back."""
    own = device.type not in ("cpu", "mps")  # Apple's generator cannot be forked
    with torch.random.fork_rng([device] if own else [], device_type=device.type if own else "cuda"):
        torch.manual_seed((seed * 1_000_003 + number) % 2**63)
        yield
