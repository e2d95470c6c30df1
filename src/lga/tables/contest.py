"""Fill a table in: every row answers the same episodes, and is compared with one of them in pairs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from lga.config import MethodConfig, ProtocolConfig
from lga.core.tw_finch import tw_finch
from lga.engine.bench import LoadedBench
from lga.engine.evaluate import Outcome, run_episodes
from lga.engine.extract import Progress
from lga.engine.statistics import Interval, accuracy, paired_difference
from lga.errors import ManifestError
from lga.methods.catalogue import METHODS
from lga.methods.lga import Matrix, lga_scorer, match_bench
from lga.methods.protocol import Bench, Scorer
from lga.tables.questions import Question, part_of
from lga.tables.rows import Plan, Row


@dataclass(frozen=True, slots=True)
class Learnt:
    """A trained row, ready for the bench it will be tested on, and how it was chosen."""

    scorer: Scorer
    told: dict[str, object]


@dataclass(frozen=True, slots=True)
class Section:
    """What all rows reached on some episodes, by name."""

    title: str
    protocol: ProtocolConfig
    episodes: int
    """how many they are; with several pairs of classes, the protocol's number for each"""
    accuracy: dict[str, Interval]
    difference: dict[str, Interval]
    """less the accuracy of the row that each is compared with"""


@dataclass(frozen=True, slots=True)
class Standing:
    """A filled table."""

    plan: Plan
    sections: tuple[Section, ...]
    training: dict[str, dict[str, object]]
    """how the trained rows were chosen"""
    notes: tuple[str, ...]
    loaded: LoadedBench
    """the clips, as the first row reads them"""


Reader = Callable[[MethodConfig], LoadedBench]
Asker = Callable[[LoadedBench], list[Question]]
Trainer = Callable[[Row, Bench], Learnt]


def compete(
    plan: Plan, read: Reader, ask: Asker, *, train: Trainer | None = None, progress: Progress | None = None
) -> Standing:
    """Let every row answer the same episodes.

    Raises:
        ManifestError: rows can read different clips, or the clips cannot fill the episodes.
        LGAError: a row's scores are not finite numbers.
    """
    first = read(plan.rows[0].method)
    questions, done = ask(first), 0
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
                    learnt = train(row, loaded.bench)
                    training[row.name], scorer = learnt.told, learnt.scorer
                else:
                    scorer = _scorer(row, loaded.bench, matrices)
                outcomes[row.name] = [run_episodes({row.name: scorer}, one.episodes)[row.name] for one in questions]
            done += 1
            if progress is not None:
                progress(done, len(plan.rows))
    sections = [
        _section(plan, one, number, name, outcomes) for number, one in enumerate(questions) for name in one.parts
    ]
    return Standing(plan, tuple(sections), training, (*plan.notes, *_notes(plan.rows, first)), first)


def _scorer(row: Row, bench: Bench, matrices: dict[MethodConfig, Matrix]) -> Scorer:
    """A training-free row; rows that differ in their match alone share one matrix."""
    if row.peer is not None:
        return METHODS[row.peer].build(bench.space)(bench)
    if row.method not in matrices:
        matrices.clear()
        matrices[row.method] = match_bench(bench, row.method)
    return lga_scorer(matrices[row.method], row.method, match=row.match)


def _section(plan: Plan, question: Question, number: int, name: str, outcomes: dict[str, list[Outcome]]) -> Section:
    part = question.parts[name]
    found = {row.name: part_of(outcomes[row.name][number], part) for row in plan.rows}
    rivals = {row.name: plan.rival(row) for row in plan.rows}
    return Section(
        name,
        question.protocol,
        len(question.episodes.classes[part]),
        {row: accuracy(one) for row, one in found.items()},
        {row: paired_difference(one, found[rivals[row]]) for row, one in found.items() if row != rivals[row]},
    )


def _by_reading(rows: Sequence[Row]) -> list[tuple[tuple[object, ...], list[Row]]]:
    """The rows by what has to be read for them, so that one bench at a time is held."""
    found: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(row.method.reading, []).append(row)
    return list(found.items())


def _notes(rows: Sequence[Row], loaded: LoadedBench) -> list[str]:
    """What a reader has to know of these rows on these clips."""
    found: list[str] = []
    space = loaded.bench.space
    if space.visual != space.semantic and any(row.peer is None and not row.trained for row in rows):
        found.append(
            "this backbone keeps sight and text apart: without training no sentence enters the video match, so that "
            "rows that differ in nothing else agree"
        )
    for stages in sorted({row.method.stages for row in rows if row.method.segmenter == "twfinch"}):
        label = tw_finch(loaded.bench.frames[..., space.visual], stages)
        short = int((label.amax(1) + 1 < stages).sum())
        found.append(
            f"TW-FINCH gave fewer than {stages} clusters for {short} of {len(label)} clips; there its longest ones "
            "were halved"
        )
    return found
