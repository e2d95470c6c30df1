"""The folder that an evaluation leaves: figures as CSV and pictures, and everything that moves them as JSON."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path

from jaxtyping import Int
from numpy import ndarray

from lga.engine.curves import Point
from lga.errors import LGAError
from lga.explain.plots import draw_confusion, draw_curves
from lga.files import replace_folder, to_json, write_atomically


def write_evaluation(
    folder: Path,
    report: dict[str, object],
    *,
    labels: Sequence[str],
    confusion: Int[ndarray, "classes classes"],
    curves: Mapping[str, Sequence[Point]],
    marks: Mapping[str, int | float],
) -> None:
    """Write report.json, confusion.csv and .png, and for every curve NAME.csv and NAME.png, all or nothing.

    `marks` are the settings that the report was made with. Whatever was in the folder is replaced.

    Raises:
        LGAError: the place cannot be written, or matplotlib is not installed.
    """
    with replace_folder(folder) as fresh:
        write_atomically(fresh / "report.json", to_json(report))
        rows = [[label, *line] for label, line in zip(labels, confusion.tolist(), strict=True)]
        write_atomically(fresh / "confusion.csv", _csv(["is / taken for", *labels], rows))
        picture = draw_confusion(confusion, labels, title="Combined match: what each class was taken for")
        write_atomically(fresh / "confusion.png", picture)
        for name, points in curves.items():
            write_atomically(fresh / f"{name}.csv", _points_csv(name, points))
            write_atomically(fresh / f"{name}.png", _points_png(name, points, marks))


def refuse_foreign(folder: Path) -> None:
    """Make sure, before any work is done, that nothing but an earlier evaluation would be replaced.

    Raises:
        LGAError: the folder holds something else, or is a file.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not (folder / "report.json").is_file()):
        raise LGAError(f"{folder}: holds something that is not an evaluation; give a new folder")


ALONG = {
    "alpha": ("Accuracy against the weight of the video", "alpha: 0 is text alone, 1 is video alone"),
    "ways": ("Accuracy against the classes to choose from", "classes in an episode (ways)"),
    "shots": ("Accuracy against the examples", "examples of each class (shots)"),
    "stages": ("Accuracy by one stage alone", "stage"),
}
"""what a curve's title and axis say"""


def _points_csv(name: str, points: Sequence[Point]) -> bytes:
    head = [name, "match", "accuracy", "ci95", "clips_low", "clips_high", "classes_low", "classes_high"]
    rows = [
        [point.at, match, one.mean, one.ci95, *one.clips, *one.classes]
        for point in points
        for match, one in point.accuracy.items()
    ]
    return _csv(head, rows)


def _points_png(name: str, points: Sequence[Point], marks: Mapping[str, int | float]) -> bytes:
    title, along = ALONG[name]
    lines = {
        match: [(float(point.at), point.accuracy[match].mean, point.accuracy[match].ci95) for point in points]
        for match in points[0].accuracy
    }
    ways = [(float(point.at), 1 / (point.at if name == "ways" else marks["ways"])) for point in points]
    return draw_curves(
        lines,
        title=title,
        along=along,
        chance=ways,
        mark=float(marks[name]) if name in marks else None,
        whole=name != "alpha",
    )


def _csv(head: Sequence[object], rows: Iterable[Sequence[object]]) -> bytes:
    text = StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([head, *rows])
    return text.getvalue().encode()
