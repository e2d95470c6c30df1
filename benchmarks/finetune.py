"""Throughput of fine-tuning a ViT-B/16 CLIP: `Vision` under bfloat16 autocast beside plain transformers in float32.

A step is the way there, the way back and a step of Adam on one task's clips. The weights are random, so nothing is
downloaded. On a GPU the model is ViT-B/16 and the task 30 clips of 8 frames (5 classes, 1 example and 5 queries each);
without one both are tiny, and only say that it runs. The variants take turns and the best round counts. The share of
the peak counts the multiplications of the model, three times those of the way there, against the dense bfloat16 peak
that the maker states; computing layers again for gradient checkpointing isn't counted.

    python benchmarks/finetune.py [clips] [rounds]
"""

import json
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from einops import rearrange
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import CLIPConfig, CLIPModel
from transformers.utils import logging

from lga.backbone.clip import load_clip, make_vision
from lga.backbone.precision import choose_device

FRAMES = 8
MEAN, STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
BASE = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
TINY = {"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}
TEXT = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4}
PEAKS = {"H100 PCIe": 756e12, "H100 NVL": 835e12, "H100": 989e12, "H200": 989e12, "A100": 312e12}
"""Multiplications and additions a second in dense bfloat16, from NVIDIA's data sheets; the first name that fits."""


def write_checkpoint(folder: Path, tower: dict[str, int], side: int) -> None:
    """Save a CLIP with random weights, a one-layer text tower and a tokenizer of three words."""
    words = {"a</w>": 0, "<|startoftext|>": 1, "<|endoftext|>": 2}
    ends = {"vocab_size": len(words), "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}
    vision = {**tower, "image_size": side, "patch_size": 16}
    CLIPModel(CLIPConfig(vision_config=vision, text_config={**TEXT, **ends})).save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps(words))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    reading = {"size": side, "crop_size": side, "do_center_crop": True, "image_mean": MEAN, "image_std": STD}
    (folder / "preprocessor_config.json").write_text(json.dumps(reading))


class Plain(nn.Module):
    """Encode as the documentation of transformers shows it."""

    def __init__(self, folder: Path):
        super().__init__()
        self.model = CLIPModel.from_pretrained(folder)
        self.model.text_model.requires_grad_(False)
        self.mean = nn.Buffer(torch.tensor(MEAN)[:, None, None])
        self.std = nn.Buffer(torch.tensor(STD)[:, None, None])

    def forward(self, pixels: Tensor) -> Tensor:
        """Float32, one batch."""
        pictures = rearrange(pixels, "b t h w c -> (b t) c h w").contiguous()
        features = self.model.get_image_features(pixel_values=(pictures.float() / 255 - self.mean) / self.std)
        return features.pooler_output.unflatten(0, pixels.shape[:2])


def stepper(model: nn.Module, pixels: Tensor, *, autocast: bool) -> Callable[[], float]:
    """A function that takes one step and returns its loss."""
    device = pixels.device
    optimizer = torch.optim.Adam([weight for weight in model.parameters() if weight.requires_grad], lr=1e-6)

    def step() -> float:
        with torch.autocast(device.type, torch.bfloat16) if autocast else nullcontext():
            features = model(pixels)
        loss = nn.functional.normalize(features.float(), dim=-1).mean((0, 1)).square().sum()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()  # waits for the GPU

    return step


def flops_of_training(model: nn.Module, pixels: Tensor) -> float:
    """Multiplications and additions of one step: the way back costs twice the way there."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(pixels[:1])
    return 3.0 * counter.get_total_flops() * len(pixels)


def main(clips: int = 0, rounds: int = 5) -> None:
    """Print the table."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    device = choose_device()
    large = device.type != "cpu"
    gpu = torch.get_device_module(device)
    tower, side, clips = (BASE, 224, clips or 30) if large else (TINY, 32, clips or 4)
    name = gpu.get_device_name(device) if large else "CPU"
    peak = next((value for known, value in PEAKS.items() if known in name), None)
    pixels = torch.randint(0, 256, (clips, FRAMES, side, side, 3), dtype=torch.uint8, device=device)
    with TemporaryDirectory() as folder:
        write_checkpoint(Path(folder), tower, side)
        backbone = load_clip(folder, device=device.type)
        plain = Plain(Path(folder)).to(device).train()
        ours = {wish: make_vision(backbone, gradient_checkpointing=wish) for wish in (False, True)}
    work = flops_of_training(ours[False], pixels)
    baseline = "transformers, float32"
    steps = {
        baseline: stepper(plain, pixels, autocast=False),
        "Vision, float32": stepper(ours[False], pixels, autocast=False),
        "Vision, bfloat16 autocast": stepper(ours[False], pixels, autocast=True),
        "Vision, bfloat16, checkpointing": stepper(ours[True], pixels, autocast=True),
    }
    best, memory = dict.fromkeys(steps, float("inf")), dict.fromkeys(steps, 0.0)
    for label, step in [pair for _ in range(1 + rounds) for pair in steps.items()]:
        if large:
            gpu.reset_peak_memory_stats(device)
        began, warm = time.perf_counter(), bool(memory[label])
        step()
        best[label] = min(best[label], time.perf_counter() - began) if warm else best[label]
        memory[label] = gpu.max_memory_allocated(device) / 2**30 if large else 1.0
    table = Table(title=f"Fine-tuning {'ViT-B/16' if large else 'a tiny CLIP'}, {clips} x {FRAMES} frames, {name}")
    for column in ("", "clips/s", "ratio", "of the bf16 peak", "peak GiB, all models held"):
        table.add_column(column, justify="right" if column else "left")
    for label, seconds in best.items():
        table.add_row(
            label,
            f"{clips / seconds:.1f}",
            f"{best[baseline] / seconds:.2f}",
            f"{work / seconds / peak:.1%}" if peak else "unknown",
            f"{memory[label]:.1f}" if large else "-",
        )
    Console().print(table)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
