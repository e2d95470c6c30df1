import pytest

from lga.episodes.partition import read_partition
from lga.episodes.split_lists import read_split_lists
from lga.errors import ManifestError

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
