"""What the tests make and benchmarks need too: taught actions with random features, and clips of drawn pictures."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType


def borrow(name: str) -> ModuleType:
    """A module of the tests, which are no package."""
    spec = spec_from_file_location(name, Path(__file__).parents[1] / "tests" / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TAUGHT, VIDEOS = borrow("taught"), borrow("video_files")
