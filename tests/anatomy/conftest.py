import os
from pathlib import Path

import pytest


@pytest.fixture
def shared() -> Path:
    """The folder of data that is not part of the repository."""
    folder = Path(os.environ.get("LGA_SHARED", Path(__file__).parents[2] / ".." / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no data folder {folder}; name one with LGA_SHARED")
    return folder
