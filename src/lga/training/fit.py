"""From training clips and validation clips to a trained head or peer, as it was at the best moment of the run."""

from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Generic, TypeVar

import torch
from jaxtyping import Int
from lightning_fabric import Fabric
from torch import Tensor, nn

from lga.backbone.protocol import Space
from lga.config import MethodConfig, ProtocolConfig, TrainConfig
from lga.datasets.episodes import Episodes, plan_episodes
from lga.evaluation.dataset import LoadedDataset
from lga.methods.lga import Matrix, pairwise_matrix
from lga.methods.protocol import Dataset, Method, Tasks
from lga.model.checkpoint import fill, make_head
from lga.model.head import Adapter, Head
from lga.training.learner import Adapted, Learner, head_learner
from lga.training.loop import Supply, TrainStep, make_optimizer, repeatable, train
from lga.training.select import (
    Trial,
    ValidationResult,
    choice_episodes,
    choose_head_weight,
    choose_text,
    mixed,
    try_method,
    try_out,
    validation_result,
)
from lga.training.state import RunState, momenta_of, put_back, read_state, write_state


@dataclass(frozen=True, slots=True)
class Pixels:
    """Where fine-tuning takes pixels from, in place of cached features."""

    vision: nn.Module
    supply: Supply
    validation: Callable[[], Dataset]
    """the validation clips through the vision tower as it stands"""


@dataclass(frozen=True, slots=True)
class Resumed:
    """The run goes on from a saved state."""

    task: int


Part = TypeVar("Part", bound=nn.Module)


@dataclass(frozen=True, slots=True)
class Fitted(Generic[Part]):
    """The chosen module, in evaluation mode, and why it was chosen."""

    part: Part
    vision: dict[str, Tensor]
    """weights of the fine-tuned vision tower; empty where it is frozen"""
    chosen: ValidationResult
    untrained: ValidationResult
    method: MethodConfig
    """with the text's weight and the temperature as chosen"""


@dataclass(frozen=True, slots=True)
class Run:
    """The settings of a run, and where and to whom it reports, whatever is trained."""

    settings: TrainConfig
    fabric: Fabric = field(default_factory=lambda: Fabric(accelerator="cpu", devices=1))
    state: Path | None = None
    """where an unfinished run is kept; it goes on from there"""
    tell: Callable[[TrainStep | ValidationResult | Resumed], object] = field(default=lambda event: None)
    """is called with everything that happens"""


def fit_head(
    training: LoadedDataset,
    validation: LoadedDataset,
    method: MethodConfig,
    run: Run,
    *,
    pixels: Pixels | None = None,
) -> Fitted[Head]:
    """Train LGA's head; keep the moment and the head weight that do best by the video match on validation classes.

    If the trained head does not clearly beat the training-free method there, its weight is 0. Text weight and
    temperature are chosen last, on the same classes. With `pixels` the training clips need no features, unless the
    head narrows them.

    Raises:
        ManifestError: training or validation classes cannot fill the episodes.
        TrainingError: the loss is not finite, or the saved state belongs to another run.
        CheckpointError: the width cannot be shared among the heads.
    """
    settings = run.settings
    with repeatable(settings.seed, -1, torch.device("cpu")):
        head = make_head(training.dataset.space, settings)
    head.adapter.fit_axes(training.dataset.frames, seed=settings.seed)
    episodes = _episodes(validation, settings)
    learner = head_learner(head, method, settings, pixels.vision if pixels else None)
    frozen = pairwise_matrix(validation.dataset, method)
    untrained = try_out(frozen, episodes, method)
    first = validation_result(0, 0.0, untrained)

    def matrices() -> tuple[Matrix, Matrix]:
        head.head_weight, dataset = 1.0, pixels.validation() if pixels else validation.dataset
        learned = pairwise_matrix(_on(run.fabric.device, dataset), method, head=head)
        own = pairwise_matrix(dataset, method) if pixels else frozen
        table = replace(own.table, distance=learned.table.distance.cpu(), similarity=learned.table.similarity.cpu())
        return own, replace(own, table=table)

    key = _key(training, validation, settings, method)
    supply = pixels.supply if pixels else None
    best = _train(learner, lambda: choose_head_weight(*matrices(), episodes, method), training, run, first, key, supply)
    with torch.no_grad():
        matrix = mixed(*matrices(), best.head_weight)
    if not try_out(matrix, episodes, method).clearly_beats(untrained):
        best, matrix = first, frozen
    head.head_weight = best.head_weight
    vision = _copy(pixels.vision) if pixels and best.head_weight else {}
    return Fitted(_done(head), vision, best, first, choose_text(matrix, episodes, method))


def fit_method(
    build: Callable[[Space], Method], training: LoadedDataset, validation: LoadedDataset, run: Run
) -> Fitted[Adapted]:
    """Train a peer, behind an adapter of its own, and keep the moment that did best on the validation classes.

    `build` is given the adapted space. The untrained peer is one of the candidates.

    Raises:
        ManifestError: training or validation classes cannot fill the episodes.
        TrainingError: the loss is not finite, or the saved state belongs to another run.
    """
    settings = run.settings
    with repeatable(settings.seed, -1, torch.device("cpu")):
        adapter = Adapter(training.dataset.space, settings.width)
        adapted = Adapted(adapter, build(adapter.beside_meaning))
    adapter.fit_axes(training.dataset.frames, seed=settings.seed)
    episodes = _episodes(validation, settings)

    def validate() -> tuple[float, Trial]:
        here = deepcopy(adapted).cpu()  # a peer's tables stay where the clips are, whatever device it is trained on
        return 1.0, try_method(here(validation.dataset), episodes)

    with torch.no_grad():
        first = validation_result(0, *validate())
    key = _key(training, validation, settings)
    learner = Learner(adapted, adapter, contrast=settings.contrast, scale=settings.contrast_scale)
    best = _train(learner, validate, training, run, first, key)
    return Fitted(_done(adapted), {}, best, first, MethodConfig())


def _train(
    learner: Learner,
    validate: Callable[[], tuple[float, Trial]],
    training: LoadedDataset,
    run: Run,
    first: ValidationResult,
    key: str,
    supply: Supply | None = None,
) -> ValidationResult:
    """Train to the end, from the saved state if there is one, and leave the learner with its best weights."""
    settings, dataset, fabric = run.settings, training.dataset, run.fabric
    optimizer, best, start, kept = make_optimizer(learner, settings), first, 0, _copy(learner)
    saved = read_state(run.state, key) if run.state is not None else None
    wrapped, stepping = fabric.setup(learner, optimizer)
    if saved is not None:
        put_back(saved, learner, optimizer)  # onto the devices that the set-up has chosen
        best, start, kept = saved.best_result, saved.task, dict(saved.best)
        run.tell(Resumed(start))
    supply = supply or partial(_features, dataset)
    last = settings.tasks - settings.tasks % settings.accumulate
    for step in train(
        wrapped.train(), stepping, _tasks(training, settings), supply, dataset, settings, fabric, start=start
    ):
        run.tell(step)
        if step.task % settings.validate_every and step.task != last:
            continue
        learner.eval()
        with torch.no_grad():
            found = validation_result(step.task, *validate())
        learner.train()
        run.tell(found)
        if found.mean > best.mean:
            best, kept = found, _copy(learner)
        if run.state is not None and fabric.is_global_zero:
            momenta = momenta_of(optimizer, learner)
            write_state(run.state, key, RunState(step.task, _copy(learner), momenta, kept, best))
    fill(learner, kept, where="the best moment")
    learner.eval()
    return best


def _episodes(validation: LoadedDataset, settings: TrainConfig) -> dict[int, Episodes]:
    return choice_episodes(validation.label, validation.group, settings, count=settings.validation_episodes)


def _features(dataset: Dataset, plan: Iterable[tuple[int, Int[Tensor, " clips"]]]) -> Iterator[Tensor]:
    return (dataset.frames[clips] for _, clips in plan)


def _done(part: Part) -> Part:
    """Ready to be used, and not to be trained."""
    return part.eval().cpu().requires_grad_(False)


def _on(device: torch.device, dataset: Dataset) -> Dataset:
    there = [one.to(device) for one in (dataset.frames, dataset.label, dataset.sentences, dataset.names)]
    return Dataset(there[0], there[1], there[2], there[3], dataset.space)


def _tasks(training: LoadedDataset, settings: TrainConfig) -> Tasks:
    protocol = ProtocolConfig(
        ways=settings.ways,
        shots=settings.shots,
        queries=settings.queries,
        episodes=max(2, settings.tasks),
        seed=settings.seed,
        source_disjoint=settings.source_disjoint and training.group is not None,
    )
    return Tasks.of(plan_episodes(training.label, training.group, protocol))


def _copy(module: nn.Module) -> dict[str, Tensor]:
    return {name: one.detach().cpu().clone() for name, one in module.state_dict().items()}


def _key(training: LoadedDataset, validation: LoadedDataset, *settings: TrainConfig | MethodConfig) -> str:
    """What a saved state must agree with: every setting, torch, and the clips' features (or content) and classes."""
    key = sha256("".join([torch.__version__, *(_settled(one) for one in settings)]).encode())
    for loaded in (training, validation):
        dataset = loaded.dataset
        if not dataset.frames.numel():
            key.update("".join(loaded.digests).encode())
        for tensor in (dataset.frames, dataset.label, dataset.sentences, dataset.names):
            key.update(tensor.contiguous().numpy().tobytes())
    return key.hexdigest()


def _settled(settings: TrainConfig | MethodConfig) -> str:
    """The settings as JSON, without those that leave everything as it was before there were such settings."""
    then: set[str] = set()
    if isinstance(settings, MethodConfig):
        then |= {"motion", "motion_weight"} if settings.motion == "none" else set()
        then |= {"head"} if settings.head == "none" else set()
    return settings.model_dump_json(exclude=then)
