import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lga.errors import LONGEST, AnatomyError, LGAError, ManifestError
from lga.labels import (
    MAX_LABEL,
    check_unique_labels,
    checked_label,
    has_hidden_characters,
    lookup_key,
    normalise_label,
    printable,
    prompt_name,
    quote,
)

HOSTILE = {
    "blank": "  \u00a0 ",
    "only separators": "_-_",
    "empty brackets": "[]",
    "nothing": "",
    "a line break": "jump\nrope",
    "a tab": "jump\trope",
    "a terminal escape": "\x1b[31mjump",
    "a zero byte": "jump\0",
    "a bidi override": "jump\u202eepor",
    "a line separator": "jump\u2028rope",
    "half a surrogate pair": "jump \ud83c",
    "too long": "j" * (MAX_LABEL + 1),
}


@pytest.mark.parametrize(
    ("spelt", "expected"),
    [
        ("brush hair", "brush hair"),
        ("Brush_Hair", "brush hair"),
        ("brush--hair", "brush hair"),
        ("  brush   hair ", "brush hair"),
        ("ApplyEyeMakeup", "apply eye makeup"),
        ("Blow DryHair", "blow dry hair"),
        ("HandstandPushups", "handstand pushups"),
        ("Pouring [something] into [something]", "pouring something into something"),
        ("hurling (sport)", "hurling (sport)"),
        ("Poking so it doesn’t move", "poking so it doesn't move"),
        ("CAFE\u0301 TRINKEN", "caf\u00e9 trinken"),
        ("ТАНЦЕВАТЬ", "танцевать"),
        ("骑 自行车", "骑 自行车"),
    ],
)
def test_spellings_of_a_label_have_one_readable_form(spelt, expected):
    assert normalise_label(spelt) == expected
    assert prompt_name(spelt) == expected


@given(st.text())
def test_normalising_twice_changes_nothing_more(text):
    once = normalise_label(text)
    assert normalise_label(once) == once
    assert lookup_key(once) == lookup_key(text)


@given(st.text())
def test_a_normalised_label_is_composed_and_has_single_blanks(text):
    name = normalise_label(text)
    assert name == unicodedata.normalize("NFC", name)
    assert name == " ".join(name.split())


@pytest.mark.parametrize(
    "spellings",
    [
        ("PullUps", "pull ups", "pullups", "PULL_UPS"),
        ("Skate Boarding", "skateboarding"),
        ("Turning [something], slowly", "turning something slowly"),
        ("Yo Yo", "yo-yo", "YoYo"),
    ],
)
def test_blanks_and_punctuation_make_no_difference_to_the_key(spellings):
    assert len({lookup_key(each) for each in spellings}) == 1


def test_different_labels_have_different_keys():
    assert len({lookup_key(each) for each in ("push", "pull", "pull up", "...", "??")}) == 5


@pytest.mark.parametrize("label", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("function", [checked_label, prompt_name])
def test_a_hostile_label_is_refused_in_one_short_visible_line(function, label):
    with pytest.raises(AnatomyError) as caught:
        function(label)
    message = str(caught.value)
    assert len(message) < 250
    assert not has_hidden_characters(message)


def test_a_label_comes_back_as_it_was_spelt_without_blanks_around_it():
    assert checked_label("Blow DryHair ") == "Blow DryHair"
    assert checked_label("j" * MAX_LABEL) == "j" * MAX_LABEL


@given(st.text(max_size=300))
def test_any_label_has_a_readable_name_or_a_readable_refusal(label):
    assert readable(label)
    assert not has_hidden_characters(readable(label))


def readable(label):
    try:
        return prompt_name(label)
    except AnatomyError as error:
        return str(error)


def test_joiners_that_scripts_need_are_allowed():
    assert not has_hidden_characters("می\u200cدود")


def test_a_long_text_is_cut_in_messages():
    assert quote("a" * 61) == f"'{'a' * 60}'..."
    assert quote("a\n") == r"'a\n'"


def test_one_action_in_two_spellings_is_refused_and_a_repeated_label_is_not():
    check_unique_labels("here", ["jump", "run", "jump"])
    with pytest.raises(ManifestError, match=r"^here: 'PullUps' and 'pull ups' are the same action; merge them"):
        check_unique_labels("here", ["run", "PullUps", "pull ups"])


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("a b.mp4", "a b.mp4"),
        (Path("é/a\nb.mp4"), r"\xe9/a\nb.mp4"),
        ("a\udcff", r"a\udcff"),
        ("a\x1b[2J", r"a\x1b[2J"),
    ],
)
def test_a_path_is_shown_on_one_line_with_what_is_hidden_escaped(path, shown):
    assert printable(path) == shown


def test_of_a_message_that_is_too_long_both_ends_are_kept():
    assert str(LGAError("a" * LONGEST)) == "a" * LONGEST
    shown = str(LGAError(f"clips.csv: {'x' * 200_000} is no number"))
    assert shown.startswith("clips.csv: x")
    assert shown.endswith("x is no number")
    assert len(shown) == LONGEST + len(" ... ")
