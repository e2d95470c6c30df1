import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

_SPEC = importlib.util.spec_from_file_location("video_files", Path(__file__).parent / "video_files.py")


@pytest.fixture(scope="session")
def video_files() -> ModuleType:
    """The module that renders test videos: `numbered`, `number_of`, `write_video` and others."""
    module = importlib.util.module_from_spec(_SPEC)
    _SPEC.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def write_video(video_files):
    """`write_video(path, frames, fps=10, *, times=None, rotation=None, ...) -> path`."""
    return video_files.write_video
