import json
from dataclasses import dataclass

import pytest

from lga.backbone.tiny import TinyBackbone
from lga.config import BackboneConfig, MethodConfig, TrainConfig
from lga.errors import BackboneError, CheckpointError
from lga.files import checksum_of
from lga.model.checkpoint import (
    RECORD,
    CheckpointRecord,
    Provenance,
    Selection,
    make_head,
    record_head,
    save_checkpoint,
)
from lga.model.pretrained import Pretrained, load_pretrained, portable

TINY = TinyBackbone()


@dataclass(frozen=True, slots=True)
class Mine(TinyBackbone):
    """A backbone that somebody else wrote."""

    identity: str = "mine 1"


@pytest.fixture
def folder(tmp_path):
    head = make_head(TINY.space, TrainConfig(width=16))
    head.head_weight = 0.5
    record = CheckpointRecord(
        made_with={},
        backbone=BackboneConfig(backbone="tiny"),
        identity=TINY.identity,
        frozen_identity=TINY.identity,
        method=MethodConfig(temperature=0.8, stages=2),
        train=TrainConfig(),
        head=record_head(head),
        provenance=Provenance(manifest="clips.csv", manifest_sha256="", classes=(), clips=()),
        selection=Selection(chosen_on="val", classes=(), clips=0, task=0, head_weight=0.5, accuracy={}, untrained={}),
        weights_sha256="",
    )
    save_checkpoint(tmp_path / "head", head, {}, record)
    return tmp_path / "head"


def write_record(folder, record):
    """Another record, with the checksum that belongs to it."""
    content = {name: value for name, value in record.items() if name != "checksum"}
    (folder / RECORD).write_text(json.dumps({**content, "checksum": checksum_of(content)}))


def test_a_plain_backbone_is_itself():
    found = load_pretrained(BackboneConfig(backbone="tiny"))
    assert found.head is None
    assert found.backbone.identity == TINY.identity
    assert found.method(MethodConfig(stages=2)) == MethodConfig(stages=2)


def test_a_checkpoint_says_which_backbone_and_settings_it_needs(folder):
    found = load_pretrained(BackboneConfig(model=str(folder), device="cpu"))
    assert found.backbone.identity == TINY.identity
    assert found.config == BackboneConfig(backbone="tiny", device="cpu")
    assert found.head.head_weight == 0.5
    assert found.method(MethodConfig()) == MethodConfig(temperature=0.8, stages=2)
    assert found.method(MethodConfig(stages=4)) == MethodConfig(temperature=0.8, stages=4)


def test_features_of_another_backbone_are_refused(folder):
    record = json.loads((folder / RECORD).read_text())
    write_record(folder, record | {"frozen_identity": "tiny 1 32x32 bfloat16"})
    with pytest.raises(CheckpointError, match="was trained on features of 'tiny 1 32x32 bfloat16'"):
        load_pretrained(BackboneConfig(model=str(folder)))


def test_a_checkpoint_finds_its_second_model_and_refuses_another(folder, model_folder):
    sight, other = str(model_folder("dinov2")), str(model_folder("dinov3_vit"))
    wanted = load_pretrained(BackboneConfig(backbone="tiny", sight=sight)).backbone
    record = json.loads((folder / RECORD).read_text())
    names = {"identity": wanted.identity, "frozen_identity": wanted.identity}
    backbone = {**record["backbone"], "sight": sight}
    write_record(folder, {**record, **names, "backbone": backbone})
    for said in ("", sight):
        found = load_pretrained(BackboneConfig(model=str(folder), sight=said))
        assert found.backbone.identity == wanted.identity
        assert found.config.sight == sight
    with pytest.raises(CheckpointError, match="was trained with --sight"):
        load_pretrained(BackboneConfig(model=str(folder), sight=other))


def test_a_checkpoint_without_a_second_model_gets_none(folder, model_folder):
    with pytest.raises(CheckpointError, match="was trained without --sight"):
        load_pretrained(BackboneConfig(model=str(folder), sight=str(model_folder("dinov2"))))


@pytest.mark.parametrize("gone", ["weights-*.safetensors", RECORD, None])
def test_what_is_no_checkpoint_is_never_passed_over_in_silence(folder, tmp_path, gone):
    for one in folder.glob(gone) if gone else ():
        one.unlink()
    place = folder if gone else tmp_path / "typo"
    with pytest.raises(CheckpointError, match="no checkpoint there"):
        load_pretrained(BackboneConfig(backbone="tiny", model=str(place)))


def test_portable_settings_find_the_backbone_from_any_folder_and_in_its_own_number_format(tmp_path, monkeypatch):
    (tmp_path / "clip").mkdir()
    monkeypatch.chdir(tmp_path)
    found = portable(BackboneConfig(backbone="clip", model="clip", device="cpu"), TINY)
    assert found == BackboneConfig(backbone="clip", model=str(tmp_path / "clip"), device="auto", precision="float32")


def test_portable_settings_find_the_second_model_too(tmp_path, monkeypatch, model_folder):
    monkeypatch.chdir(model_folder("dinov2").parent)
    config = BackboneConfig(backbone="tiny", sight="dinov2", precision="float32")
    found = portable(config, load_pretrained(config).backbone)
    assert found.sight == str(model_folder("dinov2"))
    assert found.precision == "float32"


def test_an_object_is_named_custom_with_its_identity():
    found = load_pretrained(backbone=Mine())
    assert found.backbone == Mine()
    assert found.config == portable(found.config, found.backbone) == BackboneConfig(backbone="custom", model="mine 1")


def test_an_object_beside_settings_is_what_the_settings_find_again():
    settings = BackboneConfig(backbone="tiny")
    assert load_pretrained(settings, Mine()) == Pretrained(Mine(), settings)


def test_what_an_object_made_is_only_loaded_with_that_object():
    settings = BackboneConfig(backbone="custom", model="mine 1")
    assert load_pretrained(settings, Mine()).backbone == Mine()
    with pytest.raises(BackboneError) as caught:
        load_pretrained(settings)
    assert str(caught.value) == (
        "a backbone object of your own is needed, with the identity 'mine 1'; "
        "make it in Python and pass it as backbone=..."
    )
    with pytest.raises(BackboneError, match="the identity 'mine 1' is needed, this one is 'tiny 1"):
        load_pretrained(settings, TINY)


def test_an_object_takes_the_place_of_a_checkpoints_backbone_if_it_is_the_same(folder):
    assert load_pretrained(BackboneConfig(model=str(folder)), TINY).head.head_weight == 0.5
    with pytest.raises(CheckpointError, match="was trained on features of 'tiny 1"):
        load_pretrained(BackboneConfig(model=str(folder)), Mine())
