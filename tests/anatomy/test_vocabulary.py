import pytest

from lga.anatomy.vocabulary import is_english, occurs, overlap, words


def test_overlap_counts_shared_words():
    assert overlap("A person lifts a cup.", "The person lifts the cup!") == 1
    assert overlap("lifts cup", "lifts plate") == pytest.approx(1 / 3)
    assert overlap("lifts cup", "drops plate") == 0
    assert overlap("a person", "the people") == 1


def test_words_are_lower_case_and_keep_apostrophes():
    assert words("A person's X-ray, isn't it?") == ["a", "person's", "x", "ray", "isn't", "it"]


def test_a_part_occurs_in_any_inflection():
    written = words("A person raising both cups")
    assert occurs("raises the cups", written)
    assert not occurs("raises a plate", written)
    assert occurs("the", written)


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("A person drinks.", True),
        ("Two people drink.", True),
        ("Dogs chase the ball.", True),
        ("Eine Person hebt die Tasse in die Luft.", False),
        ("Una persona levanta la taza a la boca.", False),
        ("人が走る。", False),
    ],
)
def test_english_is_told_from_other_languages(sentence, expected):
    assert is_english(words(sentence)) is expected
