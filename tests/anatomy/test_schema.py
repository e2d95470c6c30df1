import pytest
from pydantic import ValidationError

from lga.anatomy.lexicon import anatomize
from lga.anatomy.schema import Anatomy, Stage, template_anatomy, word_stages
from lga.config import MAX_STAGES, MethodConfig
from lga.errors import AnatomyError

ONE = Stage(subject="a person", motion="lifts", object="a cup", sentence="A person lifts a cup.")


def test_sentences_come_in_stage_order():
    two = Stage(sentence="A person lowers the cup.")
    anatomy = Anatomy(label="drink", stages=(ONE, two), origin="file", detail="own.json")
    assert anatomy.sentences == ("A person lifts a cup.", "A person lowers the cup.")


def test_an_anatomy_survives_json():
    anatomy = Anatomy(label="drink", stages=(ONE,), origin="llm")
    assert Anatomy.model_validate_json(anatomy.model_dump_json()) == anatomy


def test_a_bare_sentence_has_empty_parts():
    stage = Stage(sentence="  A person drinks tea. ")
    assert (stage.subject, stage.motion, stage.object) == ("", "", "")
    assert stage.sentence == "A person drinks tea."


@pytest.mark.parametrize("sentence", ["", "  ", "a\nb", "\x1b[2J", "a\u202eb", "a" * 301])
def test_a_sentence_that_cannot_be_shown_is_refused(sentence):
    with pytest.raises(ValidationError):
        Stage(sentence=sentence)


def test_an_anatomy_cannot_be_changed_or_hold_more_than_it_says():
    with pytest.raises(ValidationError):
        ONE.sentence = "A person sleeps."
    with pytest.raises(ValidationError):
        Stage.model_validate({"sentence": "A person sleeps.", "mood": "calm"})
    with pytest.raises(ValidationError):
        Anatomy(label="sleep", stages=(), origin="file")


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


SENTENCES = ("A person at the edge.", "The person leaping.", "The person entering the water.")
DIVE = Anatomy(label="JumpIntoPool", stages=tuple(Stage(sentence=one) for one in SENTENCES), origin="file")
NAME = "a photo of a person doing jump into pool"


@pytest.mark.parametrize(
    ("wording", "wanted"),
    [
        ("stages", SENTENCES),
        ("label", (NAME, NAME, NAME)),
        ("label+stages", tuple(f"{NAME}. {sentence}" for sentence in SENTENCES)),
    ],
)
def test_each_wording_is_what_it_says(wording, wanted):
    assert word_stages(DIVE, wording) == wanted


@pytest.mark.parametrize("wording", ["label", "stages", "label+stages"])
@pytest.mark.parametrize("stages", [1, 2, 3, 5])
def test_there_is_one_text_a_stage(wording, stages):
    assert len(word_stages(anatomize("ride a bike", stages=stages), wording)) == stages


@pytest.mark.parametrize("spelling", ["PullUps", "pull_ups", "pull-ups", " Pull  ups "])
def test_a_label_is_read_as_words_however_it_is_spelt(spelling):
    anatomy = DIVE.model_copy(update={"label": spelling})
    assert word_stages(anatomy, "label")[0] == "a photo of a person doing pull ups"


def test_the_name_alone_tells_no_stage_from_another():
    texts = word_stages(anatomize("sit down"), "label")
    assert len(set(texts)) == 1
    assert len(set(word_stages(anatomize("sit down"), "stages"))) == 3


def test_unless_told_the_name_comes_first_and_then_the_sentence():
    assert MethodConfig().wording == "label+stages"
