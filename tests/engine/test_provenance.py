import pytest
import torch

from lga.backbone.protocol import Space
from lga.config import BackboneConfig, MethodConfig, TrainConfig
from lga.engine.bench import LoadedBench
from lga.engine.provenance import refuse_seen
from lga.episodes.manifest import LabelledClip
from lga.errors import ManifestError
from lga.methods.protocol import Bench
from lga.model.record import CheckpointRecord, HeadRecord, Provenance, Selection

TRAINED = Provenance(
    manifest="train.csv", manifest_sha256="", classes=("wave", "run"), clips=("aa", "bb"), ids=("v1", "v2")
)


def record(**provenance):
    return CheckpointRecord(
        made_with={},
        backbone=BackboneConfig(),
        identity="x",
        frozen_identity="x",
        method=MethodConfig(),
        train=TrainConfig(),
        head=HeadRecord(dim=8, visual=(0, 8), semantic=(0, 8), width=0, heads=2, stage_bias=1.0, trust=1.0),
        provenance=TRAINED.model_copy(update=provenance),
        selection=Selection(chosen_on="val", classes=("kick",), clips=2, task=1, trust=1.0, accuracy={}, untrained={}),
        weights_sha256="",
    )


def asked(tmp_path, *, labels=("jump",), digests=("cc",)):
    space = Space(8, slice(0, 8), slice(0, 8))
    zeros = torch.zeros(len(labels), 3, 8)
    bench = Bench(torch.zeros(len(digests), 4, 8), torch.zeros(len(digests)).long(), zeros, zeros[:, 0], space)
    clips = tuple(LabelledClip(tmp_path / one, labels[0]) for one in digests)
    return LoadedBench(bench, clips, digests, (), labels, (), ())


def manifest(tmp_path, *rows, head="path,label"):
    path = tmp_path / "asked.csv"
    path.write_text("\n".join([head, *(rows or ("a.mp4,jump",))]))
    return path


def test_new_classes_and_clips_may_be_asked_about(tmp_path):
    refuse_seen(record(), "head", manifest(tmp_path), None, asked(tmp_path))


@pytest.mark.parametrize("label", ["wave", "kick", "Wave"])
def test_classes_of_training_and_choice_are_refused(tmp_path, label):
    with pytest.raises(ManifestError, match=f"head was trained or chosen on the class '{label}'"):
        refuse_seen(record(), "head", manifest(tmp_path), None, asked(tmp_path, labels=(label,)))


def test_clips_of_the_training_are_refused_under_any_name(tmp_path):
    with pytest.raises(ManifestError, match="on 1 of these clips: nothing would be measured"):
        refuse_seen(record(), "head", manifest(tmp_path), None, asked(tmp_path, digests=("cc", "bb")))


def test_published_ids_of_the_training_are_refused(tmp_path):
    path = manifest(tmp_path, "a.mp4,jump,v2,test", "b.mp4,wave,v1,train", head="path,label,id,split")
    with pytest.raises(ManifestError, match="were in the training of head"):
        refuse_seen(record(), "head", path, "test", asked(tmp_path))
    other = manifest(tmp_path, "a.mp4,jump,v9,test", "b.mp4,wave,v1,train", head="path,label,id,split")
    refuse_seen(record(), "head", other, "test", asked(tmp_path))


@pytest.mark.parametrize(("trained", "tested"), [("ssv2_small", "ssv2_full"), ("ssv2_full", "ssv2_small")])
def test_two_benchmarks_of_the_same_videos_are_not_mixed(tmp_path, trained, tested):
    path = manifest(tmp_path, f"a.mp4,jump,v9,{tested}", head="path,label,id,benchmark")
    with pytest.raises(ManifestError, match="cut from the same videos"):
        refuse_seen(record(benchmark=trained), "head", path, None, asked(tmp_path))
    refuse_seen(record(benchmark=tested), "head", path, None, asked(tmp_path))
    refuse_seen(record(benchmark="hmdb51"), "head", path, None, asked(tmp_path))
