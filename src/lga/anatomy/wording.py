"""Put an anatomy into the words that a text encoder reads."""

from lga.anatomy.labels import prompt_name
from lga.anatomy.schema import Anatomy
from lga.config import Wording


def word_stages(anatomy: Anatomy, wording: Wording) -> tuple[str, ...]:
    """One text a stage: the stage's sentence, the label's name for every stage, or the name and then the sentence.

    Source: the sentences are LGA's textual anatomy; naming the label first is our choice.
    """
    name = f"a photo of a person doing {prompt_name(anatomy.label)}"
    match wording:
        case "label":
            return (name,) * len(anatomy.stages)
        case "stages":
            return anatomy.sentences
        case "label+stages":
            return tuple(f"{name}. {sentence}" for sentence in anatomy.sentences)
