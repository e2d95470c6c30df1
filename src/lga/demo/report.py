"""What the demonstration measured, as figures and as text."""

from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Shares:
    """The share of clips recognised rightly, 0 to 1: by video, by text, by both."""

    video: float
    text: float
    combined: float


@dataclass(frozen=True, slots=True)
class ActionScore:
    """One action's clips: how many were recognised rightly, and how many there were."""

    label: str
    right: int
    clips: int


@dataclass(frozen=True, slots=True)
class PairScore:
    """An order pair: the share of its clips for which the right one of the two labels is the likelier."""

    labels: tuple[str, str]
    clips: int
    right: Shares


@dataclass(frozen=True, slots=True)
class DemoReport:
    """What the demonstration measured, and where it left its files."""

    actions: tuple[ActionScore, ...]
    accuracy: Shares
    chance: float
    pairs: tuple[PairScore, ...]
    border_error: float
    """seconds, on average, between a border that was found and the true one"""
    thirds_error: float
    """seconds: the same for borders at a third and at two thirds of the clip"""
    folder: Path
    """holds clips/, actions/, cache/ and decision.png"""

    @property
    def clips(self) -> int:
        """How many clips were recognised."""
        return sum(one.clips for one in self.actions)


def print_report(report: DemoReport, console: Console) -> None:
    """Print the figures, where the files are, and what to type for videos of one's own."""
    console.print(_action_table(report), _share_table(report), sep="\n")
    console.print(
        f"Stage borders found: {report.border_error:.2f} s off on average; "
        f"equal thirds of every clip would be {report.thirds_error:.2f} s off.\n\n"
        f"One decision as a picture: {report.folder / 'decision.png'}\n"
        f"The taught actions:        {report.folder / 'actions'}\n\n"
        "Now with your own videos, one folder of clips for each action:\n\n"
        "  lga teach my_clips/ --out my_actions/\n"
        "  lga recognize my_actions/ new_clip.mp4",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _action_table(report: DemoReport) -> Table:
    table = Table("action", title=f"{report.clips} clips, {len(report.actions)} actions", box=SIMPLE_HEAD)
    table.add_column("right", justify="right")
    table.add_column("of", justify="right")
    for one in report.actions:
        table.add_row(one.label, str(one.right), str(one.clips))
    table.add_section()
    table.add_row("all", str(sum(one.right for one in report.actions)), str(report.clips))
    return table


def _share_table(report: DemoReport) -> Table:
    """The order pairs stand below the whole, where there are only two labels to choose from."""
    table = Table(
        "choosing between",
        title="How often the right one comes first",
        box=SIMPLE_HEAD,
    )
    for name in ("clips", "video only", "words only", "both", "chance"):
        table.add_column(name, justify="right")
    rows = [(f"all {len(report.actions)} actions", report.clips, report.accuracy, report.chance)]
    rows += [(" and ".join(one.labels), one.clips, one.right, 0.5) for one in report.pairs]
    for name, clips, right, chance in rows:
        shares = (right.video, right.text, right.combined, chance)
        table.add_row(name, str(clips), *(f"{share:.0%}" for share in shares))
    return table
