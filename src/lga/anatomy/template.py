"""The fallback for a label that nobody has described: sentences about when, not what."""

from lga.anatomy.labels import checked_label, prompt_name
from lga.anatomy.schema import Anatomy, Stage

MAX_STAGES = 5

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
