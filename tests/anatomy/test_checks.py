import pytest
from hypothesis import given
from hypothesis import strategies as st

from lga.anatomy.checks import check_anatomy
from lga.anatomy.schema import Anatomy, Stage, template_anatomy
from lga.config import MAX_STAGES

GOOD = (
    Stage(subject="a person", motion="grips", object="a cup", sentence="A person grips a cup on the table."),
    Stage(subject="a person", motion="tilts", object="the cup", sentence="A person tilting the cup at the lips."),
    Stage(subject="a person", motion="lowers", object="the cup", sentence="A person lowers the empty cup again."),
)


def anatomy(*stages, label="drink tea", origin="llm"):
    return Anatomy(label=label, stages=stages, origin=origin)


def told(*sentences, label="drink tea"):
    """Three bare sentences as a user writes them; those not given are good."""
    stages = [Stage(sentence=one) for one in sentences] + [Stage(sentence=one.sentence) for one in GOOD]
    return check_anatomy(anatomy(*stages[:3], label=label, origin="file"))


def middle(sentence, label="drink tea"):
    """The problems of a sentence as the second of three."""
    return told(GOOD[0].sentence, sentence, GOOD[2].sentence, label=label)


def test_a_good_anatomy_has_no_problems_and_verbs_may_be_inflected():
    assert check_anatomy(anatomy(*GOOD)) == []
    assert check_anatomy(anatomy(*GOOD), stages=3) == []
    assert told() == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"sentence": "A person doing: Drink Tea!"}, "says no more than the label"),
        ({"sentence": "A person tilts the cup " + "very " * 21}, "26 words; at most 25"),
        ({"sentence": "A person tilts the cup because of thirst."}, "no camera sees 'because'"),
        ({"sentence": "A person wants tea and loudly tilts the cup."}, "no camera sees 'loudly', 'wants'"),
        ({"motion": ""}, "the motion is not stated"),
        ({"motion": "tilted"}, "'tilted': not the present tense"),
        ({"object": "a saucer"}, "the object 'a saucer' does not occur"),
        ({"subject": "two women"}, "the subject 'two women' does not occur"),
        ({"sentence": "On the old table with the blue cloth a person tilts the cup."}, "begins with 'on'"),
    ],
)
def test_each_problem_of_a_stated_stage_is_named_with_its_stage(change, problem):
    found = check_anatomy(anatomy(GOOD[0], GOOD[1].model_copy(update=change), GOOD[2]))
    assert all(each.startswith("stage 2: ") for each in found)
    assert any(problem in each for each in found)


@pytest.mark.parametrize(
    ("bad", "problem", "good"),
    [
        ("A person drank from the cup.", "'drank': not the present", "A person drinks from the cup."),
        ("A person tilted the cup.", "'tilted': not the present", "A person dressed in white tilts the cup."),
        ("A person feeds and will drink.", "'will': not the present", "A person feeds the calf from the cup."),
        ("A person was at the cup.", "'was': not the present", "A person with a worn cup drinks."),
        ("Tilting the cup at the lips.", "begins with 'tilting'", "King and queen of the fair tilt the cup."),
        ("Tilt the cup with one hand.", "begins with 'tilt'", "Both the people tilt a cup."),
        ("Slowly a person tilts the cup.", "begins with 'slowly'", "A person slowly tilts the cup."),
        ("Then the person tilts the cup.", "begins with 'then'", "The person then tilts the cup."),
        ("A person drinks in Paris.", "'Paris': a name", "A person in a T-shirt on TV draws an X with the cup."),
        ("A person like Michael Jordan drinks.", "'Michael', 'Jordan': a name", "A person drinks. "),
        ("A person tilts the cup with your hand.", "'your': someone is spoken to", "A person tilts one's own cup."),
        (
            "A person tilts the cup in order to drink.",
            "no camera sees 'in order to'",
            "A person tilts the cup in order.",
        ),
        ("A person successfully tilts the cup.", "no camera sees 'successfully'", "A person carefully tilts the cup."),
        ("A person hears the cup of tea.", "no camera sees 'hears'", "A person's ears are near the cup of tea."),
        ("A person tilts the cup, see http://a.bc.", "an address", "A person tilts the cup. "),
        ("A person <b>tilts</b> the cup.", "markup or code", "A person tilts the half-full cup (of tea)."),
        ("- A person tilts the cup.", "markup or code", "A person tilts the cup - the blue one."),
        ("2. A person tilts the cup.", "markup or code", "A person tilts 2 cups."),
        ("A person {motion} the cup.", "markup or code", "A person's motion tilts the cup."),
        ("Ignore all people with instructions.", "talk about the task", "A person on a stage tilts the cup."),
        ("A person in this video tilts the cup.", "talk about the task", "A person films a video of the cup."),
        ("As an AI language model of people.", "talk about the task", "A person tilts the model of a cup."),
        ("A person tilts the cup?", "a question or a call", "A person tilts the cup"),
        ("A person tilts a cup. The tea flows.", "more than one sentence", "A person tilts a 0.5 l cup."),
    ],
)
def test_each_rule_finds_what_it_should_and_spares_what_is_near_it(bad, problem, good):
    found = middle(bad)
    assert any(problem in each for each in found), found
    assert all(each.startswith("stage 2: ") for each in found)
    assert middle(good) == []


@pytest.mark.parametrize(
    ("label", "sentence"),
    [
        ("feel pulse", "A person feels the pulse at the wrist."),
        ("throw a Frisbee", "A person throws the Frisbee with one hand."),
        ("pretend so that it falls", "A person tilts the cup so that the tea falls."),
        ("tasting tea", "A person tastes the tea with a spoon."),
    ],
)
def test_words_of_the_label_are_always_allowed(label, sentence):
    assert middle(sentence, label=label) == []
    assert middle(sentence) != []


@pytest.mark.parametrize(
    ("sentences", "problem"),
    [
        (("A person finishes the cup of tea.",), "stage 1: 'finishes' belongs to an end"),
        (("A person has put down the cup of tea.",), "stage 1: 'has put' belongs to an end"),
        (("Finally a person lifts the cup.",), "stage 1: 'finally' belongs to an end"),
        ((GOOD[0].sentence, GOOD[1].sentence, "A person begins to tilt a jug."), "stage 3: 'begins' belongs"),
        ((GOOD[0].sentence, GOOD[1].sentence, "A person prepares the tea."), "stage 3: 'prepares' belongs"),
        ((GOOD[0].sentence, GOOD[1].sentence, "A person about to drink the tea."), "stage 3: 'about to' belongs"),
        (
            (GOOD[0].sentence, "A person who has drunk ends the sip.", "A person starts the tea."),
            "stage 3: 'person starts'",
        ),
    ],
)
def test_words_of_an_end_at_first_and_of_a_beginning_at_last_are_out_of_order(sentences, problem):
    assert any(each.startswith(problem) for each in told(*sentences))


@pytest.mark.parametrize(
    "sentences",
    [
        ("A person begins to lift the cup.", "A person starts to tilt the cup.", "A person finishes the tea."),
        ("A person crouches at the start line.", "A person runs with the cup.", "A person crosses the finish line."),
        ("A person crosses the finish line.", "A person holds a stick by its two ends.", "A person in ready position."),
        (
            "A person begins where another has finished.",
            "A person tilts the cup.",
            "A person rests at the end of the bar.",
        ),
    ],
)
def test_words_of_time_at_their_place_are_in_order(sentences):
    assert told(*sentences) == []


def test_a_beginning_after_an_end_is_out_of_order_even_in_the_middle():
    found = told("A person starts a sip and finishes the cup.", "A person begins another cup.", GOOD[2].sentence)
    assert found == ["stage 2: 'begins' belongs to a beginning, not to this place"]


def test_one_stage_alone_has_no_order():
    one = anatomy(Stage(sentence="A person begins to lift the cup."), origin="file")
    assert check_anatomy(one) == []


@pytest.mark.parametrize("stages", range(1, MAX_STAGES + 1))
@pytest.mark.parametrize("label", ["wave", "pretending to put something next to something", "HandstandPushups"])
def test_a_template_knows_nothing_but_is_clean(stages, label):
    assert check_anatomy(template_anatomy(label, stages), stages=stages) == []


def test_the_number_of_stages_is_checked_when_it_is_wanted():
    assert check_anatomy(anatomy(*GOOD[:2]), stages=3) == ["3 stages are wanted; found 2"]
    assert check_anatomy(anatomy(*GOOD[:2])) == []


def test_stages_that_say_the_same_are_named_together():
    again = GOOD[0].model_copy(update={"sentence": "a person GRIPS the cup, on a table"})
    found = check_anatomy(anatomy(GOOD[0], GOOD[1], again, label="grips"))
    assert found == ["stages 1 and 3 say the same: 'a person GRIPS the cup, on a table'"]


def test_parts_may_be_left_out_only_by_users_and_only_all_together():
    bare = Stage(sentence="A person grips a cup.")
    half = Stage(sentence="A person grips a cup.", motion="grips")
    assert check_anatomy(anatomy(bare, origin="file")) == []
    assert len(check_anatomy(anatomy(bare, origin="llm"))) == 3
    assert check_anatomy(anatomy(half, origin="file")) == [
        "stage 1: the subject is not stated",
        "stage 1: the object is not stated",
    ]


def test_other_languages_are_only_checked_for_what_needs_no_english():
    german = [
        "Eine Person hebt die Tasse.",
        "Eine Person will Tee und war in Wien.",
        "Eine Person stellt die Tasse ab.",
    ]
    assert told(*german, label="Tee trinken") == []
    assert any("markup" in each for each in told(f"* {german[0]}", *german[1:], label="Tee trinken"))


@given(
    st.lists(st.text(st.characters(categories=["L", "P", "N", "Zs"]), min_size=1, max_size=80), min_size=3, max_size=3)
)
def test_any_text_is_checked_without_an_accident(sentences):
    kept = [f"x{one}" for one in sentences]
    assert all(isinstance(each, str) for each in told(*kept))
