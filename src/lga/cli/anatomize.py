"""`lga anatomize`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional

from lga.cli.options import Flag, out


@dataclass(frozen=True)
class Anatomize:
    """Show the stages that a label is taken apart into, and where they come from.

    Example: lga anatomize "jump into pool"
    """

    labels: Positional[Annotated[tuple[str, ...], tyro.conf.arg(metavar="LABEL [LABEL ...]")]]
    """labels of actions"""
    stages: Annotated[int, tyro.conf.arg(metavar="L")] = 3
    """number of stages, 1 to 5"""
    descriptions: Path | None = None
    """JSON file with your own stage sentences, which come first"""
    json: Flag = False
    """print one JSON document instead of tables"""

    def run(self) -> int:
        """Print an anatomy for each label."""
        from lga.anatomy.anatomize import anatomize
        from lga.anatomy.files import read_descriptions
        from lga.anatomy.template import MAX_STAGES
        from lga.cli.tables import anatomy_table
        from lga.errors import SettingsError

        if not (self.labels and 1 <= self.stages <= MAX_STAGES):
            raise SettingsError(f"give at least one label and 1 to {MAX_STAGES} stages")
        told = read_descriptions(self.descriptions, stages=self.stages) if self.descriptions else None
        found = [anatomize(label, stages=self.stages, descriptions=told) for label in self.labels]
        if self.json:
            print(json.dumps([one.model_dump(mode="json") for one in found], indent=2, ensure_ascii=False))
        else:
            for one in found:
                out().print(anatomy_table(one))
        return 0
