"""From a label to its stages: the user's words first, then the shipped lexicons, then a template."""

from lga.anatomy.descriptions import Descriptions
from lga.anatomy.lexicon import find_entry
from lga.anatomy.schema import MAX_STAGES, Anatomy, spread, template_anatomy
from lga.errors import AnatomyError
from lga.labels import checked_label, quote


def anatomize(label: str, *, stages: int = 3, descriptions: Descriptions | None = None) -> Anatomy:
    """Take a label apart into `stages` ordered stages; `label` keeps the caller's spelling.

    What the user described must have `stages` stages. The lexicons know three (onset, progression and
    completion); for another number see `spread`, and `detail` says so.

    Raises:
        AnatomyError: the label cannot be one, or the user described it with another number of stages.
        ValueError: fewer than one or more than `MAX_STAGES` stages.
    """
    if not 1 <= stages <= MAX_STAGES:
        raise ValueError(f"an anatomy has 1 to {MAX_STAGES} stages, not {stages}")
    label = checked_label(label)
    if descriptions is not None and (own := descriptions.find(label)) is not None:
        if len(own) != stages:
            raise AnatomyError(f"{descriptions.source}: {quote(label)}: {stages} stages are wanted; found {len(own)}")
        return Anatomy(label=label, stages=own, origin="file", detail=descriptions.source)
    if (entry := find_entry(label)) is not None:
        detail = f"{entry.lexicon}: {entry.label}"
        if stages != len(entry.stages):
            detail += f" ({stages} stages spread from {len(entry.stages)})"
        return Anatomy(label=label, stages=spread(entry.stages, stages), origin="lexicon", detail=detail)
    return template_anatomy(label, stages)
