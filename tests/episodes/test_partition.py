import json

import pytest

from lga.anatomy.labels import lookup_key
from lga.anatomy.lexicon import find_entry
from lga.episodes.partition import BENCHMARKS, SPLITS, read_partition

FIELD = {
    "hmdb51": ((31, 10, 10), (4280, 1194, 1292)),
    "ucf101": ((70, 10, 21), (9154, 1421, 2745)),
    "kinetics100": ((64, 12, 24), (6400, 1200, 2400)),
    "ssv2_small": ((64, 12, 24), (6400, 1200, 2400)),
    "ssv2_full": ((64, 12, 24), (67013, 1926, 2857)),
}


def classes_of(benchmark):
    return [one for split in SPLITS for one in read_partition(benchmark).splits[split].classes]


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_the_table_has_the_published_sizes(benchmark):
    partition = read_partition(benchmark)
    assert partition.benchmark == benchmark
    classes, clips = FIELD[benchmark]
    assert tuple(len(partition.splits[split].classes) for split in SPLITS) == classes
    assert tuple(partition.splits[split].clips for split in SPLITS) == clips
    assert all(len(partition.splits[split].sha256) == 64 for split in SPLITS)


@pytest.mark.parametrize("benchmark", BENCHMARKS)
@pytest.mark.parametrize("names", ["cleaned", "published"])
def test_no_two_classes_share_a_name_in_any_spelling(benchmark, names):
    keys = [lookup_key(one.label(names)) for one in classes_of(benchmark)]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_every_cleaned_name_is_plain_text_and_has_a_lexicon_entry(benchmark):
    for one in classes_of(benchmark):
        assert one.cleaned == one.cleaned.lower().strip()
        assert not set(one.cleaned) & set("_[]")
        assert find_entry(one.cleaned) is not None, one.cleaned


def test_names_that_are_hard_to_read_are_cleaned():
    cleaned = {one.published: one.cleaned for name in BENCHMARKS for one in classes_of(name)}
    assert cleaned["draw_sword"] == "draw sword"
    assert cleaned["Blow DryHair"] == "blow dry hair"
    assert cleaned["Handstand Pushups"] == "handstand push ups"
    assert cleaned["hurling (sport)"] == "hurling"
    assert cleaned["Pouring [something] into [something]"] == "pouring something into something"


def test_a_folder_names_its_class_in_any_spelling():
    folders = read_partition("ucf101").by_folder()
    split, action = folders[lookup_key("HandStandPushups")]
    assert (split, action.folder) == ("val", "HandstandPushups")
    assert folders[lookup_key("handstand_pushups")] == (split, action)
    assert read_partition("ssv2_small").by_folder() == {}


@pytest.mark.shared
@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_the_tables_say_what_the_published_ones_say(benchmark, shared):
    from hashlib import sha256

    names = json.loads((shared / "data/splits/class_names.json").read_text())[benchmark]
    for split in SPLITS:
        facts, told = read_partition(benchmark).splits[split], names[split]
        lists = (shared / "data/splits" / benchmark / f"{split}.txt").read_bytes()
        assert facts.sha256 == sha256(lists).hexdigest()
        assert facts.clips == sum(told["clips_per_class"]) == len(lists.splitlines())
        assert [one.published for one in facts.classes] == told["names"]
        assert [one.folder for one in facts.classes] == (told["folders"] or [None] * len(facts.classes))
