import shutil

import numpy as np
import pytest
import torch

from lga.backbone.tiny import TinyBackbone
from lga.config import MethodConfig
from lga.datasets.manifest import LabelledClip
from lga.errors import ManifestError
from lga.evaluation.dataset import load_dataset
from lga.features.cache import FeatureCache
from lga.synthetic.render import render_clip, write_clip
from lga.video.decode import VideoFile

METHOD = MethodConfig()


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    for label, seed in (("wave", 1), ("wave", 2), ("jump", 3)):
        write_clip(render_clip(label, seed=seed), folder / f"{seed}.mp4")
    shutil.copy(folder / "1.mp4", folder / "copy.mp4")
    (folder / "bad.mp4").write_bytes(b"no video")
    return [
        LabelledClip(folder / f"{name}.mp4", label, group)
        for name, label, group in (
            ("1", "wave", "a"), ("bad", "wave", None), ("copy", "wave", "a"), ("3", "jump", "a"), ("2", "wave", None)
        )
    ]  # fmt: skip


def load(clips, **more):
    return load_dataset(clips, TinyBackbone(), METHOD, cache=FeatureCache(None), **more)


def test_clips_keep_their_order_labels_and_groups_and_the_unusable_are_named(clips):
    calls = []
    loaded = load(clips, progress=lambda *now: calls.append(now))
    assert [one.path.stem for one in loaded.clips] == ["1", "3", "2"]
    assert [one.path.stem for one in loaded.skipped] == ["bad", "copy"]
    assert "the same clip as" in loaded.skipped[1].reason
    assert loaded.labels == ("jump", "wave")
    assert loaded.label.tolist() == [1, 0, 1]
    assert loaded.group.tolist() == [0, 0, 1]
    assert loaded.origins == {"lexicon": 2}
    assert [one.label for one in loaded.content] == ["wave", "jump", "wave"]
    assert calls == [(done, 5) for done in range(1, 6)]


def test_the_dataset_holds_features_sentences_and_names(clips):
    dataset = load(clips).dataset
    assert dataset.frames.shape == (3, METHOD.frames, dataset.space.dim)
    assert dataset.sentences.shape == (2, METHOD.stages, dataset.space.dim)
    assert dataset.names.shape == (2, dataset.space.dim)
    assert np.unique(dataset.names.numpy(), axis=0).shape[0] == 2


def test_clips_can_be_left_for_later_without_decoding_and_are_the_same_ones(clips, monkeypatch, tmp_path):
    whole = load(clips)
    monkeypatch.setattr(VideoFile, "pictures_at", lambda *_: pytest.fail("a picture was decoded"))
    cache, calls = FeatureCache(tmp_path / "cache"), []
    bare = load_dataset(
        clips, TinyBackbone(), METHOD, cache=cache, encode=False, progress=lambda *now: calls.append(now)
    )
    assert bare.dataset.frames.shape == (3, 0, bare.dataset.space.dim)
    assert bare.dataset.motion is None
    assert (bare.clips, bare.digests, bare.labels) == (whole.clips, whole.digests, whole.labels)
    assert [one.path for one in bare.skipped] == [one.path for one in whole.skipped]
    assert torch.equal(bare.dataset.label, whole.dataset.label)
    assert torch.equal(bare.dataset.sentences, whole.dataset.sentences)
    assert [one.duration for one in bare.moments] == [one.duration for one in whole.moments]
    assert {key.kind for key, _ in cache.store.rows()} == {"sentence"}
    assert calls == [(done, 5) for done in range(1, 6)]


def test_without_any_group_there_are_none(clips):
    assert load([LabelledClip(one.path, one.label) for one in clips]).group is None


def test_no_clip_that_can_be_read_is_refused(clips):
    with pytest.raises(ManifestError, match=r"none of the 1 clips can be read; the first: .*bad\.mp4"):
        load([clips[1]])
