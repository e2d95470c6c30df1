import pytest

from lga.anatomy.template import MAX_STAGES, template_anatomy
from lga.errors import AnatomyError


@pytest.mark.parametrize("stages", range(1, MAX_STAGES + 1))
def test_any_number_of_stages_gives_as_many_different_sentences_with_the_name(stages):
    anatomy = template_anatomy("Knead_Dough", stages)
    assert anatomy.label == "Knead_Dough"
    assert anatomy.origin == "template"
    assert len(set(anatomy.sentences)) == stages
    assert all(sentence.endswith("the action: knead dough.") for sentence in anatomy.sentences)


def test_three_stages_are_before_during_and_after():
    assert template_anatomy("fix a roof").sentences == (
        "A person getting ready for the action: fix a roof.",
        "A person in the middle of the action: fix a roof.",
        "A person who has just finished the action: fix a roof.",
    )


def test_braces_in_a_label_are_only_text():
    assert template_anatomy("{name} {0}").sentences[1] == "A person in the middle of the action: name 0."


def test_the_longest_label_still_fits():
    assert template_anatomy("x" * 200, 5)


def test_a_bad_label_or_number_of_stages_is_refused():
    with pytest.raises(AnatomyError, match="blank"):
        template_anatomy(" ")
    for stages in (0, MAX_STAGES + 1, -1):
        with pytest.raises(ValueError, match="1 to 5 stages"):
            template_anatomy("jump", stages)
