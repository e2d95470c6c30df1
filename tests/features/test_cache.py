import os
import time
from dataclasses import dataclass, field, replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lga.backbone.tiny import TinyBackbone
from lga.errors import BackboneError, VideoError
from lga.features.cache import (
    ClipFeatures,
    FeatureCache,
    clip_entry,
    clip_key,
    default_cache,
    motion_entry,
    sentence_key,
)
from lga.features.entry import Entry
from lga.motion.descriptor import NUMBERS
from lga.video.clip import content_digest

TINY = TinyBackbone()
DIM = TINY.space.dim
DIGEST = "d" * 64


@dataclass(frozen=True, slots=True)
class Counting(TinyBackbone):
    """A tiny backbone that notes which sentences it is asked about."""

    asked: list[str] = field(default_factory=list)

    def encode_text(self, sentences):
        self.asked.extend(sentences)
        return TINY.encode_text(sentences)


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path / "cache")


@pytest.fixture
def clip():
    frames = torch.randn(3, DIM, generator=torch.Generator().manual_seed(5))
    return ClipFeatures(frames, (0.1, 1 / 3, 0.7), 1.1, DIGEST)


@pytest.fixture
def old_file(tmp_path):
    """A file that was written a while ago."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"one content")
    return path


@pytest.fixture
def later(monkeypatch):
    """Ten seconds have gone by since every file was written."""
    monkeypatch.setattr("lga.features.cache.time.time", lambda now=time.time: now() + 10)


@pytest.fixture
def hashed(monkeypatch):
    """The paths whose content was read so far."""
    seen = []

    def note(path):
        seen.append(path)
        return content_digest(path)

    monkeypatch.setattr("lga.features.cache.content_digest", note)
    return seen


def test_a_clip_comes_back_bit_for_bit(cache, clip):
    cache.keep([clip_entry(clip, "uniform 3", TINY)])
    found = cache.find_clip(clip.digest, "uniform 3", TINY)
    assert torch.equal(found.frames, clip.frames)
    assert replace(found, frames=clip.frames) == clip


def test_content_sampling_and_backbone_each_have_entries_of_their_own(cache, clip):
    cache.keep([clip_entry(clip, "uniform 3", TINY)])
    assert cache.find_clip("e" * 64, "uniform 3", TINY) is None
    assert cache.find_clip(clip.digest, "uniform 4", TINY) is None
    assert cache.find_clip(clip.digest, "uniform 3", replace(TINY, identity="tiny 2")) is None
    assert cache.find_motion(clip.digest, TINY.identity) is None


def test_motion_comes_back_by_its_encoder(cache):
    motion = torch.randn(NUMBERS, generator=torch.Generator().manual_seed(2))
    cache.keep([motion_entry(DIGEST, "motion 2: flow", motion)])
    assert torch.equal(cache.find_motion(DIGEST, "motion 2: flow"), motion)
    assert cache.find_motion(DIGEST, "motion 2: flow+pose") is None


def test_what_another_reader_saw_is_not_found(cache, clip, monkeypatch):
    cache.keep([clip_entry(clip, "uniform 3", TINY), motion_entry(DIGEST, "motion", torch.zeros(NUMBERS))])
    cache.encode_text(["runs"], TINY)
    monkeypatch.setattr("lga.features.cache.READER_VERSION", 99)
    assert cache.find_clip(clip.digest, "uniform 3", TINY) is None
    assert cache.find_motion(DIGEST, "motion") is None
    backbone = Counting()
    cache.encode_text(["runs"], backbone)
    assert backbone.asked == []


def test_features_of_other_sizes_are_not_found(cache, clip):
    narrow = torch.zeros(3, DIM - 1)
    cache.keep([Entry(clip_key(DIGEST, "uniform 3", TINY), narrow, clip.times, clip.duration)])
    cache.keep([Entry(sentence_key("runs", TINY), narrow[:1])])
    cache.keep([motion_entry(DIGEST, "motion", torch.zeros(NUMBERS + 1))])
    assert cache.find_clip(DIGEST, "uniform 3", TINY) is None
    assert cache.find_motion(DIGEST, "motion") is None
    assert torch.equal(cache.encode_text(["runs"], TINY), TINY.encode_text(["runs"]))


@pytest.mark.usefixtures("later")
def test_a_clip_that_lies_where_it_lay_is_not_read_again(cache, old_file, hashed):
    first = cache.identify(old_file)
    assert (first.digest, first.is_new) == (content_digest(old_file), True)
    cache.keep((), [first])
    again = cache.identify(old_file)
    assert (again.digest, again.is_new, hashed) == (first.digest, False, [old_file])
    assert FeatureCache(cache.folder).identify(old_file) == again
    assert hashed == [old_file]


@pytest.mark.usefixtures("later")
def test_a_renamed_clip_is_read_and_is_the_same(cache, old_file, hashed):
    first = cache.identify(old_file)
    cache.keep((), [first])
    moved = old_file.rename(old_file.with_name("moved.mp4"))
    assert cache.identify(moved).digest == first.digest
    assert hashed == [old_file, moved]
    with pytest.raises(VideoError, match="no such file"):
        cache.identify(old_file)


def write(path, content):
    path.write_bytes(content)


def replaced(path, content):
    other = path.with_name("other.mp4")
    other.write_bytes(content)
    other.replace(path)


def linked(path, content):
    other = path.with_name("other.mp4")
    other.write_bytes(content)
    path.unlink()
    path.symlink_to(other)


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("change", [write, replaced, linked])
@pytest.mark.parametrize("content", [b"two content", b"something longer"])
def test_a_changed_clip_is_another_one_even_if_its_time_is_set_back(cache, old_file, change, content):
    found = old_file.stat()
    cache.keep((), [cache.identify(old_file)])
    time.sleep(0.02)  # a system counts time in steps; `is_new` is false so shortly after a change, without `later`
    change(old_file, content)
    os.utime(old_file, ns=(found.st_atime_ns, found.st_mtime_ns))
    now = cache.identify(old_file)
    assert (now.digest, now.is_new) == (content_digest(old_file), True)


def test_a_clip_that_was_written_just_now_is_not_remembered(cache, old_file, hashed):
    """Else a change within the same tick of the file system's clock would never be seen."""
    for turn in range(3):
        racy = cache.identify(old_file)
        assert not racy.is_new
        cache.keep((), [racy])
        assert len(hashed) == turn + 1
    assert not cache.folder.exists()


@pytest.mark.usefixtures("later")
@given(contents=st.lists(st.binary(min_size=1, max_size=3), min_size=1, max_size=6))
def test_whatever_is_written_the_digest_is_that_of_the_content(tmp_path_factory, contents):
    folder = tmp_path_factory.mktemp("places")
    cache, path = FeatureCache(folder / "cache"), folder / "clip.mp4"
    for content in contents:
        replaced(path, content)
        for _ in range(2):
            found = cache.identify(path)
            assert found.digest == content_digest(path)
            cache.keep((), [found])


def test_a_clip_that_is_written_to_meanwhile_has_changed(cache, old_file):
    found = cache.identify(old_file)
    assert found.is_unchanged()
    old_file.write_bytes(b"another content")
    assert not found.is_unchanged()
    old_file.unlink()
    assert not found.is_unchanged()


def test_sentences_keep_their_order_and_each_is_encoded_once(cache):
    backbone = Counting()
    sentences = ["runs", "jumps", "runs", "lands", "jumps"]
    assert torch.equal(cache.encode_text(sentences, backbone), TINY.encode_text(sentences))
    assert backbone.asked == ["runs", "jumps", "lands"]
    mixed = ["swims", "lands", "runs"]
    assert torch.equal(cache.encode_text(mixed, backbone), TINY.encode_text(mixed))
    assert backbone.asked == ["runs", "jumps", "lands", "swims"]


def test_sentences_of_another_backbone_are_encoded_again(cache):
    backbone = Counting(identity="tiny 2")
    cache.encode_text(["runs"], TINY)
    cache.encode_text(["runs"], backbone)
    assert backbone.asked == ["runs"]


@given(st.lists(st.text(), max_size=5))
def test_any_text_has_a_key_of_its_own(texts):
    keys = {sentence_key(one, TINY) for one in [*texts, "\ud800"]}
    assert len(keys) == len({*texts, "\ud800"})


def test_no_sentences_have_no_features(cache):
    assert cache.encode_text([], TINY).shape == (0, DIM)


def test_without_a_folder_nothing_is_kept(clip, old_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cache, backbone = FeatureCache(None), Counting()
    found = cache.identify(old_file)
    assert (found.digest, found.is_new) == (content_digest(old_file), False)
    cache.keep([clip_entry(clip, "uniform 3", backbone)], [found])
    assert cache.find_clip(clip.digest, "uniform 3", backbone) is None
    for _ in range(2):
        assert torch.equal(cache.encode_text(["runs", "runs"], backbone), TINY.encode_text(["runs", "runs"]))
    assert backbone.asked == ["runs", "runs"]
    assert list(tmp_path.iterdir()) == [old_file]


def test_the_environment_places_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("LGA_CACHE", str(tmp_path / "mine"))
    assert default_cache().folder == tmp_path / "mine"
    monkeypatch.setenv("LGA_CACHE", "off")
    assert default_cache().folder is None
    for unset in (lambda: monkeypatch.setenv("LGA_CACHE", ""), lambda: monkeypatch.delenv("LGA_CACHE")):
        unset()
        assert default_cache().folder == tmp_path / "xdg" / "lga"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_cache().folder == tmp_path / ".cache" / "lga"


@dataclass(frozen=True, slots=True)
class Odd(TinyBackbone):
    """A backbone that makes something else of sentences."""

    make: object = None

    def encode_text(self, sentences):
        return self.make(TINY.encode_text(sentences))


@pytest.mark.parametrize("make", [lambda v: v[:, :-1], lambda v: v[:-1], lambda v: v * float("nan"), lambda v: v / 0])
def test_vectors_that_cannot_be_compared_are_refused_and_not_kept(cache, make):
    with pytest.raises(BackboneError, match="tiny"):
        cache.encode_text(["a", "b"], Odd(make=make))
    assert not cache.folder.exists()
