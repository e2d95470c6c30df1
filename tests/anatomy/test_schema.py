import pytest
from pydantic import ValidationError

from lga.anatomy.schema import Anatomy, Stage

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
