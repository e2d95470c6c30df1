import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from lga.actions import Actions
from lga.config import BackboneConfig, MethodConfig
from lga.features.cache import FeatureCache
from lga.recognizer import Recognizer
from lga.synthetic.render import render_clip, write_clip

HOSTILE = "<script>alert('x')</script> & \"sons\""


@dataclass(frozen=True, slots=True)
class Taught:
    """Actions taught by the toy backbone, one of them with a label that looks like HTML and one without examples."""

    recognizer: Recognizer
    actions: Actions
    clip: Path
    """of `wave`, not among the examples"""


@pytest.fixture(scope="session")
def taught(tmp_path_factory) -> Taught:
    folder = tmp_path_factory.mktemp("explained")
    examples = {"wave": ("wave", (1, 2)), HOSTILE: ("pull up", (3, 4)), "kick ball": ("kick ball", (5, 6))}
    paths = {label: [folder / f"{name} {seed}.mp4" for seed in seeds] for label, (name, seeds) in examples.items()}
    for label, (name, seeds) in examples.items():
        for path, seed in zip(paths[label], seeds, strict=True):
            write_clip(render_clip(name, seed=seed), path)
    write_clip(render_clip("wave", seed=7), folder / "new.mp4")
    shutil.copy(folder / "new.mp4", folder / "<b>&'new'.mp4")
    recognizer = Recognizer(BackboneConfig(backbone="tiny"), cache=FeatureCache(folder / "cache"))
    actions, _ = recognizer.teach({**paths, "swing golf club": []}, method=MethodConfig())
    return Taught(recognizer, actions, folder / "<b>&'new'.mp4")
