"""An anatomy: one action label taken apart into ordered atomic stages."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from lga.anatomy.labels import has_hidden_characters


def visible(text: str) -> str:
    """Refuse what a terminal or a web page would obey rather than show."""
    if has_hidden_characters(text):
        raise ValueError("must be one line without control characters")
    return text


Part = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300), AfterValidator(visible)]
Phrase = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300), AfterValidator(visible)]
Origin = Literal["lexicon", "file", "template", "llm"]
MOST_STAGES = 8


class Stage(BaseModel):
    """One atomic action: who moves, how, and with what.

    Only the sentence is read by a model. The three parts say what it is made of; they are empty where nothing
    but the sentence was written.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: Part = ""
    motion: Part = ""
    object: Part = ""
    sentence: Phrase


class Anatomy(BaseModel):
    """A label's ordered stages (onset, progression, completion for three) and where they came from.

    Source: LGA (arXiv:2507.16287), "Textual Anatomy"; the field names are our choice.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: Phrase
    stages: tuple[Stage, ...] = Field(min_length=1, max_length=MOST_STAGES)
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
