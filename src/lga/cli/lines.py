"""One line a clip: what it shows, how sure that is, where its stages lie, and which example is nearest."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from lga.cli.show import percent
from lga.confidence import confidence_word
from lga.errors import printable

if TYPE_CHECKING:
    from lga.recognition import Recognition
    from lga.watch.segments import Segment

STYLES = {"sure": "bold green", "likely": "green", "unsure": "yellow", "none of yours": "dim"}
NOTHING = "none of yours"
WORD, PERCENT, BAR, BORDERS, NEAREST = 6, 5, 10, 16, 12
"""Columns of each part: the last two at least, where there is room for them."""
HOUR = 3600.0
ROOMY = 60
"""Columns from which on there are two between the parts."""


class ResultLines:
    """Answers as lines whose columns stand under each other and fit the terminal; elsewhere nothing is cut."""

    def __init__(self, console: Console, clips: Sequence[Path], labels: Sequence[str]):
        self.names = dict(zip(clips, short_names(clips), strict=True))
        self.terminal, width = console.is_terminal, console.width
        self.gap = " " * (2 if width >= ROOMY or not self.terminal else 1)
        self.full, self.empty = ("━", "─") if console.encoding.startswith("utf") else ("#", "-")
        self.name = max(map(cell_len, self.names.values()), default=0)
        self.label = max(map(cell_len, (NOTHING, *map(printable, labels))))
        if self.terminal:
            self.name, self.label = min(self.name, max(12, width // 4)), min(self.label, max(len(NOTHING), width // 5))
        self.left = width - self.name - self.label - WORD - PERCENT - 3 * len(self.gap) - 1

    def line(self, result: "Recognition") -> Text:
        """One answer."""
        said = percent(result.confidence)
        name = fitted(self.names.get(result.path, result.path.name), self.name)
        if not result.known:
            shown = Text(self.gap).join([Text(name), Text(fitted(NOTHING, self.label), STYLES[NOTHING])])
            return shown.append(self.gap + self._closest(printable(result.label), said), STYLES[NOTHING])
        style = STYLES[result.word]
        parts = [
            Text(name),
            Text(fitted(printable(result.label), self.label)),
            Text(f"{result.word:<{WORD}}{self.gap[:1]}{said:>{PERCENT}}", style),
        ]
        left, gap = self.left, len(self.gap)
        borders = " ".join(f"{each:.1f}" for each in result.borders[1:]) + " s"
        if self.terminal and left >= BAR + gap:
            done = round(result.confidence * BAR)
            parts.append(Text(self.full * done, style).append(self.empty * (BAR - done), "dim"))
            left -= BAR + gap
        if not self.terminal or left >= len(borders) + gap:
            parts.append(Text(f"{borders:<{BORDERS}}"))
            left -= max(len(borders), BORDERS) + gap
        if result.best_example is not None and (not self.terminal or left >= NEAREST + gap):
            nearest = f"like {printable(result.best_name)}"
            parts.append(Text(shortened(nearest, left - gap) if self.terminal else nearest, "dim"))
        shown = Text(self.gap).join(parts)
        shown.rstrip()
        return shown

    def _closest(self, label: str, said: str) -> str:
        whole, room = f"closest: {label}, {said}", self.left + WORD + PERCENT + len(self.gap)
        if not self.terminal or cell_len(whole) <= room:
            return whole
        return shortened(f"{label} {said}", room)


def summary(results: "Sequence[Recognition]", skipped: int, written: Path | None) -> str:
    """How many clips were named, and how surely."""
    count = Counter(one.word for one in results)
    surely = [f"{count[word]} {word}" for word in ("sure", "likely") if count[word]]
    told = [f"{count['sure'] + count['likely']} named ({', '.join(surely)})"] if surely else []
    told += [f"{count[word]} {word}" for word in ("unsure", NOTHING) if count[word]]
    told += [f"{skipped} skipped"] if skipped else []
    clips = len(results) + skipped
    where = f"; written to {written}" if written is not None else ""
    return f"{clips} clip{'' if clips == 1 else 's'}: {', '.join(told)}{where}"


def segment_line(segment: "Segment", *, wide: bool) -> Text:
    """When something happens in a long video, what, and how sure that is; in few columns, to the tenth of a second."""
    from lga.watch.output import clock  # brings the drawing of pictures, which answers about clips do without

    word = confidence_word(segment.confidence)
    times = [clock(one) if wide else clock(one)[3:10] if one < HOUR else clock(one)[:8] for one in _ends(segment)]
    gap = "  " if wide else " "
    line = Text(gap.join([*times, f"{printable(segment.label)}{gap}"]))
    return line.append(f"{word} {percent(segment.confidence)}", STYLES[word])


def _ends(segment: "Segment") -> tuple[float, float]:
    return segment.start, segment.end


def short_names(paths: Sequence[Path]) -> list[str]:
    """What tells clips apart: their paths below the folder that they have in common."""
    if not paths:
        return []
    common = os.path.commonpath([one.absolute().parent for one in paths])
    return [printable(os.path.relpath(one.absolute(), common)) for one in paths]


def fitted(text: str, width: int) -> str:
    """A text in so many columns: cut in the middle or filled up."""
    return set_cell_size(shortened(text, width), width)


def shortened(text: str, width: int) -> str:
    """A text in at most so many columns, without its middle if that is needed: names differ at their ends."""
    if cell_len(text) <= width:
        return text
    head, tail = text[: len(text) // 2], text[len(text) // 2 :]
    while cell_len(head) + cell_len(tail) + 1 > width and (head or tail):
        if cell_len(head) > cell_len(tail):
            head = head[:-1]
        else:
            tail = tail[1:]
    return f"{head}…{tail}"
