import sys
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest
from huggingface_hub import constants

from lga.backbone.hub import find_model
from lga.errors import BackboneError

NAME = "someone/some-clip"


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty hub cache on a machine without a network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path


def put_in_cache(cache: Path, revision: str, *names: str) -> Path:
    repository = cache / "models--someone--some-clip"
    commit = f"commit-of-{revision.replace('/', '-')}"
    (repository / "refs" / revision).parent.mkdir(parents=True, exist_ok=True)
    (repository / "refs" / revision).write_text(commit)
    (repository / "snapshots" / commit).mkdir(parents=True)
    for name in names:
        (repository / "snapshots" / commit / name).write_text("{}")
    return repository / "snapshots" / commit


def refusal(model: str) -> str:
    with pytest.raises(BackboneError) as caught:
        find_model(model)
    assert "\n" not in str(caught.value)
    assert model in str(caught.value)
    return str(caught.value)


@pytest.mark.usefixtures("cache")
def test_an_unreachable_hub_is_said_so_with_the_way_out():
    message = refusal(NAME)
    assert "hub could not be reached" in message
    assert "--backbone offline" in message
    assert "--model FOLDER" in message


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("name", ["no/such/folder", "./nothing", "a b"])
def test_a_name_that_is_neither_folder_nor_model_is_refused(name):
    assert "neither a folder nor a public model" in refusal(name)


def test_a_folder_needs_no_hub(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert find_model(str(tmp_path)).folder == tmp_path


def test_a_cached_model_is_found_without_the_hub(cache):
    folder = put_in_cache(cache, "main", "config.json", "model.safetensors")
    found = find_model(NAME)
    assert (found.folder, found.weights) == (folder, folder)


def test_converted_weights_in_the_cache_are_found_without_the_hub(cache):
    folder = put_in_cache(cache, "main", "config.json")
    put_in_cache(cache, "refs/pr/2", "config.json")
    assert find_model(NAME).weights == folder
    weights = put_in_cache(cache, "refs/pr/3", "model.safetensors")
    found = find_model(NAME)
    assert (found.folder, found.weights) == (folder, weights)


def test_only_the_converters_own_open_request_is_taken(cache, monkeypatch):
    put_in_cache(cache, "main", "config.json")
    folders = {
        f"refs/pr/{number}": put_in_cache(cache, f"refs/pr/{number}", "model.safetensors") for number in (4, 5, 6)
    }
    title = "Adding `safetensors` variant of this model"
    requests = [
        SimpleNamespace(author="somebody", title=title, status="open", git_reference="refs/pr/4"),
        SimpleNamespace(author="SFconvertbot", title=title, status="closed", git_reference="refs/pr/5"),
        SimpleNamespace(author="SFconvertbot", title=title, status="open", git_reference="refs/pr/6"),
    ]
    monkeypatch.setattr(huggingface_hub, "get_repo_discussions", lambda *_, **__: iter(requests))
    assert find_model(NAME).weights == folders["refs/pr/6"]


def test_a_sharded_checkpoint_is_hashed_whole(tmp_path):
    (tmp_path / "model.safetensors.index.json").write_text(
        '{"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}'
    )
    (tmp_path / "1.safetensors").write_bytes(b"one")
    (tmp_path / "2.safetensors").write_bytes(b"two")
    before = find_model(str(tmp_path)).weights_digest()
    (tmp_path / "2.safetensors").write_bytes(b"six")
    assert find_model(str(tmp_path)).weights_digest() != before
    (tmp_path / "2.safetensors").unlink()
    with pytest.raises(BackboneError, match=r"2\.safetensors cannot be read"):
        find_model(str(tmp_path)).weights_digest()
