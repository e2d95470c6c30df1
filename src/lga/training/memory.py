"""What a training run needs, told before anything is decoded, encoded or trained."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, UntypedStorage

from lga.backbone.clip import Vision, make_vision
from lga.backbone.protocol import Backbone, Space
from lga.config import MethodConfig, TrainConfig
from lga.datasets.manifest import LabelledClip
from lga.model.checkpoint import make_head
from lga.model.head import Head
from lga.training.learner import head_learner, stages_to_train
from lga.training.loop import repeatable

BYTES = 4
"""Of a number in float32, in which weights, features and activations are counted."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run needs on each device, in float32: a lower bound, without what is borrowed while something is computed.

    All but `parameters` are bytes.
    """

    parameters: int
    """numbers that are trained"""
    weights: int
    """the trained weights with their gradients and two momenta, and the frozen tower where a copy of it is trained"""
    features: int
    """of the clips that are encoded beforehand"""
    activations: int
    """the most that is kept at once for the way back through one episode"""

    @property
    def memory(self) -> int:
        """All of it."""
        return self.weights + self.features + self.activations


def reads_features(space: Space, settings: TrainConfig) -> bool:
    """Whether training reads the training clips' features: with a frozen backbone, or to find a narrower head's axes.

    Raises:
        CheckpointError: the width cannot be shared among the heads.
    """
    return not settings.backbone_rate or _untrained(space, settings).adapter.axes is not None


def estimate(
    training: Sequence[LabelledClip],
    validation: Sequence[LabelledClip],
    backbone: Backbone,
    method: MethodConfig,
    settings: TrainConfig,
) -> Estimate:
    """What training on clips, validated on others, needs.

    No clip is opened: one blank picture goes through the tower, an episode of noise through the head.

    Raises:
        BackboneError: this kind of backbone cannot be fine-tuned, though it is to be.
        CheckpointError: the width cannot be shared among the heads.
    """
    trained = sum(one.numel() for one in _untrained(backbone.space, settings).parameters())
    classes = len({clip.label for clip in training})
    frozen, activations = 0, head_activations(backbone.space, classes, method, settings)
    if settings.backbone_rate:
        frozen = sum(one.numel() for one in make_vision(backbone, gradient_checkpointing=False).parameters())
        pictures = settings.ways * (settings.shots + settings.queries) * method.frames
        activations += tower_activations(backbone, pictures, gradient_checkpointing=settings.gradient_checkpointing)
    encoded = len(validation) + (len(training) if reads_features(backbone.space, settings) else 0)
    return Estimate(
        parameters=trained + frozen,
        weights=BYTES * (4 * (trained + frozen) + frozen),
        features=BYTES * encoded * method.frames * backbone.space.dim,
        activations=activations,
    )


def tower_activations(backbone: Backbone, pictures: int, *, gradient_checkpointing: bool) -> int:
    """Bytes that a vision tower keeps for the way back from so many pictures, at the moment when it is most.

    With gradient checkpointing that is every layer's input and, as the way back begins, all that one layer has
    computed again; its layers are taken to be alike.

    Raises:
        BackboneError: this kind of backbone cannot be fine-tuned.
    """
    whole = _of_one_picture(make_vision(backbone, gradient_checkpointing=False))
    if not gradient_checkpointing:
        return pictures * whole
    from transformers.modeling_layers import GradientCheckpointingLayer

    vision = make_vision(backbone, gradient_checkpointing=True)
    layers = sum(isinstance(one, GradientCheckpointingLayer) for one in vision.modules())
    kept = _of_one_picture(vision)
    return pictures * (kept + (whole - kept) // layers)


def head_activations(space: Space, classes: int, method: MethodConfig, settings: TrainConfig) -> int:
    """Bytes that the head and the loss keep for the way back from one episode, drawn from so many classes.

    Raises:
        CheckpointError: the width cannot be shared among the heads.
    """
    random = torch.Generator().manual_seed(settings.seed)
    ways, classes = settings.ways, max(settings.ways, classes)
    clips = torch.arange(ways * (settings.queries + settings.shots))
    asked, shown = clips.split([ways * settings.queries, ways * settings.shots])
    query, support = asked.unflatten(0, (ways, settings.queries)), shown.unflatten(0, (ways, settings.shots))
    label = torch.cat([clips.new_tensor(range(ways)).repeat_interleave(one.shape[1]) for one in (query, support)])
    frames = torch.randn(len(clips), method.frames, space.dim, generator=random)
    sentences = torch.randn(classes, stages_to_train(method), space.dim, generator=random)
    learned = frames.requires_grad_(settings.backbone_rate > 0)
    episode = (learned, label, sentences, sentences[:, 0], torch.arange(ways), query, support)
    learner = head_learner(_untrained(space, settings), method, settings).train()
    with repeatable(settings.seed, 0, torch.device("cpu")):
        return saved_bytes(lambda: learner(*episode)[0], learner.parameters())


def saved_bytes(compute: Callable[[], Tensor], weights: Iterable[Tensor]) -> int:
    """Bytes that autograd keeps of a computation for its way back, each storage once, without the `weights`' own."""
    own = {one.untyped_storage().data_ptr() for one in weights}
    kept: dict[int, UntypedStorage] = {}  # itself, so that none is freed and its place taken by another

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        compute()
    return sum(one.nbytes() for one in kept.values())


def _untrained(space: Space, settings: TrainConfig) -> Head:
    with repeatable(settings.seed, -1, torch.device("cpu")):
        return make_head(space, settings)


def _of_one_picture(vision: Vision) -> int:
    side, device = vision.pictures.preprocessing.crop, next(vision.parameters()).device
    blank = torch.zeros(1, 1, side, side, 3, dtype=torch.uint8, device=device)
    return saved_bytes(lambda: vision(blank), vision.parameters())
