import json
import re
from collections import Counter
from importlib import resources

import pytest

from lga.anatomy.anatomize import anatomize
from lga.anatomy.checks import MAX_WORDS, check_anatomy
from lga.anatomy.descriptions import parse_json
from lga.anatomy.lexicon import LEXICONS, all_entries, find_entry, read_lexicon
from lga.anatomy.review import named_records
from lga.anatomy.schema import Anatomy, Stage
from lga.anatomy.vocabulary import words
from lga.errors import AnatomyError
from lga.labels import lookup_key, normalise_label

DEMO = """
    sit down, stand up, pick up, put down, wave, kick ball, swing golf club, climb stairs, pull up, jump,
    push cart, drink from cup, throw ball, open door, box, punch, wave hand, jump into pool, ride a bike
"""
PEOPLE = re.compile(r"(A person|A baby|People|Two people|Several people|A (row|group) of people|Rows of people)\b")

SHIPPED = [(name, label, stages) for name in LEXICONS for label, stages in read_lexicon(name).anatomies.items()]


def problems(entries, *, parts=True):
    """What the checks say of labels and their stages, as they are or with the sentences alone."""
    found = {}
    for label, stages in entries:
        kept = stages if parts else tuple(Stage(sentence=one.sentence) for one in stages)
        anatomy = Anatomy(label=label, stages=kept, origin="lexicon" if parts else "file")
        if said := check_anatomy(anatomy, stages=3):
            found[label] = said
    return found


@pytest.mark.parametrize("parts", [True, False])
@pytest.mark.parametrize("name", LEXICONS)
def test_every_shipped_anatomy_passes_the_checks(name, parts):
    assert problems(read_lexicon(name).anatomies.items(), parts=parts) == {}


@pytest.mark.parametrize("place", range(3))
def test_a_shipped_anatomy_with_a_stage_told_twice_does_not_pass(place):
    spoilt = [(label, (*stages[:place], stages[place - 1], *stages[place + 1 :])) for _, label, stages in SHIPPED]
    assert len(problems(spoilt)) == len(SHIPPED)


def test_no_label_or_alias_is_defined_twice():
    named = [
        lookup_key(label)
        for name in LEXICONS
        for lexicon in [read_lexicon(name)]
        for label in [*lexicon.anatomies, *lexicon.aliases]
    ]
    assert [key for key, count in Counter(named).items() if count > 1] == []
    assert len(named) == len(all_entries())


@pytest.mark.parametrize("name", LEXICONS)
def test_no_json_object_names_a_key_twice(name):
    text = (resources.files("lga.anatomy") / "lexicons" / f"{name}.json").read_text(encoding="utf-8")
    assert parse_json(text.encode())


def test_labels_are_written_in_their_readable_form():
    assert [label for _, label, _ in SHIPPED if normalise_label(label) != label] == []


def test_no_sentence_serves_two_labels():
    seen = Counter(stage.sentence for _, _, stages in SHIPPED for stage in stages)
    assert [sentence for sentence, count in seen.items() if count > 1] == []


def test_sentences_are_short_statements_about_people_made_of_their_parts():
    for _, label, stages in SHIPPED:
        for stage in stages:
            assert PEOPLE.match(stage.sentence), label
            assert stage.sentence.endswith("."), label
            assert len(words(stage.sentence)) <= MAX_WORDS, label
            assert stage.sentence.lower().startswith(stage.subject), label
            assert stage.motion in stage.sentence, label
            assert stage.object in stage.sentence, label


@pytest.mark.parametrize("label", [each.strip() for each in DEMO.split(",")])
def test_the_demo_labels_are_known(label):
    assert find_entry(label) is not None


def test_an_entry_is_found_in_any_spelling_and_by_its_aliases():
    entry = find_entry("pullup")
    assert entry is not None
    assert entry.lexicon == "everyday"
    assert "horizontal bar" in entry.stages[0].sentence
    assert find_entry("Pull_Up") == find_entry("PullUps") == entry
    assert find_entry("swing golf") == find_entry("Golf Swing") == find_entry("golf")
    assert find_entry("knead quantum dough") is None


@pytest.mark.shared
@pytest.mark.parametrize("benchmark", ["hmdb51", "ucf101", "kinetics100", "ssv2_small", "ssv2_full"])
def test_every_class_of_a_benchmark_has_stages_of_its_own(shared, benchmark):
    names = json.loads((shared / "data/splits/class_names.json").read_text(encoding="utf-8"))[benchmark]
    labels = {lookup_key(label): label for part in names.values() for label in part["names"]}
    entries = {label: find_entry(label) for label in labels.values()}
    assert [label for label, entry in entries.items() if entry is None] == []
    assert len({entry.label for entry in entries.values()}) == len(labels)
    assert problems((label, entry.stages) for label, entry in entries.items()) == {}


@pytest.mark.shared
def test_a_class_of_two_benchmarks_has_the_same_stages_in_both(shared):
    names = json.loads((shared / "data/splits/class_names.json").read_text(encoding="utf-8"))
    stages = {}
    for benchmark in names.values():
        for label in (label for part in benchmark.values() for label in part["names"]):
            entry = find_entry(label)
            assert stages.setdefault(lookup_key(label), entry.stages) == entry.stages
    assert len(stages) > 300


@pytest.mark.shared
@pytest.mark.parametrize("dataset", ["jhmdb16", "mocap44"])
def test_every_label_of_the_open_clips_has_stages_of_its_own(shared, dataset):
    lines = (shared / "data" / dataset / "manifest.csv").read_text(encoding="utf-8").splitlines()[1:]
    labels = {line.split(",")[1] for line in lines}
    entries = {label: find_entry(label) for label in labels}
    assert [label for label, entry in entries.items() if entry is None] == []
    assert len({entry.label for entry in entries.values()}) == len(labels)


KNEAD = ["A person flours a table.", "A person kneads dough.", "A person covers the dough."]


@pytest.fixture
def kitchen(tmp_path, monkeypatch):
    """`kitchen(content)` adds a lexicon of one's own for one test."""

    def add(content):
        path = tmp_path / "kitchen.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        monkeypatch.setitem(LEXICONS, "kitchen", path)
        return path

    return add


@pytest.mark.parametrize(
    "content",
    [
        {"knead dough": KNEAD, "wave": KNEAD},
        {"anatomies": {label: [{"sentence": one} for one in KNEAD] for label in ("knead dough", "wave")}},
    ],
)
def test_a_lexicon_of_ones_own_is_a_line_and_comes_before_the_shipped_ones(kitchen, content):
    assert anatomize("knead dough").origin == "template"
    kitchen(content)
    anatomy = anatomize("Knead_Dough")
    assert (anatomy.origin, anatomy.detail, list(anatomy.sentences)) == ("lexicon", "kitchen: knead dough", KNEAD)
    assert anatomize("wave").detail == "kitchen: wave"
    assert anatomize("jump").detail == "everyday: jump"
    assert list(named_records("builtin:kitchen")) == ["knead dough", "wave"]


def test_without_it_the_shipped_ones_are_as_they_were():
    assert find_entry("knead dough") is None


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("[", "not JSON"),
        ("[]", "wanted an object"),
        ({"knead dough": "x"}, "'knead dough': wanted a list"),
        ({"anatomies": {"knead dough": []}}, "not a lexicon: anatomies.knead dough: "),
        ({"anatomies": {}, "aliases": {"a": "b"}}, "an alias means 'b', which has no stages"),
    ],
)
def test_a_lexicon_that_is_none_is_one_line_that_names_the_file(kitchen, content, why):
    path = kitchen(content)
    with pytest.raises(AnatomyError) as caught:
        find_entry("jump")
    assert str(caught.value).startswith(f"{path}: ")
    assert why in str(caught.value)
    path.unlink()
    with pytest.raises(AnatomyError, match="the lexicon cannot be read"):
        find_entry("jump")
