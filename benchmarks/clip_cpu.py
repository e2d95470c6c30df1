"""Time and memory of a ViT-B/16 CLIP on this processor: plain transformers beside `load_clip`.

The weights are random, so nothing is downloaded. The variants take turns and the best round counts; processor
time is shown beside wall time because only it means something on a shared machine. Memory is the peak of the
process so far, models loaded before included; `load_clip` goes first, since a peak never falls.
What `load_clip` can gain is bound by how much faster this processor multiplies bfloat16 than float32, which is measured
on the products of this model and printed below the table: 2 with AVX512-BF16, several times as much with AMX, 1 where
neither is there, since float32 is then what `load_clip` uses.

    python benchmarks/clip_cpu.py [frames] [rounds]
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from einops import rearrange
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.nn import functional
from transformers import CLIPConfig, CLIPModel
from transformers.utils import logging

from lga.backbone import vision
from lga.backbone.clip import load_clip
from lga.backbone.precision import choose_device, choose_dtype

MEAN, STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
VISION = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
PATCHES = 197
TEXT = {"hidden_size": 512, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 8}


def write_checkpoint(folder: Path) -> None:
    """Save a ViT-B/16 with a one-layer text tower and a tokenizer of three words."""
    words = {"a</w>": 0, "<|startoftext|>": 1, "<|endoftext|>": 2}
    ends = {"vocab_size": len(words), "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}
    seen = {**VISION, "image_size": 224, "patch_size": 16}
    CLIPModel(CLIPConfig(vision_config=seen, text_config={**TEXT, **ends})).save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps(words))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    reading = {"size": 224, "crop_size": 224, "do_center_crop": True, "image_mean": MEAN, "image_std": STD}
    (folder / "preprocessor_config.json").write_text(json.dumps(reading))


def plain_transformers(folder: Path, attention: str) -> Callable[[Tensor], Tensor]:
    """Encode as the documentation of transformers shows it: float32, one batch, no_grad."""
    model = CLIPModel.from_pretrained(folder, attn_implementation=attention).eval()
    mean, std = torch.tensor(MEAN)[:, None, None], torch.tensor(STD)[:, None, None]

    def encode(clips: Tensor) -> Tensor:
        pictures = rearrange(clips[:, :, 0], "b t h w c -> (b t) c h w").contiguous()
        with torch.no_grad():
            return model.get_image_features(pixel_values=(pictures.float() / 255 - mean) / std).pooler_output

    return encode


def in_chunks_of(size: int, encode: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Encode with another chunk size than the one that is built in."""

    def encode_so(clips: Tensor) -> Tensor:
        built_in = vision._FRAMES_AT_ONCE
        vision._FRAMES_AT_ONCE = size
        try:
            return encode(clips)
        finally:
            vision._FRAMES_AT_ONCE = built_in

    return encode_so


def product_gain(rows: int, rounds: int = 5) -> float:
    """How many times as fast as in float32 the products of this model are in the number format of `auto`."""
    dtype = choose_dtype(choose_device("cpu"))
    narrow, wide = VISION["hidden_size"], VISION["intermediate_size"]
    spent = dict.fromkeys((torch.float32, dtype), 0.0)
    for columns, inner in ((narrow, narrow), (wide, narrow), (narrow, wide)):
        for number in spent:
            left, right = torch.randn(rows, inner).to(number), torch.randn(columns, inner).to(number)
            best = float("inf")
            for _ in range(rounds):
                used = time.process_time()
                functional.linear(left, right)
                best = min(best, time.process_time() - used)
            spent[number] += best
    return spent[torch.float32] / spent[dtype]


def main(frames: int = 16, rounds: int = 3) -> None:
    """Print the table."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    clips = torch.randint(0, 256, (1, frames, 1, 224, 224, 3), dtype=torch.uint8)
    with TemporaryDirectory() as name:
        write_checkpoint(Path(name))
        ours = load_clip(name, device="cpu").encode_frames
        sizes = sorted({4, 16, vision._FRAMES_AT_ONCE})
        variants = {f"load_clip, {size} at once": in_chunks_of(size, ours) for size in sizes}
        variants["transformers, sdpa, one batch"] = plain_transformers(Path(name), "sdpa")
        variants["transformers, eager, one batch"] = plain_transformers(Path(name), "eager")
    peak, features = {}, {}
    for label, encode in variants.items():
        features[label] = encode(clips).flatten(0, -2)
        peak[label] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    wall, processor = dict.fromkeys(variants, float("inf")), dict.fromkeys(variants, float("inf"))
    for label, encode in [pair for _ in range(rounds) for pair in variants.items()]:
        began, used = time.perf_counter(), time.process_time()
        encode(clips)
        wall[label] = min(wall[label], (time.perf_counter() - began) / frames * 1000)
        processor[label] = min(processor[label], (time.process_time() - used) / frames * 1000)
    baseline = "transformers, sdpa, one batch"
    dtype = choose_dtype(choose_device("cpu"))
    table = Table(title=f"CLIP ViT-B/16, {frames} frames, {torch.get_num_threads()} threads, {dtype}")
    for column in (
        "",
        "ms a frame",
        "ratio",
        "processor ms",
        "ratio",
        "peak MiB so far",
        "largest difference",
    ):
        table.add_column(column, justify="left" if not column else "right")
    for label in variants:
        table.add_row(
            label,
            f"{wall[label]:.0f}",
            f"{wall[label] / wall[baseline]:.2f}",
            f"{processor[label]:.0f}",
            f"{processor[label] / processor[baseline]:.2f}",
            f"{peak[label]:.0f}",
            f"{(features[label] - features[baseline]).abs().max():.1e}",
        )
    Console().print(table)
    gain = processor[baseline] / processor[f"load_clip, {vision._FRAMES_AT_ONCE} at once"]
    most = product_gain(vision._FRAMES_AT_ONCE * PATCHES)
    units = [name for name in ("amx_bf16", "avx512_bf16") if torch.cpu.get_capabilities().get(name, False)]
    Console().print(
        f"This processor ({', '.join(units) or 'no bfloat16 unit'}) does the products of {dtype} {most:.1f} times as "
        f"fast as those of float32; load_clip is {gain:.1f} times as fast as plain transformers."
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
