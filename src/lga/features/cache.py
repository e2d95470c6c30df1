"""The feature cache: no clip and no sentence is encoded twice, and no clip is read twice while it lies where it lay."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from lga.backbone.protocol import Backbone
from lga.errors import BackboneError, VideoError
from lga.features.entry import Entry, Key, KnownPlace
from lga.features.store import FeatureStore
from lga.files import user_cache
from lga.motion.descriptor import NUMBERS
from lga.video.clip import READER_VERSION, content_digest
from lga.video.stamp import Stamp, clip_stamp


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
class Identified:
    """A clip by its content."""

    path: Path
    digest: str
    """sha256 of its content"""
    stamp: Stamp
    is_new: bool
    """whether its place is worth remembering"""

    def is_unchanged(self) -> bool:
        """Whether it is still what the digest was taken of; then so was all that has been read of it since."""
        try:
            return clip_stamp(self.path) == self.stamp
        except VideoError:
            return False


class FeatureCache:
    """What was encoded before, by the content of clips and sentences and by the identity of who encodes.

    A renamed clip is found again and a changed one is not. `folder` None keeps nothing.
    """

    def __init__(self, folder: Path | None):
        self.folder = folder
        self.store = None if folder is None else FeatureStore(folder)

    def identify(self, path: Path) -> Identified:
        """A clip's digest: from its place where it lies there unchanged, else from its content.

        Raises:
            VideoError: the clip is missing or may not be read.
        """
        stamp = clip_stamp(path)
        if self.store is None:
            return Identified(path, content_digest(path), stamp, is_new=False)
        known = self.store.find_digest(path, stamp)
        if known is not None:
            return Identified(path, known, stamp, is_new=False)
        begun = time.time()
        return Identified(path, content_digest(path), stamp, is_new=stamp.settled(begun))

    def find_clip(self, digest: str, sampling: str, backbone: Backbone) -> ClipFeatures | None:
        """The clip's features, or None if they are not there or damaged."""
        key = clip_key(digest, sampling, backbone)
        entry = self._find([key]).get(key)
        if entry is None or entry.features.shape != (len(entry.times), backbone.space.dim):
            return None
        return ClipFeatures(entry.features, entry.times, entry.duration, digest)

    def find_motion(self, digest: str, identity: str) -> Float[Tensor, " numbers"] | None:
        """The clip's motion as an encoder of this identity measures it, or None if it is not there or damaged."""
        key = motion_key(digest, identity)
        entry = self._find([key]).get(key)
        return None if entry is None or entry.features.shape != (1, NUMBERS) else entry.features[0]

    def keep(self, entries: Sequence[Entry], clips: Sequence[Identified] = ()) -> None:
        """Write features, and where clips lie of which that is not known."""
        if self.store is not None:
            places = [KnownPlace(one.path, one.stamp, one.digest) for one in clips if one.is_new]
            self.store.keep(entries, places)

    def encode_text(self, sentences: Sequence[str], backbone: Backbone) -> Float[Tensor, "sentences dim"]:
        """Encode sentences, those that were met before from the cache.

        Raises:
            BackboneError: what the backbone makes of them is of another shape, or not finite.
        """
        keys = {one: sentence_key(one, backbone) for one in dict.fromkeys(sentences)}
        found = self._find(list(keys.values()))
        known = {
            one: found[key].features[0]
            for one, key in keys.items()
            if key in found and found[key].features.shape == (1, backbone.space.dim)
        }
        fresh = [one for one in keys if one not in known]
        if fresh:
            made = backbone.encode_text(fresh)
            check_made(made, (len(fresh), backbone.space.dim), backbone)
            if not bool(made.isfinite().all()):
                raise BackboneError(f"the backbone {backbone.identity!r} makes vectors that are not finite")
            known |= {one: vector.clone() for one, vector in zip(fresh, made, strict=True)}
            self.keep([Entry(keys[one], known[one][None]) for one in fresh])
        return torch.stack([known[one] for one in sentences]) if sentences else torch.zeros(0, backbone.space.dim)

    def _find(self, keys: Sequence[Key]) -> dict[Key, Entry]:
        return {} if self.store is None else self.store.find(keys)


def clip_entry(clip: ClipFeatures, sampling: str, backbone: Backbone) -> Entry:
    """A clip's features, ready to be kept."""
    return Entry(clip_key(clip.digest, sampling, backbone), clip.frames, clip.times, clip.duration)


def motion_entry(digest: str, identity: str, motion: Float[Tensor, " numbers"]) -> Entry:
    """A clip's motion, ready to be kept."""
    return Entry(motion_key(digest, identity), motion[None])


def clip_key(digest: str, sampling: str, backbone: Backbone) -> Key:
    """What the features of a clip with this digest are found by."""
    return Key("clip", bytes.fromhex(digest), backbone.identity, sampling, READER_VERSION)


def motion_key(digest: str, identity: str) -> Key:
    """What the motion of a clip with this digest is found by."""
    return Key("motion", bytes.fromhex(digest), identity, reader=READER_VERSION)


def sentence_key(sentence: str, backbone: Backbone) -> Key:
    """What the vector of a sentence is found by."""
    return Key("sentence", sha256(sentence.encode("utf-8", "surrogatepass")).digest(), backbone.identity)


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
