import pytest
from hypothesis import given
from hypothesis import strategies as st

from lga.episodes.overlap import Provenance, read_provenance, refuse_overlap, shared_clips
from lga.episodes.sheet import write_sheet
from lga.errors import ManifestError

IDS = st.lists(st.sampled_from(["ssv2/1", "ssv2/2", "kinetics/-a", "f00"]))


def provenance(name, ids, benchmark=None):
    return Provenance(name, frozenset(ids), benchmark)


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
    write_sheet(path, ("path", "label", "split", "id", "benchmark"), rows)
    assert read_provenance(path, split="test") == provenance(str(path), ["ssv2/2"], "ssv2_full")
    assert read_provenance(path) == provenance(str(path), ["ssv2/1", "ssv2/2"])
    write_sheet(path, ("path", "label"), [("a", "x")])
    assert read_provenance(path) == provenance(str(path), [])
