import json

import pytest

from lga.anatomy.files import MAX_BYTES, read_descriptions
from lga.errors import AnatomyError

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
