"""Methods side by side on the same episodes: run, compared in pairs, written as a table."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy import ndarray

from lga.config import MethodConfig, ProtocolConfig
from lga.core.tw_finch import tw_finch
from lga.datasets.episodes import Episodes, plan_episodes
from lga.errors import ManifestError, SettingsError
from lga.evaluation.dataset import LoadedDataset
from lga.evaluation.outcome import Outcome, read_dataset, run_episodes
from lga.evaluation.statistics import INTERVALS, Interval, accuracy, paired_difference
from lga.evaluation.tables import Plan, Row
from lga.features.extract import Progress
from lga.methods.catalogue import find_method
from lga.methods.lga import Matrix, lga_scorer, pairwise_matrix
from lga.methods.protocol import Dataset, Scorer


@dataclass(frozen=True, slots=True)
class EpisodeSet:
    """Episodes of one protocol; each part of them, by its title, becomes a section of the table."""

    protocol: ProtocolConfig
    episodes: Episodes
    parts: dict[str, slice]


def by_shots(loaded: LoadedDataset, protocol: ProtocolConfig, shots: Sequence[int]) -> list[EpisodeSet]:
    """Draw the protocol's episodes, once for each number of examples.

    Raises:
        ManifestError: the clips cannot fill them.
    """
    found: list[EpisodeSet] = []
    for count in shots:
        own = protocol.model_copy(update={"shots": count})
        episodes = plan_episodes(loaded.label, loaded.group, own)
        found.append(EpisodeSet(own, episodes, {f"{own.ways}-way {count}-shot": slice(None)}))
    return found


def by_pairs(
    loaded: LoadedDataset, protocol: ProtocolConfig, shots: Sequence[int], pairs: Sequence[tuple[str, str]]
) -> list[EpisodeSet]:
    """Draw two-way episodes: for each number of examples, as many of each pair of classes as the protocol says.

    Raises:
        SettingsError: a class is not among the clips.
        ManifestError: the clips of a pair cannot fill the episodes.
    """
    for label in (one for pair in pairs for one in pair):
        if label not in loaded.labels:
            raise SettingsError(f"--pairs: no clip is of class {label!r}; there are {', '.join(loaded.labels)}")
    found: list[EpisodeSet] = []
    for count in shots:
        own = protocol.model_copy(update={"ways": 2, "shots": count})
        each = [_within(loaded, pair, own) for pair in pairs]
        parts = {f"all {len(pairs)} pairs, {count}-shot": slice(None)} if len(pairs) > 1 else {}
        for number, (one, other) in enumerate(pairs):
            start = number * own.episodes
            parts[f"{one} / {other}, {count}-shot"] = slice(start, start + own.episodes)
        joined = Episodes(*(np.concatenate(some) for some in zip(*map(_arrays, each), strict=True)))
        found.append(EpisodeSet(own, joined, parts))
    return found


def part_of(outcome: Outcome, part: slice) -> Outcome:
    """The answers to some of the episodes."""
    return Outcome(outcome.query[part], outcome.truth[part], outcome.predicted[part], outcome.log_posterior[part])


def read_pairs(text: str) -> list[tuple[str, str]]:
    """Read pairs of classes, written as one:other,one:other.

    Raises:
        SettingsError: the text is something else.
    """
    found: list[tuple[str, str]] = []
    for pair in text.split(","):
        names = [one.strip() for one in pair.split(":")]
        if len(names) != 2 or not all(names) or names[0] == names[1]:
            raise SettingsError(f"--pairs wants two classes a pair, like sit_down:stand_up, not {pair!r}")
        found.append((names[0], names[1]))
    return found


def _within(loaded: LoadedDataset, pair: tuple[str, str], protocol: ProtocolConfig) -> Episodes:
    """Episodes among the clips of two classes, numbered as in the whole dataset."""
    numbers = np.array(sorted(loaded.labels.index(one) for one in pair))
    kept = np.flatnonzero(np.isin(loaded.label, numbers))
    group = None if loaded.group is None else loaded.group[kept]
    drawn = plan_episodes(np.searchsorted(numbers, loaded.label[kept]), group, protocol)
    return Episodes(numbers[drawn.classes], kept[drawn.query], kept[drawn.support])


def _arrays(episodes: Episodes) -> tuple[ndarray, ndarray, ndarray]:
    return episodes.classes, episodes.query, episodes.support


@dataclass(frozen=True, slots=True)
class TrainedRow:
    """A trained row, ready for the dataset that it will be tested on."""

    scorer: Scorer
    choice: dict[str, object]
    """how it was chosen, and what it reached where it was chosen"""


@dataclass(frozen=True, slots=True)
class Section:
    """The accuracy of all rows, by name, on some episodes."""

    title: str
    protocol: ProtocolConfig
    episodes: int
    """how many they are; with several pairs of classes, the protocol's number for each"""
    accuracy: dict[str, Interval]
    difference: dict[str, Interval]
    """less the accuracy of the row that each is compared with"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A filled table."""

    plan: Plan
    sections: tuple[Section, ...]
    training: dict[str, dict[str, object]]
    """how the trained rows were chosen"""
    notes: tuple[str, ...]
    loaded: LoadedDataset
    """the clips, as the first row reads them"""


Reader = Callable[[MethodConfig], LoadedDataset]
EpisodePlanner = Callable[[LoadedDataset], list[EpisodeSet]]
Trainer = Callable[[Row, Dataset], TrainedRow]


def compare_rows(
    plan: Plan,
    read: Reader,
    plan_sets: EpisodePlanner,
    *,
    train: Trainer | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Let every row answer the same episodes.

    Raises:
        ManifestError: rows can read different clips, or the clips cannot fill the episodes.
        LGAError: a row's scores are not finite numbers.
    """
    first = read(plan.rows[0].method)
    sets, done = plan_sets(first), 0
    outcomes: dict[str, list[Outcome]] = {}
    training: dict[str, dict[str, object]] = {}
    for reading, rows in _by_reading(plan.rows):
        loaded = first if reading == plan.rows[0].method.reading else read(rows[0].method)
        if loaded.digests != first.digests:
            raise ManifestError(f"{len(first.digests)} clips could be read, now {len(loaded.digests)}; run it again")
        matrices: dict[MethodConfig, Matrix] = {}
        for row in rows:
            with torch.no_grad():
                if row.trained:
                    if train is None:
                        raise ValueError(f"row {row.name!r} is trained, and no trainer is given")
                    learned = train(row, loaded.dataset)
                    training[row.name], scorer = learned.choice, learned.scorer
                else:
                    scorer = _scorer(row, loaded.dataset, matrices)
                outcomes[row.name] = [run_episodes({row.name: scorer}, one.episodes)[row.name] for one in sets]
            done += 1
            if progress is not None:
                progress(done, len(plan.rows))
    sections = [_section(plan, one, number, name, outcomes) for number, one in enumerate(sets) for name in one.parts]
    return Comparison(plan, tuple(sections), training, (*plan.notes, *_notes(plan.rows, first)), first)


def _scorer(row: Row, dataset: Dataset, matrices: dict[MethodConfig, Matrix]) -> Scorer:
    """A training-free row; rows that differ in their match alone share one matrix."""
    if row.peer is not None:
        return read_dataset(find_method(row.peer).build(dataset.space), dataset)
    if row.method not in matrices:
        matrices.clear()
        matrices[row.method] = pairwise_matrix(dataset, row.method)
    return lga_scorer(matrices[row.method], row.method, match=row.match)


def _section(
    plan: Plan, episode_set: EpisodeSet, number: int, name: str, outcomes: dict[str, list[Outcome]]
) -> Section:
    part = episode_set.parts[name]
    found = {row.name: part_of(outcomes[row.name][number], part) for row in plan.rows}
    rivals = {row.name: plan.rival(row) for row in plan.rows}
    return Section(
        name,
        episode_set.protocol,
        len(episode_set.episodes.classes[part]),
        {row: accuracy(one) for row, one in found.items()},
        {row: paired_difference(one, found[rivals[row]]) for row, one in found.items() if row != rivals[row]},
    )


def _by_reading(rows: Sequence[Row]) -> list[tuple[tuple[object, ...], list[Row]]]:
    """The rows by the dataset that they need, so that only one is held at a time."""
    found: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(row.method.reading, []).append(row)
    return list(found.items())


def _notes(rows: Sequence[Row], loaded: LoadedDataset) -> list[str]:
    """What a reader has to know to understand these rows on these clips."""
    found: list[str] = []
    space = loaded.dataset.space
    if space.visual != space.semantic and any(row.peer is None and not row.trained for row in rows):
        found.append(
            "this backbone keeps sight and text apart: without training no sentence enters the video match, so that "
            "rows that differ in nothing else agree"
        )
    numbers: set[int] = set()
    for method in (row.method for row in rows if row.method.segmenter == "twfinch"):
        numbers.update(loaded.dataset.counts if method.stages == "auto" else (method.stages,))
    for stages in sorted(numbers):
        label = tw_finch(loaded.dataset.frames[..., space.visual], stages)
        short = int((label.amax(1) + 1 < stages).sum())
        found.append(
            f"TW-FINCH gave fewer than {stages} clusters for {short} of {len(label)} clips; there its longest ones "
            "were halved"
        )
    return found


def markdown(comparison: Comparison, *, lead: Callable[[Section], Sequence[Sequence[str]]] | None = None) -> str:
    """The whole table: a heading, a section for each kind of episode, and what a reader has to know.

    `lead` makes the cells of another table, which each section begins with.
    """
    plan, loaded = comparison.plan, comparison.loaded
    blocks = [f"## {plan.title}", f"{len(loaded.clips)} clips of {len(loaded.labels)} classes."]
    for section in comparison.sections:
        first = () if lead is None else (_aligned(lead(section)),)
        blocks += [_heading(section), *first, _aligned(_cells(comparison, section))]
    same = "Accuracy in percent; difference in points, against the row named beside it, on the same episodes"
    explained = [same, *comparison.notes]
    blocks.append("\n".join(f"* {one}" for one in explained))
    blocks.append("\n".join(f"* {row.name}: {row.about}" for row in plan.rows if row.about and not row.trained))
    return "\n\n".join(one for one in blocks if one) + "\n"


def value(comparison: Comparison) -> dict[str, object]:
    """The table as JSON-ready values, with every setting of every row."""
    rows = [
        {
            "name": row.name,
            "against": comparison.plan.rival(row),
            "about": row.about,
            "method": row.method.model_dump(mode="json"),
            "match": None if row.peer else row.match,
            "peer": row.peer,
            "trained": comparison.training.get(row.name),
            "published": {str(shots): figure for shots, figure in row.published.items()},
        }
        for row in comparison.plan.rows
    ]
    sections = [
        {
            "title": one.title,
            "protocol": one.protocol.model_dump(mode="json"),
            "episodes": one.episodes,
            "accuracy": {name: asdict(interval) for name, interval in one.accuracy.items()},
            "difference": {name: asdict(interval) for name, interval in one.difference.items()},
        }
        for one in comparison.sections
    ]
    return {
        "table": comparison.plan.title,
        "rows": rows,
        "sections": sections,
        "intervals": INTERVALS,
        "notes": list(comparison.notes),
    }


def _heading(section: Section) -> str:
    protocol = section.protocol
    disjoint = ", source-disjoint" if protocol.source_disjoint else ""
    return f"### {section.title}\n\n{section.episodes} episodes{disjoint}, seed {protocol.seed}"


def _cells(comparison: Comparison, section: Section) -> list[list[str]]:
    plan = comparison.plan
    published = any(row.published for row in plan.rows)
    head = ["row", "accuracy", "95 %: episodes", "clips", "classes", "difference", "95 %: episodes", "clips", "against"]
    lines = [_line(row, plan.rival(row), section, published=published) for row in plan.rows]
    return [head + ["paper"] * published, *lines]


def _line(row: Row, rival: str, section: Section, *, published: bool) -> list[str]:
    reached, gained = section.accuracy[row.name], section.difference.get(row.name)
    cells = [row.name, *reached.text()]
    cells += ["", "", "", ""] if gained is None else [*gained.text(signed=True)[:3], rival]
    if published:
        figure = row.published.get(section.protocol.shots)
        cells.append("" if figure is None else f"{figure:.1f}")
    return cells


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns also line up in a terminal; the first to the left, figures to the right."""
    width = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = ["-" * width[0], *("-" * (one - 1) + ":" for one in width[1:])]
    lines = [
        [cell.rjust(width[place]) if place else cell.ljust(width[0]) for place, cell in enumerate(row)]
        for row in (rows[0], rule, *rows[1:])
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)
