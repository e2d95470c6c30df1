import json

import pytest

from lga.anatomy.lexicon import find_entry
from lga.datasets.partition import BENCHMARKS, SPLITS, read_partition, read_split_lists
from lga.errors import ManifestError
from lga.labels import lookup_key

LISTS = {
    "train": "train0//train_256/air_drumming/-VtLx-mcPds_000012_000022.mp4\n",
    "val": "val11//train_256/trimming_or_shaving_beard/a$(b)-_cdefg.mkv\n\n",
    "test": "test10//train_256/hurling_(sport)/-kYzxMKp514.mp4\n",
}


@pytest.fixture
def lists(tmp_path):
    """`lists(train=..., ...) -> folder` with these lists; the others are one good line each."""

    def write(**changed):
        for split, text in (LISTS | changed).items():
            (tmp_path / f"{split}.txt").write_text(text)
        return tmp_path

    return write


def read(folder, benchmark="kinetics100", **options):
    return read_split_lists(folder, read_partition(benchmark), **options)


def test_lines_name_split_class_and_clip(lists):
    listed = read(lists(), any_lists=True)
    assert [(one.split, one.action.cleaned, one.stem) for one in listed.clips] == [
        ("train", "air drumming", "-VtLx-mcPds_000012_000022"),
        ("val", "trimming or shaving beard", "a$(b)-_cdefg"),
        ("test", "hurling", "-kYzxMKp514"),
    ]
    assert listed.clips[0].name == "train_256/air_drumming/-VtLx-mcPds_000012_000022.mp4"
    assert listed.origin.startswith("other lists: sha256 train ")


def test_a_number_counts_from_0_in_each_split(lists):
    folder = lists(train="train0/51958\n", val="val0/46768\n", test="test0/88644\n")
    listed = read(folder, "ssv2_small", any_lists=True)
    assert [(one.split, one.action.cleaned, one.name) for one in listed.clips] == [
        ("train", "pouring something into something", "51958"),
        ("val", "lifting something up completely without letting it drop down", "46768"),
        ("test", "twisting (wringing) something wet until water comes out", "88644"),
    ]


def test_the_names_of_the_published_repository_are_known(lists):
    folder = lists()
    for split in LISTS:
        (folder / f"{split}.txt").rename(folder / f"{split}_few_shot.txt")
    assert len(read(folder, any_lists=True).clips) == 3


def test_a_list_that_is_not_the_published_one_is_refused_with_both_hashes(lists):
    with pytest.raises(ManifestError) as caught:
        read(lists())
    message = str(caught.value)
    assert "train.txt: not the published train list of kinetics100" in message
    assert read_partition("kinetics100").splits["train"].sha256 in message
    assert "--any-lists" in message
    assert message.isprintable()


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ("val0//train_256/air_drumming/-VtLx-mcPds.mp4\n", "line 1: wanted `trainNUMBER/clip`"),
        ("air_drumming/-VtLx-mcPds.mp4 0\n", "line 1: wanted"),
        (LISTS["train"] + "train1//train_256/no_such/x.mp4\n", "line 2: .* is of no class of kinetics100"),
        ("train64/51958\n", "is of no class"),
        ("train0//train_256/busking/-VtLx-mcPds.mp4\n", None),
        ("train0//train_256/hurling_(sport)/-VtLx-mcPds.mp4\n", "is in train and in test; a class belongs to one"),
    ],
)
def test_a_line_that_is_none_is_refused_with_its_number(lists, train, message):
    folder = lists(train=train)
    if message is None:
        assert read(folder, any_lists=True).clips[0].action.cleaned == "busking"
        return
    with pytest.raises(ManifestError, match=message):
        read(folder, any_lists=True)


def test_missing_and_undecodable_lists_are_named(lists):
    folder = lists()
    (folder / "val.txt").write_bytes(b"\xff\n")
    with pytest.raises(ManifestError, match=r"val\.txt: not a list in UTF-8"):
        read(folder, any_lists=True)
    (folder / "val.txt").unlink()
    with pytest.raises(ManifestError, match=r"no val\.txt or val_few_shot\.txt"):
        read(folder, any_lists=True)


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
