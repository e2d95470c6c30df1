"""Made-up datasets: random features with and without structure, and episodes among them."""

from pathlib import Path

import torch

from lga.anatomy.lexicon import anatomize
from lga.backbone.protocol import Space
from lga.datasets.manifest import LabelledClip
from lga.evaluation.dataset import LoadedDataset
from lga.methods.protocol import Dataset, Tasks

SPLIT = Space(17, slice(0, 11), slice(11, 17))
JOINT = Space(13, slice(0, 13), slice(0, 13))
CLASSES = 7


def as_loaded(dataset, *, groups=None, first=0):
    """A dataset as if its clips had been read from files: clip n has the content `first-n` and the group groups[n]."""
    labels = tuple(f"class {first + number}" for number in range(len(dataset.names)))
    groups = [None] * len(dataset.label) if groups is None else groups
    clips = tuple(
        LabelledClip(Path(f"{first}-{n}.mp4"), labels[one], group)
        for n, (one, group) in enumerate(zip(dataset.label, groups, strict=True))
    )
    return LoadedDataset(
        dataset,
        clips,
        tuple(f"{first}-{n}" for n in range(len(clips))),
        (),
        labels,
        tuple(anatomize(one, stages=dataset.sentences.shape[1]) for one in labels),
        (),
    )


def random_loaded(method, *, seed=0, each=6, classes=CLASSES, first=0, space=SPLIT):
    """Clips about each class's own frames, so that methods are right more often than not; groups in turn.

    With stages auto the classes have 1 to 5 in turn.
    """
    random = torch.Generator().manual_seed(seed)
    label = torch.arange(classes).repeat_interleave(each)
    own = torch.randn(classes, method.frames, space.dim, generator=random)
    frames = own[label] + torch.randn(len(label), method.frames, space.dim, generator=random)
    text = torch.randn(classes, 5, space.dim, generator=random)
    own_number = method.stages == "auto"
    stages = tuple(1 + number % 5 for number in range(classes)) if own_number else None
    dataset = Dataset(frames, label, text if own_number else text[:, : method.stages], text[:, 4], space, stages=stages)
    return as_loaded(dataset, groups=[f"g{n % 4}" for n in range(len(label))], first=first)


def random_dataset(seed: int, *, space: Space = SPLIT, clips: int = 41, classes: int = 7, frames: int = 5) -> Dataset:
    """Clips without any structure: clip n is of class n % classes."""
    random = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=random, dtype=torch.float64)

    label = torch.arange(clips) % classes
    return Dataset(draw(clips, frames, space.dim), label, draw(classes, 3, space.dim), draw(classes, space.dim), space)


def random_tasks(dataset: Dataset, seed: int, *, episodes=11, way=3, shots=2, queries=2) -> Tasks:
    """Episodes among the clips: classes, then queries and examples without repetition."""
    random = torch.Generator().manual_seed(seed)
    rows = []
    for _ in range(episodes):
        chosen = torch.randperm(len(dataset.names), generator=random)[:way]
        places = [(dataset.label == one).nonzero()[:, 0] for one in chosen]
        rows.append((chosen, [one[torch.randperm(len(one), generator=random)][: queries + shots] for one in places]))
    clips = torch.stack([torch.stack(one) for _, one in rows])
    return Tasks(torch.stack([one for one, _ in rows]), clips[..., :queries], clips[..., queries:])
