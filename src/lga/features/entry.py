"""What the feature store keeps, and how it is written into a row: packed, and sealed together with its key."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from lga.database import seal
from lga.video.clip import READER_VERSION
from lga.video.stamp import Stamp

Kind = Literal["clip", "motion", "sentence"]


@dataclass(frozen=True, slots=True)
class Key:
    """What features are of, and who made them."""

    kind: Kind
    content: bytes
    """sha256 of the clip or of the sentence"""
    identity: str
    """of the backbone, or of the motion encoder"""
    sampling: str = ""
    """which moments of the clip"""
    reader: int = 0
    """`READER_VERSION` of whatever comes from a clip; 0 for sentences"""

    @property
    def columns(self) -> tuple[str, bytes, str, str, int]:
        """As the table has them."""
        return self.kind, self.content, self.sampling, self.identity, self.reader

    @property
    def is_stale(self) -> bool:
        """Whether it was made by a reader of another version, so that it is not asked for."""
        return self.reader not in (0, READER_VERSION)


@dataclass(frozen=True, slots=True)
class Entry:
    """Features with their key; of a clip, a row for each of `times`, which are in seconds as `duration` is."""

    key: Key
    features: Float[Tensor, "rows dim"]
    times: tuple[float, ...] = ()
    duration: float = 0.0


@dataclass(frozen=True, slots=True)
class KnownPlace:
    """Where a clip lies, what the system says of it there, and what its content is."""

    path: Path
    stamp: Stamp
    digest: str

    @property
    def name(self) -> bytes:
        """Its absolute path as the system has it."""
        return os.fsencode(self.path.absolute())


def pack(entry: Entry) -> tuple[object, ...]:
    """The entry as a row: its key, duration and times as float64, the features as float32, and their seal."""
    times = np.array([entry.duration, *entry.times], "<f8").tobytes()
    data = entry.features.detach().contiguous().numpy().astype("<f4").tobytes()
    return *entry.key.columns, times, data, seal(*entry.key.columns, times, data)


def unpack(key: Key, row: object) -> Entry | None:
    """The entry of a row; None if it is damaged."""
    match row:
        case (bytes(times), bytes(data), bytes(sealed)) if sealed == seal(*key.columns, times, data):
            pass
        case _:
            return None
    count = max(1, len(times) // 8 - 1)
    if not times or len(times) % 8 or len(data) % (4 * count):
        return None
    duration, *moments = np.frombuffer(times, "<f8").tolist()
    features = rearrange(np.frombuffer(data, "<f4").astype(np.float32), "(rows dim) -> rows dim", rows=count)
    if not np.isfinite(features).all() or not all(0 <= one < inf for one in (duration, *moments)):
        return None
    return Entry(key, torch.from_numpy(features), tuple(moments), duration)


def seal_place(name: bytes, stamp: bytes, content: bytes) -> bytes:
    """The seal of a row that says where a clip lies."""
    return seal(name, stamp, READER_VERSION, content)


def is_sealed(values: Sequence[object], sealed: object) -> bool:
    """Whether a row's values are those that were written, whatever is read in their place."""
    known = [one for one in values if isinstance(one, int | str | bytes)]
    return len(known) == len(values) and sealed == seal(*known)
