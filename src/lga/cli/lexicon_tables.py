"""What `lga lexicon` found, as tables for people."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from lga.cli.options import counted

if TYPE_CHECKING:
    from lga.anatomy.review import Change, Conflict, Distance, Span
    from lga.engine.language import Sense, Sight

MARKS = {"same": ("", "", ""), "removed": ("[-", "-]", "red"), "added": ("{+", "+}", "green")}
"""as in `git diff --word-diff`, so that the words stay apart where there are no colours"""
NEVER_HURT = "no label loses clips by its sentences"
SURE = 0.05
"""of the sign test; among twenty labels one falls below it by chance"""


def problems_table(problems: Mapping[str, Sequence[str]]) -> Table:
    """A row a broken rule."""
    table = Table("label", "problem")
    for label, found in problems.items():
        for number, problem in enumerate(found):
            table.add_row(label if number == 0 else "", problem)
    return table


def sense_table(found: "Sequence[Sense]") -> Table:
    """A row for each doubtful label: its stages' shares."""
    doubtful = [one for one in found if one.doubtful]
    stages = [f"stage {number}" for number in range(1, len(found[0].shares) + 1)]
    table = Table(
        "label",
        *stages,
        title="sentences that suit other labels better, by the text encoder",
        caption=f"{len(doubtful)} of {counted(len(found), 'label')}; share of the other labels to which a sentence is "
        "less alike than to its own: 50 % is chance. Read them, then decide",
    )
    for one in doubtful:
        table.add_row(one.label, *map(_percent, one.shares))
    return table


def views_table(sights: "Sequence[Sight]") -> Table:
    """A row a label of the clips, those that their sentences hurt first and in red."""
    stages = [f"stage {number}" for number in range(1, len(sights[0].shares) + 1)]
    clips = sum(one.clips for one in sights)
    hurt = [f"{one.label}{'' if one.chance < SURE else ' (may be chance)'}" for one in sights if one.hurts]
    right, plain = sum(one.right for one in sights), sum(one.right_by_label for one in sights)
    table = Table(
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
        title=f"recognised by words alone among {len(sights)} labels: {_percent(right / clips)} of "
        f"{counted(clips, 'clip')} by the sentences, {_percent(plain / clips)} by the labels alone",
        caption=f"hurt by their sentences: {', '.join(hurt)}" if hurt else NEVER_HURT,
    )
    for one in sights:
        style = "red" if one.hurts and one.chance < SURE else "yellow" if one.hurts else ""
        table.add_row(
            *(one.label, one.origin, str(one.clips), _percent(one.right / one.clips)),
            *(_percent(one.right_by_label / one.clips), str(one.gained), str(one.lost), f"{one.chance:.2f}"),
            *map(_percent, one.shares),
            one.rival or "",
            style=style,
        )
    return table


def changes_table(found: "Sequence[Change]") -> Table:
    """A row for each stage that differs, its words marked and coloured."""
    from lga.anatomy.review import word_diff

    table = Table("label", "", "stage", "sentence")
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
    table = Table("conflict", "what happened", "kept")
    for one in conflicts:
        table.add_row(one.label, one.reason, one.kept)
    return table


def distance_table(found: "Sequence[Distance]") -> Table:
    """A row for each label that was rewritten."""
    most = max(len(one.edits) for one in found)
    table = Table("label", *(f"stage {number}" for number in range(1, most + 1)), "words", "share")
    for one in found:
        if any(one.edits):
            cells = [str(each) for each in one.edits] + [""] * (most - len(one.edits))
            table.add_row(one.label, *cells, str(sum(one.edits)), _percent(one.share))
    return table


def distance_summary(found: "Sequence[Distance]", one: int, other: int) -> str:
    """How many labels were compared, how many are the same, and how much of the words changed on average."""
    if not found:
        return f"no label is in both ({one} and {other} labels)"
    same = sum(not any(each.edits) for each in found)
    mean = sum(each.share for each in found) / len(found)
    edits = sum(sum(each.edits) for each in found)
    return (
        f"{counted(len(found), 'label')} in both (of {one} and {other}), {same} with the same words; "
        f"{counted(edits, 'word')} rewritten, {_percent(mean)} of a label's words on average"
    )


def _marked(span: "Span") -> Text:
    start, end, style = MARKS[span.kind]
    return Text(f"{start}{span.text}{end}", style)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
