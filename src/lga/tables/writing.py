"""A filled table as Markdown for people and as plain values for JSON."""

from collections.abc import Sequence
from dataclasses import asdict

from lga.engine.statistics import Interval
from lga.tables.contest import Section, Standing
from lga.tables.rows import Row

INTERVALS = {
    "ci95": "half width, normal, over episodes: 1.96 sd / sqrt(n); it shrinks with more episodes of the same clips",
    "clips": "95 % by bootstrap over the clips asked about, examples not drawn anew",
    "classes": "95 % by bootstrap over the classes asked about; rough where there are few",
}


def markdown(standing: Standing) -> str:
    """The whole table: a heading, a section for each kind of episode, and what a reader has to know."""
    plan, loaded = standing.plan, standing.loaded
    blocks = [f"## {plan.title}", f"{len(loaded.clips)} clips of {len(loaded.labels)} classes."]
    for section in standing.sections:
        blocks += [_heading(section), _aligned(_cells(standing, section))]
    same = "Accuracy in percent; difference in points, against the row named beside it, on the same episodes"
    explained = [same, *standing.notes]
    blocks.append("\n".join(f"* {one}" for one in explained))
    blocks.append("\n".join(f"* {row.name}: {row.about}" for row in plan.rows if row.about and not row.trained))
    return "\n\n".join(one for one in blocks if one) + "\n"


def value(standing: Standing) -> dict[str, object]:
    """The same with every setting of every row."""
    rows = [
        {
            "name": row.name,
            "against": standing.plan.rival(row),
            "about": row.about,
            "method": row.method.model_dump(mode="json"),
            "match": None if row.peer else row.match,
            "peer": row.peer,
            "trained": standing.training.get(row.name),
            "published": {str(shots): figure for shots, figure in row.published.items()},
        }
        for row in standing.plan.rows
    ]
    sections = [
        {
            "title": one.title,
            "protocol": one.protocol.model_dump(mode="json"),
            "episodes": one.episodes,
            "accuracy": {name: asdict(interval) for name, interval in one.accuracy.items()},
            "difference": {name: asdict(interval) for name, interval in one.difference.items()},
        }
        for one in standing.sections
    ]
    return {
        "table": standing.plan.title,
        "rows": rows,
        "sections": sections,
        "intervals": INTERVALS,
        "notes": list(standing.notes),
    }


def _heading(section: Section) -> str:
    protocol = section.protocol
    disjoint = ", source-disjoint" if protocol.source_disjoint else ""
    return f"### {section.title}\n\n{section.episodes} episodes{disjoint}, seed {protocol.seed}"


def _cells(standing: Standing, section: Section) -> list[list[str]]:
    plan = standing.plan
    published = any(row.published for row in plan.rows)
    head = ["row", "accuracy", "95 %: episodes", "clips", "classes", "difference", "95 %: episodes", "clips", "against"]
    lines = [_line(row, plan.rival(row), section, published=published) for row in plan.rows]
    return [head + ["paper"] * published, *lines]


def _line(row: Row, rival: str, section: Section, *, published: bool) -> list[str]:
    reached, gained = section.accuracy[row.name], section.difference.get(row.name)
    cells = [row.name, f"{100 * reached.mean:.2f}", f"± {100 * reached.ci95:.2f}"]
    cells += [_range(reached.clips, ".1f"), _range(reached.classes, ".1f")]
    cells += ["", "", "", ""] if gained is None else [*_gain(gained), rival]
    if published:
        figure = row.published.get(section.protocol.shots)
        cells.append("" if figure is None else f"{figure:.1f}")
    return cells


def _gain(gained: Interval) -> list[str]:
    return [f"{100 * gained.mean:+.2f}", f"± {100 * gained.ci95:.2f}", _range(gained.clips, "+.1f")]


def _range(ends: tuple[float, float], how: str) -> str:
    low, high = (format(100 * one, how) for one in ends)
    return f"{low} to {high}"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns also line up in a terminal; the first to the left, figures to the right."""
    width = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = ["-" * width[0], *("-" * (one - 1) + ":" for one in width[1:])]
    lines = [
        [cell.rjust(width[place]) if place else cell.ljust(width[0]) for place, cell in enumerate(row)]
        for row in (rows[0], rule, *rows[1:])
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)
