"""`lga.store.share`: one file that holds everything but clips and places, and that cannot be read wrongly."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load, save

from lga.errors import ActionsError, LGAError
from lga.store import share
from lga.store.share import KEY, export_actions, import_actions


@pytest.fixture
def file(taught, tmp_path):
    export_actions(taught.make(), tmp_path / "shared.safetensors")
    return tmp_path / "shared.safetensors"


def without_places(actions):
    return replace(actions, examples=tuple(one.model_copy(update={"path": one.called}) for one in actions.examples))


@pytest.mark.parametrize("motion", [False, True])
def test_what_is_exported_comes_back_bit_for_bit_without_places(taught, tmp_path, motion):
    for actions in (taught.make(motion=motion), taught.make({"wave": 0}), taught.with_head()):
        export_actions(actions, tmp_path / "a")
        assert taught.same(import_actions(tmp_path / "a"), without_places(actions))
    assert b"/clips/" not in (tmp_path / "a").read_bytes()


def refusal_of(file):
    with pytest.raises(ActionsError) as caught:
        import_actions(file)
    message = str(caught.value)
    assert message.startswith(f"{file}: ")
    assert message.isprintable()
    return message.removeprefix(f"{file}: ")


def test_a_flipped_bit_anywhere_is_told(taught, file):
    whole = file.read_bytes()
    for part in range(200):
        data = bytearray(whole)
        data[part * len(data) // 200 + part % 7] ^= 1 << part % 8
        file.write_bytes(data)
        refusal_of(file)
    file.write_bytes(whole)
    assert taught.same(import_actions(file), without_places(taught.make()))


@pytest.mark.parametrize("length", [0, 4, 8, 100, -1])
def test_what_was_cut_off_is_refused(file, length):
    file.write_bytes(file.read_bytes()[:length])
    refusal_of(file)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff" * 64, b"\x00" * 64, (2).to_bytes(8, "little") + b"{}", (4).to_bytes(8, "little") + b"[[[["],
)
def test_other_files_are_refused(file, content):
    file.write_bytes(content)
    assert refusal_of(file) == "not taught actions; give a file that `lga actions export` wrote"


def test_other_safetensors_missing_ones_and_huge_ones_are_refused(file, tmp_path, monkeypatch):
    file.write_bytes(save({"frames": torch.zeros(2)}))
    assert refusal_of(file).startswith("not taught actions")
    assert refusal_of(tmp_path / "none") == "no such file; give one that `lga actions export` wrote"
    assert refusal_of(tmp_path) == "no such file; give one that `lga actions export` wrote"
    monkeypatch.setattr(share, "LARGEST_FILE", 50)
    assert refusal_of(file).startswith("larger than 0 GiB")


def forge(file, change):
    """Write the file as somebody would who knows how to make the digest right."""
    data = file.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    record, tensors = json.loads(header[KEY]), load(data)
    change(record, tensors)
    text = json.dumps(record)
    digest = share._digest(text, tensors)
    file.write_bytes(save(tensors, {KEY: text, "sha256": digest}))


FORGERIES = {
    "a wide one": lambda r, t: t.update(frames=t["frames"][..., :-1].contiguous()),
    "a narrow text": lambda r, t: t.update(text=t["text"][..., :-1].contiguous()),
    "doubles": lambda r, t: t.update(frames=t["frames"].double()),
    "not a number": lambda r, t: t["frames"][2, 1].fill_(float("nan")),
    "infinity": lambda r, t: t["text"][0, 0].fill_(float("inf")),
    "one too many": lambda r, t: t.update(more=torch.zeros(1)),
    "no frames": lambda r, t: t.pop("frames"),
    "a head from nowhere": lambda r, t: t.update({"head.x": torch.zeros(1)}),
    "another label": lambda r, t: r["examples"][0].update(label="gone"),
    "two of one name": lambda r, t: r["anatomies"][1].update(label="WAVE"),
    "a label of two lines": lambda r, t: r["anatomies"][1].update(label="a\nb"),
    "no temperature": lambda r, t: r["method"].update(temperature=1e-308),
    "no length": lambda r, t: r["examples"][0].update(duration=0),
    "another format": lambda r, t: r.update(format=3),
    "an unknown field": lambda r, t: r.update(note="mine"),
}


@pytest.mark.parametrize("change", [pytest.param(one, id=name) for name, one in FORGERIES.items()])
def test_what_cannot_be_is_refused_even_under_a_right_digest(file, change):
    forge(file, change)
    refusal_of(file)


def test_a_file_that_cannot_be_written_is_told(taught, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LGAError, match="cannot be written"):
        export_actions(taught.make(), tmp_path / "file" / "a")
