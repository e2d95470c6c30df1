import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lga.anatomy.anatomize import anatomize, spread
from lga.anatomy.descriptions import read_descriptions
from lga.anatomy.schema import Stage
from lga.errors import AnatomyError

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
