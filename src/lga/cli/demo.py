"""`lga demo`."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from lga.cli.options import OUT_FOLDER, stdout
from lga.config import BackboneConfig


@dataclass(frozen=True)
class Demo:
    """Render clips of a drawn person, teach from two of each action, recognise the others, and show one decision.

    Needs no video of yours and no network.
    """

    out: Annotated[Path | None, OUT_FOLDER] = None
    """folder for the clips, the taught actions and the picture; a new temporary one if not given"""
    clips: int = 5
    """clips rendered of each action; two of them are the examples"""
    seed: int = 0
    """another seed, other people and places"""
    backbone: BackboneConfig = field(default_factory=BackboneConfig)

    def run(self) -> int:
        """Run the demo."""
        from lga.demo import run_demo

        folder = self.out or Path(tempfile.mkdtemp(prefix="lga-demo-"))
        run_demo(folder, backbone=self.backbone, clips=self.clips, seed=self.seed, console=stdout())
        return 0
