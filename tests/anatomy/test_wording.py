import pytest

from lga.anatomy.anatomize import anatomize
from lga.anatomy.schema import Anatomy, Stage
from lga.anatomy.wording import word_stages
from lga.config import MethodConfig

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
