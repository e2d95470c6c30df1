"""Results as tables for people and as plain values for `--json`."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from lga.cli.options import seconds

if TYPE_CHECKING:
    from lga.actions import Actions
    from lga.anatomy.schema import Anatomy
    from lga.recognition import Recognition

ORIGINS = {
    "lexicon": "shipped lexicon",
    "file": "your descriptions",
    "template": "template: nothing is known of this label",
    "llm": "language model",
}


def actions_table(actions: "Actions") -> Table:
    """A row an action: its examples and where its sentences come from."""
    table = Table("action", "examples", "sentences from")
    counts = Counter(one.label for one in actions.examples)
    for anatomy in actions.anatomies:
        count = counts[anatomy.label]
        table.add_row(anatomy.label, str(count) if count else "none: by its words alone", origin(anatomy))
    return table


def origin(anatomy: "Anatomy") -> str:
    """Where an anatomy came from, in words."""
    detail = f" ({anatomy.detail})" if anatomy.detail else ""
    return ORIGINS[anatomy.origin] + detail


def anatomy_table(anatomy: "Anatomy") -> Table:
    """A row a stage: its sentence and the parts of it."""
    table = Table("stage", "sentence", "subject", "motion", "object", title=f"{anatomy.label}: {origin(anatomy)}")
    for number, stage in enumerate(anatomy.stages, 1):
        table.add_row(str(number), stage.sentence, stage.subject, stage.motion, stage.object)
    return table


def recognition_table(result: "Recognition", top: int) -> Table:
    """The most likely labels with their scores."""
    table = Table("label", "probability", "video alone", "text alone")
    for one in result.candidates[:top]:
        table.add_row(one.label, *(f"{100 * share:.1f} %" for share in (one.probability, one.video, one.text)))
    return table


def headline(result: "Recognition") -> str:
    """What a clip shows, or that it is none of these, and how sure it is that it shows a taught action at all."""
    closest = f"{result.label}, {percent(result.probability)}"
    said = closest if result.known else f"none of these (closest: {closest})"
    if result.known_score is None:
        return f"{result.path}: {said}"
    rule = "" if result.threshold is None else f", accepted from {percent(result.threshold)} on"
    return f"{result.path}: {said}; a taught action at all: {percent(result.known_score)}{rule}"


def percent(share: float) -> str:
    """A share for people."""
    return f"{100 * share:.0f} %"


def stages_table(result: "Recognition") -> Table:
    """Why the first label: the clip's stages with its sentences, and the example that is nearest."""
    nearest = "no examples: by its words alone"
    if result.best_example is not None:
        nearest = f"nearest example: {Path(result.best_example).name}, distance {result.best_distance:.2f}"
    table = Table(
        "stage", "from", "to", f"{result.label}: sentence", "likeness", caption=nearest, caption_justify="left"
    )
    for number, stage in enumerate(result.stages, 1):
        table.add_row(str(number), seconds(stage.start), seconds(stage.end), stage.sentence, f"{stage.likeness:+.2f}")
    return table


def recognition_value(result: "Recognition", top: int) -> dict[str, object]:
    """A recognition as JSON-ready values."""
    return {
        "path": str(result.path),
        "label": result.label,
        "probability": result.probability,
        "known": result.known,
        "known_score": result.known_score,
        "threshold": result.threshold,
        "duration": result.duration,
        "candidates": [asdict(one) for one in result.candidates[:top]],
        "stages": [asdict(one) for one in result.stages],
        "best_example": result.best_example,
        "best_distance": result.best_distance,
        "times": result.times,
        "frame_stage": result.frame_stage,
    }
