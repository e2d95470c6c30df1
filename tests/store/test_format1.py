"""`lga.store.format1`: folders of version 0.1.0 are read, and strictly."""

import json

import pytest

from lga.config import BackboneConfig
from lga.errors import ActionsError
from lga.features.cache import FeatureCache
from lga.recognizer import Recognizer
from lga.store.folder import load_actions
from lga.store.format1 import FEATURES, HEAD, LARGEST_FILE, RECORD


@pytest.fixture
def make(taught):
    return taught.make


@pytest.fixture
def same(taught):
    return taught.same


@pytest.fixture
def folder(taught, tmp_path):
    """A folder as version 0.1.0 wrote it."""
    return taught.write_format1(taught.make(), tmp_path / "taught")


def edit(folder, change):
    """Change the record as a person with an editor would."""
    record = json.loads((folder / RECORD).read_text())
    change(record)
    (folder / RECORD).write_text(json.dumps(record))


def refusal_of(folder):
    with pytest.raises(ActionsError) as caught:
        load_actions(folder)
    message = str(caught.value)
    assert message.startswith(str(folder))
    assert message.isprintable()
    return message.removeprefix(str(folder))


@pytest.mark.parametrize("shots", [{"jump into pool": 3, "žába, 跳": 1, "wave": 0}, {"wave": 1}, {"wave": 0}])
@pytest.mark.parametrize("motion", [False, True])
def test_what_was_written_is_read_bit_for_bit(taught, tmp_path, shots, motion):
    actions = taught.make(shots, motion=motion)
    assert taught.same(load_actions(taught.write_format1(actions, tmp_path / "taught")), actions)


EDITS = {
    "a label": lambda r: r["anatomies"][0].update(label="dive"),
    "an example's label": lambda r: r["examples"][0].update(label="wave"),
    "a sentence": lambda r: r["anatomies"][0]["stages"][1].update(sentence="A person flies."),
    "a part": lambda r: r["anatomies"][0]["stages"][1].update(subject="the left arm"),
    "a path": lambda r: r["examples"][0].update(path="/other.mp4"),
    "a time": lambda r: r["examples"][0]["times"].__setitem__(0, 0.14),
    "a setting": lambda r: r["method"].update(alpha=0.31),
    "the identity": lambda r: r.update(identity="tiny 2"),
    "the maker": lambda r: r.update(made_with="me"),
    "the checksum": lambda r: r.update(checksum="0" * 64),
    "a removed default": lambda r: r["method"].pop("overlap"),
    "the order of labels": lambda r: r["anatomies"].reverse(),
    "a removed example": lambda r: r["examples"].pop(),
    "a removed label": lambda r: r["anatomies"].pop(2),
    "a blank more": lambda r: r["anatomies"][0].update(label="jump into pool "),
}


@pytest.mark.parametrize("change", [pytest.param(*one[1:], id=one[0]) for one in EDITS.items()])
def test_an_edit_by_hand_is_caught(folder, change):
    edit(folder, change)
    assert refusal_of(folder) == (
        f"/{RECORD}: was changed by hand; undo that and use "
        "`lga actions add|remove|rename|describe`, which keep it whole"
    )


BREAKS = {
    "format": lambda r: r.update(format=2),
    "identity": lambda r: r.pop("identity"),
    "method.frames": lambda r: r["method"].update(frames="many"),
    "examples.0.duration": lambda r: r["examples"][0].pop("duration"),
    "anatomies.0.stages": lambda r: r["anatomies"][0].update(stages=[]),
    "anatomies.1.label": lambda r: r["anatomies"][1].update(label="two\nlines"),
    "note": lambda r: r.update(note="mine"),
    "method.stage": lambda r: r["method"].update(stage=3),
    "no\\nte": lambda r: r.update({"no\nte": 1}),
}


@pytest.mark.parametrize(("where", "change"), BREAKS.items())
def test_an_edit_that_breaks_the_form_is_named(folder, where, change):
    edit(folder, change)
    message = refusal_of(folder)
    if where.startswith("method."):
        assert message.startswith(f"/{RECORD}: --{where.removeprefix('method.')} ")
    else:
        assert message.startswith(f"/{RECORD}: '{where}': ")
    assert message.endswith("; undo the change or restore a copy of the folder")


def test_a_new_layout_of_the_same_record_is_no_change(folder, make, same):
    edit(folder, lambda record: None)
    assert same(load_actions(folder), make())


NO_RECORDS = {
    "empty": b"",
    "no JSON": b"labels: jump",
    "cut short": b'{"format": 1, "made_with": "lga',
    "not UTF-8": b'{"format": "\xff"}',
    "a list": b"[]",
    "a text": b'"actions"',
    "a number": b"1",
    "null": b"null",
    "no checksum": b"{}",
    "too deep": b"[" * 200_000,
    "too deep inside": b'{"checksum": "", "format": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "a long number": b'{"checksum": "", "format": ' + b"9" * 9999 + b"}",
}


@pytest.mark.parametrize("content", [pytest.param(*one[1:], id=one[0]) for one in NO_RECORDS.items()])
def test_what_is_no_record_is_refused(folder, content):
    (folder / RECORD).write_bytes(content)
    assert refusal_of(folder) == f"/{RECORD}: damaged or not written by lga; restore a copy of the folder"


def test_half_a_surrogate_pair_is_refused(folder):
    edit(folder, lambda record: record.update(identity="\ud800"))
    assert refusal_of(folder).startswith(f"/{RECORD}: ")


def test_a_huge_record_is_refused_unread(folder):
    with (folder / RECORD).open("wb") as file:
        file.truncate(LARGEST_FILE[RECORD] + 1)
    assert refusal_of(folder) == f"/{RECORD}: larger than 256 MiB; this was not written by lga"


def test_swapped_features_are_refused(taught, folder, tmp_path, make):
    taught.write_format1(make(seed=13), tmp_path / "other")
    (folder / FEATURES).write_bytes((tmp_path / "other" / FEATURES).read_bytes())
    wanted = f"/{FEATURES}: not the features that {RECORD} belongs to; restore a copy of the folder"
    assert refusal_of(folder) == wanted


@pytest.mark.parametrize("length", [0, 4, 100, -1])
def test_truncated_features_are_refused(folder, length):
    (folder / FEATURES).write_bytes((folder / FEATURES).read_bytes()[:length])
    assert refusal_of(folder).startswith(f"/{FEATURES}: not the features that {RECORD} belongs to; restore")


def test_a_flipped_bit_in_the_features_is_refused(folder):
    data = bytearray((folder / FEATURES).read_bytes())
    data[-9] ^= 1
    (folder / FEATURES).write_bytes(data)
    assert refusal_of(folder).startswith(f"/{FEATURES}: not the features")


def test_half_a_folder_is_refused(folder):
    record = (folder / RECORD).read_bytes()
    (folder / RECORD).unlink()
    assert refusal_of(folder).startswith(": not a folder of taught actions; give one that lga wrote")
    (folder / RECORD).write_bytes(record)
    (folder / FEATURES).unlink()
    assert refusal_of(folder) == (
        f"/{FEATURES}: cannot be read (No such file or directory); restore a copy of the folder"
    )


@pytest.mark.parametrize("part", ["frames", "text", "motion"])
@pytest.mark.parametrize("number", [float("nan"), float("inf"), 3e38])
def test_what_is_no_number_to_compare_is_refused(taught, tmp_path, part, number):
    given = taught.make(motion=True)
    getattr(given, part).flatten()[7] = number
    with pytest.raises(ActionsError, match="features that are no numbers to be compared; restore a copy of the folder"):
        load_actions(taught.write_format1(given, tmp_path / "taught"))


@pytest.mark.parametrize(
    ("where", "value"),
    [("duration", v) for v in (float("nan"), float("inf"), 0.0, -1.0)] + [("times", v) for v in (float("nan"), -0.5)],
)
def test_moments_and_lengths_that_cannot_be_are_refused(folder, where, value):
    def change(record):
        record["examples"][0][where] = [value] * 5 if where == "times" else value

    edit(folder, change)
    assert "examples.0" in refusal_of(folder)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["val-text-nan", "ex-nan", "shape-dim47"])
def test_hostile_folders_are_refused_in_one_line(shared, name):
    recognizer = Recognizer(BackboneConfig(backbone="tiny"), cache=FeatureCache(None))
    with pytest.raises(ActionsError) as caught:
        recognizer.prepare(load_actions(shared / "data" / "odd" / "hostile" / name))
    assert str(caught.value).isprintable()


def test_a_head_comes_back_bit_for_bit(taught, tmp_path):
    actions = taught.with_head()
    folder = taught.write_format1(actions, tmp_path / "taught")
    assert taught.same(load_actions(folder), actions)
    assert load_actions(folder).head_weight == 0.5


@pytest.fixture
def headed(taught, tmp_path):
    return taught.write_format1(taught.with_head(), tmp_path / "headed")


def test_a_missing_or_damaged_head_is_refused(headed):
    data = (headed / HEAD).read_bytes()
    (headed / HEAD).write_bytes(data[:-1] + b"x")
    assert "not the weights that actions.json belongs to" in refusal_of(headed)
    (headed / HEAD).unlink()
    assert "cannot be read" in refusal_of(headed)


def test_a_head_of_another_weight_is_a_change_by_hand(headed):
    edit(headed, lambda record: record["head"].update({"trust": 0.75}))
    assert "was changed by hand" in refusal_of(headed)
