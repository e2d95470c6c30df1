"""An evaluation as one HTML file that needs nothing else: accuracies, classes, confusions and the worst mistakes."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path

from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor

from lga.config import MethodConfig
from lga.evaluation.benchmark import Report
from lga.evaluation.dataset import LoadedDataset
from lga.evaluation.statistics import Mistake, class_accuracy, confusion, worst_mistakes
from lga.explain.markup import Film, make_film, render, settings_line
from lga.explain.strip import FrameTiles
from lga.files import write_atomically
from lga.methods.lga import Matrix
from lga.model.matching import LGA
from lga.model.staged import StagedLGA

MISTAKES = 12
"""How many clips are shown."""


@dataclass(frozen=True, slots=True)
class ClassRow:
    """How one class was answered, and the class it was mistaken for most; `mistaken_for` is empty if there is none."""

    label: str
    accuracy: float
    asked: int
    mistaken_for: str
    mistaken_share: float


@dataclass(frozen=True, slots=True)
class MistakeView:
    """A clip answered wrongly, and the clip of the wrong class that is nearest to it."""

    truth: str
    taken: str
    wrong: int
    asked: int
    belief: float
    path: Path
    film: Film
    nearest_path: Path
    nearest_film: Film


def write_report(path: Path, report: Report, loaded: LoadedDataset, matrix: Matrix, method: MethodConfig) -> None:
    """Write the page; see `report_page`.

    Raises:
        LGAError: the file cannot be written.
    """
    write_atomically(path, report_page(report, loaded, matrix, method).encode())


def report_page(report: Report, loaded: LoadedDataset, matrix: Matrix, method: MethodConfig) -> str:
    """The page as text; labels and paths are only ever text. Frames are read from the clips' files again."""
    outcome, labels, protocol = report.outcome["combined"], loaded.labels, report.protocol
    counts = confusion(outcome, len(labels))
    shares = (counts / counts.sum(1, keepdims=True).clip(1)).tolist()
    accuracy = class_accuracy(outcome, len(labels)).tolist()
    return render(
        "evaluation.html",
        title=protocol.title,
        clips=len(loaded.clips),
        labels=labels,
        chance=1 / protocol.ways,
        accuracy={match: value for match, value in report.accuracy.items() if protocol.shots or match != "video"},
        classes=_class_rows(accuracy, counts, labels),
        never_asked=[label for label, share in zip(labels, accuracy, strict=True) if isnan(share)],
        confusion=list(zip(labels, shares, strict=True)),
        mistakes=_mistake_views(worst_mistakes(outcome, MISTAKES), loaded, matrix, method),
        skipped=[clip.reason for clip in loaded.skipped],
        settings=settings_line(method),
        alpha=report.alpha,
    )


def _class_rows(
    accuracy: Sequence[float], counts: Int[ndarray, "classes classes"], labels: Sequence[str]
) -> list[ClassRow]:
    """The classes that were asked about, from bad to good."""
    rows: list[ClassRow] = []
    for label in sorted((row for row in range(len(labels)) if not isnan(accuracy[row])), key=accuracy.__getitem__):
        asked, wrong = int(counts[label].sum()), counts[label].copy()
        wrong[label] = 0
        most = int(wrong.argmax())
        mistaken_for = labels[most] if wrong[most] else ""
        rows.append(ClassRow(labels[label], accuracy[label], asked, mistaken_for, float(wrong[most]) / asked))
    return rows


def _mistake_views(
    mistakes: Sequence[Mistake], loaded: LoadedDataset, matrix: Matrix, method: MethodConfig
) -> list[MistakeView]:
    apart = matrix.table.apart()
    nearest = [_nearest(mistake, loaded, apart) for mistake in mistakes]
    shown = [mistake.clip for mistake in mistakes] + nearest
    films = dict(zip(shown, _films(shown, loaded, method), strict=True)) if shown else {}
    return [
        MistakeView(
            truth=loaded.labels[mistake.truth],
            taken=loaded.labels[mistake.taken],
            wrong=mistake.wrong,
            asked=mistake.asked,
            belief=mistake.belief,
            path=loaded.clips[mistake.clip].path,
            film=films[mistake.clip],
            nearest_path=loaded.clips[near].path,
            nearest_film=films[near],
        )
        for mistake, near in zip(mistakes, nearest, strict=True)
    ]


def _nearest(mistake: Mistake, loaded: LoadedDataset, apart: Float[Tensor, "clips clips"]) -> int:
    """The clip of the class that it was taken for that is nearest to it; the first of equals."""
    distance = apart[mistake.clip].masked_fill(loaded.dataset.label != mistake.taken, float("inf"))
    return int(distance.argmin())


def _films(clips: Sequence[int], loaded: LoadedDataset, method: MethodConfig) -> list[Film]:
    dataset, chosen = loaded.dataset, list(clips)
    staged = StagedLGA(LGA(method, dataset.space), dataset.counts)
    cuts = staged.cut(dataset.frames[chosen], None if dataset.motion is None else dataset.motion[chosen])
    films: list[Film] = []
    for number, clip in enumerate(clips):
        path, moments = loaded.clips[clip].path, loaded.moments[clip]
        cut = cuts[staged.place(int(dataset.label[clip]))]
        films.append(make_film(FrameTiles.cut(path, cut, number, moments.times, moments.duration)))
    return films
