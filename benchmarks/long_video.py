"""Recognition in long video: segment F1 of `lga watch` on videos stitched from clips, and how fast it is.

    python benchmarks/long_video.py MANIFEST.csv [--pool LABEL ...] [--untaught LABEL ...] [--draws 6] [--json]

A draw teaches five classes of the pool, five examples each, and stitches a video from clips of other groups: twenty
occurrences of a taught action (one to three clips of one group), four in five of them after something untaught: one
to three clips of an untaught class, or one picture that stands still for one to three seconds. Every change of clip is
a hard cut. A segment that is found counts if it overlaps a true one of its label by that much of their union, each one
once. `naive` is windows of two seconds side by side, the likeliest label each, nothing rejected, neighbours of one
label joined. The manifest needs a column `group`. A video is read and encoded once for all rows; the factor counts that
and the first row.
"""

import argparse
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Event

import av
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from lga.actions import Actions
from lga.datasets.manifest import LabelledClip, read_manifest
from lga.evaluation.statistics import bootstrap_units
from lga.recognition import Prepared
from lga.recognizer import Recognizer
from lga.watch.address import find_address
from lga.watch.moments import Finish
from lga.watch.segments import Segment
from lga.watch.settings import WatchSettings
from lga.watch.watching import Encoded, Item, Reading, Watcher, batched, encode

FPS = 25
LEVELS = (0.3, 0.5)
ROWS = {
    "default": WatchSettings(),
    "without cuts": WatchSettings(ignore_cuts=True),
    "nothing rejected": WatchSettings(accept="always"),
    "naive": WatchSettings(windows=(2.0,), stride=2.0, ignore_cuts=True, accept="always"),
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a stitched video: a clip, or its first picture for so many seconds; the label if it is taught."""

    clip: LabelledClip
    label: str | None
    still: float = 0.0


def plan(
    clips: Sequence[LabelledClip], pool: Sequence[str], untaught: Sequence[str], occurrences: int, random: Random
) -> tuple[dict[str, list[Path]], list[Piece]]:
    """The examples of five classes, and the pieces of a video that shows none of their groups."""
    taught = random.sample(sorted(pool), 5)
    others = sorted(set(untaught) - set(taught))
    groups: dict[str, dict[str, list[LabelledClip]]] = {}
    for one in clips:
        groups.setdefault(one.label, {}).setdefault(str(one.group), []).append(one)
    examples: dict[str, list[Path]] = {}
    used: set[str] = set()
    for label in taught:
        chosen = random.sample(sorted(groups[label]), min(5, len(groups[label]) - 2))
        used |= set(chosen)
        found = [random.choice(groups[label][name]).path for name in chosen]
        rest = [one.path for name in chosen for one in groups[label][name] if one.path not in found]
        examples[label] = [*found, *random.sample(rest, 5 - len(found))]

    def some(label: str) -> list[LabelledClip]:
        free = sorted(name for name in groups[label] if name not in used)
        mine = groups[label][random.choice(free)]
        return random.sample(mine, min(random.randint(1, 3), len(mine)))

    pieces: list[Piece] = []
    for _ in range(occurrences):
        if random.random() < 0.8:
            inside = some(random.choice(others))
            if random.random() < 0.75:
                pieces += [Piece(one, None) for one in inside]
            else:
                pieces.append(Piece(inside[0], None, random.uniform(1, 3)))
        label = random.choice(taught)
        pieces += [Piece(one, label) for one in some(label)]
    return examples, pieces


def stitch(pieces: Sequence[Piece], path: Path) -> list[Segment]:
    """Write the video; what is true about it."""
    truth: list[Segment] = []
    shown = 0
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "18", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for piece in pieces:
            with av.open(str(piece.clip.path)) as clip:
                frames = [one.to_ndarray(format="rgb24", width=320, height=240) for one in clip.decode(video=0)]
            if piece.still:
                frames = frames[:1] * round(piece.still * FPS)
            for picture in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
            start, shown = shown / FPS, shown + len(frames)
            if piece.label is None:
                continue
            if truth and truth[-1].label == piece.label and truth[-1].end == start:
                start = truth.pop().start
            truth.append(Segment(start, shown / FPS, piece.label, 1.0))
        container.mux(stream.encode())
    return truth


def matched(found: Sequence[Segment], truth: Sequence[Segment], level: float) -> int:
    """How many segments found are true ones of their label: best overlap first, each one once."""
    pairs = [
        (overlap(one, other), left, right)
        for left, one in enumerate(found)
        for right, other in enumerate(truth)
        if one.label == other.label
    ]
    lefts, rights = set[int](), set[int]()
    for share, left, right in sorted(pairs, reverse=True):
        if share >= level and left not in lefts and right not in rights:
            lefts.add(left)
            rights.add(right)
    return len(lefts)


def overlap(one: Segment, other: Segment) -> float:
    """Intersection over union."""
    shared = max(0.0, min(one.end, other.end) - max(one.start, other.start))
    return shared / (max(one.end, other.end) - min(one.start, other.start))


def read(recognizer: Recognizer, actions: Actions, path: Path) -> list[list[Item | Encoded]]:
    """The whole video, encoded, as `lga watch` reads it with the default settings."""
    motion = recognizer.motion_encoder(actions)
    with Reading(find_address(str(path)), recognizer.encoder, WatchSettings(), Event(), None, motion) as reading:
        return [encode(recognizer.encoder, batch) for batch in batched(reading.items())]


def watched(prepared: Prepared, batches: Sequence[Sequence[Item | Encoded]], settings: WatchSettings) -> list[Segment]:
    """Every segment found in a video that was read."""
    watcher = Watcher(prepared, settings)
    found = [*chain.from_iterable(map(watcher.take, batches)), *watcher.finish()]
    return [one for one in found if isinstance(one, Segment)]


def run(chosen: argparse.Namespace) -> dict[str, object]:
    """All draws; for every row the counts of each draw: found, true, and matched at every level."""
    root = read_manifest(chosen.manifest)
    labels = sorted({one.label for one in root})
    pool, untaught = chosen.pool or labels, chosen.untaught or labels
    recognizer = Recognizer()
    counts: dict[str, list[list[int]]] = {name: [] for name in ROWS}
    seconds = wall = cpu = 0.0
    for draw in range(chosen.draws):
        examples, pieces = plan(root, pool, untaught, chosen.occurrences, Random(f"{chosen.seed} {draw}"))
        actions, _ = recognizer.teach(examples)
        prepared = recognizer.prepare(actions)
        with TemporaryDirectory() as folder:
            truth = stitch(pieces, path := Path(folder) / "long.mp4")
            begun, worked = time.perf_counter(), time.process_time()
            batches = read(recognizer, actions, path)
        for number, (name, settings) in enumerate(ROWS.items()):
            found = watched(prepared, batches, settings)
            if not number:
                wall, cpu = wall + time.perf_counter() - begun, cpu + time.process_time() - worked
                seconds += sum(item.time for item in batches[-1] if isinstance(item, Finish))
            counts[name].append([len(found), len(truth), *(matched(found, truth, level) for level in LEVELS)])
        Console(stderr=True).print(f"draw {draw + 1} of {chosen.draws}: {seconds:.0f} s watched in {wall:.0f} s")
    return {
        "pool": pool,
        "draws": chosen.draws,
        "seconds": seconds,
        "times real time": seconds / wall,
        "times real time for one core": seconds / cpu,
        "threads": torch.get_num_threads(),
        "counts": counts,
    }


def figures(counts: Sequence[Sequence[int]]) -> list[str]:
    """F1 with its 95 % interval (bootstrap over draws), precision and recall, at every level."""
    each = np.array(counts, dtype=float)
    segments = each[:, :2].sum(1)
    found, true, *hits = each.sum(0)
    cells: list[str] = []
    for number, hit in enumerate(hits, 2):
        mine = each[:, number]
        low, high = bootstrap_units(lambda weight, mine=mine: 2 * (weight @ mine) / (weight @ segments), len(each))
        cells += [
            f"{2 * hit / (found + true):.3f} [{low:.3f}, {high:.3f}]",
            f"{hit / max(found, 1):.3f} / {hit / true:.3f}",
        ]
    return cells


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, or everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--pool", nargs="+", help="classes that may be taught (default: all)")
    parser.add_argument("--untaught", nargs="+", help="classes that untaught clips may show (default: all)")
    parser.add_argument("--draws", type=int, default=6)
    parser.add_argument("--occurrences", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    report = run(chosen)
    if chosen.json:
        print(json.dumps(report, indent=2))
        return
    heads = [f"{what} @{level}" for level in LEVELS for what in ("F1", "precision / recall")]
    table = Table("", *heads, title=f"{chosen.draws} videos, {report['seconds']:.0f} s")
    for name, counts in report["counts"].items():  # pyright: ignore
        table.add_row(name, *figures(counts))
    console = Console(width=None if os.isatty(1) else 140)
    console.print(table)
    console.print(
        f"{report['times real time']:.1f} x real time; {report['times real time for one core']:.1f} x per core in use"
    )


if __name__ == "__main__":
    main()
