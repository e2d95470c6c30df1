"""Words for how sure an answer is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lga.confidence import LIKELY, SURE, WORDS, confidence, confidence_word

SHARES = st.floats(0, 1)


@given(SHARES, SHARES)
def test_a_higher_confidence_never_gets_a_weaker_word(one, other):
    low, high = sorted((one, other))
    assert WORDS.index(confidence_word(high)) <= WORDS.index(confidence_word(low))


@given(SHARES)
def test_what_counts_as_unknown_is_none_of_yours_however_sure(value):
    assert confidence_word(value, known=False) == "none of yours"
    assert confidence_word(value) != "none of yours"


@pytest.mark.parametrize(
    ("value", "word"), [(1.0, "sure"), (SURE, "sure"), (SURE - 1e-9, "likely"), (LIKELY, "likely"), (0.0, "unsure")]
)
def test_a_word_begins_at_its_threshold(value, word):
    assert confidence_word(value) == word


@given(SHARES, SHARES)
def test_doubt_whether_anything_taught_is_shown_lowers_confidence(probability, score):
    assert confidence(probability, None) == probability
    assert 0 <= confidence(probability, score) <= probability
