import threading
import time
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from lga.anatomy.lexicon import anatomize
from lga.anatomy.schema import word_stages
from lga.backbone.tiny import TinyBackbone
from lga.config import BackboneConfig
from lga.features import extract as extract_module
from lga.features.cache import ClipFeatures, FeatureCache
from lga.features.extract import (
    BATCH,
    Skipped,
    collect,
    encode_names,
    encode_stages,
    extract_features,
    identify_clips,
)
from lga.model.pretrained import load_pretrained
from lga.video.clip import read_clip
from lga.video.files import Limits

pytestmark = pytest.mark.usefixtures("one_thread")


@dataclass(frozen=True, slots=True)
class Counting(TinyBackbone):
    """A tiny backbone that notes how many clips each batch holds."""

    batches: list[int] = field(default_factory=list)

    def encode_frames(self, clips):
        self.batches.append(len(clips))
        return TinyBackbone.encode_frames(self, clips)


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path / "cache")


@pytest.fixture
def later(monkeypatch):
    """Ten seconds have gone by since every file was written."""
    monkeypatch.setattr("lga.features.cache.time.time", lambda now=time.time: now() + 10)


@pytest.fixture(scope="module")
def clips(tmp_path_factory, write_video):
    """Clips of different brightness, more than are decoded ahead."""
    folder = tmp_path_factory.mktemp("clips")
    levels = [np.full((4, 32, 32, 3), 8 * number, np.uint8) for number in range(3 * BATCH + 3)]
    return [write_video(folder / f"{number:02d}.avi", pictures) for number, pictures in enumerate(levels)]


@pytest.fixture
def decoded(monkeypatch):
    """The paths that were decoded so far."""
    seen, read = [], extract_module.read_clip

    def note(path, **options):
        seen.append(path)
        return read(path, **options)

    monkeypatch.setattr(extract_module, "read_clip", note)
    return seen


def test_clips_are_collected_with_their_places_and_those_left_out_with_the_reason(clips, cache, tmp_path):
    (tmp_path / "broken.avi").write_bytes(b"no video")
    paths, done = [clips[3], tmp_path / "broken.avi", clips[4], clips[5]], []

    def refuse(place, features):
        return "not wanted" if place == 2 else None

    kept, skipped = collect(
        paths, TinyBackbone(), frames=2, cache=cache, refuse=refuse, progress=lambda *now: done.append(now)
    )
    wanted = features_of([clips[3], clips[5]], cache)
    assert [place for place, _ in kept] == [0, 3]
    assert [one.digest for _, one in kept] == [one.digest for one in wanted]
    assert [one.path for one in skipped] == paths[1:3]
    assert skipped[1].reason == f"{clips[4]}: not wanted"
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]


def features_of(paths, cache, backbone=None):
    return list(extract_features(paths, backbone or TinyBackbone(), frames=2, cache=cache))


def same(one, other):
    """Whether features agree, but for the last bits, which depend on the batch."""
    return [
        torch.allclose(a.frames, b.frames, atol=1e-5) and a.times == b.times for a, b in zip(one, other, strict=True)
    ]


def test_features_come_in_the_order_of_the_paths(clips, cache):
    alone = [features_of([path], cache)[0] for path in clips]
    for paths in (clips, clips[::-1]):
        found = features_of(paths, FeatureCache(None))
        assert all(same(found, alone if paths is clips else alone[::-1]))
        assert [one.digest for one in found] != sorted(one.digest for one in found)


def test_many_clips_are_encoded_in_batches(clips, cache):
    backbone = Counting()
    features_of(clips, cache, backbone)
    assert backbone.batches == [BATCH, BATCH, BATCH, 3]


def test_the_features_are_those_of_the_sampled_frames(clips):
    (found,) = features_of(clips[5:6], FeatureCache(None))
    assert isinstance(found, ClipFeatures)
    assert found.frames.shape == (2, TinyBackbone().space.dim)
    assert found.times == pytest.approx((0.1, 0.3))
    assert found.duration == pytest.approx(0.4)
    assert len(found.digest) == 64


def test_a_clip_that_is_known_is_neither_decoded_nor_encoded_again(clips, cache, decoded):
    first = features_of(clips[:5], cache)
    assert sorted(decoded) == clips[:5]
    decoded.clear()
    backbone = Counting()
    assert all(same(features_of(clips[:5], cache, backbone), first))
    assert (decoded, backbone.batches) == ([], [])


def test_only_what_is_new_is_encoded(clips, cache, decoded):
    features_of(clips[1:3], cache)
    decoded.clear()
    backbone = Counting()
    found = features_of(clips[:4], cache, backbone)
    assert (sorted(decoded), backbone.batches) == ([clips[0], clips[3]], [2])
    assert all(same(found, features_of(clips[:4], FeatureCache(None))))


def test_a_renamed_clip_is_known_and_a_changed_one_is_not(clips, cache, decoded, tmp_path):
    features_of(clips[:1], cache)
    decoded.clear()
    moved = tmp_path / "moved.avi"
    moved.write_bytes(clips[0].read_bytes())
    features_of([moved], cache)
    assert decoded == []
    moved.write_bytes(clips[1].read_bytes())
    features_of([moved], cache)
    assert decoded == [moved]


@pytest.mark.usefixtures("later")
def test_a_second_run_reads_no_clip(clips, cache, decoded, monkeypatch):
    first = features_of(clips[:BATCH], cache)
    decoded.clear()
    monkeypatch.setattr("lga.features.cache.content_digest", lambda path: pytest.fail(f"{path} is read"))
    again = FeatureCache(cache.folder)
    assert all(same(features_of(clips[:BATCH], again), first))
    found = list(identify_clips(clips[:BATCH], 3, again))
    assert [one.digest for one in found] == [one.digest for one in first]
    assert decoded == []


@pytest.mark.usefixtures("later")
def test_places_are_remembered_by_whoever_asks_for_no_picture(clips, cache, monkeypatch):
    paths = [clips[0].with_name("missing.avi"), *clips[: BATCH + 1], clips[0].with_name("gone.avi")]
    done = []
    first = list(identify_clips(paths, 3, cache, progress=lambda *now: done.append(now)))
    assert [type(one) for one in first] == [Skipped, *[ClipFeatures] * (BATCH + 1), Skipped]
    assert done == [(number, len(paths)) for number in range(1, len(paths) + 1)]
    monkeypatch.setattr("lga.features.cache.content_digest", lambda path: pytest.fail(f"{path} is read"))
    assert [one.digest for one in identify_clips(paths[1:-1], 3, cache)] == [one.digest for one in first[1:-1]]


def test_a_clip_that_is_written_to_while_it_is_read_is_not_kept(clips, cache, monkeypatch, tmp_path):
    growing = tmp_path / "growing.avi"
    growing.write_bytes(clips[1].read_bytes())

    def grow(path, **options):
        clip = read_clip(path, **options)
        growing.write_bytes(clips[2].read_bytes() if path == growing else growing.read_bytes())
        return clip

    monkeypatch.setattr(extract_module, "read_clip", grow)
    first, second = features_of([clips[0], growing], cache)
    assert isinstance(second, ClipFeatures)
    assert [key.content.hex() for key, _ in cache.store.rows()] == [first.digest]


def test_another_number_of_frames_is_another_entry(clips, cache):
    features_of(clips[:1], cache)
    (found,) = extract_features(clips[:1], TinyBackbone(), frames=3, cache=cache)
    assert len(found.frames) == 3


def test_broken_clips_are_skipped_in_their_places_and_named(clips, cache, tmp_path):
    broken = {
        "text.mp4": b"no video\n",
        "empty.mp4": b"",
        "cut.avi": clips[0].read_bytes()[:300],
        "a\nb.mp4": b"no video\n",
    }
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
    bad = [*(tmp_path / name for name in broken), tmp_path / "missing.mp4", tmp_path / "cache"]
    paths = [path for pair in zip(clips, bad, strict=False) for path in pair]
    found = features_of(paths, cache)
    assert [type(one) for one in found] == [ClipFeatures, Skipped] * len(bad)
    for path, one in zip(bad, found[1::2], strict=True):
        assert one.path == path
        assert one.reason.startswith(str(path).replace("\n", "\\n") + ": ")
        assert one.reason.isprintable()
    assert all(same(found[::2], features_of(clips[: len(bad)], cache)))


def test_nothing_but_broken_clips_needs_no_backbone(tmp_path, cache):
    backbone = Counting()
    assert len(features_of([tmp_path / "a.mp4", tmp_path / "b.mp4"], cache, backbone)) == 2
    assert backbone.batches == []


def test_no_clips_have_no_features(cache):
    assert features_of([], cache) == []


def test_features_that_are_not_finite_are_skipped_and_not_kept(clips, cache, tmp_path):
    @dataclass(frozen=True, slots=True)
    class Dividing(TinyBackbone):
        def encode_frames(self, clips):
            features = TinyBackbone.encode_frames(self, clips)
            features[1, 0, 0] = torch.nan
            return features

    odd = tmp_path / "odd\n.avi"
    odd.write_bytes(clips[1].read_bytes())
    first, second, third = features_of([clips[0], odd, clips[2]], cache, Dividing())
    assert isinstance(first, ClipFeatures)
    assert isinstance(third, ClipFeatures)
    assert second == Skipped(
        odd, f"{tmp_path}/odd\\n.avi: its features are not finite numbers; the backbone cannot read it"
    )
    assert len(cache.store.rows()) == 2


def test_an_interrupted_run_goes_on_where_it_stopped(clips, cache, decoded):
    running = extract_features(clips, TinyBackbone(), frames=2, cache=cache)
    done = [next(running) for _ in range(BATCH + 2)]
    running.close()
    assert len(decoded) <= 4 * BATCH
    decoded.clear()
    found = features_of(clips, cache)
    assert not set(clips[: len(done)]) & set(decoded)
    assert all(same(found, features_of(clips, FeatureCache(None))))


def test_an_interrupted_run_leaves_no_thread_behind(clips, cache):
    before = threading.active_count()
    running = extract_features(clips, TinyBackbone(), frames=2, cache=cache)
    next(running)
    running.close()
    assert threading.active_count() == before


def test_only_a_few_clips_are_decoded_ahead(clips, cache, decoded):
    running = extract_features(clips, TinyBackbone(), frames=2, cache=cache)
    assert decoded == []
    next(running)
    assert len(decoded) <= 3 * BATCH < len(clips)
    running.close()


def test_an_error_of_the_backbone_ends_the_run(clips, cache):
    @dataclass(frozen=True, slots=True)
    class Broken(TinyBackbone):
        def encode_frames(self, clips):
            raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        features_of(clips, cache, Broken())


def test_a_clip_beyond_the_limits_is_skipped(clips):
    limits = Limits(pixels=1)
    (found,) = extract_features(clips[:1], TinyBackbone(), frames=2, cache=FeatureCache(None), limits=limits)
    assert isinstance(found, Skipped)
    assert "at most 1 pixels" in found.reason


def test_every_stage_and_name_stands_where_its_label_does():
    backbone, cache = load_pretrained(BackboneConfig(backbone="tiny")).backbone, FeatureCache(None)
    anatomies = [anatomize(label) for label in ("golf", "jump")]
    stages, names = encode_stages(anatomies, "stages", backbone, cache), encode_names(anatomies, backbone, cache)
    for number, anatomy in enumerate(anatomies):
        torch.testing.assert_close(stages[number], backbone.encode_text(anatomy.sentences))
        torch.testing.assert_close(names[number], backbone.encode_text(word_stages(anatomy, "label")[:1])[0])
