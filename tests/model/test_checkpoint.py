import errno
import json
import os
import resource
import sys
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save

from lga.backbone.protocol import Space
from lga.backbone.tiny import TinyBackbone
from lga.config import BackboneConfig, MethodConfig, TrainConfig
from lga.errors import CheckpointError, LGAError
from lga.files import checksum_of
from lga.model import checkpoint
from lga.model.checkpoint import (
    FIRST_WEIGHTS,
    RECORD,
    WEIGHTS,
    CheckpointRecord,
    Provenance,
    Selection,
    is_checkpoint,
    load_checkpoint,
    make_head,
    read_record,
    record_head,
    save_checkpoint,
)
from lga.model.head import Adapter, Head, StageFusion

pytestmark = pytest.mark.usefixtures("one_thread")

SPLIT = Space(17, slice(0, 11), slice(11, 17))
JOINT = Space(12, slice(0, 12), slice(0, 12))


def trained(space=SPLIT, *, width=8, seed=1):
    head, random = make_head(space, TrainConfig(width=width, heads=4)), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for one in (*head.parameters(), *head.buffers()):
            one += 0.1 * torch.randn(one.shape, generator=random)
    head.head_weight = 0.75
    return head.eval()


def record_of(head):
    return CheckpointRecord(
        made_with={"lga": "0"},
        backbone=BackboneConfig(backbone="tiny"),
        identity=TinyBackbone().identity,
        frozen_identity=TinyBackbone().identity,
        method=MethodConfig(temperature=0.8),
        train=TrainConfig(),
        head=record_head(head),
        provenance=Provenance(manifest="clips.csv", manifest_sha256="0" * 64, classes=("wave",), clips=("1" * 64,)),
        selection=Selection(
            chosen_on="val",
            classes=("kick",),
            clips=5,
            task=100,
            head_weight=0.75,
            accuracy={"1": 0.5},
            untrained={"1": 0.4},
        ),
        weights_sha256="",
    )


def files_of(folder):
    return {one.name: one.read_bytes() for one in folder.iterdir()}


@pytest.fixture
def folder(tmp_path):
    head = trained()
    save_checkpoint(tmp_path / "head", head, {}, record_of(head))
    return tmp_path / "head"


def weights_in(folder):
    """The one file with weights."""
    (found,) = (one for one in folder.iterdir() if WEIGHTS.fullmatch(one.name))
    return found


def edit_record(folder, change):
    """Another record, with the checksum that belongs to it."""
    record = json.loads((folder / RECORD).read_text())
    change(record)
    del record["checksum"]
    (folder / RECORD).write_text(json.dumps({**record, "checksum": checksum_of(record)}))


def edit_weights(folder, change):
    """Other weights, with the name and the sum that belong to them."""
    path = weights_in(folder)
    tensors = load_file(path)
    change(tensors)
    replace_weights(folder, save(tensors))


def replace_weights(folder, data):
    """This in place of the weights, with the name and the sum that belong to it."""
    digest = sha256(data).hexdigest()
    weights_in(folder).unlink()
    (folder / f"weights-{digest[:16]}.safetensors").write_bytes(data)
    edit_record(folder, lambda record: record.update(weights_sha256=digest))


def as_the_first_version(folder):
    """The folder as 0.1.0 would have written it."""
    weights_in(folder).rename(folder / FIRST_WEIGHTS)
    record = json.loads((folder / RECORD).read_text())
    del record["checksum"]
    (folder / RECORD).write_text(json.dumps({**record, "format": 1}))


def most_memory():
    """The most that this process ever held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def refusal_of(folder):
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(folder)
    message = str(caught.value)
    assert message.startswith(str(folder))
    assert "\n" not in message
    return message


@pytest.mark.parametrize(("space", "width"), [(SPLIT, 8), (JOINT, 8), (JOINT, 0)])
def test_a_checkpoint_comes_back_bit_for_bit(tmp_path, space, width):
    head, vision = trained(space, width=width), {"tower.weight": torch.arange(6.0)}
    save_checkpoint(tmp_path, head, vision, record_of(head))
    found = load_checkpoint(tmp_path)
    assert found.head.head_weight == 0.75
    assert not found.head.training
    assert found.record.model_copy(update={"weights_sha256": ""}) == record_of(head)
    assert found.vision.keys() == vision.keys()
    assert torch.equal(found.vision["tower.weight"], vision["tower.weight"])
    tokens, stage, text = (
        torch.randn(3, 5, space.dim),
        torch.zeros(3, 5, dtype=torch.long),
        torch.randn(3, 1, space.dim),
    )
    state = found.head.state_dict()
    assert all(torch.equal(one, state[name]) for name, one in head.state_dict().items())
    torch.testing.assert_close(found.head(tokens, stage, text), head(tokens, stage, text))
    assert not any(one.requires_grad for one in found.head.parameters())
    assert is_checkpoint(str(tmp_path))


def test_a_file_for_people_says_what_was_trained(folder):
    record = read_record(folder)
    assert record.provenance.classes == ("wave",)
    assert record.weights_sha256 == sha256(weights_in(folder).read_bytes()).hexdigest()
    assert record.weights == weights_in(folder).name


@pytest.mark.parametrize("which", [weights_in, lambda folder: folder / RECORD])
def test_a_missing_file_is_named(folder, which):
    which(folder).unlink()
    assert not is_checkpoint(str(folder))
    refusal_of(folder)


def test_no_folder_is_no_checkpoint(tmp_path):
    assert "no checkpoint there" in refusal_of(tmp_path / "nothing")


@pytest.mark.parametrize("cut", [0, 3, 100, -1])
def test_cut_off_weights_are_refused(folder, cut):
    data = weights_in(folder).read_bytes()
    weights_in(folder).write_bytes(data[:cut])
    assert "is not the file that config.json was written for" in refusal_of(folder)
    replace_weights(folder, data[:cut])
    assert "damaged" in refusal_of(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "\0", "\xff", "[" * 100_000, '{"format": 3}', "1" + "0" * 5000])
def test_what_is_no_record_is_refused(folder, text):
    (folder / RECORD).write_bytes(text.encode("latin-1"))
    assert "not a checkpoint's record of this version" in refusal_of(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"heads": 3},
        {"heads": 0},
        {"width": 65_536, "heads": 65_536},
        {"width": -8},
        {"width": 10**9},
        {"dim": 10**9},
        {"visual": [0, 18]},
        {"visual": [5, 5]},
        {"semantic": [-3, 4]},
        {"trust": 1.5},
        {"stage_bias": None},
        {"colour": "red"},
    ],
    ids=str,
)
def test_a_record_of_an_impossible_head_is_refused(folder, change):
    edit_record(folder, lambda record: record["head"].update(change))
    refusal_of(folder)


@pytest.mark.parametrize("change", [{"stages": 9}, {"colour": "red"}], ids=str)
def test_settings_that_do_not_exist_are_refused(folder, change):
    edit_record(folder, lambda record: record["method"].update(change))
    refusal_of(folder)


def test_a_record_of_another_size_names_the_keys_that_do_not_fit(folder):
    edit_record(folder, lambda record: record["head"].update(width=4))
    assert "misshapen=['adapter.axes', 'adapter.turn.weight'" in refusal_of(folder)


@pytest.mark.parametrize("joint", [False, True])
def test_what_a_record_asks_for_is_not_made_before_the_weights_are_known_to_have_its_size(folder, joint):
    side = {"dim": 65_536, "visual": [0, 65_536], "semantic": [0, 65_536 if joint else 1], "width": 65_536}
    edit_record(folder, lambda record: record["head"].update(side))
    before = most_memory()
    assert "the weights do not fit; they are " in refusal_of(folder)
    assert most_memory() - before < 64 * 2**20


@pytest.mark.parametrize("space", [SPLIT, JOINT], ids=["split", "joint"])
@pytest.mark.parametrize("width", [0, 4, 8, 12, 40])
def test_a_record_knows_how_many_numbers_its_head_holds(space, width):
    head = Head(adapter := Adapter(space, width), StageFusion(adapter.width, heads=1))
    assert record_head(head).numbers == sum(one.numel() for one in head.state_dict().values())


@pytest.mark.parametrize("dtype", [torch.int32, torch.bool])
def test_weights_of_another_kind_are_refused(folder, dtype):
    def change(tensors):
        tensors["head.adapter.turn.weight"] = tensors["head.adapter.turn.weight"].to(dtype)

    edit_weights(folder, change)
    assert "misshapen=['adapter.turn.weight']" in refusal_of(folder)


def test_huge_weights_are_not_read(folder, monkeypatch):
    monkeypatch.setattr(checkpoint, "MAX_WEIGHTS", 100)
    assert "larger than" in refusal_of(folder)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "reason"), [("ckpt-16GiB", "the weights do not fit"), ("ckpt-assert", "no head of this size")]
)
def test_hostile_records_are_refused_in_one_line(shared, folder, name, reason):
    content = json.loads((shared / "data/odd/hostile" / f"{name}-config.json").read_text())
    data = weights_in(folder).read_bytes()
    (folder / FIRST_WEIGHTS).write_bytes(data)
    (folder / RECORD).write_text(json.dumps({**content, "weights_sha256": sha256(data).hexdigest()}))
    before = most_memory()
    assert reason in refusal_of(folder)
    assert most_memory() - before < 64 * 2**20


def test_keys_that_are_missing_or_too_many_are_named(folder):
    edit_weights(folder, lambda tensors: tensors.pop("head.adapter.turn.weight"))
    assert "missing=['adapter.turn.weight']" in refusal_of(folder)
    edit_weights(folder, lambda tensors: tensors.update({"head.more": torch.ones(2)}))
    assert "unexpected=['more']" in refusal_of(folder)
    edit_weights(folder, lambda tensors: tensors.update({"tail.more": torch.ones(2)}))
    assert "unexpected=['tail.more']" in refusal_of(folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_numbers_are_refused(folder, value):
    edit_weights(folder, lambda tensors: tensors["head.adapter.turn.weight"].fill_(value))
    assert "not finite" in refusal_of(folder)


def test_a_huge_record_is_not_read(folder, monkeypatch):
    monkeypatch.setattr(checkpoint, "MAX_RECORD", 100)
    assert "larger than" in refusal_of(folder)


@contextmanager
def stopping_at(number, error):
    """The process ends, or the disk is full, at the call of this number that changes a folder or syncs."""
    calls = []

    def counted(really):
        def act(*arguments, **named):
            calls.append(really)
            if len(calls) == number:
                raise error
            return really(*arguments, **named)

        return act

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", counted(os.fsync))
        for name in ("replace", "unlink", "write_bytes"):
            patch.setattr(Path, name, counted(getattr(Path, name)))
        yield calls


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")], ids=str)
def test_wherever_writing_stops_the_old_head_or_the_new_one_loads_and_the_next_write_leaves_nothing(tmp_path, error):
    old, new = trained(), trained(seed=2)
    for number in range(1, 30):
        folder = tmp_path / str(number)
        save_checkpoint(folder, old, {}, record_of(old))
        (folder / "log.jsonl").touch()
        with stopping_at(number, error) as calls, suppress(KeyboardInterrupt, LGAError):
            save_checkpoint(folder, new, {}, record_of(new))
        found = load_checkpoint(folder).head.state_dict()
        assert any(all(torch.equal(found[n], one) for n, one in head.state_dict().items()) for head in (old, new))
        save_checkpoint(folder, new, {}, record_of(new))
        assert files_of(folder).keys() == {RECORD, weights_in(folder).name, "log.jsonl"}
        if len(calls) < number:
            return
    pytest.fail("writing a checkpoint has no end")


def test_weights_are_on_the_disk_before_the_record_that_names_them_and_older_ones_go_last(folder, asked):
    old, head = weights_in(folder).name, trained(seed=2)
    save_checkpoint(folder, head, {}, record_of(head))
    new = weights_in(folder).name
    assert asked == [
        *(("sync", "part"), ("rename", new), ("sync", "head/")),
        *(("sync", "part"), ("rename", RECORD), ("sync", "head/")),
        *(("remove", old), ("sync", "head/")),
    ]


def test_no_flipped_bit_is_taken_for_a_record(folder):
    data, record = (folder / RECORD).read_bytes(), read_record(folder)
    for place in range(len(data)):
        (folder / RECORD).write_bytes(data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :])
        with suppress(CheckpointError):
            assert read_record(folder) == record


def test_what_version_one_wrote_is_read_and_replaced_whole(folder):
    as_the_first_version(folder)
    assert is_checkpoint(str(folder))
    found = load_checkpoint(folder)
    assert found.record.format == 1
    save_checkpoint(folder, found.head, {}, found.record)
    assert load_checkpoint(folder).record.format == 2
    assert files_of(folder).keys() == {RECORD, weights_in(folder).name}


def test_weights_that_a_person_put_there_stay(folder):
    theirs = {FIRST_WEIGHTS, "weights-mine.safetensors", "weights-0123456789abcdef.safetensors.bak"}
    for name in theirs:
        (folder / name).touch()
    head = trained(seed=2)
    save_checkpoint(folder, head, {}, record_of(head))
    assert files_of(folder).keys() == {RECORD, weights_in(folder).name, *theirs}


def test_a_reader_that_is_overtaken_by_a_writer_reads_what_was_written(folder, monkeypatch):
    head, read, overtaken = trained(seed=2), checkpoint.read_record, []

    def read_and_be_overtaken(place):
        record = read(place)
        if not overtaken:
            overtaken.append(True)
            save_checkpoint(folder, head, {}, record_of(head))
        return record

    monkeypatch.setattr(checkpoint, "read_record", read_and_be_overtaken)
    found = load_checkpoint(folder).head.state_dict()
    assert all(torch.equal(found[name], one) for name, one in head.state_dict().items())


def test_a_width_that_the_heads_cannot_share_is_refused():
    with pytest.raises(CheckpointError, match="3 attention heads cannot share 8 numbers; set --heads"):
        make_head(SPLIT, TrainConfig(width=8, heads=3))
