"""An evaluation as one HTML file that needs nothing else: accuracies, classes, confusions and the worst mistakes."""

from collections.abc import Mapping, Sequence
from math import isnan
from pathlib import Path

from jaxtyping import Int
from numpy import ndarray

from lga.config import MethodConfig, ProtocolConfig
from lga.evaluation.benchmark import Report
from lga.evaluation.dataset import LoadedDataset
from lga.evaluation.statistics import Interval, Mistake, class_accuracy, confusion, worst_mistakes
from lga.explain.markup import as_text, document, film, meter, percent, section, settings_line, table
from lga.explain.strip import FrameTiles
from lga.files import write_atomically
from lga.methods.lga import Matrix
from lga.model.matching import LGA

MISTAKES = 12
"""How many clips are shown."""


def write_report(path: Path, report: Report, loaded: LoadedDataset, matrix: Matrix, method: MethodConfig) -> None:
    """Write the page; labels and paths are only ever text. Frames are read from the clips' files again.

    Raises:
        LGAError: the file cannot be written.
    """
    write_atomically(path, report_page(report, loaded, matrix, method).encode())


def report_page(report: Report, loaded: LoadedDataset, matrix: Matrix, method: MethodConfig) -> str:
    """The page as text."""
    outcome, labels = report.outcome["combined"], loaded.labels
    counts = confusion(outcome, len(labels))
    mistakes = worst_mistakes(outcome, MISTAKES)
    parts = [
        _head(report.accuracy, report.protocol, loaded),
        section("Class by class", _classes(class_accuracy(outcome, len(labels)).tolist(), counts, labels)),
        section("What each class was taken for", _confusion(counts, labels)),
        section("The worst mistakes", _mistakes(mistakes, loaded, matrix, method)),
        _foot(loaded, method, report.alpha),
    ]
    return document("evaluation", parts)


def _head(accuracy: Mapping[str, Interval], protocol: ProtocolConfig, loaded: LoadedDataset) -> str:
    rows = [
        [
            name,
            meter(one.mean, "var(--together)"),
            f"± {100 * one.ci95:.1f}",
            *(f"{100 * low:.1f} to {100 * high:.1f}" for low, high in (one.clips, one.classes)),
        ]
        for name, one in accuracy.items()
        if protocol.shots or name != "video"
    ]
    told = f"{len(loaded.clips)} clips of {len(loaded.labels)} classes; chance is {percent(1 / protocol.ways)}"
    spread = "95 % intervals: more episodes of these clips, other query clips, other classes."
    body = table(("match", "accuracy", "episodes", "clips", "classes"), rows)
    head = f"<header><h1>{protocol.title}</h1><p class=faint>{told}</p></header>"
    return f"{head}<section>{body}<p class=faint>{spread}</p></section>"


def _classes(shares: Sequence[float], counts: Int[ndarray, "classes classes"], labels: Sequence[str]) -> str:
    """The classes from bad to good, and what each was mistaken for most."""
    asked = counts.sum(1)
    order = sorted((one for one in range(len(labels)) if not isnan(shares[one])), key=shares.__getitem__)
    rows: list[list[str]] = []
    for one in order:
        others = counts[one].copy()
        others[one] = 0
        most = int(others.argmax())
        taken = f"{as_text(labels[most])}, {percent(others[most] / asked[one])}" if others[most] else ""
        rows.append([as_text(labels[one]), meter(shares[one], "var(--together)"), str(asked[one]), taken])
    never = [as_text(labels[one]) for one in range(len(labels)) if isnan(shares[one])]
    rest = f"<p class=faint>never asked about: {', '.join(never)}</p>" if never else ""
    return table(("class", "right", "asked", "mostly mistaken for"), rows) + rest


def _confusion(counts: Int[ndarray, "classes classes"], labels: Sequence[str]) -> str:
    """A row a class; the columns stand in the same order and are numbered, so that many fit."""
    rows: list[list[str]] = []
    for number, line in enumerate(counts, 1):
        total = max(1, int(line.sum()))
        cells = [
            f'<span class=cell style="--share:{100 * one / total:.0f}%">{100 * one / total:.0f}</span>' for one in line
        ]
        rows.append([f"{number}. {as_text(labels[number - 1])}", *cells])
    head = ("is / taken for, %", *(str(number) for number in range(1, len(labels) + 1)))
    return table(head, rows)


def _mistakes(mistakes: Sequence[Mistake], loaded: LoadedDataset, matrix: Matrix, method: MethodConfig) -> str:
    """The clips and, beside each, the clip of the wrong class that is nearest to it."""
    if not mistakes:
        return "<p>Every answer was right.</p>"
    about = (
        "Clips whose own class was held least likely; below each, the clip that it is nearest to in the wrong class."
    )
    nearest = [_nearest(one, loaded, matrix) for one in mistakes]
    wanted = [clip for pair in zip((one.clip for one in mistakes), nearest, strict=True) for clip in pair]
    frames_shown = dict(zip(wanted, _frames_shown(wanted, loaded, method), strict=True))
    boxes: list[str] = []
    for one, other in zip(mistakes, nearest, strict=True):
        truth, taken = (as_text(loaded.labels[label]) for label in (one.truth, one.taken))
        said = f"{truth} <small class=unknown>taken for {taken}</small>"
        how = f"wrong {one.wrong} of {one.asked} times; its class was given {percent(one.belief)}"
        pair = [
            f"<p class=faint>{as_text(loaded.clips[clip].path)}</p>{film(frames_shown[clip], [''] * method.stages)}"
            for clip in (one.clip, other)
        ]
        boxes.append(f"<h3>{said}</h3><p>{how}</p>{pair[0]}<p>Nearest clip of {taken}:</p>{pair[1]}")
    return f"<p class=faint>{about}</p>{'<hr>'.join(boxes)}"


def _nearest(mistake: Mistake, loaded: LoadedDataset, matrix: Matrix) -> int:
    apart = matrix.distance[mistake.clip].masked_fill(loaded.dataset.label != mistake.taken, float("inf"))
    return int(apart.argmin())


def _frames_shown(clips: Sequence[int], loaded: LoadedDataset, method: MethodConfig) -> list[FrameTiles]:
    cut = LGA(method, loaded.dataset.space).cut(loaded.dataset.frames[list(clips)])
    placed = ((loaded.clips[clip].path, loaded.moments[clip]) for clip in clips)
    return [
        FrameTiles.cut(path, seen.times, tuple(stage), seen.duration)
        for (path, seen), stage in zip(placed, cut.label.tolist(), strict=True)
    ]


def _foot(loaded: LoadedDataset, method: MethodConfig, alpha: float) -> str:
    skipped = "".join(f"<li>{as_text(one.reason)}</li>" for one in loaded.skipped)
    left = f"<p>{len(loaded.skipped)} clips were left out:</p><ul>{skipped}</ul>" if skipped else ""
    settings = as_text(settings_line(method))
    return f"<footer>{left}<p>Settings: {settings}; alpha used {alpha:.2f}. Made with lga.</p></footer>"
