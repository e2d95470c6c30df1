"""The demonstration: draw clips, teach from two of each action, recognise the others, and say how well it went."""

import csv
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from lga.actions import Actions
from lga.actions_folder import save_actions
from lga.config import BackboneConfig
from lga.demo.actions import ACTIONS
from lga.demo.render import write_dataset
from lga.demo.report import ActionScore, DemoReport, PairScore, Shares, print_report
from lga.engine.extract import Skipped
from lga.errors import LGAError
from lga.explain.picture import draw_decision
from lga.features import FeatureCache
from lga.recognition import Candidate, Recognition
from lga.recognizer import Recognizer

SHOTS = 2
"""clips of each action that are taught; the others are recognised"""
PAIRS = (("sit down", "stand up"), ("pick up", "put down"))
"""actions that show the same pictures in the opposite order"""

Judge = Callable[[Candidate], float]


@dataclass(frozen=True, slots=True)
class _Drawn:
    """One drawn clip and the truth about it; the borders are seconds."""

    path: Path
    label: str
    borders: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Answer:
    """What was recognised in a drawn clip."""

    clip: _Drawn
    recognition: Recognition

    def right(self, judge: Judge, among: Sequence[str]) -> bool:
        """Whether the clip's own label is the first of some labels."""
        rivals = [one for one in self.recognition.candidates if one.label in among]
        return max(rivals, key=judge).label == self.clip.label


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
        answers = _recognize(recognizer, actions, asked, show("Recognising the others"))
    save_actions(actions, folder / "actions")
    chosen = _choose(answers)
    space = recognizer.encoder.space
    draw_decision(chosen.recognition, actions, folder / "decision.png", space=space, truth=chosen.clip.label)
    report = _measure(answers, labels, folder)
    print_report(report, console)
    return report


def _recognize(
    recognizer: Recognizer, actions: Actions, asked: Sequence[_Drawn], progress: Callable[[int, int], None]
) -> list[_Answer]:
    answers: list[_Answer] = []
    results = recognizer.recognize(actions, [one.path for one in asked])
    for clip, result in zip(asked, results, strict=True):
        if isinstance(result, Skipped):
            raise LGAError(result.reason)
        answers.append(_Answer(clip, result))
        progress(len(answers), len(asked))
    return answers


def _read_drawn(manifest: Path) -> tuple[_Drawn, ...]:
    with manifest.open(newline="", encoding="utf-8") as file:
        return tuple(
            _Drawn(manifest.parent / row["path"], row["label"], tuple(float(one) for one in row["borders"].split()))
            for row in csv.DictReader(file)
        )


def _choose(answers: Sequence[_Answer]) -> _Answer:
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


def _measure(answers: Sequence[_Answer], labels: Sequence[str], folder: Path) -> DemoReport:
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


def _shares(answers: Sequence[_Answer], among: Sequence[str]) -> Shares:
    judges: tuple[Judge, Judge, Judge] = (attrgetter("video"), attrgetter("text"), attrgetter("probability"))
    return Shares(*(sum(one.right(judge, among) for one in answers) / len(answers) for judge in judges))


def _border_error(answer: _Answer, borders: Sequence[float]) -> float:
    pairs = list(zip(borders, answer.clip.borders, strict=True))
    return sum(abs(found - true) for found, true in pairs) / len(pairs)


@contextmanager
def _progress(console: Console) -> Generator[Callable[[str], Callable[[int, int], None]]]:
    """Bars on a terminal, nothing elsewhere: give a name, get what hears how many are done and how many there are."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as progress:

        def show(name: str) -> Callable[[int, int], None]:
            if not console.is_terminal:
                console.print(f"{name} ...")
            task = progress.add_task(name, total=None)
            return lambda done, total: progress.update(task, completed=done, total=total)

        yield show
