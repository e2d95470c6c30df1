import json
import shutil
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lga.backbone.clip import load_clip
from lga.errors import BackboneError


def refusal(model: Path | str) -> str:
    with pytest.raises(BackboneError) as caught:
        load_clip(str(model), device="cpu")
    assert "\n" not in str(caught.value)
    assert str(model) in str(caught.value)
    return str(caught.value)


def test_a_folder_that_is_no_clip_is_refused(broken, tmp_path):
    (broken / "config.json").write_text('{"model_type": "bert"}')
    assert "of type 'bert'" in refusal(broken)
    for title in ("CLIP", "SigLIP 2 NaFlex", "ALIGN"):
        assert title in refusal(broken)
    (broken / "config.json").write_text("{")
    assert "config.json is damaged" in refusal(broken)
    (tmp_path / "empty").mkdir()
    assert "no config.json" in refusal(tmp_path / "empty")


@pytest.mark.parametrize("gone", ["config.json", "model.safetensors"])
def test_a_folder_of_open_clip_is_named_for_what_it_is(broken, gone):
    (broken / "open_clip_config.json").write_text("{}")
    load_clip(str(broken), device="cpu")
    (broken / gone).rename(broken / "open_clip_model.safetensors")
    assert "a checkpoint of open_clip" in refusal(broken)


def test_missing_and_pickled_weights_are_refused(broken):
    (broken / "model.safetensors").rename(broken / "pytorch_model.bin")
    assert "never loaded" in refusal(broken)
    (broken / "pytorch_model.bin").unlink()
    assert "no model.safetensors" in refusal(broken)
    (broken / "model.safetensors.index.json").write_text("[]")
    assert "index.json is damaged" in refusal(broken)
    (broken / "model.safetensors.index.json").write_text('{"weight_map": {"a": "model-1-of-2.safetensors"}}')
    assert "cannot be" in refusal(broken)


@pytest.mark.parametrize("kept", [0, 5, 5000])
def test_truncated_weights_are_refused(broken, kept):
    whole = (broken / "model.safetensors").read_bytes()
    (broken / "model.safetensors").write_bytes(whole[:kept])
    assert "weights cannot be loaded" in refusal(broken)


def test_weights_of_another_shape_or_with_gaps_are_refused(broken):
    weights = load_file(broken / "model.safetensors")
    name = next(name for name in sorted(weights) if name.endswith("fc1.weight"))
    save_file(weights | {name: torch.zeros(2, 2)}, broken / "model.safetensors", metadata={"format": "pt"})
    assert "weights cannot be loaded" in refusal(broken)
    del weights[name]
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    assert f"lack 1 parts, the first is {name}" in refusal(broken)


def test_a_missing_or_damaged_tokenizer_is_refused(broken):
    file = next(broken / name for name in ("tokenizer.json", "vocab.json") if (broken / name).exists())
    file.write_text("{]")
    assert f"{file.name} is damaged" in refusal(broken)
    file.unlink()
    assert "no tokenizer.json" in refusal(broken)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_mean": None}, "image_mean"),
        ({"resample": 0}, "resample"),
        ({"do_rescale": False}, "do_rescale"),
        ({"size": {"shortest_edge": 16}}, "makes no 32 x 32 picture"),
        ({"size": {"height": 32, "width": 48}}, "makes no 32 x 32 picture"),
        ({"size": {"longest_edge": 64}}, "makes no 32 x 32 picture"),
        ({"crop_size": {"height": 28, "width": 28}, "do_center_crop": True}, "makes no 32 x 32 picture"),
    ],
)
def test_an_image_processor_that_cannot_be_followed_is_refused(folders, tmp_path, change, message):
    altered = Path(shutil.copytree(folders["clip"], tmp_path / "altered"))
    settings = json.loads((altered / "preprocessor_config.json").read_text())
    (altered / "preprocessor_config.json").write_text(json.dumps(settings | change))
    assert message in refusal(altered)
    (altered / "preprocessor_config.json").unlink()
    assert "no preprocessor_config.json" in refusal(altered)


def test_without_transformers_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(BackboneError, match=r"pip install 'lga\[clip\]'"):
        load_clip("anything", device="cpu")


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_pointer_of_git_lfs_is_named_for_what_it_is(broken, name):
    (broken / name).write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 5\n")
    assert f"{name} is a pointer of Git LFS, not the file itself; run `git lfs pull`" in refusal(broken)


@pytest.mark.parametrize("part", ["text_config", "vision_config"])
def test_a_part_of_the_settings_that_is_missing_is_named(broken, part):
    settings = json.loads((broken / "config.json").read_text())
    del settings[part]
    (broken / "config.json").write_text(json.dumps(settings))
    assert part in refusal(broken)
