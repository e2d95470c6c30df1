"""From labelled clips to a dataset: everything is encoded once, what cannot be used is named."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from numpy import ndarray

from lga.anatomy.descriptions import Descriptions
from lga.anatomy.lexicon import anatomize
from lga.anatomy.schema import Anatomy
from lga.backbone.protocol import Backbone
from lga.config import MethodConfig
from lga.datasets.episode_lists import ClipContent
from lga.datasets.manifest import LabelledClip
from lga.errors import ManifestError
from lga.features.cache import ClipFeatures, FeatureCache
from lga.features.extract import Progress, Skipped, collect, encode_names, encode_stages, identify_clips, sift
from lga.labels import printable
from lga.methods.protocol import Dataset
from lga.motion.encoder import find_encoder


@dataclass(frozen=True, slots=True)
class Moments:
    """The moments at which a clip was sampled, and its length, in seconds."""

    times: tuple[float, ...]
    duration: float


@dataclass(frozen=True, slots=True, repr=False)
class LoadedDataset:
    """A dataset, and which clips, labels and sentences its numbers stand for."""

    dataset: Dataset
    clips: tuple[LabelledClip, ...]
    digests: tuple[str, ...]
    """sha256 of every clip's content"""
    moments: tuple[Moments, ...]
    """when every clip was looked at"""
    labels: tuple[str, ...]
    anatomies: tuple[Anatomy, ...]
    skipped: tuple[Skipped, ...]

    @property
    def content(self) -> tuple[ClipContent, ...]:
        """Every clip by the sha256 of its content, with its label."""
        return tuple(ClipContent(one, clip.label) for one, clip in zip(self.digests, self.clips, strict=True))

    @property
    def label(self) -> Int[ndarray, " clips"]:
        """The class number of every clip."""
        return self.dataset.label.numpy()

    @property
    def group(self) -> Int[ndarray, " clips"] | None:
        """The group number of every clip; a clip without a group is one of its own. None if no clip has a group."""
        if all(clip.group is None for clip in self.clips):
            return None
        names: dict[object, int] = {}
        return np.array([names.setdefault(clip.group or clip, len(names)) for clip in self.clips])

    @property
    def origins(self) -> dict[str, int]:
        """How many labels' sentences come from the lexicon, a file or the template."""
        return dict(Counter(anatomy.origin for anatomy in self.anatomies))

    def __repr__(self) -> str:
        """On one line."""
        skipped = f", {len(self.skipped)} skipped" if self.skipped else ""
        return f"LoadedDataset({len(self.clips)} clips of {len(self.labels)} classes{skipped})"


def load_dataset(
    clips: Sequence[LabelledClip],
    backbone: Backbone,
    method: MethodConfig,
    *,
    cache: FeatureCache,
    descriptions: Descriptions | None = None,
    encode: bool = True,
    progress: Progress | None = None,
) -> LoadedDataset:
    """Encode labelled clips and their labels; unreadable clips and second copies are left out and named in `skipped`.

    Without `encode` the clips are opened and hashed but not decoded, for training that takes pixels: the dataset's
    frames are then [clips 0 dim], and it has no motion. With stages auto only text says how many stages a class has: an
    evaluation has no examples of its own.

    Raises:
        ManifestError: no clip can be read.
        AnatomyError: a label cannot be taken apart.
    """
    paths = [clip.path for clip in clips]
    first: dict[str, int] = {}

    def refuse(place: int, features: ClipFeatures) -> str | None:
        earlier = first.setdefault(features.digest, place)
        return None if earlier == place else f"the same clip as {printable(paths[earlier])}"

    motion = find_encoder(method.motion) if encode else None
    if encode:
        found, skipped = collect(
            paths, backbone, frames=method.frames, cache=cache, motion=motion, refuse=refuse, progress=progress
        )
    else:
        found, skipped = sift(paths, identify_clips(paths, backbone.space.dim, cache, progress=progress), refuse)
    kept = [(clips[place], features) for place, features in found]
    if not kept:
        raise ManifestError(f"none of the {len(clips)} clips can be read; the first: {skipped[0].reason}")
    labels = sorted({clip.label for clip, _ in kept})
    anatomies = [anatomize(label, stages=method.stages, descriptions=descriptions) for label in labels]
    place = {label: number for number, label in enumerate(labels)}
    dataset = Dataset(
        frames=torch.stack([features.frames for _, features in kept]),
        label=torch.tensor([place[clip.label] for clip, _ in kept]),
        sentences=encode_stages(anatomies, method.wording, backbone, cache),
        names=encode_names(anatomies, backbone, cache),
        space=backbone.space,
        motion=None if motion is None else torch.stack([one.motion for _, one in kept if one.motion is not None]),
        stages=tuple(len(one.stages) for one in anatomies),
    )
    digests = tuple(features.digest for _, features in kept)
    return LoadedDataset(
        dataset,
        tuple(clip for clip, _ in kept),
        digests,
        tuple(Moments(features.times, features.duration) for _, features in kept),
        tuple(labels),
        tuple(anatomies),
        tuple(skipped),
    )
