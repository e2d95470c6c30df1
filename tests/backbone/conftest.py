import json
import shutil
from pathlib import Path

import pytest
import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from lga.synthetic import render

SIDE = 32
TOWER = {"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 2}
PICTURE = {"image_size": SIDE, "patch_size": 8}


def write_clip(folder: Path, seed: int) -> Path:
    from transformers import CLIPConfig, CLIPModel

    folder.mkdir(parents=True)
    letters = [*"abcdefghijklmnopqrstuvwxyz.,!"]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "ru", "run", "runs</w>"]
    vocabulary = {word: at for at, word in enumerate([*words, "<|startoftext|>", "<|endoftext|>"])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\nr u\nru n\nrun s</w>\n")
    ends = {"bos_token_id": len(vocabulary) - 2, "eos_token_id": len(vocabulary) - 1}
    text = {
        **TOWER,
        "vocab_size": len(vocabulary),
        "max_position_embeddings": 77,
        **ends,
        "pad_token_id": ends["eos_token_id"],
    }
    config = CLIPConfig(text_config=text, vision_config={**TOWER, **PICTURE}, projection_dim=19)
    torch.manual_seed(seed)
    CLIPModel(config).save_pretrained(folder)
    legacy = {
        "size": 40,
        "crop_size": SIDE,
        "resample": 3,
        "do_center_crop": True,
        "do_resize": True,
        "do_normalize": True,
    }
    mean_std = {"image_mean": [0.48, 0.45, 0.4], "image_std": [0.26, 0.27, 0.28]}
    (folder / "preprocessor_config.json").write_text(json.dumps(legacy | mean_std))
    return folder


def write_siglip(folder: Path, seed: int) -> Path:
    from transformers import SiglipConfig, SiglipModel

    folder.mkdir(parents=True)
    words = {word: at for at, word in enumerate(["</s>", "<unk>", "a", "man", "runs", "the", "jumps", "to"])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Replace(Regex("[.,]"), "")])
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 0)])
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {
        "pad_token": "</s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "model_input_names": ["input_ids"],
    }
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "SiglipTokenizer", **names}))
    ends = {"bos_token_id": None, "eos_token_id": 0, "pad_token_id": 0}
    text = {**TOWER, "vocab_size": len(words), "max_position_embeddings": 64, "projection_size": 24, **ends}
    torch.manual_seed(seed)
    SiglipModel(SiglipConfig(text_config=text, vision_config={**TOWER, **PICTURE})).save_pretrained(folder)
    reading = {"size": {"height": SIDE, "width": SIDE}, "resample": 2, "rescale_factor": 1 / 255}
    mean_std = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (folder / "processor_config.json").write_text(json.dumps({"image_processor": reading | mean_std}))
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("checkpoints")
    return {"clip": write_clip(place / "clip", seed=3), "siglip": write_siglip(place / "siglip", seed=5)}


@pytest.fixture(params=["clip", "siglip"])
def folder(request, folders) -> Path:
    return folders[request.param]


@pytest.fixture
def broken(folder, tmp_path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "broken"))


@pytest.fixture(scope="session")
def clips(tmp_path_factory):
    """A rendered clip of each of two actions."""
    place = tmp_path_factory.mktemp("clips")
    for number, label in enumerate(("wave", "pull up")):
        render.write_clip(render.render_clip(label, seed=number), place / f"{label}.mp4")
    return {path.stem: [path] for path in sorted(place.iterdir())}
