"""Folders of CLIP and SigLIP with random weights and a vision tower of any shape."""

import importlib.util
import json
from pathlib import Path

import torch

SIDES = {
    "clip": ("preprocessor_config.json", lambda side: {"size": side, "crop_size": side}),
    "siglip": ("processor_config.json", lambda side: {"image_processor": {"size": {"height": side, "width": side}}}),
}
"""The file in which each family says how large its pictures are, and how."""


def write_random(folder: Path, family: str, *, side: int, seed: int, projection: int = 19, **tower: int) -> Path:
    """Write a checkpoint whose tower sees `side` x `side` pixels; `tower` is in the words of its config.

    `projection` is how many numbers a CLIP makes of a picture or sentence; a SigLIP keeps its tower's.
    """
    from transformers import AutoConfig, AutoModel

    spec = importlib.util.spec_from_file_location("clip_folders", Path(__file__).parent / "backbone" / "conftest.py")
    folders = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(folders)
    {"clip": folders.write_clip, "siglip": folders.write_siglip}[family](folder, seed=seed)
    config = AutoConfig.from_pretrained(folder)
    for name, value in {"image_size": side, **tower}.items():
        setattr(config.vision_config, name, value)
    if family == "siglip":
        config.text_config.projection_size = config.vision_config.hidden_size
    else:
        config.projection_dim = projection
    torch.manual_seed(seed)
    AutoModel.from_config(config).save_pretrained(folder)
    file, sides = SIDES[family]
    reading = json.loads((folder / file).read_text())
    for key, value in sides(side).items():
        reading[key] = reading[key] | value if isinstance(value, dict) else value
    (folder / file).write_text(json.dumps(reading))
    return folder
