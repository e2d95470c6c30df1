from collections.abc import Callable

import pytest
import torch

from lga.backbone.protocol import Space
from lga.methods.protocol import Bench, Tasks

SPLIT = Space(17, slice(0, 11), slice(11, 17))
JOINT = Space(13, slice(0, 13), slice(0, 13))


def random_bench(seed: int, *, space: Space = SPLIT, clips: int = 41, classes: int = 7, frames: int = 5) -> Bench:
    """Clips without any structure: clip n is of class n % classes."""
    random = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=random, dtype=torch.float64)

    label = torch.arange(clips) % classes
    return Bench(draw(clips, frames, space.dim), label, draw(classes, 3, space.dim), draw(classes, space.dim), space)


def random_tasks(bench: Bench, seed: int, *, episodes=11, way=3, shots=2, queries=2) -> Tasks:
    """Episodes among the clips: classes, then queries and examples without repetition."""
    random = torch.Generator().manual_seed(seed)
    rows = []
    for _ in range(episodes):
        chosen = torch.randperm(len(bench.names), generator=random)[:way]
        places = [(bench.label == one).nonzero()[:, 0] for one in chosen]
        rows.append((chosen, [one[torch.randperm(len(one), generator=random)][: queries + shots] for one in places]))
    clips = torch.stack([torch.stack(one) for _, one in rows])
    return Tasks(torch.stack([one for one, _ in rows]), clips[..., :queries], clips[..., queries:])


@pytest.fixture(scope="session")
def make_bench() -> Callable[..., Bench]:
    return random_bench


@pytest.fixture(scope="session")
def make_tasks() -> Callable[..., Tasks]:
    return random_tasks


@pytest.fixture(scope="session", params=[SPLIT, JOINT], ids=["split", "joint"])
def space(request) -> Space:
    """A backbone whose sight and text are apart, and one that has a single space."""
    return request.param
