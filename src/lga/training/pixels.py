"""Pixels for training: the clips of each task, decoded ahead in threads, sampled and augmented at random."""

import os
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random

import torch
from einops import rearrange
from jaxtyping import UInt8
from torch import Tensor

from lga.backbone.protocol import Preprocessing
from lga.errors import VideoError
from lga.video.clip import jittered_times
from lga.video.decode import open_clip
from lga.video.transform import Augmentation, augment, draw_augmentation

AHEAD = 2
"""Tasks that are decoded while an earlier one is used; also what bounds the memory."""
DECODERS = min(16, os.cpu_count() or 1)
"""Threads that decode, each a clip of its own."""


@dataclass(frozen=True, slots=True)
class TrainingClips:
    """Training clips on disk, sampled and augmented anew in every task.

    A clip's moments and augmentation depend on (seed, task number, clip number) alone: not on the threads, on what
    was fetched before, or on which tasks are left out.
    """

    paths: tuple[Path, ...]
    frames: int
    how: Preprocessing
    augmentation: Augmentation
    seed: int

    def fetch(
        self, plan: Iterable[tuple[int, Sequence[int]]]
    ) -> Generator[UInt8[Tensor, "clips frames height width 3"]]:
        """Yield each task's clips in the order of `plan`: pairs of a task's number and its clips' numbers.

        `plan` may be endless; it is read `AHEAD` tasks ahead. Stopping early leaves the rest undecoded.

        Raises:
            VideoError: a clip of the task that was asked for cannot be read; its path comes first.
            ValueError: a task has no clips.
            IndexError: there is no clip of this number.
        """
        with ThreadPoolExecutor(DECODERS) as pool:
            waiting: deque[list[Future[UInt8[Tensor, "frames height width 3"]]]] = deque()
            remaining = iter(plan)

            def ask(tasks: int) -> None:
                for number, clips in islice(remaining, tasks):
                    if not clips:
                        raise ValueError(f"task {number} has no clips")
                    waiting.append([pool.submit(self.watch, number, clip) for clip in clips])

            try:
                ask(1 + AHEAD)
                while waiting:
                    try:
                        pixels = torch.stack([clip.result() for clip in waiting[0]])
                    except VideoError as error:
                        raise VideoError(f"{error}; `lga data check --fix` leaves such clips out beforehand") from error
                    waiting.popleft()
                    yield pixels
                    ask(1)
            finally:
                for clip in (clip for task in waiting for clip in task):
                    clip.cancel()

    def watch(self, task: int, clip: int) -> UInt8[Tensor, "frames height width 3"]:
        """Decode one clip as one task sees it: a random moment of each of `frames` equal parts, augmented at random.

        Raises:
            VideoError: the clip cannot be read.
            IndexError: there is no clip of this number.
        """
        generator = Random(f"{self.seed} {task} {clip}")
        params = draw_augmentation(self.augmentation, generator)
        seen: list[UInt8[Tensor, "height width 3"]] = []
        before = None
        with open_clip(self.paths[clip]) as video:
            for picture in video.pictures_at(jittered_times(video.duration, self.frames, generator=generator)):
                whole = rearrange(picture, "h w c -> 1 h w c")
                seen.append(seen[-1] if picture is before else augment(whole, self.how, params)[0])
                before = picture
        return torch.stack(seen)
