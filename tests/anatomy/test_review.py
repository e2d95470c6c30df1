from functools import cache
from string import ascii_lowercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lga.anatomy.descriptions import Record, fingerprint, records_json
from lga.anatomy.lexicon import LEXICONS, all_entries, read_lexicon
from lga.anatomy.review import (
    Change,
    Conflict,
    Span,
    changes,
    distances,
    edit_distance,
    is_builtin,
    merge,
    named_records,
    word_diff,
)
from lga.anatomy.schema import Stage
from lga.errors import AnatomyError

TEXTS = st.lists(st.sampled_from(["a", "person", "lifts", "the", "cup"]), max_size=7)


def hand(*sentences):
    return Record(stages=tuple(Stage(sentence=one) for one in sentences))


def model(*sentences):
    stages = tuple(Stage(sentence=one) for one in sentences)
    return Record(source="llm", model="m", prompt=1, stages=stages, fingerprint=fingerprint(stages))


# --- where descriptions come from -------------------------------------------------------------------------------------


def test_shipped_descriptions_have_names():
    assert {label: one.stages for label, one in named_records("builtin:ucf101").items()} == dict(
        read_lexicon("ucf101").anatomies
    )
    every = named_records("builtin")
    assert len(every) == sum(len(read_lexicon(name).anatomies) for name in LEXICONS)
    assert every["wave"].detail == "everyday: wave"
    assert not every["wave"].edited
    assert all_entries()["wave"].stages == every["wave"].stages
    assert is_builtin("builtin")
    assert not is_builtin("builtin.json")


def test_a_file_is_read_by_its_path(tmp_path):
    path = tmp_path / "mine.json"
    path.write_bytes(records_json({"wave": hand("A hand rises.", "It waves.")}))
    assert named_records(str(path)) == {"wave": hand("A hand rises.", "It waves.")}


def test_an_unknown_lexicon_and_a_missing_file_are_named(tmp_path):
    with pytest.raises(AnatomyError, match="no lexicon 'ucf'; there are everyday, ucf101"):
        named_records("builtin:ucf")
    with pytest.raises(AnatomyError, match="no such file"):
        named_records(str(tmp_path / "none.json"))


# --- what changed -----------------------------------------------------------------------------------------------------


def test_changes_name_what_is_added_removed_and_told_in_other_words():
    old = {"sit": hand("a"), "Jump_up": hand("b", "c"), "run": hand("d")}
    new = {"jump up": hand("b", "x"), "run": model("d"), "walk": hand("e")}
    assert changes(old, new) == [
        Change("jump up", "changed", ("b", "c"), ("b", "x")),
        Change("sit", "removed", ("a",), ()),
        Change("walk", "added", (), ("e",)),
    ]
    assert changes(old, old) == []


def test_a_word_diff_says_which_words_went_and_came():
    assert word_diff("A person lifts a cup.", "A tall person lifts the cup.") == [
        Span("same", "A"),
        Span("added", "tall"),
        Span("same", "person lifts"),
        Span("removed", "a"),
        Span("added", "the"),
        Span("same", "cup."),
    ]


@given(TEXTS, TEXTS)
def test_a_word_diff_holds_both_versions(old, new):
    spans = word_diff(" ".join(old), " ".join(new))
    assert " ".join(one.text for one in spans if one.kind != "added").split() == old
    assert " ".join(one.text for one in spans if one.kind != "removed").split() == new


# --- three versions into one ------------------------------------------------------------------------------------------

BASE, EDITED, AGAIN = model("base"), hand("edited"), model("again")


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "result", "kept"),
    [
        (BASE, BASE, BASE, BASE, None),
        (BASE, EDITED, BASE, EDITED, None),
        (BASE, BASE, AGAIN, AGAIN, None),
        (BASE, AGAIN, AGAIN, AGAIN, None),
        (BASE, None, BASE, None, None),
        (BASE, BASE, None, None, None),
        (BASE, None, None, None, None),
        (None, EDITED, None, EDITED, None),
        (None, None, AGAIN, AGAIN, None),
        (None, EDITED, EDITED, EDITED, None),
        (BASE, EDITED, AGAIN, EDITED, "mine"),
        (BASE, AGAIN, EDITED, EDITED, "theirs"),
        (BASE, model("other"), AGAIN, model("other"), "mine"),
        (BASE, EDITED, hand("other"), EDITED, "mine"),
        (None, EDITED, AGAIN, EDITED, "mine"),
        (BASE, None, AGAIN, None, "mine"),
        (BASE, EDITED, None, EDITED, "mine"),
        (BASE, AGAIN, None, None, "theirs"),
    ],
)
def test_every_case_of_a_three_way_merge(base, mine, theirs, result, kept):
    def of(record):
        return {} if record is None else {"wave": record}

    merged = merge(of(base), of(mine), of(theirs))
    assert merged.records == of(result)
    assert [one.kept for one in merged.conflicts] == ([] if kept is None else [kept])


def test_conflicts_are_named_with_what_happened():
    base = {"a": BASE, "b": BASE, "c": BASE, "d": BASE}
    merged = merge(base, {"a": EDITED, "c": EDITED, "d": BASE}, {"a": AGAIN, "b": AGAIN, "d": AGAIN})
    assert merged.conflicts == (
        Conflict("a", "changed in both", "mine"),
        Conflict("c", "changed in mine, removed in theirs", "mine"),
        Conflict("b", "removed in mine, changed in theirs", "mine"),
    )
    assert merged.records == {"a": EDITED, "c": EDITED, "d": AGAIN}
    assert merged.taken == 1


def test_spelling_makes_no_difference_to_a_merge():
    merged = merge({"PullUps": BASE}, {"pull ups": EDITED}, {"pull_ups": BASE})
    assert merged.records == {"pull ups": EDITED}
    assert merged.conflicts == ()


@given(st.dictionaries(st.sampled_from(ascii_lowercase[:5]), st.sampled_from([BASE, EDITED, AGAIN])), st.data())
def test_merging_with_an_unchanged_side_gives_the_other(base, data):
    other = data.draw(st.dictionaries(st.sampled_from(ascii_lowercase[:5]), st.sampled_from([BASE, EDITED, AGAIN])))
    for merged in (merge(base, other, base), merge(base, base, other), merge(base, other, other)):
        assert merged.records == other
        assert merged.conflicts == ()


# --- how much was rewritten -------------------------------------------------------------------------------------------


def textbook_distance(one, other):
    @cache
    def apart(i, j):
        if i == 0 or j == 0:
            return i + j
        return min(apart(i - 1, j) + 1, apart(i, j - 1) + 1, apart(i - 1, j - 1) + (one[i - 1] != other[j - 1]))

    return apart(len(one), len(other))


@given(TEXTS, TEXTS, TEXTS)
def test_the_edit_distance_is_the_textbooks_and_a_metric(one, other, third):
    assert edit_distance(one, other) == textbook_distance(one, other) == edit_distance(other, one)
    assert edit_distance(one, other) <= max(len(one), len(other))
    assert (edit_distance(one, other) == 0) == (one == other)
    assert edit_distance(one, third) <= edit_distance(one, other) + edit_distance(other, third)


def test_distances_are_counted_a_stage_and_sorted():
    one = {
        "a": hand("A person lifts a cup.", "same"),
        "b": hand("x y"),
        "c": hand("only here"),
        "d": hand("Same, text"),
    }
    other = {"A": hand("A tall person lifts the cup!", "same"), "b": hand("p q", "r"), "d": hand("same text.")}
    first, second, third = distances(one, other)
    assert (first.label, first.edits, first.share) == ("b", (2, 1), 1.0)
    assert (second.label, second.edits, second.share) == ("A", (2, 0), pytest.approx(2 / 7))
    assert (third.label, third.edits, third.share) == ("d", (0,), 0.0)
