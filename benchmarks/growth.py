"""How teaching and recognising grow with the number of taught actions: processor time and peak memory.

    python benchmarks/growth.py [--actions N ...] [--shots N]

The examples are drawn, not filmed: vectors as large as those of the embedded backbone, alike within an action. Every
size runs in a process of its own, so that its peak memory is its own; memory is given in multiples of the examples'
features, above what the process held with the features alone.
"""

import argparse
import resource
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table

from lga.actions import Actions
from lga.anatomy.lexicon import anatomize
from lga.backbone.offline import SPACE
from lga.config import BackboneConfig, MethodConfig
from lga.features.cache import ClipFeatures
from lga.motion.descriptor import DEVIATIONS, FLOW, NUMBERS, SEARCHED, TURNS
from lga.recognition import Prepared, prepare
from lga.taught import Example

METHOD = MethodConfig()
SIMILARITY = 0.5
"""How much of an example is its action's own; the rest is noise."""


def draw_actions(count: int, shots: int) -> Actions:
    """Taught actions whose examples resemble each other."""
    random = torch.Generator().manual_seed(0)
    anatomies = tuple(anatomize(f"action number {number:05d}", stages=METHOD.stages) for number in range(count))
    text = torch.zeros(count, METHOD.stages, SPACE.dim)
    text[..., SPACE.semantic] = torch.randn(text[..., SPACE.semantic].shape, generator=random)
    frames = torch.randn(count * shots, METHOD.frames, SPACE.dim, generator=random)
    motion = draw_motion(count * shots, random)
    for place in range(count):
        own = slice(place * shots, (place + 1) * shots)
        frames[own] += SIMILARITY * torch.randn(1, 1, SPACE.dim, generator=random)
        frames[own, :, SPACE.semantic] += SIMILARITY * text[place, :1, SPACE.semantic]
    times = tuple(0.1 * number + 0.05 for number in range(METHOD.frames))
    examples = tuple(
        Example(label=one.label, path=f"/{one.label}/{shot}.mp4", digest=f"{shot:064x}", times=times, duration=0.8)
        for one in anatomies
        for shot in range(shots)
    )
    return Actions(BackboneConfig(), "drawn", METHOD, anatomies, examples, text, frames, motion=motion)


def draw_motion(clips: int, random: torch.Generator) -> torch.Tensor:
    """Rows of motion whose parts are as long as those of filmed clips."""
    row = torch.rand(clips, NUMBERS, generator=random)
    for part in (FLOW, DEVIATIONS, TURNS):
        row[:, part] = F.normalize(row[:, part] - 0.3, dim=1)
    row[:, SEARCHED] = 1.0
    return row


def draw_clips(actions: Actions, count: int) -> list[ClipFeatures]:
    """New clips that resemble some of the examples."""
    random, times = torch.Generator().manual_seed(1), actions.examples[0].times
    found: list[ClipFeatures] = []
    for number in range(count):
        place = 7 * number % len(actions.examples)
        like = actions.frames[place] + torch.randn(actions.frames.shape[1:], generator=random)
        motion = None if actions.motion is None else actions.motion[place]
        found.append(ClipFeatures(like, times, 0.8, f"{number}", motion))
    return found


def answer_ms(prepared: Prepared, clips: Sequence[ClipFeatures], times: int = 5) -> float:
    """The least processor time of an answer, in milliseconds a clip."""
    found: list[float] = []
    for _ in range(times):
        began = time.process_time()
        prepared.answer(clips)
        found.append(time.process_time() - began)
    return 1000 * min(found) / len(clips)


def peak_bytes() -> int:
    """The most memory that this process has held."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measure(count: int, shots: int) -> list[str]:
    """One row of the table."""
    torch.set_num_threads(1)
    actions = draw_actions(count, shots)
    clips, before = draw_clips(actions, 8), peak_bytes()
    began = time.process_time()
    prepared = prepare(actions, SPACE)
    prepared.answer(clips[:1])
    spent = time.process_time() - began
    size = sum(one.numel() * one.element_size() for one in (actions.frames, actions.motion) if one is not None)
    most = 1 + (peak_bytes() - before) / size
    alone, together = answer_ms(prepared, clips[:1]), answer_ms(prepared, clips)
    return [f"{len(actions.examples):,}", f"{spent:.2f}", f"{alone:.0f}", f"{together:.0f}", f"{most:.2f}"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--actions", type=int, nargs="+", default=[5, 50, 200, 500])
    parser.add_argument("--shots", type=int, default=5)
    chosen = parser.parse_args(arguments)
    table = Table(
        "examples", "prepare and first answer, CPU s", "answer, CPU ms", "in a batch of 8", "memory / features"
    )
    for count in chosen.actions:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            table.add_row(*pool.submit(measure, count, chosen.shots).result())
    Console().print(table)


if __name__ == "__main__":
    main()
