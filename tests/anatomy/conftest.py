import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

_SPEC = importlib.util.spec_from_file_location("misbehaving_server", Path(__file__).with_name("misbehaving_server.py"))


@pytest.fixture(scope="session")
def misbehaving() -> ModuleType:
    """The module with the server that misbehaves as it is told, and what it can do."""
    module = importlib.util.module_from_spec(_SPEC)
    _SPEC.loader.exec_module(module)
    return module
