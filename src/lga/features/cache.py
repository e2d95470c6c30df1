"""The feature cache on disk: no clip and no sentence is encoded twice."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from math import inf
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from lga.backbone.protocol import Backbone
from lga.errors import BackboneError, LGAError
from lga.files import kind_of, user_cache, write_atomically
from lga.motion.descriptor import NUMBERS


@dataclass(frozen=True, slots=True)
class ClipFeatures:
    """One encoded clip: tokens before fusion, the moments they were taken at and the clip's length, in seconds."""

    frames: Float[Tensor, "frames dim"]
    times: tuple[float, ...]
    duration: float
    digest: str
    """sha256 of the clip's content"""
    motion: Float[Tensor, " numbers"] | None = None
    """how the clip moves, as `lga.motion.descriptor` describes it; None where it was not measured"""


@dataclass(frozen=True, slots=True)
class FeatureCache:
    """A folder of small safetensors files, one a clip or sentence, named after what they hold.

    The name is a hash of the clip's content, the sampling and the backbone's identity, so that a renamed clip is
    found again and a changed one is not. Entries are written whole or not at all, so two processes may share a cache.
    An entry that cannot be read is made anew and its path noted in `rebuilt`.
    When the folder cannot be written, `troubles` says why, once, and the work goes on without keeping anything.
    `folder` None keeps nothing.
    """

    folder: Path | None
    rebuilt: list[Path] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def find_clip(self, digest: str, sampling: str, backbone: Backbone) -> ClipFeatures | None:
        """The clip's features, or None if they are not there or damaged."""
        path = self._path("clips", digest, sampling, backbone.identity)
        found = self._read(path)
        if found is None or path is None:
            return None
        tensor, note = found
        try:
            times, duration = tuple(float(one) for one in json.loads(note["times"])), float(note["duration"])
        except (KeyError, ValueError, TypeError, OverflowError, RecursionError):
            self.rebuilt.append(path)
            return None
        sound = 0 < duration < inf and all(0 <= one < inf for one in times)
        if not sound or tensor.shape != (len(times), backbone.space.dim):
            self.rebuilt.append(path)
            return None
        return ClipFeatures(tensor, times, duration, digest)

    def keep_clip(self, clip: ClipFeatures, sampling: str, backbone: Backbone) -> None:
        """Write a clip's features."""
        path = self._path("clips", clip.digest, sampling, backbone.identity)
        note = {"times": json.dumps(clip.times), "duration": repr(clip.duration)}
        self._write(path, clip.frames, note)

    def find_motion(self, digest: str, identity: str) -> Float[Tensor, " numbers"] | None:
        """The clip's motion as an encoder of this identity measures it, or None if it is not there or damaged."""
        path = self._path("motion", digest, identity)
        found = self._read(path)
        if found is None or path is None:
            return None
        if found[0].shape != (1, NUMBERS):
            self.rebuilt.append(path)
            return None
        return found[0][0]

    def keep_motion(self, digest: str, identity: str, motion: Float[Tensor, " numbers"]) -> None:
        """Write a clip's motion."""
        self._write(self._path("motion", digest, identity), motion[None], {})

    def encode_text(self, sentences: Sequence[str], backbone: Backbone) -> Float[Tensor, "sentences dim"]:
        """Encode sentences, those that were met before from the cache.

        Raises:
            BackboneError: what the backbone makes of them is of another shape, or not finite.
        """
        paths = {one: self._path("text", one, "", backbone.identity) for one in dict.fromkeys(sentences)}
        known: dict[str, Tensor] = {}
        for one, path in paths.items():
            if path is None or (found := self._read(path)) is None:
                continue
            if found[0].shape == (1, backbone.space.dim):
                known[one] = found[0][0]
            else:
                self.rebuilt.append(path)
        fresh = [one for one in paths if one not in known]
        if fresh:
            made = backbone.encode_text(fresh)
            check_made(made, (len(fresh), backbone.space.dim), backbone)
            if not bool(made.isfinite().all()):
                raise BackboneError(f"the backbone {backbone.identity!r} makes vectors that are not finite")
            for one, vector in zip(fresh, made, strict=True):
                known[one] = vector.clone()
                self._write(paths[one], vector[None], {})
        return torch.stack([known[one] for one in sentences]) if sentences else torch.zeros(0, backbone.space.dim)

    def _path(self, kind: str, *parts: str) -> Path | None:
        if self.folder is None:
            return None
        name = sha256("\0".join(parts).encode()).hexdigest()
        return self.folder / kind / name[:2] / f"{name[2:]}.safetensors"

    def _read(self, path: Path | None) -> tuple[Float[Tensor, "rows dim"], dict[str, str]] | None:
        if path is None:
            return None
        try:
            if kind_of(path) != "file":
                return None
            with safe_open(path, framework="pt") as file:
                tensor, note = file.get_tensor("features"), file.metadata() or {}
        except (SafetensorError, OSError, LGAError):
            self.rebuilt.append(path)
            return None
        if tensor.ndim != 2 or tensor.dtype != torch.float32 or not bool(tensor.isfinite().all()):
            self.rebuilt.append(path)
            return None
        return tensor, note

    def _write(self, path: Path | None, tensor: Float[Tensor, "rows dim"], note: dict[str, str]) -> None:
        if path is not None and not self.troubles:
            try:
                write_atomically(path, save({"features": tensor.contiguous()}, note))
            except LGAError as error:
                self.troubles.append(str(error))


def check_made(made: Tensor, wanted: tuple[int, ...], backbone: Backbone) -> None:
    """Refuse what a backbone made if its axes are not those wanted.

    Raises:
        BackboneError: they are not; both are named.
    """
    if tuple(made.shape) != wanted:
        raise BackboneError(f"the backbone {backbone.identity!r} makes {tuple(made.shape)} where {wanted} are wanted")


def default_cache() -> FeatureCache:
    """The cache in `LGA_CACHE`, else in the user's cache folder; `LGA_CACHE=off` keeps nothing."""
    wish = os.environ.get("LGA_CACHE")
    if wish == "off":
        return FeatureCache(None)
    if wish:
        return FeatureCache(Path(wish))
    return FeatureCache(user_cache())
