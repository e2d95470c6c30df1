import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from lga.actions import FEATURES, HEAD, MAX_RECORD, RECORD, Actions, Example
from lga.anatomy.lexicon import anatomize
from lga.backbone.tiny import TinyBackbone
from lga.config import BackboneConfig, MethodConfig, TrainConfig
from lga.errors import ActionsError, LGAError, SettingsError
from lga.features.cache import FeatureCache
from lga.model.checkpoint import make_head
from lga.motion.descriptor import NUMBERS
from lga.recognizer import Recognizer
from lga.store.folder import load_actions, save_actions

TINY = TinyBackbone()
LABELS = {"jump into pool": 3, "žába, 跳": 1, "wave": 0, "Brush_Hair": 2}


def make(shots=LABELS, *, frames=5, stages=2, seed=11):
    """Actions with random features, `shots` examples of each label."""
    generator = torch.Generator().manual_seed(seed)
    examples = tuple(
        Example(
            label=label,
            path=f"/clips/{label} {number}.mp4",
            digest=f"{place}{number}" * 32,
            times=tuple((2 * k + 1) / 7 for k in range(frames)),
            duration=10 / 7,
        )
        for place, (label, count) in enumerate(shots.items())
        for number in range(count)
    )
    return Actions(
        backbone=BackboneConfig(backbone="tiny"),
        identity=TINY.identity,
        method=MethodConfig(frames=frames, stages=stages, alpha=0.3),
        anatomies=tuple(anatomize(label, stages=stages) for label in shots),
        text=torch.randn(len(shots), stages, TINY.space.dim, generator=generator),
        examples=examples,
        frames=torch.randn(len(examples), frames, TINY.space.dim, generator=generator),
    )


def same(one, other):
    plain = [(a.backbone, a.identity, a.method, a.anatomies, a.examples) for a in (one, other)]
    return plain[0] == plain[1] and torch.equal(one.text, other.text) and torch.equal(one.frames, other.frames)


@pytest.fixture
def folder(tmp_path):
    """A folder of taught actions."""
    save_actions(make(), tmp_path / "taught")
    return tmp_path / "taught"


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


@pytest.mark.parametrize("shots", [LABELS, {"wave": 1}, {"wave": 0}, {"wave": 0, "jump": 0}])
def test_saved_actions_come_back_bit_for_bit(tmp_path, shots):
    actions = make(shots)
    save_actions(actions, tmp_path / "new" / "taught")
    assert same(load_actions(tmp_path / "new" / "taught"), actions)
    assert sorted(path.name for path in (tmp_path / "new" / "taught").iterdir()) == [RECORD, FEATURES]


def test_actions_are_saved_over_earlier_ones(folder):
    less = make().without("wave")
    save_actions(less, folder)
    assert same(load_actions(folder), less)
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_an_empty_folder_may_be_filled(tmp_path):
    save_actions(make(), tmp_path)
    assert same(load_actions(tmp_path), make())


def test_the_folder_may_be_copied_elsewhere(folder, tmp_path):
    folder.rename(tmp_path / "else where")
    assert same(load_actions(tmp_path / "else where"), make())


def thesis(place):
    place.mkdir()
    (place / "thesis.tex").write_text("kept")


def thesis_beside_actions(place):
    save_actions(make(), place)
    (place / "thesis.tex").write_text("kept")


def features_alone(place):
    place.mkdir()
    (place / FEATURES).write_text("kept")


def file(place):
    place.write_text("kept")


@pytest.mark.parametrize("occupy", [thesis, thesis_beside_actions, features_alone, file])
def test_what_is_not_just_taught_actions_is_never_replaced(tmp_path, occupy):
    place = tmp_path / "place"
    occupy(place)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(ActionsError) as caught:
        save_actions(make(), place)
    assert str(caught.value) == f"{place}: exists and is not just a folder of taught actions; choose another place"
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_the_record_can_be_read_by_people(folder):
    text = (folder / RECORD).read_text(encoding="utf-8")
    assert "žába, 跳" in text
    assert json.loads(text)["examples"][0]["path"] == "/clips/jump into pool 0.mp4"


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
        f"/{RECORD}: was changed by hand; undo that and use `lga actions add|remove|describe`, which keep it whole"
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
    assert message.endswith("; undo the change or teach the actions again")


def test_a_new_layout_of_the_same_record_is_no_change(folder):
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
    assert refusal_of(folder) == f"/{RECORD}: damaged or not written by lga; teach the actions again"


def test_half_a_surrogate_pair_is_refused(folder):
    edit(folder, lambda record: record.update(identity="\ud800"))
    assert refusal_of(folder).startswith(f"/{RECORD}: ")


def test_a_huge_record_is_refused_unread(folder):
    with (folder / RECORD).open("wb") as file:
        file.truncate(MAX_RECORD + 1)
    assert refusal_of(folder) == f"/{RECORD}: larger than 256 MiB; this was not written by lga"


def test_swapped_features_are_refused(folder, tmp_path):
    save_actions(make(seed=13), tmp_path / "other")
    (folder / FEATURES).write_bytes((tmp_path / "other" / FEATURES).read_bytes())
    wanted = f"/{FEATURES}: not the features that {RECORD} belongs to; teach the actions again"
    assert refusal_of(folder) == wanted


@pytest.mark.parametrize("length", [0, 4, 100, -1])
def test_truncated_features_are_refused(folder, length):
    (folder / FEATURES).write_bytes((folder / FEATURES).read_bytes()[:length])
    assert refusal_of(folder).startswith(f"/{FEATURES}: not the features that {RECORD} belongs to; teach")


def test_a_flipped_bit_in_the_features_is_refused(folder):
    data = bytearray((folder / FEATURES).read_bytes())
    data[-9] ^= 1
    (folder / FEATURES).write_bytes(data)
    assert refusal_of(folder).startswith(f"/{FEATURES}: not the features")


def test_half_a_folder_is_refused(folder):
    record = (folder / RECORD).read_bytes()
    (folder / RECORD).unlink()
    assert refusal_of(folder).startswith(": not a folder of taught actions; give the folder that `lga teach")
    (folder / RECORD).write_bytes(record)
    (folder / FEATURES).unlink()
    assert refusal_of(folder) == (f"/{FEATURES}: cannot be read (No such file or directory); teach the actions again")


def test_a_missing_folder_and_a_file_are_refused(tmp_path):
    assert refusal_of(tmp_path / "none").startswith(": no such folder; give the folder that `lga teach")
    (tmp_path / "file").touch()
    assert refusal_of(tmp_path / "file").startswith(": not a folder of taught actions; give the folder")


@pytest.mark.parametrize(
    "change",
    [
        lambda a: replace(a, anatomies=a.anatomies[:3] + a.anatomies[:1]),
        lambda a: replace(a, text=a.text[:3]),
        lambda a: replace(a, frames=a.frames[:2]),
        lambda a: replace(a, frames=a.frames[:, :3]),
        lambda a: replace(a, frames=a.frames.double(), text=a.text.double()),
        lambda a: replace(a, method=MethodConfig(frames=5, stages=3)),
        lambda a: replace(a, method=MethodConfig(frames=6, stages=2)),
        lambda a: a.without("wave") and replace(a, anatomies=a.anatomies[1:], text=a.text[1:]),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(tmp_path, change):
    save_actions(change(make()), tmp_path / "forged")
    assert refusal_of(tmp_path / "forged") == (
        ": its labels, examples and features do not fit together; teach the actions again"
    )


@pytest.mark.parametrize("part", ["frames", "text", "motion"])
@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf"), 3e38])
def test_what_is_no_number_to_compare_is_refused_in_a_folder_and_in_a_value(tmp_path, part, number):
    given = replace(make(), motion=torch.zeros(6, NUMBERS))
    getattr(given, part).flatten()[7] = number
    save_actions(given, tmp_path / "taught")
    with pytest.raises(ActionsError, match="features that are no numbers to be compared; teach the actions again"):
        load_actions(tmp_path / "taught")
    with pytest.raises(ActionsError, match="finite numbers each"):
        Recognizer(given.backbone, cache=FeatureCache(None)).prepare(given)


def test_features_as_wide_as_no_backbone_makes_them_are_refused_when_they_are_used(folder):
    given = load_actions(folder)
    narrow = replace(given, frames=given.frames[..., :-1], text=given.text[..., :-1])
    with pytest.raises(ActionsError, match=f"are not {TINY.space.dim} finite numbers each"):
        Recognizer(given.backbone, cache=FeatureCache(None)).prepare(narrow)


@pytest.mark.parametrize(
    ("where", "value"),
    [("duration", v) for v in (float("nan"), float("inf"), 0.0, -1.0)] + [("times", v) for v in (float("nan"), -0.5)],
)
def test_moments_and_lengths_that_cannot_be_are_refused(folder, where, value):
    def change(record):
        record["examples"][0][where] = [value] * 5 if where == "times" else value

    edit(folder, change)
    assert "examples.0" in refusal_of(folder)


@pytest.mark.parametrize("value", [1e-308, float("nan"), float("inf"), 0.0, 1e300])
def test_a_temperature_that_makes_no_probabilities_is_refused(value):
    with pytest.raises(SettingsError, match="temperature"):
        MethodConfig(temperature=value)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["val-text-nan", "ex-nan", "shape-dim47"])
def test_hostile_folders_are_refused_in_one_line(shared, name):
    recognizer = Recognizer(BackboneConfig(backbone="tiny"), cache=FeatureCache(None))
    with pytest.raises(ActionsError) as caught:
        recognizer.prepare(load_actions(shared / "data" / "odd" / "hostile" / name))
    assert str(caught.value).isprintable()


def test_features_without_their_names_are_refused(folder, monkeypatch):
    monkeypatch.setattr("lga.actions.save", lambda tensors: save({"frames": tensors["frames"]}))
    save_actions(make(), folder)
    assert refusal_of(folder) == f"/{FEATURES}: damaged; teach the actions again"


def test_actions_of_another_backbone_are_refused_when_they_are_used():
    actions = replace(make(), identity="clip of old")
    recognizer = Recognizer(BackboneConfig(backbone="tiny"), cache=FeatureCache(None))
    with pytest.raises(ActionsError) as caught:
        next(recognizer.recognize(actions, []))
    message = str(caught.value)
    assert "'clip of old'" in message
    assert repr(TINY.identity) in message
    assert message.endswith("use the same backbone and precision or teach them again")
    assert "\n" not in message


def test_owners_and_shots_are_counted():
    actions = make()
    assert actions.labels == tuple(LABELS)
    assert actions.support_label.tolist() == [0, 0, 0, 1, 3, 3]
    assert actions.shots == 1.5
    assert make({"wave": 0}).support_label.tolist() == []


@pytest.mark.parametrize("spelling", ["Brush_Hair", "brush hair", "BrushHair", "BRUSH-HAIR"])
def test_a_label_is_found_by_any_spelling(spelling):
    assert make().find(spelling) == "Brush_Hair"


def test_an_unknown_label_is_refused_with_those_there_are():
    for search in (make().find, make().without):
        with pytest.raises(ActionsError, match="no action 'fly' is taught; there are: jump into pool, žába, 跳, wave"):
            search("fly")


@pytest.mark.parametrize("gone", LABELS)
def test_a_removed_action_takes_its_examples_along(gone, tmp_path):
    actions = make()
    less = actions.without(gone.upper())
    assert less.labels == tuple(label for label in LABELS if label != gone)
    assert [one.label for one in less.examples] == [one.label for one in actions.examples if one.label != gone]
    for number, label in enumerate(less.labels):
        assert torch.equal(less.text[number], actions.text[list(LABELS).index(label)])
    for number, one in enumerate(less.examples):
        assert torch.equal(less.frames[number], actions.frames[actions.examples.index(one)])
    save_actions(less, tmp_path / "less")
    assert same(load_actions(tmp_path / "less"), less)
    assert same(actions, make())


def test_the_last_action_stays():
    with pytest.raises(LGAError, match="'wave' is the only action taught; delete the folder instead"):
        make({"wave": 2}).without("wave")


def test_a_removed_example_leaves_the_others():
    actions = make()
    less = actions.without_example("/clips/jump into pool 1.mp4")
    assert [one.path for one in less.examples] == [one.path for one in actions.examples if "pool 1" not in one.path]
    assert torch.equal(less.frames, actions.frames[[0, 2, 3, 4, 5]])
    assert less.labels == actions.labels
    assert torch.equal(less.text, actions.text)


def test_the_last_example_may_go():
    less = make({"wave": 1}).without_example("/clips/wave 0.mp4")
    assert less.frames.shape == (0, 5, TINY.space.dim)
    assert less.labels == ("wave",)


def test_an_unknown_example_is_refused():
    with pytest.raises(ActionsError, match=r"no example 'a\.mp4'; `lga actions show` lists them"):
        make().without_example(str(Path("a.mp4")))


# --- with a trained head ----------------------------------------------------------------------------------------------


def with_head(head_weight=0.5):
    head, random = make_head(TINY.space, TrainConfig(width=8)), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for one in (*head.parameters(), *head.buffers()):
            one.copy_(torch.randn(one.shape, generator=random))
    head.head_weight = head_weight
    return replace(make(), head=head.eval())


@pytest.fixture
def headed(tmp_path):
    save_actions(with_head(), tmp_path / "taught")
    return tmp_path / "taught"


def test_a_head_comes_back_bit_for_bit_with_the_actions(headed):
    found, wanted = load_actions(headed), with_head()
    assert sorted(path.name for path in headed.iterdir()) == [RECORD, FEATURES, HEAD]
    assert same(found, wanted)
    assert (found.head_weight, found.head.training) == (0.5, False)
    state = found.head.state_dict()
    assert all(torch.equal(one, state[name]) for name, one in wanted.head.state_dict().items())
    assert make().head_weight == 0.0


def test_actions_with_and_without_a_head_replace_each_other(headed):
    save_actions(make(), headed)
    assert load_actions(headed).head is None
    assert sorted(path.name for path in headed.iterdir()) == [RECORD, FEATURES]
    save_actions(with_head(), headed)
    assert load_actions(headed).head_weight == 0.5


def test_a_head_stays_when_an_action_goes(headed):
    assert load_actions(headed).without("wave").head_weight == 0.5


def test_a_missing_or_damaged_head_is_refused(headed):
    data = (headed / HEAD).read_bytes()
    (headed / HEAD).write_bytes(data[:-1] + b"x")
    assert "not the weights that actions.json belongs to" in refusal_of(headed)
    (headed / HEAD).unlink()
    assert "cannot be read" in refusal_of(headed)


def test_a_head_of_another_weight_is_a_change_by_hand(headed):
    edit(headed, lambda record: record["head"].update({"trust": 0.75}))
    assert "was changed by hand" in refusal_of(headed)


def test_a_retold_action_keeps_its_place_and_examples():
    before = make()
    text = torch.ones(2, TINY.space.dim)
    after = before.retold("BRUSH hair", anatomize("comb hair", stages=2), text)
    assert after.labels == (*before.labels[:3], "comb hair")
    assert [one.label for one in after.examples if one.label not in before.labels] == ["comb hair"] * 2
    assert torch.equal(after.text[3], text)
    assert torch.equal(after.text[:3], before.text[:3])
    assert torch.equal(after.support_label, before.support_label)
    assert not torch.equal(before.text[3], text)


def test_an_action_may_be_respelt_but_not_take_the_name_of_another():
    before = make()
    assert before.retold("wave", anatomize("Wave", stages=2), before.text[2]).labels[2] == "Wave"
    with pytest.raises(ActionsError, match="'WAVE' is taught already"):
        before.retold("Brush_Hair", anatomize("WAVE", stages=2), before.text[2])
    with pytest.raises(ActionsError, match="no action 'gone'"):
        before.retold("gone", anatomize("new", stages=2), before.text[2])
