"""Write the API reference from the docstrings into docs/api: the public names first, then every module.

A module whose packages are not installed is named and left out.
"""

import pkgutil
import warnings
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pdoc

from lga.errors import LGAError

FACES = ("lga", "lga.evaluation")
"""The packages that say which names are public; their modules are shown below these."""


def main() -> None:
    """Import what `lga` imports when it is first asked for, and let pdoc do the rest."""
    missing = dict(find_missing(import_module("lga")))
    for name in FACES:
        show_modules(import_module(name))
    for name, why in missing.items():
        print(f"left out: {name} ({why})")
    warnings.filterwarnings("ignore", "Couldn't import")  # they are named above
    pdoc.render.configure(docformat="google")
    pdoc.pdoc("lga", *(f"!{name}" for name in missing), output_directory=Path(__file__).parent / "api")


def find_missing(package: ModuleType) -> list[tuple[str, str]]:
    """The modules of a package, at any depth, that cannot be imported here, and why."""
    found: list[tuple[str, str]] = []
    for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not one.name.endswith("__main__"):
            try:
                import_module(one.name)
            except (ImportError, LGAError) as error:
                found.append((one.name, str(error)))
    return found


def show_modules(package: ModuleType) -> None:
    """Give a package its public names, which it may import late, and count its modules among them."""
    names = list(package.__all__)
    vars(package).update({name: getattr(package, name) for name in names})
    package.__all__ = names + [one.name for one in pkgutil.iter_modules(package.__path__) if one.name not in names]


if __name__ == "__main__":
    main()
