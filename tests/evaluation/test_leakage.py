import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lga.backbone.protocol import Space
from lga.config import BackboneConfig, MethodConfig, TrainConfig
from lga.datasets.manifest import LabelledClip, write_table
from lga.errors import ManifestError
from lga.evaluation.dataset import LoadedDataset
from lga.evaluation.leakage import SeenClips, read_seen_clips, refuse_overlap, refuse_seen, shared_clips
from lga.methods.protocol import Dataset
from lga.model.checkpoint import CheckpointRecord, Provenance, Selection
from lga.model.record import HeadRecord

IDS = st.lists(st.sampled_from(["ssv2/1", "ssv2/2", "kinetics/-a", "f00"]))


def provenance(name, ids, benchmark=None):
    return SeenClips(name, frozenset(ids), benchmark)


@given(IDS, IDS)
def test_shared_clips_are_those_in_both_in_order_and_either_way_round(train, test):
    assert list(shared_clips(train, test)) == sorted({one for one in train if one in test})
    assert shared_clips(train, test) == shared_clips(test, train)


def test_a_clip_of_the_training_is_refused_with_count_and_name():
    with pytest.raises(ManifestError, match=r"test\.csv: 2 of its 3 clips were in the training of weights .*ssv2/1"):
        refuse_overlap(provenance("weights", ["ssv2/1", "ssv2/2"]), provenance("test.csv", ["ssv2/2", "ssv2/1", "x"]))


@pytest.mark.parametrize(("one", "other"), [("ssv2_small", "ssv2_full"), ("ssv2_full", "ssv2_small")])
def test_two_cuts_of_the_same_videos_are_refused_even_without_a_shared_clip(one, other):
    with pytest.raises(ManifestError, match=f"weights was trained on {one}.*same videos"):
        refuse_overlap(provenance("weights", ["ssv2/1"], one), provenance("test.csv", ["ssv2/2"], other))


@pytest.mark.parametrize("benchmark", ["ssv2_full", "hmdb51", None])
def test_the_same_or_an_unrelated_benchmark_passes(benchmark):
    refuse_overlap(provenance("weights", ["ssv2/1"], "ssv2_full"), provenance("test.csv", ["ssv2/2"], benchmark))
    refuse_overlap(provenance("weights", []), provenance("test.csv", ["ssv2/2"], benchmark))


def test_ids_and_benchmark_are_read_from_the_manifest(tmp_path):
    path = tmp_path / "m.csv"
    rows = [
        ("a", "x", "train", "ssv2/1", "ssv2_full"),
        ("b", "y", "test", "ssv2/2", "ssv2_full"),
        ("c", "y", "", "", ""),
    ]
    write_table(path, ("path", "label", "split", "id", "benchmark"), rows)
    assert read_seen_clips(path, split="test") == provenance(str(path), ["ssv2/2"], "ssv2_full")
    assert read_seen_clips(path) == provenance(str(path), ["ssv2/1", "ssv2/2"])
    write_table(path, ("path", "label"), [("a", "x")])
    assert read_seen_clips(path) == provenance(str(path), [])


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
        head=HeadRecord(dim=8, visual=(0, 8), semantic=(0, 8), width=0, heads=2, stage_bias=1.0, head_weight=1.0),
        provenance=TRAINED.model_copy(update=provenance),
        selection=Selection(
            chosen_on="val", classes=("kick",), clips=2, task=1, head_weight=1.0, accuracy={}, untrained={}
        ),
        weights_sha256="",
    )


def asked(tmp_path, *, labels=("jump",), digests=("cc",)):
    space = Space(8, slice(0, 8), slice(0, 8))
    zeros = torch.zeros(len(labels), 3, 8)
    dataset = Dataset(torch.zeros(len(digests), 4, 8), torch.zeros(len(digests)).long(), zeros, zeros[:, 0], space)
    clips = tuple(LabelledClip(tmp_path / one, labels[0]) for one in digests)
    return LoadedDataset(dataset, clips, digests, (), labels, (), ())


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
