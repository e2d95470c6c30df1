from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lga.backbone.tiny import TinyBackbone
from lga.config import BackboneConfig, MethodConfig, TrainConfig
from lga.datasets.manifest import LabelledClip
from lga.errors import BackboneError, ManifestError, TrainingError
from lga.evaluation.dataset import LoadedDataset
from lga.methods.protocol import Dataset
from lga.model.checkpoint import load_checkpoint, make_head, save_checkpoint
from lga.training import run as meta_training
from lga.training.fit import Run
from lga.training.run import (
    Splits,
    make_fabric,
    refuse_shared,
    refuse_shared_classes,
    test_head,
    train_head,
)

pytestmark = pytest.mark.usefixtures("one_thread")

test_head.__test__ = False  # the test split's evaluation, not a test
TINY = TinyBackbone()
METHOD = MethodConfig(frames=4)
SETTINGS = TrainConfig(tasks=6, ways=3, queries=2, width=0, validate_every=6, validation_episodes=100)


def loaded(name, labels, seed):
    random = torch.Generator().manual_seed(seed)
    label = torch.arange(4 * len(labels)) % len(labels)
    frames = torch.randn(len(label), 4, TINY.space.dim, generator=random)
    text = torch.randn(len(labels), 3, TINY.space.dim, generator=random)
    clips = tuple(LabelledClip(Path(f"{name}{number}.mp4"), labels[n]) for number, n in enumerate(label))
    digests = tuple(f"{name}{number}" for number in range(len(label)))
    return LoadedDataset(
        Dataset(frames, label, text, text[:, 0], TINY.space), clips, digests, (), tuple(labels), (), ()
    )


TRAIN, VALIDATION, TEST = (loaded(*one) for one in (("train", "abc", 1), ("val", "def", 2), ("test", "ghi", 3)))


@pytest.fixture
def splits(tmp_path):
    rows = [f"train{n}.mp4,{one},ID{n},train" for n, one in enumerate("abc")]
    (tmp_path / "clips.csv").write_text("\n".join(["path,label,id,split", *rows, "v.mp4,d,ID9,val"]))
    return Splits(TRAIN, VALIDATION, tmp_path / "clips.csv")


def test_splits_that_share_nothing_pass():
    refuse_shared(TRAIN, [VALIDATION, TEST])


def test_a_shared_class_or_clip_is_refused_and_named():
    with pytest.raises(ManifestError, match="the class 'b' is in two of the splits"):
        refuse_shared(TRAIN, [VALIDATION, replace(TEST, labels=("b", "h", "i"))])
    with pytest.raises(ManifestError, match=r"train2\.mp4 is in two of the splits"):
        refuse_shared(TRAIN, [replace(TEST, digests=("train2", *TEST.digests[1:]))])


def test_another_spelling_is_the_same_class():
    with pytest.raises(ManifestError, match="Brush_Hair"):
        refuse_shared_classes(["Brush_Hair"], ["wave", "brush hair"])
    refuse_shared_classes(["brush"], ["hair"])


def test_the_record_says_what_was_trained_on_what(splits, tmp_path):
    fitted, record = train_head(splits, TINY, BackboneConfig(backbone="tiny", device="cpu"), METHOD, Run(SETTINGS))
    assert record.backbone == BackboneConfig(backbone="tiny", precision="float32")
    assert record.identity == record.frozen_identity == TINY.identity
    assert record.provenance.classes == ("a", "b", "c")
    assert record.provenance.clips == TRAIN.digests
    assert record.provenance.ids == ("ID0", "ID1", "ID2")
    assert record.selection.classes == ("d", "e", "f")
    assert record.train == SETTINGS
    assert record.selection.head_weight == fitted.part.head_weight
    save_checkpoint(tmp_path / "head", fitted.part, fitted.vision, record)
    assert load_checkpoint(tmp_path / "head").record.head == record.head


def test_a_backbone_without_a_tower_to_train_is_refused(splits):
    run = Run(SETTINGS.model_copy(update={"backbone_rate": 1e-4}))
    with pytest.raises(BackboneError, match="cannot be fine-tuned"):
        train_head(splits, TINY, BackboneConfig(backbone="tiny"), METHOD, run)


def test_without_head_weight_the_test_finds_no_difference(monkeypatch):
    monkeypatch.setattr(meta_training, "TEST_EPISODES", 100)
    head = make_head(TINY.space, SETTINGS).eval()
    head.head_weight = 0.0
    rows = test_head(TEST, TEST, head, METHOD, METHOD, SETTINGS)
    assert {(row.shots, row.match) for row in rows} == {(1, match) for match in ("video", "text", "combined")}
    for row in rows:
        assert row.trained == row.free
        assert row.difference.mean == 0
    with torch.no_grad():
        head.adapter.turn.weight += torch.randn(32, 32, generator=torch.Generator().manual_seed(1))
    head.head_weight = 1.0
    by_match = {row.match: row for row in test_head(TEST, TEST, head, METHOD, METHOD, SETTINGS)}
    assert by_match["video"].difference.mean == pytest.approx(
        by_match["video"].trained.mean - by_match["video"].free.mean
    )
    assert by_match["video"].difference.mean != 0
    assert by_match["text"].difference.mean == 0


def test_a_fine_tuned_backbone_is_compared_with_what_was_seen_before(monkeypatch):
    monkeypatch.setattr(meta_training, "TEST_EPISODES", 100)
    head = make_head(TINY.space, SETTINGS).eval()
    head.head_weight = 0.0
    label = TEST.dataset.label
    seen = replace(TEST.dataset, frames=TEST.dataset.frames + 9 * torch.eye(TINY.space.dim)[label][:, None])
    tuned, plain = (
        test_head(replace(TEST, dataset=seen), TEST, head, METHOD, METHOD, SETTINGS),
        test_head(TEST, TEST, head, METHOD, METHOD, SETTINGS),
    )
    assert [row.free for row in tuned] == [row.free for row in plain]
    assert {row.match: row.trained.mean for row in tuned}["video"] > 0.9
    with pytest.raises(ManifestError, match="cannot read the same test clips"):
        test_head(replace(TEST, digests=TEST.digests[::-1]), TEST, head, METHOD, METHOD, SETTINGS)


def test_a_test_split_that_fills_no_episode_is_refused():
    few = loaded("few", "ghijklmnopqr", 4)
    few = replace(few, dataset=replace(few.dataset, frames=few.dataset.frames[:12], label=few.dataset.label[:12]))
    with pytest.raises(ManifestError):
        test_head(few, few, make_head(TINY.space, SETTINGS), METHOD, METHOD, SETTINGS)


def test_one_process_starts_at_once_and_too_many_devices_are_refused():
    assert make_fabric("cpu", 1, "32-true").world_size == 1
    with pytest.raises(TrainingError, match="training cannot start on 0 x cpu"):
        make_fabric("cpu", 0, "32-true")
