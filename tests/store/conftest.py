import pytest

from lga.store.folder import save_actions


@pytest.fixture
def folder(taught, tmp_path):
    """A folder of taught actions."""
    save_actions(taught.make(), tmp_path / "taught")
    return tmp_path / "taught"
