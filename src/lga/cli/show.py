"""Tables for people, and the same values for JSON: taught actions, recognitions, accuracies, reviews of sentences."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from importlib.metadata import version
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from lga.cli.options import light_table, plural, seconds
from lga.errors import printable

if TYPE_CHECKING:
    from lga.anatomy.review import Change, Conflict, EditDistance, Span
    from lga.anatomy.schema import Anatomy
    from lga.evaluation.benchmark import Report
    from lga.evaluation.dataset import LoadedDataset
    from lga.evaluation.sentences import TextCheck, VisualCheck
    from lga.evaluation.statistics import Interval
    from lga.recognition import Recognition
    from lga.taught import TaughtActions

ORIGINS = {
    "lexicon": "shipped lexicon",
    "file": "your descriptions",
    "template": "template: nothing is known of this label",
    "llm": "language model",
}
"""Where sentences come from, in words."""
INTERVALS = ("95 %: episodes", "clips", "classes")
"""Heads of the columns that the text of an interval fills."""
MARKS = {"same": ("", "", ""), "removed": ("[-", "-]", "red"), "added": ("{+", "+}", "green")}
"""How words of each kind are marked: as in `git diff --word-diff`, which can be read without colours too."""
ANSWER_COLUMNS = (
    *("path", "label", "word", "confidence", "probability", "known_score"),
    *("duration", "stage_ends", "best_example"),
)
NONE_HURT = "no label loses clips by its sentences"
SURE = 0.05
"""The sign test below which sentences are said to hurt a label; among twenty labels one falls below it by chance."""


def percent(share: float) -> str:
    """A share for people."""
    return f"{100 * share:.0f} %"


def actions_table(actions: "TaughtActions", anatomies: "Sequence[Anatomy] | None" = None) -> Table:
    """A row an action, of all or of these: its examples and where its sentences come from."""
    table = light_table("action", "examples", "sentences from")
    for anatomy in actions.anatomies if anatomies is None else anatomies:
        count = len(actions.examples_of(anatomy.label))
        table.add_row(anatomy.label, str(count) if count else "none: by its words alone", origin(anatomy))
    return table


def origin(anatomy: "Anatomy") -> str:
    """Where an anatomy came from, in words."""
    detail = f" ({anatomy.detail})" if anatomy.detail else ""
    return ORIGINS[anatomy.origin] + detail


def anatomy_table(anatomy: "Anatomy") -> Table:
    """A row a stage: its sentence and the parts of it."""
    table = light_table("stage", "sentence", "subject", "motion", "object", title=f"{anatomy.label}: {origin(anatomy)}")
    for number, stage in enumerate(anatomy.stages, 1):
        table.add_row(str(number), stage.sentence, stage.subject, stage.motion, stage.object)
    return table


def recognition_table(result: "Recognition", top: int) -> Table:
    """The most likely labels with their scores."""
    table = light_table("label", "probability", "video alone", "text alone")
    for one in result.candidates[:top]:
        table.add_row(one.label, *(f"{100 * share:.1f} %" for share in (one.probability, one.video, one.text)))
    return table


def headline(result: "Recognition") -> str:
    """What a clip shows, or that it is none of yours, and how sure it is that it shows a taught action at all."""
    closest = f"{result.label}, {percent(result.probability)}"
    said = f"{closest}, {result.word}" if result.known else f"none of yours (closest: {closest})"
    if result.known_score is None:
        return f"{result.path}: {said}"
    rule = "" if result.threshold is None else f", accepted from {percent(result.threshold)} on"
    return f"{result.path}: {said}; a taught action at all: {percent(result.known_score)}{rule}"


def stages_table(result: "Recognition") -> Table:
    """Why the first label: the clip's stages with its sentences, and the example that is nearest."""
    nearest = "no examples: by its words alone"
    if result.best_example is not None:
        nearest = f"nearest example: {printable(result.best_name)}, distance {result.best_distance:.2f}"
    table = light_table("stage", "from", "to", f"{result.label}: sentence", "similarity", caption=nearest)
    for number, stage in enumerate(result.stages, 1):
        table.add_row(str(number), seconds(stage.start), seconds(stage.end), stage.sentence, f"{stage.similarity:+.2f}")
    return table


def recognition_value(result: "Recognition", top: int) -> dict[str, object]:
    """A recognition as JSON-ready values."""
    return {
        "path": str(result.path),
        "label": result.label,
        "probability": result.probability,
        "known": result.known,
        "known_score": result.known_score,
        "confidence": result.confidence,
        "word": result.word,
        "threshold": result.threshold,
        "duration": result.duration,
        "matched": result.matched,
        "candidates": [asdict(one) for one in result.candidates[:top]],
        "stages": [asdict(one) for one in result.stages],
        "best_example": result.best_example,
        "best_distance": result.best_distance,
        "times": result.times,
        "frame_stage": result.frame_stage,
    }


def answers_rows(results: "Sequence[Recognition]") -> list[Sequence[object]]:
    """Recognitions as a table with a head, for a spreadsheet: borders are the ends of the stages, in seconds."""
    rows: list[Sequence[object]] = [ANSWER_COLUMNS]
    for one in results:
        score = "" if one.known_score is None else f"{one.known_score:.4f}"
        shares = f"{one.confidence:.4f}", f"{one.probability:.4f}", score
        ends = " ".join(f"{each:.3f}" for each in one.borders[1:])
        rows.append((one.path, one.label, one.word, *shares, f"{one.duration:.3f}", ends, one.best_example or ""))
    return rows


def accuracy_table(report: "Report", loaded: "LoadedDataset") -> Table:
    """A row a match; without examples the video match has nothing to say."""
    from lga.evaluation.statistics import calibration_error

    protocol = report.protocol
    table = light_table("match", "accuracy", *INTERVALS, "confidence off by", title=protocol.title)
    for name, one in report.accuracy.items():
        if name == "video" and protocol.shots == 0:
            continue
        mean, *intervals = one.text()
        table.add_row(name, f"{mean} %", *intervals, f"{100 * calibration_error(report.outcome[name]):.1f}")
    what = f"{len(loaded.clips)} clips of {len(loaded.labels)} classes; chance is {100 / protocol.ways:.1f} %"
    table.caption = f"{what}; confidence: expected calibration error, in points"
    return table


def difference_table(rival: "Report", difference: "Mapping[str, Interval]", against: Sequence[str]) -> Table:
    """What other settings reach on the same episodes, and how much more this run's do."""
    table = light_table("match", "accuracy", "this run is better by", *INTERVALS, title=f"against {' '.join(against)}")
    for name, one in difference.items():
        if name == "video" and rival.protocol.shots == 0:
            continue
        table.add_row(name, f"{rival.accuracy[name].text().mean} %", one.text(signed=True).mean, *one.text()[1:])
    table.caption = "the same episodes, compared in pairs, in points"
    return table


def accuracy_value(accuracy: "Mapping[str, Interval]") -> dict[str, dict[str, object]]:
    """Accuracies as JSON-ready values."""
    return {name: asdict(one) for name, one in accuracy.items()}


def data_value(
    manifest: Path, split: str | None, descriptions: Path | None, loaded: "LoadedDataset"
) -> dict[str, object]:
    """Which clips and sentences figures are from, as a JSON-ready value."""
    return {
        "manifest": str(manifest),
        "manifest_sha256": sha256(manifest.read_bytes()).hexdigest(),
        "split": split,
        "clips": len(loaded.clips),
        "classes": len(loaded.labels),
        "skipped": [{"path": str(one.path), "reason": one.reason} for one in loaded.skipped],
        "descriptions": None if descriptions is None else str(descriptions),
        "anatomies": loaded.origins,
    }


def versions_value() -> dict[str, str]:
    """The software that figures depend on."""
    return {name: version(name) for name in ("lga", "torch", "av", "numpy")}


def problems_table(problems: Mapping[str, Sequence[str]]) -> Table:
    """A row a broken rule."""
    table = light_table("label", "problem")
    for label, found in problems.items():
        for number, problem in enumerate(found):
            table.add_row(label if number == 0 else "", problem)
    return table


def text_checks_table(found: "Sequence[TextCheck]") -> Table:
    """A row for each doubtful label: its stages' shares."""
    doubtful = [one for one in found if one.doubtful]
    stages = [f"stage {number}" for number in range(1, len(found[0].shares) + 1)]
    table = light_table(
        "label",
        *stages,
        title="sentences that suit other labels better, by the text encoder",
        caption=f"{len(doubtful)} of {plural(len(found), 'label')}; share of the other labels to which a sentence is "
        "less alike than to its own: 50 % is chance. Read them, then decide",
    )
    for one in doubtful:
        table.add_row(one.label, *map(percent, one.shares))
    return table


def visual_checks_table(checks: "Sequence[VisualCheck]") -> Table:
    """A row a label of the clips, those that their sentences hurt first and in red."""
    stages = [f"stage {number}" for number in range(1, len(checks[0].shares) + 1)]
    clips = sum(one.clips for one in checks)
    hurt = [f"{one.label}{'' if one.chance < SURE else ' (may be chance)'}" for one in checks if one.hurts]
    right, plain = sum(one.right for one in checks), sum(one.right_by_label for one in checks)
    table = light_table(
        *(
            "label",
            "from",
            "clips",
            "sentences",
            "label alone",
            "gained",
            "lost",
            "sign test",
            *stages,
            "mostly taken for",
        ),
        title=f"recognised by words alone among {len(checks)} labels: {percent(right / clips)} of "
        f"{plural(clips, 'clip')} by the sentences, {percent(plain / clips)} by the labels alone",
        caption=f"hurt by their sentences: {', '.join(hurt)}" if hurt else NONE_HURT,
    )
    for one in checks:
        style = "red" if one.hurts and one.chance < SURE else "yellow" if one.hurts else ""
        table.add_row(
            *(one.label, one.origin, str(one.clips), percent(one.right / one.clips)),
            *(percent(one.right_by_label / one.clips), str(one.gained), str(one.lost), f"{one.chance:.2f}"),
            *map(percent, one.shares),
            one.rival or "",
            style=style,
        )
    return table


def changes_table(found: "Sequence[Change]") -> Table:
    """A row for each stage that differs, its words marked and coloured."""
    from lga.anatomy.review import word_diff

    table = light_table("label", "", "stage", "sentence")
    for change in found:
        shown = (change.label, change.kind)
        for number, (old, new) in enumerate(zip_longest(change.old, change.new, fillvalue=""), 1):
            if old != new:
                table.add_row(*shown, str(number), Text(" ").join(map(_marked, word_diff(old, new))))
                shown = ("", "")
    return table


def changes_summary(found: "Sequence[Change]") -> str:
    """How many labels were added, removed and changed."""
    count = Counter(one.kind for one in found)
    return f"{count['added']} added, {count['removed']} removed, {count['changed']} changed"


def conflicts_table(conflicts: "Sequence[Conflict]") -> Table:
    """A row a conflict: what happened and whose version was kept."""
    table = light_table("conflict", "what happened", "kept")
    for one in conflicts:
        table.add_row(one.label, one.reason, one.kept)
    return table


def distance_table(found: "Sequence[EditDistance]") -> Table:
    """A row for each label that was rewritten."""
    most = max(len(one.edits) for one in found)
    table = light_table("label", *(f"stage {number}" for number in range(1, most + 1)), "words", "share")
    for one in found:
        if any(one.edits):
            cells = [str(each) for each in one.edits] + [""] * (most - len(one.edits))
            table.add_row(one.label, *cells, str(sum(one.edits)), percent(one.share))
    return table


def distance_summary(found: "Sequence[EditDistance]", one: int, other: int) -> str:
    """How many labels were compared, how many are the same, and how much of the words changed on average."""
    if not found:
        return f"no label is in both ({one} and {other} labels)"
    same = sum(not any(each.edits) for each in found)
    mean = sum(each.share for each in found) / len(found)
    edits = sum(sum(each.edits) for each in found)
    return (
        f"{plural(len(found), 'label')} in both (of {one} and {other}), {same} with the same words; "
        f"{plural(edits, 'word')} rewritten, {percent(mean)} of a label's words on average"
    )


def _marked(span: "Span") -> Text:
    start, end, style = MARKS[span.kind]
    return Text(f"{start}{span.text}{end}", style)
