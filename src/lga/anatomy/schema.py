"""A label taken apart into stages: the value, its template, and how it is worded for a text encoder."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from lga.config import MAX_STAGES, FrozenModel, Wording
from lga.labels import checked_label, has_hidden_characters, prompt_name


def visible(text: str) -> str:
    """Refuse what a terminal or a web page would obey rather than show."""
    if has_hidden_characters(text):
        raise ValueError("must be one line without control characters")
    return text


Part = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300), AfterValidator(visible)]
Phrase = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300), AfterValidator(visible)]
Origin = Literal["lexicon", "file", "template", "llm"]
MAX_DESCRIBED_STAGES = 8
"""of a descriptions file: longer lists may be kept there, although only `MAX_STAGES` can be used"""


class Stage(FrozenModel):
    """One atomic action: who moves, how, and with what.

    Only the sentence is read by a model. The three parts say what it is made of; they are empty where nothing
    but the sentence was written.
    """

    subject: Part = ""
    motion: Part = ""
    object: Part = ""
    sentence: Phrase


class Anatomy(FrozenModel):
    """A label's ordered stages (onset, progression, completion for three) and where they came from.

    Source: LGA (arXiv:2507.16287), "Textual Anatomy"; the field names are our choice.
    """

    label: Phrase
    stages: tuple[Stage, ...] = Field(min_length=1, max_length=MAX_DESCRIBED_STAGES)
    origin: Origin
    """lexicon (shipped), file (the user's), template (a fallback that knows nothing), llm"""
    detail: str = ""
    """which lexicon, file or model"""

    @property
    def sentences(self) -> tuple[str, ...]:
        """One sentence a stage, in order."""
        return tuple(stage.sentence for stage in self.stages)


def spread(known: Sequence[Stage], count: int) -> tuple[Stage, ...]:
    """Share the action's time among `count` stages; each takes the known stage that covers its midpoint.

    From three: one is the progression, two are onset and completion, four repeat the progression, five repeat
    onset and completion. Nothing is invented, and nothing glued together that a text encoder would cut off.

    Source: our choice; the paper asks its language model anew for every number of stages.
    """
    return tuple(known[(2 * place + 1) * len(known) // (2 * count)] for place in range(count))


READY, START, MIDDLE, END, DONE = (
    ("gets ready for", "A person getting ready for the action: {name}."),
    ("starts", "A person starting the action: {name}."),
    ("is in the middle of", "A person in the middle of the action: {name}."),
    ("comes to the end of", "A person coming to the end of the action: {name}."),
    ("has just finished", "A person who has just finished the action: {name}."),
)

PHRASES = {
    1: (MIDDLE,),
    2: (START, DONE),
    3: (READY, MIDDLE, DONE),
    4: (READY, START, MIDDLE, DONE),
    5: (READY, START, MIDDLE, END, DONE),
}


def template_anatomy(label: str, stages: int = 3) -> Anatomy:
    """Stages that name the label and say only how far the action has come.

    Raises:
        AnatomyError: the label cannot be one.
        ValueError: fewer than one or more than `MAX_STAGES` stages.
    """
    if stages not in PHRASES:
        raise ValueError(f"an anatomy has 1 to {MAX_STAGES} stages, not {stages}")
    name = prompt_name(label)
    return Anatomy(
        label=checked_label(label),
        stages=tuple(
            Stage(subject="a person", motion=motion, object=name, sentence=sentence.format(name=name))
            for motion, sentence in PHRASES[stages]
        ),
        origin="template",
        detail="generic sentences: nobody has described this label",
    )


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
