import errno
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save, save_file

from lga.backbone.tiny import TinyBackbone
from lga.errors import BackboneError
from lga.features.cache import ClipFeatures, FeatureCache, default_cache

TINY = TinyBackbone()
DIM = TINY.space.dim


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
    return ClipFeatures(frames, (0.1, 1 / 3, 0.7), 1.1, "d" * 64)


def entries(cache):
    return sorted(path for path in cache.folder.rglob("*") if path.is_file())


def test_a_clip_comes_back_bit_for_bit(cache, clip):
    cache.keep_clip(clip, "uniform 3", TINY)
    found = cache.find_clip(clip.digest, "uniform 3", TINY)
    assert torch.equal(found.frames, clip.frames)
    assert replace(found, frames=clip.frames) == clip
    assert cache.rebuilt == []


def test_a_view_into_a_larger_tensor_is_kept_alone(cache, clip):
    wide = torch.randn(DIM, 3, generator=torch.Generator().manual_seed(7)).T
    cache.keep_clip(replace(clip, frames=wide), "uniform 3", TINY)
    assert torch.equal(cache.find_clip(clip.digest, "uniform 3", TINY).frames, wide)


def test_content_sampling_and_backbone_each_have_entries_of_their_own(cache, clip):
    cache.keep_clip(clip, "uniform 3", TINY)
    assert cache.find_clip("e" * 64, "uniform 3", TINY) is None
    assert cache.find_clip(clip.digest, "uniform 4", TINY) is None
    assert cache.find_clip(clip.digest, "uniform 3", replace(TINY, identity="tiny 2")) is None
    assert cache.rebuilt == []
    assert len(entries(cache)) == 1


def empty(path):
    path.write_bytes(b"")


def truncate(path):
    path.write_bytes(path.read_bytes()[:-7])


def scribble(path):
    path.write_bytes(b"\xff" * 999)


def claim_much(path):
    path.write_bytes((2**60).to_bytes(8, "little") + b"{}")


def rewrite(tensor, note=None, name="features"):
    def damage(path):
        save_file({name: tensor}, path, {"times": "[0.1, 0.2, 0.3]", "duration": "1.0"} if note is None else note)

    return damage


DAMAGE = {
    "empty": empty,
    "truncated": truncate,
    "overwritten": scribble,
    "a huge header": claim_much,
    "another dim": rewrite(torch.zeros(3, DIM + 1)),
    "another shape": rewrite(torch.zeros(3 * DIM)),
    "another name": rewrite(torch.zeros(3, DIM), name="frames"),
    "half precision": rewrite(torch.zeros(3, DIM).half()),
    "NaN": rewrite(torch.full((3, DIM), torch.nan)),
    "infinite": rewrite(torch.full((3, DIM), torch.inf)),
}
NOTES = {
    "too many frames": rewrite(torch.zeros(5, DIM)),
    "no note": rewrite(torch.zeros(3, DIM), {}),
    "times that are no list": rewrite(torch.zeros(3, DIM), {"times": "3", "duration": "1.0"}),
    "times that are no JSON": rewrite(torch.zeros(3, DIM), {"times": "[", "duration": "1.0"}),
    "a duration that is no number": rewrite(torch.zeros(3, DIM), {"times": "[1, 2, 3]", "duration": "long"}),
}


@pytest.mark.parametrize("damage", [pytest.param(*one[1:], id=one[0]) for one in (DAMAGE | NOTES).items()])
def test_a_damaged_clip_is_not_there_is_noted_and_can_be_made_anew(cache, clip, damage):
    cache.keep_clip(clip, "uniform 3", TINY)
    (path,) = entries(cache)
    damage(path)
    assert cache.find_clip(clip.digest, "uniform 3", TINY) is None
    assert cache.rebuilt == [path]
    cache.keep_clip(clip, "uniform 3", TINY)
    assert torch.equal(cache.find_clip(clip.digest, "uniform 3", TINY).frames, clip.frames)
    assert entries(cache) == [path]


@pytest.mark.parametrize("damage", [pytest.param(*one[1:], id=one[0]) for one in DAMAGE.items()])
def test_a_damaged_sentence_is_noted_and_made_anew(cache, damage):
    wanted = cache.encode_text(["a person jumps"], TINY)
    (path,) = entries(cache)
    damage(path)
    assert torch.equal(cache.encode_text(["a person jumps"], TINY), wanted)
    assert cache.rebuilt == [path]
    assert torch.equal(cache.encode_text(["a person jumps"], TINY), wanted)
    assert cache.rebuilt == [path]


def test_an_entry_that_may_not_be_read_is_noted(cache, clip, monkeypatch):
    def refuse(self):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    cache.keep_clip(clip, "uniform 3", TINY)
    monkeypatch.setattr(Path, "stat", refuse)
    assert cache.find_clip(clip.digest, "uniform 3", TINY) is None
    assert len(cache.rebuilt) == 1


def test_a_cache_that_cannot_be_written_says_so_once_and_the_work_goes_on(tmp_path, clip):
    (tmp_path / "cache").touch()
    cache = FeatureCache(tmp_path / "cache")
    assert cache.find_clip(clip.digest, "uniform 3", TINY) is None
    cache.keep_clip(clip, "uniform 3", TINY)
    cache.keep_clip(clip, "uniform 4", TINY)
    [message] = cache.troubles
    assert message.startswith(str(tmp_path / "cache"))
    assert "cannot be written" in message
    assert "\n" not in message


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


def test_no_sentences_have_no_features(cache):
    assert cache.encode_text([], TINY).shape == (0, DIM)


def test_without_a_folder_nothing_is_kept(clip, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cache, backbone = FeatureCache(None), Counting()
    cache.keep_clip(clip, "uniform 3", backbone)
    assert cache.find_clip(clip.digest, "uniform 3", backbone) is None
    for _ in range(2):
        assert torch.equal(cache.encode_text(["runs", "runs"], backbone), TINY.encode_text(["runs", "runs"]))
    assert backbone.asked == ["runs", "runs"]
    assert list(tmp_path.iterdir()) == []


WORKER = """
import json, sys
from pathlib import Path
from lga.backbone.tiny import TinyBackbone
from lga.errors import BackboneError
from lga.features.extract import extract_features
from lga.features.cache import FeatureCache

cache, tiny = FeatureCache(Path(sys.argv[1])), TinyBackbone()
sums = []
for turn in range(2):
    found = extract_features([Path(one) for one in sys.argv[2:]], tiny, frames=turn + 2, cache=cache)
    sums += [one.frames.double().sum().item() for one in found]
    sums.append(cache.encode_text([f"sentence {number}" for number in range(40)], tiny).double().sum().item())
print(json.dumps([sums, len(cache.rebuilt)]))
"""


@pytest.mark.slow
def test_two_processes_share_a_folder_at_once(tmp_path, write_video, video_files):
    pictures = video_files.numbered(20)
    clips = [write_video(tmp_path / f"{number}.avi", pictures[number : number + 8]) for number in range(6)]
    command = [sys.executable, "-c", WORKER, str(tmp_path / "cache"), *map(str, clips)]
    alone = os.environ | {"OMP_NUM_THREADS": "1"}
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, env=alone) for _ in range(2)]
    told = [json.loads(one.communicate(timeout=120)[0]) for one in both]
    assert told[0][0] == pytest.approx(told[1][0], abs=1e-3)
    assert [rebuilt for _, rebuilt in told] == [0, 0]
    kept = entries(FeatureCache(tmp_path / "cache"))
    assert len(kept) == 2 * 6 + 40
    assert {path.suffix for path in kept} == {".safetensors"}


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


@pytest.mark.parametrize("duration", ["nan", "inf", "-1.0", "0.0", "1e400"])
def test_a_length_that_cannot_be_is_damage(cache, clip, duration):
    path = cache._path("clips", clip.digest, "uniform 3", TINY.identity)
    path.parent.mkdir(parents=True)
    path.write_bytes(save({"features": clip.frames}, {"times": json.dumps(clip.times), "duration": duration}))
    assert cache.find_clip(clip.digest, "uniform 3", TINY) is None
    assert cache.rebuilt == [path]


@pytest.mark.parametrize(
    "times", ["[NaN, 1, 2]", "[0.1, 0.2, Infinity]", "[-1, 0, 1]", "[" * 5000, f"[0, 1, {10**400}]"]
)
def test_moments_that_cannot_be_are_damage(cache, clip, times):
    path = cache._path("clips", clip.digest, "uniform 3", TINY.identity)
    path.parent.mkdir(parents=True)
    path.write_bytes(save({"features": clip.frames}, {"times": times, "duration": "1.1"}))
    assert cache.find_clip(clip.digest, "uniform 3", TINY) is None
    assert cache.rebuilt == [path]


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
