"""From clips and labels to features: decode in threads, encode in batches, keep what is done."""

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from lga.anatomy.schema import Anatomy, word_stages
from lga.backbone.protocol import Backbone
from lga.config import Wording
from lga.errors import SettingsError, VideoError, printable
from lga.features.cache import ClipFeatures, FeatureCache, Identified, check_made, clip_entry, motion_entry
from lga.features.entry import Entry
from lga.motion.encoder import MotionEncoder, MotionOnlooker
from lga.video.clip import Clip, read_clip
from lga.video.decode import open_clip
from lga.video.files import UNLIMITED, Limits, refusal, why_no_clip

BATCH = 8
"""Clips encoded at once; also how many are decoded ahead."""
DECODERS = min(BATCH, os.cpu_count() or 1)
"""Threads that decode, each a clip of its own."""
Progress = Callable[[int, int], None]
"""Called with how many are done, of how many."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A clip that could not be used, and why, in one line that starts with its path."""

    path: Path
    reason: str


def not_a_clip(path: Path) -> Skipped:
    """What lies among examples and is no clip."""
    return Skipped(path, f"{printable(path)}: not a clip: {why_no_clip(path)}")


@dataclass(frozen=True, slots=True)
class _Opened:
    """A clip on its way: already known, or decoded and waiting to be encoded."""

    source: Identified
    known: ClipFeatures | None
    clip: Clip | None
    motion: Float[Tensor, " numbers"] | None
    is_sure: bool
    """whether what was read is surely what its digest says: nobody wrote to the clip meanwhile"""


def collect(
    paths: Sequence[Path],
    backbone: Backbone,
    *,
    frames: int,
    cache: FeatureCache,
    motion: MotionEncoder | None = None,
    limits: Limits = UNLIMITED,
    refuse: Callable[[int, ClipFeatures], str | None] | None = None,
    progress: Progress | None = None,
) -> tuple[list[tuple[int, ClipFeatures]], list[Skipped]]:
    """The features of all clips that can be used, each with its place in `paths`, and the clips that were left out.

    `refuse` is asked about each clip that can be read, in order: why it is left out nevertheless, or None.
    """
    found = extract_features(
        paths, backbone, frames=frames, cache=cache, motion=motion, limits=limits, progress=progress
    )
    return sift(paths, found, refuse)


def sift(
    paths: Sequence[Path],
    found: Iterable[ClipFeatures | Skipped],
    refuse: Callable[[int, ClipFeatures], str | None] | None,
) -> tuple[list[tuple[int, ClipFeatures]], list[Skipped]]:
    """Part what was found in each of `paths`, in order, into what is used and what is left out, as in `collect`."""
    kept: list[tuple[int, ClipFeatures]] = []
    skipped: list[Skipped] = []
    for place, one in enumerate(found):
        if isinstance(one, Skipped):
            skipped.append(one)
        elif refuse is not None and (why := refuse(place, one)) is not None:
            skipped.append(Skipped(paths[place], str(refusal(paths[place], why))))
        else:
            kept.append((place, one))
    return kept, skipped


def extract_features(
    paths: Sequence[Path],
    backbone: Backbone,
    *,
    frames: int,
    cache: FeatureCache,
    motion: MotionEncoder | None = None,
    limits: Limits = UNLIMITED,
    progress: Progress | None = None,
) -> Generator[ClipFeatures | Skipped]:
    """Yield each clip's features, or why it was skipped, in the order of `paths`.

    `frames` moments are sampled at the centres of equal parts. What is encoded is kept in the cache before it is
    yielded, so an interrupted run goes on where it stopped; a clip that was written to meanwhile is not kept. Features
    that are not finite count as unreadable.
    With `motion`, each clip's motion is measured in the same pass and kept beside its features.
    `limits` hold for clips that are decoded, not for those in the cache.

    Raises:
        SettingsError: the backbone encodes a clip's frames together, and not so many.
    """
    sampling = f"uniform {frames}"
    _check_frames(frames, backbone)

    def opened(path: Path) -> _Opened | Skipped:
        try:
            source = cache.identify(path)
            known = cache.find_clip(source.digest, sampling, backbone)
            moves = None if motion is None else cache.find_motion(source.digest, motion.identity)
            if known is not None and (motion is None or moves is not None):
                return _Opened(source, known, None, moves, not source.is_new or source.is_unchanged())
            onlooker = None if motion is None or moves is not None else MotionOnlooker(motion)
            clip = read_clip(
                path,
                frames=frames,
                how=backbone.preprocessing,
                motion_gap=backbone.motion_gap,
                limits=limits,
                onlooker=onlooker,
            )
            return _Opened(source, known, clip, onlooker.finish() if onlooker else moves, source.is_unchanged())
        except VideoError as error:
            return Skipped(path, str(error))

    with ThreadPoolExecutor(DECODERS) as pool:
        remaining = iter(paths)
        waiting = [(path, pool.submit(opened, path)) for path in islice(remaining, 2 * BATCH)]
        done = 0
        try:
            while waiting:
                now, waiting = waiting[:BATCH], waiting[BATCH:]
                waiting += [(path, pool.submit(opened, path)) for path in islice(remaining, BATCH)]
                for one in _finish(now, backbone, sampling, cache, motion):
                    done += 1
                    if progress is not None:
                        progress(done, len(paths))
                    yield one
        finally:
            for _, future in waiting:
                future.cancel()


def _check_frames(frames: int, backbone: Backbone) -> None:
    if why := backbone.preprocessing.wrong_frames(frames):
        raise SettingsError(why)


def _finish(
    now: Sequence[tuple[Path, Future[_Opened | Skipped]]],
    backbone: Backbone,
    sampling: str,
    cache: FeatureCache,
    motion: MotionEncoder | None,
) -> Iterator[ClipFeatures | Skipped]:
    """Encode a batch's new clips together, keep them, and yield the whole batch in order."""
    results = [(path, future.result()) for path, future in now]
    fresh = [one.clip for _, one in results if isinstance(one, _Opened) and one.known is None and one.clip is not None]
    encoded = iter(_encode(fresh, backbone))
    found: list[ClipFeatures | Skipped] = []
    entries: list[Entry] = []
    sources: list[Identified] = []
    for path, one in results:
        if isinstance(one, Skipped):
            found.append(one)
            continue
        digest, features = one.source.digest, one.known
        if features is None and one.clip is not None:
            features = ClipFeatures(next(encoded).clone(), one.clip.times, one.clip.duration, digest)
        if features is None or not bool(features.frames.isfinite().all()):
            why = "its features are not finite numbers; the backbone cannot read it"
            found.append(Skipped(path, str(refusal(path, why))))
            continue
        found.append(replace(features, motion=one.motion))
        if one.is_sure:
            sources.append(one.source)
            entries += [clip_entry(features, sampling, backbone)] if one.known is None else []
            if one.motion is not None and motion is not None and one.clip is not None:
                entries.append(motion_entry(digest, motion.identity, one.motion))
    cache.keep(entries, sources)
    yield from found


def _encode(clips: Sequence[Clip], backbone: Backbone) -> list[Float[Tensor, "frames dim"]]:
    """The tokens of each clip, those encoded together whose pictures have one shape."""
    alike: dict[tuple[int, ...], list[int]] = {}
    for at, clip in enumerate(clips):
        alike.setdefault(tuple(clip.frames.shape), []).append(at)
    tokens: dict[int, Tensor] = {}
    for places in alike.values():
        batch = torch.stack([clips[at].frames for at in places])
        made = backbone.encode_frames(batch)
        check_made(made, (*batch.shape[:2], backbone.space.dim), backbone)
        tokens.update(zip(places, made, strict=True))
    return [tokens[at] for at in range(len(clips))]


def identify_clips(
    paths: Sequence[Path], dim: int, cache: FeatureCache, *, progress: Progress | None = None
) -> Generator[ClipFeatures | Skipped]:
    """Yield each clip's digest and length in the order of `paths`, or why it was skipped, without decoding a picture.

    For whoever reads the pixels later: `frames` are [0 dim], there are no moments and no motion.
    """
    nothing = torch.empty(0, dim)
    sources: list[Identified] = []

    def opened(path: Path) -> tuple[Identified, ClipFeatures] | Skipped:
        try:
            with open_clip(path) as video:
                source = cache.identify(path)
                return source, ClipFeatures(nothing, (), video.duration, source.digest)
        except VideoError as error:
            return Skipped(path, str(error))

    with ThreadPoolExecutor(DECODERS) as pool:
        for done, one in enumerate(pool.map(opened, paths), 1):
            if progress is not None:
                progress(done, len(paths))
            if isinstance(one, Skipped):
                yield one
                continue
            source, features = one
            sources += [source] if source.is_new and source.is_unchanged() else []
            if len(sources) == BATCH:
                cache.keep((), sources)
                sources.clear()
            yield features
    cache.keep((), sources)


def encode_stages(
    anatomies: Sequence[Anatomy], wording: Wording, backbone: Backbone, cache: FeatureCache
) -> Float[Tensor, "classes stages dim"]:
    """The text vectors of every stage of every anatomy, padded with zeros where some have fewer stages than others."""
    texts = [text for anatomy in anatomies for text in word_stages(anatomy, wording)]
    vectors = cache.encode_text(texts, backbone).split([len(anatomy.stages) for anatomy in anatomies])
    return pad_sequence(list(vectors), batch_first=True)


def encode_names(anatomies: Sequence[Anatomy], backbone: Backbone, cache: FeatureCache) -> Float[Tensor, "classes dim"]:
    """The text vector of every anatomy's label alone."""
    return cache.encode_text([word_stages(anatomy, "label")[0] for anatomy in anatomies], backbone)
