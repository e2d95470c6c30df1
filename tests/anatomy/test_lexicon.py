import json
import re
from collections import Counter
from contextlib import suppress
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lga.anatomy.checks import MAX_WORDS, check_anatomy
from lga.anatomy.descriptions import parse_json, read_descriptions
from lga.anatomy.lexicon import LEXICONS, all_entries, anatomize, find_entry, read_lexicon, spread
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


OWN = ["A person fills a kettle.", "A person boils water.", "A person pours tea."]


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"Jump": OWN, "make tea": OWN}))
    return read_descriptions(path)


def test_a_known_label_comes_from_the_lexicon_and_keeps_its_spelling():
    anatomy = anatomize("Brush_Hair")
    assert anatomy.label == "Brush_Hair"
    assert anatomy.origin == "lexicon"
    assert anatomy.detail == "everyday: brush hair"
    assert len(anatomy.stages) == 3
    assert all("hairbrush" in sentence for sentence in anatomy.sentences)


def test_an_alias_says_which_entry_it_borrows():
    assert anatomize("swing golf club").detail == "everyday: golf"


def test_the_users_words_come_before_the_lexicon(own):
    anatomy = anatomize("jump", descriptions=own)
    assert (anatomy.label, anatomy.origin, anatomy.detail) == ("jump", "file", "own.json")
    assert list(anatomy.sentences) == OWN
    assert anatomize("run", descriptions=own).origin == "lexicon"


def test_an_unknown_label_falls_back_to_the_template(own):
    anatomy = anatomize("Polish Samovar", descriptions=own)
    assert anatomy.origin == "template"
    assert anatomy.label == "Polish Samovar"
    assert len(anatomy.stages) == 3


def test_the_users_words_are_never_spread_over_another_number_of_stages(own):
    with pytest.raises(AnatomyError, match=r"own.json: 'make tea': 2 stages are wanted; found 3"):
        anatomize("make tea", stages=2, descriptions=own)


def test_with_auto_a_label_has_the_number_of_its_own_text(tmp_path):
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"jump": ["A person leaps."]}))
    told = read_descriptions(path, stages="auto")
    found = [anatomize(label, stages="auto", descriptions=told) for label in ("jump", "golf", "polish samovar")]
    assert [(one.origin, len(one.stages)) for one in found] == [("file", 1), ("lexicon", 3), ("template", 3)]
    assert "spread" not in found[1].detail


@pytest.mark.parametrize(
    ("stages", "taken"), [(1, (1,)), (2, (0, 2)), (3, (0, 1, 2)), (4, (0, 1, 1, 2)), (5, (0, 0, 1, 2, 2))]
)
def test_another_number_of_stages_takes_the_known_stage_at_each_midpoint(stages, taken):
    known = anatomize("jump").sentences
    anatomy = anatomize("jump", stages=stages)
    assert anatomy.sentences == tuple(known[place] for place in taken)
    assert ("spread from 3" in anatomy.detail) == (stages != 3)


@given(st.integers(1, 8), st.integers(1, 8))
def test_spreading_keeps_the_order_and_is_the_same_from_both_ends(known, count):
    stages = [Stage(sentence=str(place)) for place in range(known)]
    places = [int(stage.sentence) for stage in spread(stages, count)]
    assert len(places) == count
    assert places == sorted(places)
    if known % 2:
        assert places == [known - 1 - place for place in reversed(places)]


@given(st.text(max_size=250))
def test_any_text_is_taken_apart_or_refused(label):
    with suppress(AnatomyError):
        assert len(anatomize(label).stages) == 3


def test_a_label_with_blanks_around_it_is_kept_without_them():
    assert anatomize(" run ").label == "run"


def test_an_impossible_number_of_stages_is_the_callers_mistake():
    for stages in (0, 6):
        with pytest.raises(ValueError, match="1 to 5 stages"):
            anatomize("jump", stages=stages)
