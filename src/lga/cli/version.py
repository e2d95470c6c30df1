"""`lga version`."""

from dataclasses import dataclass
from importlib.metadata import version

from lga.cli.options import Flag, print_json, stdout


@dataclass(frozen=True)
class Version:
    """Name the version; `lga doctor` names those of everything else."""

    json: Flag = False
    """print one JSON document instead of a line"""

    def run(self) -> int:
        """Print it."""
        if self.json:
            print_json({"lga": version("lga")})
        else:
            stdout().print(f"lga {version('lga')}")
        return 0
