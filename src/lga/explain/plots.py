"""The results of an evaluation as a folder of tables and plots: which class was taken for which, and curves."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from jaxtyping import Float, Int
from numpy import ndarray

from lga.errors import LGAError
from lga.evaluation.benchmark import Point
from lga.files import kind_of, replace_folder, to_csv, to_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, FAINT = "#2f3a4a", "#d9dde3"
COLORS = {"combined": "#2f3a4a", "video": "#5b84bd", "text": "#c98f2b"}
DPI = 150
CELL, LEAST, MOST = 0.42, 4.0, 24.0
"""inches: a cell of the confusion matrix, and the least and most that its square takes"""
NAMED = 60
"""classes whose names and shares still can be read"""
AXES = {
    "alpha": ("Accuracy against the weight of the video", "alpha: 0 is text alone, 1 is video alone"),
    "ways": ("Accuracy against the classes to choose from", "classes in an episode (ways)"),
    "shots": ("Accuracy against the examples", "examples of each class (shots)"),
    "stages": ("Accuracy by one stage alone", "stage"),
}
"""what the title and the axis of each curve say"""


def require_plots() -> None:
    """Make sure that pictures can be drawn, before any work is done for them.

    Raises:
        LGAError: matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise LGAError("pictures of the results need matplotlib: pip install 'lga[research]', or leave out --out")


def refuse_foreign(folder: Path) -> None:
    """Make sure, before any work is done, that nothing but an earlier evaluation would be replaced.

    Raises:
        LGAError: the folder holds something else, or is a file.
    """
    kind = kind_of(folder)
    if kind == "file" or (kind == "folder" and any(folder.iterdir()) and kind_of(folder / "report.json") != "file"):
        raise LGAError(f"{folder}: holds something that is not an evaluation; give a new folder")


def write_evaluation(
    folder: Path,
    report: dict[str, object],
    *,
    labels: Sequence[str],
    confusion: Int[ndarray, "classes classes"],
    curves: Mapping[str, Sequence[Point]],
    marks: Mapping[str, int | float | None],
) -> None:
    """Write report.json, confusion.csv and .png, and for every curve NAME.csv and NAME.png, all or nothing.

    `marks` are the settings that the report was made with, None where there was no single one.
    Whatever was in the folder is replaced.

    Raises:
        LGAError: the place cannot be written, or matplotlib is not installed.
    """
    with replace_folder(folder) as fresh:
        (fresh / "report.json").write_bytes(to_json(report))
        rows = [[label, *line] for label, line in zip(labels, confusion.tolist(), strict=True)]
        (fresh / "confusion.csv").write_bytes(to_csv([["is / taken for", *labels], *rows]).encode())
        picture = draw_confusion(confusion, labels, title="Combined match: what each class was taken for")
        (fresh / "confusion.png").write_bytes(picture)
        for name, points in curves.items():
            (fresh / f"{name}.csv").write_bytes(_curve_csv(name, points))
            (fresh / f"{name}.png").write_bytes(_curve_png(name, points, marks))


def draw_curves(
    curves: Mapping[str, Sequence[tuple[float, float, float]]],
    *,
    title: str,
    along: str,
    chance: Sequence[tuple[float, float]] = (),
    mark: float | None = None,
    whole: bool = True,
) -> bytes:
    """A PNG with a line for each name: (place, mean, half width of its interval), 0 to 1; `mark` is the setting used.

    `chance` is drawn dotted; `whole` places get a tick each.
    """
    figure = _figure(7.2, 4.2)
    axes = figure.add_subplot()
    for name, points in curves.items():
        at, mean, half = zip(*points, strict=True)
        low = [100 * (one - by) for one, by in zip(mean, half, strict=True)]
        high = [100 * (one + by) for one, by in zip(mean, half, strict=True)]
        color = COLORS.get(name, INK)
        axes.plot(at, [100 * one for one in mean], color=color, marker="o", markersize=4, linewidth=2, label=name)
        axes.fill_between(at, low, high, color=color, alpha=0.18, linewidth=0)
    if chance:
        at, share = zip(*chance, strict=True)
        axes.plot(at, [100 * one for one in share], color="grey", linestyle=":", linewidth=1.5, label="chance")
    if mark is not None:
        axes.axvline(mark, color="grey", linestyle="--", linewidth=1, label=f"used: {mark:g}", zorder=0)
    if whole:
        axes.set_xticks(sorted({point[0] for points in curves.values() for point in points}))
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    axes.set_xlabel(along, color=INK)
    axes.set_ylabel("accuracy, %", color=INK)
    axes.grid(color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, fontsize=9, loc="outside right upper")
    return _png(figure)


def draw_confusion(counts: Int[ndarray, "classes classes"], labels: Sequence[str], *, title: str) -> bytes:
    """A PNG with the share of each class's queries (rows) that was taken for each class (columns), in per cent."""
    asked = counts.sum(1, keepdims=True)
    share: Float[ndarray, "classes classes"] = 100 * counts / asked.clip(1)
    side = min(max(CELL * len(labels), LEAST), MOST)
    figure = _figure(side + 2.6, side + 2.2)
    axes = figure.add_subplot()
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=100)
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    axes.set_xlabel("taken for", color=INK)
    axes.set_ylabel("is", color=INK)
    if len(labels) <= NAMED:
        names = [label.replace("_", " ").replace("$", r"\$") for label in labels]
        axes.set_xticks(range(len(names)), names, rotation=60, ha="right", rotation_mode="anchor", fontsize=8)
        axes.set_yticks(range(len(names)), names, fontsize=8)
        for row, line in enumerate(share):
            for column, one in enumerate(line):
                if one >= 0.5:
                    color = "white" if one > 55 else INK
                    axes.text(column, row, f"{one:.0f}", ha="center", va="center", fontsize=7, color=color)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, fraction=0.04, pad=0.03)
    bar.set_label("% of the class's queries", color=INK)
    bar.outline.set_visible(False)
    return _png(figure)


def _curve_csv(name: str, points: Sequence[Point]) -> bytes:
    head = [name, "match", "accuracy", "ci95", "clips_low", "clips_high", "classes_low", "classes_high"]
    rows = [
        [point.at, match, one.mean, one.ci95, *one.clips, *one.classes]
        for point in points
        for match, one in point.accuracy.items()
    ]
    return to_csv([head, *rows]).encode()


def _curve_png(name: str, points: Sequence[Point], marks: Mapping[str, int | float | None]) -> bytes:
    title, along = AXES[name]
    lines = {
        match: [(float(point.at), point.accuracy[match].mean, point.accuracy[match].ci95) for point in points]
        for match in points[0].accuracy
    }
    ways, mark = marks["ways"] or 1, marks.get(name)
    chance = [(float(point.at), 1 / (point.at if name == "ways" else ways)) for point in points]
    return draw_curves(
        lines,
        title=title,
        along=along,
        chance=chance,
        mark=None if mark is None else float(mark),
        whole=name != "alpha",
    )


def _figure(width: float, height: float) -> "Figure":
    """A figure of its own, drawn by Agg: no window, no state shared with other figures.

    Raises:
        LGAError: matplotlib is not installed.
    """
    require_plots()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _png(figure: "Figure") -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    data = BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(data, format="png", dpi=DPI)
    return data.getvalue()
