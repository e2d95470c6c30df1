import json

import pytest

from lga.anatomy.descriptions import (
    MAX_BYTES,
    Record,
    anatomy_of,
    fingerprint,
    kept_records,
    merge_records,
    read_descriptions,
    read_records,
    record_of,
    records_json,
)
from lga.anatomy.lexicon import anatomize
from lga.anatomy.schema import Stage
from lga.errors import AnatomyError

STAGES = tuple(Stage(sentence=f"A person {verb} a cup.") for verb in ("lifts", "tilts", "lowers"))
LLM = Record(
    source="llm", stages=STAGES, model="toy", prompt=1, asked=3, date="2025-01-02", samples=1, agreement=None,
    input_tokens=5, output_tokens=7, problems=(), fingerprint=fingerprint(STAGES),
)  # fmt: skip


def edited(record):
    return record.model_copy(update={"stages": (Stage(sentence="A person drops a cup."), *record.stages[1:])})


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / "out.json"
    records = {"Lift Cup": LLM, "jump": record_of(anatomize("jump")), "zork": record_of(anatomize("zork"))}
    path.write_bytes(records_json(records))
    assert read_records(path) == records
    told = read_descriptions(path)
    assert told.find("lift_cup") == STAGES
    assert told.labels == tuple(records)
    assert [json.loads(path.read_text())[label]["source"] for label in records] == ["llm", "lexicon", "template"]


def test_one_file_may_hold_sentences_stages_and_records(tmp_path):
    path = tmp_path / "own.json"
    bare = ["A person runs.", "A person leaps.", "A person lands."]
    path.write_text(json.dumps({"a": bare, "b": {"stages": bare}, "c": {"source": "hand", "stages": bare}}))
    found = read_records(path)
    assert found["a"] == found["b"] == found["c"]
    assert all(record.edited for record in found.values())
    assert read_descriptions(path).find("b") == found["a"].stages


def test_stages_that_the_model_counted_are_spread_and_others_must_fit(tmp_path):
    path = tmp_path / "out.json"
    path.write_bytes(records_json({"lift": LLM.model_copy(update={"asked": "auto", "stages": STAGES[:2]})}))
    assert read_descriptions(path, stages=3).find("lift") == (STAGES[0], STAGES[1], STAGES[1])
    assert read_descriptions(path, stages=2).find("lift") == STAGES[:2]
    assert len(read_records(path)["lift"].stages) == 2
    path.write_bytes(records_json({"lift": LLM}))
    with pytest.raises(AnatomyError, match="'lift': 2 stages are wanted, in order; found 3"):
        read_descriptions(path, stages=2)


def test_with_auto_every_label_keeps_its_own_number_and_can_be_spread_later(tmp_path):
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"walk": ["A person walks."], "jump": ["It bends.", "It leaps.", "It lands.", "."]}))
    told = read_descriptions(path, stages="auto")
    assert [len(told.find(label)) for label in ("walk", "jump")] == [1, 4]
    assert told.spread_over("auto") == told
    assert [len(told.spread_over(3).find(label)) for label in ("walk", "jump")] == [3, 3]
    with pytest.raises(AnatomyError, match="found 1: give --stages 1, or auto where the labels differ"):
        read_descriptions(path)
    path.write_text(json.dumps({"walk": [f"Step {n}." for n in range(6)]}))
    with pytest.raises(AnatomyError, match="'walk': 1 to 5 stages are wanted; found 6"):
        read_descriptions(path, stages="auto")


@pytest.mark.parametrize(("told", "why"), [
    ({}, "'lift': wanted a list"),
    ({"stages": "x"}, "'lift': wanted a list"),
    ({"stages": []}, "1 to 8 stages are wanted"),
    ({"stages": ["a"] * 9}, "1 to 8 stages are wanted"),
    ({"stages": ["a"], "sauce": "llm"}, "'lift' 'sauce': Extra inputs"),
    ({"stages": ["a"], "source": "magic"}, "'lift' 'source': Input should be"),
    ({"stages": ["a"], "reason": "\x1b[2J"}, "'lift' 'reason': .*control characters"),
    ({"stages": ["a"], "agreement": 2.0}, "'lift' 'agreement'"),
    ({"stages": ["a"], "agreement": "\ud83c"}, "'lift' 'agreement'"),
])  # fmt: skip
def test_a_record_that_is_none_is_refused_in_one_line(tmp_path, told, why):
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"lift": told}))
    with pytest.raises(AnatomyError, match=why) as caught:
        read_records(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).isprintable()


def test_only_other_stages_than_the_generated_ones_are_an_edit():
    assert not LLM.edited
    assert not LLM.model_copy(update={"reason": "x", "model": "y"}).edited
    assert edited(LLM).edited
    assert LLM.model_copy(update={"source": "hand"}).edited
    assert not record_of(anatomize("jump")).edited
    assert edited(record_of(anatomize("zork"))).edited


def test_edits_are_kept_in_any_spelling_and_say_what_they_were():
    old = {"Lift_Cup": edited(LLM), "spin": LLM}
    kept = kept_records(old, ["lift cup", "spin", "run"], 3, generated_too=False)
    assert list(kept) == ["lift cup"]
    record = kept["lift cup"]
    assert (record.source, record.stages, record.model) == ("hand", edited(LLM).stages, "toy")
    assert record.detail == "edited by hand; generated by toy"
    assert kept_records(kept, ["lift cup"], 3, generated_too=False) == kept
    assert list(kept_records(old, ["spin"], 3, generated_too=True)) == ["spin"]
    assert kept_records(old, ["spin"], 3, generated_too=True)["spin"] == LLM


def test_an_edit_with_another_number_of_stages_is_refused_not_lost():
    with pytest.raises(AnatomyError, match="2 stages are wanted; the file's, which are kept, are 3"):
        kept_records({"lift": edited(LLM)}, ["lift"], 2, generated_too=False)
    assert kept_records({"lift": edited(LLM)}, ["lift"], "auto", generated_too=False)


def test_records_of_other_labels_stay_behind_the_new_ones():
    old = {"spin": LLM, "Lift": LLM, "run": LLM}
    assert list(merge_records(old, {"jump": LLM, "lift": LLM})) == ["jump", "lift", "spin", "run"]


def test_a_record_is_an_anatomy_again():
    for label in ("jump", "zork"):
        assert anatomy_of(label, record_of(anatomize(label))) == anatomize(label)
    made = anatomy_of("lift", LLM)
    assert (made.origin, made.detail, made.stages) == ("llm", "toy, prompt 1", STAGES)


SENTENCES = ["A person lifts flour.", "A person kneads dough.", "A person rests the dough."]


@pytest.fixture
def write(tmp_path):
    def to_file(content):
        path = tmp_path / "own.json"
        data = content if isinstance(content, bytes | str) else json.dumps(content)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return to_file


def test_bare_sentences_are_stages(write):
    own = read_descriptions(write({"Knead Dough": SENTENCES}))
    assert own.source == "own.json"
    assert own.labels == ("Knead Dough",)
    assert [stage.sentence for stage in own.find("knead_dough") or ()] == SENTENCES
    assert own.find("bake bread") is None


def test_full_stages_keep_their_parts(write):
    stage = {
        "subject": "a person",
        "motion": "kneads",
        "object": "dough",
        "sentence": "A person kneads dough.",
    }
    own = read_descriptions(write({"knead": [stage, *SENTENCES[:2]]}))
    first = (own.find("knead") or ())[0]
    assert (first.subject, first.motion, first.object) == ("a person", "kneads", "dough")


def test_another_number_of_stages_can_be_asked_for(write):
    own = read_descriptions(write({"knead": SENTENCES[:2]}), stages=2)
    assert len(own.find("knead") or ()) == 2


def test_a_byte_order_mark_and_other_scripts_are_read(write):
    content = json.dumps({"тесто": SENTENCES}, ensure_ascii=False).encode("utf-8-sig")
    assert read_descriptions(write(content)).find("ТЕСТО")


BROKEN = {
    "not JSON": ('{"knead": [', "not JSON: Expecting value in line 1, column 12"),
    "not UTF-8": (b'{"knead\xff": []}', "not UTF-8 text"),
    "empty": ("", "not JSON"),
    "nested without end": ("[" * 200_000, "too deep a nesting"),
    "a number without end": ("1" * 5_000, "too long a number"),
    "a list": ([SENTENCES], "wanted an object"),
    "no label": ({}, "at least one label"),
    "a sentence instead of a list": ({"knead": "A person kneads."}, "'knead': wanted a list .*; found str"),
    "two stages": ({"knead": SENTENCES[:2]}, "'knead': 3 stages are wanted, in order; found 2"),
    "an empty sentence": (
        {"knead": [*SENTENCES[:2], " "]},
        "'knead': stage 3 'sentence': .*at least 1 character",
    ),
    "a long sentence": ({"knead": ["a" * 301, *SENTENCES[:2]]}, "'knead': stage 1 'sentence': .*at most 300"),
    "a line break": ({"knead": ["a\nb", *SENTENCES[:2]]}, "'knead': stage 1 'sentence': .*one line"),
    "half a pair": ('{"knead": ["\\ud83c", "b", "c"]}', "'knead': stage 1 'sentence': "),
    "a number": ({"knead": [5, *SENTENCES[:2]]}, "'knead': stage 1: "),
    "a misspelt part": (
        {"knead": [{"sentense": "A"}, *SENTENCES[:2]]},
        "'knead': stage 1 'sentence': Field required",
    ),
    "the same key twice": ('{"knead": [], "knead": []}', "'knead' is written twice"),
    "two spellings": ({"Knead_It": SENTENCES, "knead it": SENTENCES}, "'knead it' is described twice"),
    "a blank label": ({" ": SENTENCES}, "blank"),
    "an escape in a label": ({"\x1b[2J": SENTENCES}, "control character"),
    "a part with a bidi override": (
        {"knead": [{"sentence": "A", "\u202e": ""}, *SENTENCES[:2]]},
        r"'knead': stage 1 '\\u202e': Extra inputs",
    ),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_refused_in_one_line_that_names_it(write, content, message):
    path = write(content)
    with pytest.raises(AnatomyError, match=message) as caught:
        read_descriptions(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert "\u202e" not in str(caught.value)


def test_a_missing_file_a_folder_and_a_huge_file_are_refused(tmp_path):
    with pytest.raises(AnatomyError, match="no such file"):
        read_descriptions(tmp_path / "none.json")
    with pytest.raises(AnatomyError, match="no such file"):
        read_descriptions(tmp_path)
    huge = tmp_path / "huge.json"
    with huge.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(AnatomyError, match="larger than 10 MB"):
        read_descriptions(huge)


def test_a_label_that_is_described_and_not_known_is_named_unless_a_model_wrote_more_than_is_taught(tmp_path):
    made = {label: record_of(anatomize(label)) for label in ("wave", "kick ball", "jump")}
    (tmp_path / "made.json").write_bytes(records_json(made))
    whole = read_descriptions(tmp_path / "made.json")
    whole.check_used(["Wave", "kick_ball"])
    with pytest.raises(
        AnatomyError, match=r"made.json: describes 'wave', and no action is called that; is 'waves' mea"
    ):
        whole.check_used(["waves", "jump"])
    told = {"wave": ["A man stands."] * 3, "swim": ["A man swims."] * 3}
    (tmp_path / "told.json").write_text(json.dumps(told))
    mine = read_descriptions(tmp_path / "told.json")
    mine.check_used(["wave", "swim", "jump"])
    with pytest.raises(AnatomyError, match="describes 'swim', and no action is called that; take it out or spell it"):
        mine.check_used(["wave"])
