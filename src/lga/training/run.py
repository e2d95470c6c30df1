"""From manifests to a checkpoint: what is trained on what, chosen where, and written down."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import torch
from einops import rearrange
from lightning_fabric import Fabric

from lga.backbone.clip import make_vision, with_vision
from lga.backbone.precision import choose_device
from lga.backbone.protocol import Backbone
from lga.backbone.vision import Vision
from lga.config import BackboneConfig, MethodConfig, TrainConfig
from lga.errors import ManifestError, TrainingError
from lga.evaluation.dataset import LoadedDataset
from lga.evaluation.leakage import read_seen_clips
from lga.evaluation.outcome import run_episodes
from lga.evaluation.statistics import Interval, accuracy, paired_difference
from lga.labels import lookup_key, printable, quote
from lga.methods.lga import lga_scorer, pairwise_matrix
from lga.methods.protocol import Dataset
from lga.model.checkpoint import CheckpointRecord, Provenance, Selection, record_head
from lga.model.head import Head
from lga.model.pretrained import portable
from lga.model.task import MATCHES, Match
from lga.training.fit import Fitted, Pixels, Run, fit_head
from lga.training.pixels import TrainingClips
from lga.training.select import choice_episodes
from lga.video.clip import read_clip
from lga.video.transform import Augmentation

CLIPS_AT_ONCE = 8
TEST_EPISODES = 10_000


def make_fabric(device: str, devices: int, arithmetic: Literal["32-true", "bf16-mixed", "16-mixed"]) -> Fabric:
    """Start the processes of a training run; each of them continues from this call.

    Raises:
        TrainingError: there are not so many devices.
    """
    kind = choose_device(device).type
    try:
        fabric = Fabric(
            accelerator=kind, devices=devices, precision=arithmetic, strategy="ddp" if devices > 1 else "auto"
        )
        fabric.launch()
    except (RuntimeError, ValueError) as error:
        raise TrainingError(f"training cannot start on {devices} x {kind}: {str(error).splitlines()[0]}") from error
    return fabric


@dataclass(frozen=True, slots=True)
class Splits:
    """The clips of a training run; no class and no clip is in two of the three."""

    train: LoadedDataset
    validation: LoadedDataset
    manifest: Path


def refuse_shared_classes(train: Iterable[str], others: Iterable[str]) -> None:
    """Refuse classes that are both trained on and chosen or tested with, however they are spelt.

    Raises:
        ManifestError: there are some; the first is named.
    """
    other = {lookup_key(label) for label in others}
    both = sorted(label for label in train if lookup_key(label) in other)
    if both:
        raise ManifestError(
            f"the class {quote(both[0])} is in two of the splits; `lga data check` lists such rows, --fix removes them"
        )


def refuse_shared(train: LoadedDataset, others: Sequence[LoadedDataset]) -> None:
    """Refuse classes or clips that are both trained on and chosen or tested with.

    Raises:
        ManifestError: there are some; the first is named.
    """
    for other in others:
        refuse_shared_classes(train.labels, other.labels)
        both = set(train.digests) & set(other.digests)
        if both:
            paths = [clip.path for clip, one in zip(train.clips, train.digests, strict=True) if one in both]
            raise ManifestError(
                f"{printable(paths[0])} is in two of the splits; `lga data check` lists such rows, --fix removes them"
            )


def train_head(
    splits: Splits, backbone: Backbone, config: BackboneConfig, method: MethodConfig, run: Run
) -> tuple[Fitted[Head], CheckpointRecord]:
    """Train on one split, choose on the other, and describe both in a record that is ready to be saved.

    Raises:
        LGAError: see `fit_head`; a backbone that cannot be fine-tuned is a BackboneError.
    """
    settings = run.settings
    pixels = _pixels(splits, backbone, method, settings) if settings.backbone_rate else None
    fitted = fit_head(splits.train, splits.validation, method, run, pixels=pixels)
    seeing = with_vision(backbone, fitted.vision) if fitted.vision else backbone
    published = read_seen_clips(splits.manifest, split="train")
    record = CheckpointRecord(
        made_with={name: version(name) for name in ("lga", "torch", "lightning-fabric")},
        backbone=portable(config, backbone),
        identity=seeing.identity,
        frozen_identity=backbone.identity,
        method=fitted.method,
        train=settings,
        head=record_head(fitted.part),
        provenance=Provenance(
            manifest=str(splits.manifest),
            manifest_sha256=sha256(splits.manifest.read_bytes()).hexdigest(),
            benchmark=published.benchmark,
            classes=splits.train.labels,
            clips=splits.train.digests,
            ids=tuple(sorted(published.ids)),
        ),
        selection=Selection(
            chosen_on="the validation classes",
            classes=splits.validation.labels,
            clips=len(splits.validation.clips),
            task=fitted.chosen.task,
            head_weight=fitted.chosen.head_weight,
            accuracy={str(shots): one for shots, one in fitted.chosen.accuracy.items()},
            untrained={str(shots): one for shots, one in fitted.untrained.accuracy.items()},
        ),
        weights_sha256="",
    )
    return fitted, record


def _pixels(splits: Splits, backbone: Backbone, method: MethodConfig, settings: TrainConfig) -> Pixels:
    vision = make_vision(backbone, gradient_checkpointing=settings.gradient_checkpointing)
    augmentation = Augmentation(crop_scale=settings.crop_scale, flip=settings.flip)
    paths = tuple(clip.path for clip in splits.train.clips)
    training_clips = TrainingClips(paths, method.frames, backbone.preprocessing, augmentation, settings.seed)
    return Pixels(
        vision,
        lambda plan: training_clips.fetch((number, clips.tolist()) for number, clips in plan),
        lambda: _encode_again(splits.validation, backbone, vision, method),
    )


def _encode_again(loaded: LoadedDataset, backbone: Backbone, vision: Vision, method: MethodConfig) -> Dataset:
    """The dataset with its clips encoded again, by the vision tower as it stands."""
    rows: list[torch.Tensor] = []
    device = next(vision.parameters()).device
    for start in range(0, len(loaded.clips), CLIPS_AT_ONCE):
        some = loaded.clips[start : start + CLIPS_AT_ONCE]
        clips = [read_clip(one.path, frames=method.frames, how=backbone.preprocessing, motion_gap=0.0) for one in some]
        seen = torch.stack([one.frames for one in clips])
        rows.append(vision(rearrange(seen, "b t 1 h w c -> b t h w c").to(device)).float().cpu())
    return replace(loaded.dataset, frames=torch.cat(rows))


@dataclass(frozen=True, slots=True)
class TestRow:
    """Accuracy on the test classes, of the checkpoint and of the training-free method on the same episodes."""

    shots: int
    match: Match
    trained: Interval
    free: Interval
    difference: Interval
    """trained less training-free, in pairs"""


def test_head(
    test: LoadedDataset,
    frozen: LoadedDataset,
    head: Head,
    trained: MethodConfig,
    free: MethodConfig,
    settings: TrainConfig,
) -> tuple[TestRow, ...]:
    """Evaluate a head, once it is chosen, with 1 and 5 examples, as far as the classes have enough clips.

    `test` is what the checkpoint's backbone sees of the clips, `frozen` what it saw before it was fine-tuned, on which
    the training-free method stands; the same where nothing but the head was trained.

    Raises:
        ManifestError: they have too few even for 1, or one of the two backbones cannot read all of them.
    """
    if test.digests != frozen.digests:
        raise ManifestError(
            "the fine-tuned and the frozen backbone cannot read the same test clips; see what was skipped"
        )
    ours, theirs = pairwise_matrix(test.dataset, trained, head=head), pairwise_matrix(frozen.dataset, free)
    rows: list[TestRow] = []
    for shots, episodes in choice_episodes(test.label, test.group, settings, count=TEST_EPISODES).items():
        for match in MATCHES:
            one = run_episodes({match: lga_scorer(ours, trained, match=match)}, episodes)[match]
            other = run_episodes({match: lga_scorer(theirs, free, match=match)}, episodes)[match]
            rows.append(TestRow(shots, match, accuracy(one), accuracy(other), paired_difference(one, other)))
    return tuple(rows)
