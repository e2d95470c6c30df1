import pytest

from lga.anatomy.checks import check_anatomy, overlap, words
from lga.anatomy.schema import Anatomy, Stage

GOOD = (
    Stage(subject="a person", motion="grips", object="a cup", sentence="A person grips a cup on the table."),
    Stage(subject="a person", motion="tilts", object="the cup", sentence="A person tilting the cup at the lips."),
    Stage(subject="a person", motion="lowers", object="the cup", sentence="A person lowers the empty cup again."),
)


def anatomy(*stages, label="drink tea", origin="llm"):
    return Anatomy(label=label, stages=stages, origin=origin)


def test_a_good_anatomy_has_no_problems_and_verbs_may_be_inflected():
    assert check_anatomy(anatomy(*GOOD)) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"sentence": "A person is drinking tea."}, None),
        ({"sentence": "A person doing: Drink Tea!"}, "says no more than the label"),
        ({"sentence": "A person tilts the cup " + "very " * 21}, "26 words; at most 25"),
        ({"sentence": "A person tilts the cup because of thirst."}, "no camera sees 'because'"),
        ({"sentence": "A person wants tea and loudly tilts the cup."}, "no camera sees 'loudly', 'wants'"),
        ({"motion": ""}, "the motion is not stated"),
        ({"object": "a saucer"}, "the object 'a saucer' does not occur"),
        ({"subject": "two women"}, "the subject 'two women' does not occur"),
    ],
)
def test_each_problem_is_named_with_its_stage(change, problem):
    found = check_anatomy(anatomy(GOOD[0], GOOD[1].model_copy(update=change), GOOD[2]))
    assert all(each.startswith("stage 2: ") for each in found)
    if problem is not None:
        assert any(problem in each for each in found)


def test_stages_that_say_the_same_are_named_together():
    again = GOOD[0].model_copy(update={"sentence": "a person GRIPS the cup, on a table"})
    assert check_anatomy(anatomy(GOOD[0], GOOD[1], again)) == [
        "stages 1 and 3 say the same: 'a person GRIPS the cup, on a table'"
    ]


def test_parts_may_be_left_out_only_by_users_and_only_all_together():
    bare = Stage(sentence="A person grips a cup.")
    half = Stage(sentence="A person grips a cup.", motion="grips")
    assert check_anatomy(anatomy(bare, origin="file")) == []
    assert len(check_anatomy(anatomy(bare, origin="llm"))) == 3
    assert check_anatomy(anatomy(half, origin="file")) == [
        "stage 1: the subject is not stated",
        "stage 1: the object is not stated",
    ]


def test_overlap_counts_shared_words():
    assert overlap("A person lifts a cup.", "The person lifts the cup!") == 1
    assert overlap("lifts cup", "lifts plate") == pytest.approx(1 / 3)
    assert overlap("lifts cup", "drops plate") == 0
    assert overlap("a person", "the people") == 1


def test_words_are_lower_case_and_keep_apostrophes():
    assert words("A person's X-ray, isn't it?") == ["a", "person's", "x", "ray", "isn't", "it"]
