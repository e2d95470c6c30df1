"""How far found stage borders are from planted ones, as a share of the clip: five segmenters and chance.

    python benchmarks/borders.py [--scenes N] [--labels N] [--frames T]

Four kinds of clips, three stages each. "features": three directions of 64 under noise and a part that all frames
share. "scenes": the first frames of three rendered clips of different people and places, one after another.
"actions": the same with one person in one place. "stages": the renderer's own clips, whose stages it knows. The
last three are seen by the offline backbone; motion, which needs a clip's own flow, cuts the last kind only. Intervals
are by bootstrap over what the clips were made of. The renderer's stages are all near thirds of the clip, which is what
HARD always answers, as nearly as whole frames allow.
"""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, permutations, product

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor

from lga.backbone.offline import SPACE, load_offline
from lga.core.segment import SEGMENTERS, motion_segment
from lga.core.tw_finch import tw_finch
from lga.evaluation.statistics import bootstrap
from lga.motion.descriptor import flow_course
from lga.motion.encoder import MotionEncoder, MotionOnlooker
from lga.synthetic.actions import ACTIONS
from lga.synthetic.render import RenderedClip, render_clip
from lga.video.clip import uniform_times
from lga.video.transform import resize_and_crop

STAGES, DIM, PLANTED = 3, 64, 300
TITLES = {"hard": "HARD", "twfinch": "TW-FINCH", "cluster": "CLUSTER", "centred": "centred (ours)"}


@dataclass(frozen=True)
class Kind:
    """Clips of one kind, the shares of their length at which a stage begins, and what each was made of."""

    name: str
    clips: Tensor
    borders: np.ndarray
    unit: np.ndarray
    course: Tensor | None = None
    """how each clip moves; None where the frames are not of one clip"""


def planted_features(frames: int) -> Kind:
    """Every clip is its own unit."""
    random = torch.Generator().manual_seed(0)
    cuts = list(combinations(range(1, frames), STAGES - 1))
    starts = torch.tensor([cuts[n] for n in torch.randint(len(cuts), (PLANTED,), generator=random)])
    label = (torch.arange(frames) >= starts[..., None]).sum(1)
    direction = torch.randn(PLANTED, STAGES, DIM, generator=random)
    shared = 2 * torch.randn(PLANTED, 1, DIM, generator=random)
    noise = torch.randn(PLANTED, frames, DIM, generator=random)
    clips = direction.gather(1, label[..., None].expand(-1, -1, DIM)) + shared + noise
    return Kind("features", clips, starts.numpy() / frames, np.arange(PLANTED))


@dataclass(frozen=True)
class Seen:
    """One rendered clip: its visual features, how it moves, and the shares of its length at which its stages begin."""

    sight: Tensor
    course: Tensor
    borders: tuple[float, ...]


def rendered(labels: Sequence[str], scenes: Sequence[int], frames: int) -> dict[tuple[str, int], Seen]:
    """Every label in every scene."""
    backbone, motion, found = load_offline(device="cpu", precision="float32"), MotionEncoder("flow"), {}
    for label, scene in track(list(product(labels, scenes)), description="rendering", transient=True):
        clip = render_clip(label, seed=scene)
        pictures = views(clip, frames, backbone.motion_gap)
        shown = resize_and_crop(pictures, backbone.preprocessing).unflatten(0, (frames, 2))
        length = len(clip.frames) / clip.fps
        borders = tuple(one / length for one in clip.borders)
        sight = backbone.encode_frames(shown[None])[0, :, SPACE.visual]
        found[label, scene] = Seen(sight, course(clip, motion), borders)
    return found


def course(clip: RenderedClip, motion: MotionEncoder) -> Tensor:
    """How a clip moves, measured as for a file of it."""
    onlooker, last = MotionOnlooker(motion), (len(clip.frames) - 1) / clip.fps
    for time in onlooker.times(len(clip.frames) / clip.fps, last, clip.fps):
        number = min(int(time * clip.fps + 1e-6), len(clip.frames) - 1)
        onlooker.see(time, number / clip.fps, clip.frames[number])
    return flow_course(onlooker.finish()[None])[0]


def views(clip: RenderedClip, frames: int, gap: float) -> Tensor:
    """The pictures at the sampled moments and `gap` seconds later."""
    last = (len(clip.frames) - 1) / clip.fps
    times = uniform_times(len(clip.frames) / clip.fps, frames)
    pairs = [(time, time + gap) if time + gap <= last else (time - gap, time) for time in times]
    return torch.from_numpy(clip.frames)[[round(time * clip.fps) for pair in pairs for time in pair]]


def spliced(name: str, parts: Sequence[Sequence[Tensor]], frames: int) -> Kind:
    """Three clips' first frames in every proportion; what a clip is spliced from is its unit."""
    lengths = [one for one in product(range(1, frames), repeat=STAGES) if sum(one) == frames]
    clips = [torch.cat([one[:n] for one, n in zip(some, size, strict=True)]) for some in parts for size in lengths]
    starts = np.array([np.cumsum(size)[:-1] for _ in parts for size in lengths])
    return Kind(name, torch.stack(clips), starts / frames, np.repeat(np.arange(len(parts)), len(lengths)))


def kinds(labels: Sequence[str], scenes: Sequence[int], frames: int) -> list[Kind]:
    """All four kinds."""
    seen = rendered(labels, scenes, frames)
    sight = {key: one.sight for key, one in seen.items()}
    triples = [labels[n : n + STAGES] for n in range(len(labels) - STAGES + 1)]
    places = [scenes[n : n + STAGES] for n in range(len(scenes) - STAGES + 1)]
    moved = [[sight[pair] for pair in zip(some, where, strict=True)] for some in triples for where in places]
    stayed = [
        [sight[label, scene] for label in some] for three in triples for some in permutations(three) for scene in scenes
    ]
    own = Kind(
        "stages",
        torch.stack(list(sight.values())),
        np.array([one.borders for one in seen.values()]),
        np.arange(len(seen)),
        torch.stack([one.course for one in seen.values()]),
    )
    return [planted_features(frames), spliced("scenes", moved, frames), spliced("actions", stayed, frames), own]


def error(found: np.ndarray, kind: Kind) -> str:
    """The mean over clips and borders, in percent of the clip, with its interval."""
    each = np.abs(found - kind.borders).mean(1, keepdims=True)
    low, high = bootstrap(each, kind.unit[:, None])
    return f"{100 * each.mean():.1f} ({100 * low:.1f} to {100 * high:.1f})"


def begins(label: Tensor) -> np.ndarray:
    """The share of the clip at which the second and third stage begin."""
    first = torch.nn.functional.one_hot(label, STAGES).argmax(1)
    return first[:, 1:].numpy() / label.shape[1]


def chance(kind: Kind, frames: int) -> str:
    """The mean error of all cuts, each as likely as the others."""
    cuts = np.array(list(combinations(range(1, frames), STAGES - 1))) / frames
    each = np.abs(cuts[None] - kind.borders[:, None]).mean((1, 2))[:, None]
    low, high = bootstrap(each, kind.unit[:, None])
    return f"{100 * each.mean():.1f} ({100 * low:.1f} to {100 * high:.1f})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=6)
    parser.add_argument("--labels", type=int, default=8)
    parser.add_argument("--frames", type=int, default=8)
    chosen = parser.parse_args(arguments)
    found = kinds(list(ACTIONS)[: chosen.labels], range(chosen.scenes), chosen.frames)
    table = Table("segmenter", *(f"{one.name}: {len(one.clips)}" for one in found))
    for name, title in TITLES.items():
        table.add_row(title, *(error(begins(SEGMENTERS[name](one.clips, STAGES)), one) for one in found))
    moved = [None if one.course is None else motion_segment(one.course, STAGES, chosen.frames)[1] for one in found]
    shown = ["" if begin is None else error(begin.numpy(), one) for begin, one in zip(moved, found, strict=True)]
    table.add_row("motion (ours)", *shown)
    thirds = np.arange(1, STAGES) / STAGES
    table.add_row("exact thirds", *(error(np.broadcast_to(thirds, one.borders.shape), one) for one in found))
    table.add_row("random", *(chance(one, chosen.frames) for one in found))
    short = [int((tw_finch(one.clips, STAGES).amax(1) + 1 < STAGES).sum()) for one in found]
    table.add_section()
    table.add_row("TW-FINCH fell short", *map(str, short))
    table.caption = "mean distance of a border from the planted one, % of the clip (95 %); number of clips"
    Console(width=None if os.isatty(1) else 140).print(table)


if __name__ == "__main__":
    main()
