"""Names near those that are known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lga.anatomy.lexicon import all_entries
from lga.anatomy.nearby import nearby_labels, plain_form


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("open a door", "open door"),
        ("opening the door", "open door"),
        ("kicking a ball", "kick ball"),
        ("ball kick", "kick ball"),
        ("brushing hair", "brush hair"),
        ("clapping", "clap"),
        ("pouring", "pour"),
        ("opne door", "open door"),
        ("swinging a golf club", "swing golf club"),
    ],
)
def test_articles_endings_order_and_slips_of_the_pen_make_no_difference(asked, meant):
    known = ("open door", "kick ball", "brush hair", "clap", "pour", "swing golf club", "jump", "walk", "close door")
    assert nearby_labels(asked, known)[0] == meant


def test_the_lexicons_are_searched_where_nothing_else_is_named():
    assert nearby_labels("opening a door")[0] == "open door"
    assert nearby_labels("open door") == ()
    assert nearby_labels("PullUps") == ()


@pytest.mark.parametrize("asked", ["frobnicate", "zz", "write a letter to the editor"])
def test_what_is_far_from_everything_finds_nothing(asked):
    assert nearby_labels(asked, ("open door", "kick ball", "walk")) == ()


@given(st.sampled_from(sorted({one.label for one in all_entries().values()})))
def test_no_known_label_is_asked_about(label):
    assert nearby_labels(label) == ()


@given(st.text(min_size=1, max_size=40))
def test_any_text_has_a_plain_form_and_asks_for_known_names_alone(text):
    assert isinstance(plain_form(text), str)
    assert set(nearby_labels(text, ("open door", "walk"))) <= {"open door", "walk"}
