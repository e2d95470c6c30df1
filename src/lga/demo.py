"""`lga demo`: draw clips, teach from some, recognise the others, and say what came out."""

import csv
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from lga.config import BackboneConfig
from lga.errors import LGAError
from lga.explain.picture import draw_decision
from lga.features.cache import FeatureCache
from lga.features.extract import Skipped
from lga.progress import Bar, progress_bars
from lga.recognition import Candidate, Prepared, Recognition
from lga.recognizer import Recognizer
from lga.store.folder import save_actions
from lga.synthetic.actions import ACTIONS
from lga.synthetic.render import write_dataset

SHOTS = 2
"""clips of each action that are taught; the others are recognised"""
PAIRS = (("sit down", "stand up"), ("pick up", "put down"))
"""actions that show the same pictures in the opposite order"""


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


def run_demo(
    folder: Path,
    *,
    backbone: BackboneConfig,
    clips: int = 5,
    seed: int = 0,
    console: Console,
    labels: Sequence[str] = tuple(ACTIONS),
) -> DemoReport:
    """Draw `clips` videos of each action, teach and recognise them, print and return what came out.

    Everything is left in `folder`; the same arguments give the same clips and figures.

    Raises:
        LGAError: there are too few clips or labels, the folder cannot be written, or the backbone cannot be had.
    """
    if clips <= SHOTS or len(labels) < 2:
        raise LGAError(
            f"the demo teaches {SHOTS} clips of each action and recognises the others: it needs at least 2 actions "
            f"and {SHOTS + 1} clips, not {len(labels)} and {clips}"
        )
    with _progress(console) as show:
        manifest = write_dataset(
            folder / "clips", labels=labels, clips=clips, seed=seed, progress=show(f"Drawing {len(labels)} actions")
        )
        drawn = _read_drawn(manifest)
        opened = show("Loading the backbone")
        recognizer = Recognizer(backbone, cache=FeatureCache(folder / "cache"))
        opened(1, 1)
        taught = {label: [one.path for one in drawn if one.label == label][:SHOTS] for label in labels}
        actions, skipped = recognizer.teach(taught, progress=show("Teaching"))
        if skipped:
            raise LGAError(skipped[0].reason)
        asked = [one for one in drawn if one.path not in taught[one.label]]
        prepared = recognizer.prepare(actions)
        answers = _recognize(recognizer, prepared, asked, show("Recognising the others"))
    save_actions(actions, folder / "actions")
    chosen = _choose(answers)
    draw_decision(chosen.recognition, prepared, folder / "decision.png", truth=chosen.clip.label)
    report = _measure(answers, labels, folder)
    print_report(report, console)
    return report


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


Judge = Callable[[Candidate], float]


@dataclass(frozen=True, slots=True)
class _Drawn:
    """One drawn clip and the truth about it; the borders are seconds."""

    path: Path
    label: str
    borders: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Recognised:
    """What was recognised in a drawn clip."""

    clip: _Drawn
    recognition: Recognition

    def right(self, judge: Judge, among: Sequence[str]) -> bool:
        """Whether the clip's own label is the first of some labels."""
        rivals = [one for one in self.recognition.candidates if one.label in among]
        return max(rivals, key=judge).label == self.clip.label


def _recognize(
    recognizer: Recognizer, prepared: Prepared, asked: Sequence[_Drawn], progress: Callable[[int, int], None]
) -> list[_Recognised]:
    answers: list[_Recognised] = []
    results = recognizer.ask(prepared, [one.path for one in asked])
    for clip, result in zip(asked, results, strict=True):
        if isinstance(result, Skipped):
            raise LGAError(result.reason)
        answers.append(_Recognised(clip, result))
        progress(len(answers), len(asked))
    return answers


def _read_drawn(manifest: Path) -> tuple[_Drawn, ...]:
    with manifest.open(newline="", encoding="utf-8") as file:
        return tuple(
            _Drawn(manifest.parent / row["path"], row["label"], tuple(float(one) for one in row["borders"].split()))
            for row in csv.DictReader(file)
        )


def _choose(answers: Sequence[_Recognised]) -> _Recognised:
    """The decision to be drawn: if possible a right one, if possible of an order pair, the surest of those."""
    ordered = {label for pair in PAIRS for label in pair}
    return max(
        answers,
        key=lambda one: (
            one.recognition.label == one.clip.label,
            one.clip.label in ordered,
            one.recognition.probability,
        ),
    )


def _measure(answers: Sequence[_Recognised], labels: Sequence[str], folder: Path) -> DemoReport:
    actions: list[ActionScore] = []
    for label in labels:
        own = [one for one in answers if one.clip.label == label]
        right = sum(one.recognition.label == label for one in own)
        actions.append(ActionScore(label, right, len(own)))
    pairs: list[PairScore] = []
    for pair in PAIRS:
        own = [one for one in answers if one.clip.label in pair]
        if set(pair) <= set(labels):
            pairs.append(PairScore(pair, len(own), _shares(own, pair)))
    found = [_border_error(one, [stage.start for stage in one.recognition.stages[1:]]) for one in answers]
    thirds = [_border_error(one, [one.recognition.duration * part / 3 for part in (1, 2)]) for one in answers]
    return DemoReport(
        actions=tuple(actions),
        accuracy=_shares(answers, labels),
        chance=1 / len(labels),
        pairs=tuple(pairs),
        border_error=sum(found) / len(found),
        thirds_error=sum(thirds) / len(thirds),
        folder=folder,
    )


def _shares(answers: Sequence[_Recognised], among: Sequence[str]) -> Shares:
    judges: tuple[Judge, Judge, Judge] = (attrgetter("video"), attrgetter("text"), attrgetter("probability"))
    return Shares(*(sum(one.right(judge, among) for one in answers) / len(answers) for judge in judges))


def _border_error(answer: _Recognised, borders: Sequence[float]) -> float:
    pairs = list(zip(borders, answer.clip.borders, strict=True))
    return sum(abs(found - true) for found, true in pairs) / len(pairs)


@contextmanager
def _progress(console: Console) -> Generator[Callable[[str], Bar]]:
    """Bars on a terminal, a line for each task elsewhere: give a name, get its bar."""
    with progress_bars(console) as bars:

        def show(name: str) -> Bar:
            if not console.is_terminal:
                console.print(f"{name} ...")
            return bars.add(name)

        yield show
