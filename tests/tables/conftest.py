from pathlib import Path

import pytest
import torch

from lga.anatomy.anatomize import anatomize
from lga.backbone.protocol import Space
from lga.engine.bench import LoadedBench
from lga.episodes.manifest import LabelledClip
from lga.methods.protocol import Bench

SPLIT = Space(17, slice(0, 11), slice(11, 17))
CLASSES = 7


def random_loaded(method, *, seed=0, each=6, classes=CLASSES, first=0, space=SPLIT):
    """Clips about each class's own frames, so that methods are right more often than not; groups in turn."""
    random = torch.Generator().manual_seed(seed)
    labels = tuple(f"class {first + number}" for number in range(classes))
    label = torch.arange(classes).repeat_interleave(each)
    own = torch.randn(classes, method.frames, space.dim, generator=random)
    frames = own[label] + torch.randn(len(label), method.frames, space.dim, generator=random)
    text = torch.randn(classes, 5, space.dim, generator=random)
    clips = tuple(LabelledClip(Path(f"{first}-{n}.mp4"), labels[one], f"g{n % 4}") for n, one in enumerate(label))
    return LoadedBench(
        Bench(frames, label, text[:, : method.stages], text[:, 4], space),
        clips,
        tuple(f"{first}-{n}" for n in range(len(clips))),
        (),
        labels,
        tuple(anatomize(one, stages=method.stages) for one in labels),
        (),
    )


@pytest.fixture(scope="session")
def load():
    """`load(method, seed=0, each=6, classes=7, first=0)`: a loaded bench, as the settings want it."""
    return random_loaded
