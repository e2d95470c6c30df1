"""The episodes that all rows of a table answer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from lga.config import ProtocolConfig
from lga.engine.bench import LoadedBench
from lga.engine.evaluate import Outcome
from lga.episodes.plan import Episodes, plan_episodes
from lga.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Question:
    """Episodes of one protocol, and the parts of them that a section each of the table is about."""

    protocol: ProtocolConfig
    episodes: Episodes
    parts: dict[str, slice]


def by_shots(loaded: LoadedBench, protocol: ProtocolConfig, shots: Sequence[int]) -> list[Question]:
    """The protocol's episodes for each number of examples.

    Raises:
        ManifestError: the clips cannot fill them.
    """
    found: list[Question] = []
    for count in shots:
        own = protocol.model_copy(update={"shots": count})
        episodes = plan_episodes(loaded.label, loaded.group, own)
        found.append(Question(own, episodes, {f"{own.ways}-way {count}-shot": slice(None)}))
    return found


def by_pairs(
    loaded: LoadedBench, protocol: ProtocolConfig, shots: Sequence[int], pairs: Sequence[tuple[str, str]]
) -> list[Question]:
    """As many episodes of each pair of classes as the protocol says, for each number of examples.

    Raises:
        SettingsError: a class is not among the clips.
        ManifestError: the clips of a pair cannot fill the episodes.
    """
    for label in (one for pair in pairs for one in pair):
        if label not in loaded.labels:
            raise SettingsError(f"--pairs: no clip is of class {label!r}; there are {', '.join(loaded.labels)}")
    found: list[Question] = []
    for count in shots:
        own = protocol.model_copy(update={"ways": 2, "shots": count})
        each = [_within(loaded, pair, own) for pair in pairs]
        parts = {f"all {len(pairs)} pairs, {count}-shot": slice(None)} if len(pairs) > 1 else {}
        for number, (one, other) in enumerate(pairs):
            start = number * own.episodes
            parts[f"{one} / {other}, {count}-shot"] = slice(start, start + own.episodes)
        joined = Episodes(*(np.concatenate(some) for some in zip(*map(_arrays, each), strict=True)))
        found.append(Question(own, joined, parts))
    return found


def part_of(outcome: Outcome, part: slice) -> Outcome:
    """What was answered in some of the episodes."""
    return Outcome(outcome.query[part], outcome.truth[part], outcome.predicted[part], outcome.log_posterior[part])


def read_pairs(text: str) -> list[tuple[str, str]]:
    """Pairs of classes as one:other,one:other.

    Raises:
        SettingsError: that is not what it is.
    """
    found: list[tuple[str, str]] = []
    for pair in text.split(","):
        names = [one.strip() for one in pair.split(":")]
        if len(names) != 2 or not all(names) or names[0] == names[1]:
            raise SettingsError(f"--pairs wants two classes a pair, like sit_down:stand_up, not {pair!r}")
        found.append((names[0], names[1]))
    return found


def _within(loaded: LoadedBench, pair: tuple[str, str], protocol: ProtocolConfig) -> Episodes:
    """Episodes among the clips of two classes, numbered as in the whole bench."""
    numbers = np.array(sorted(loaded.labels.index(one) for one in pair))
    kept = np.flatnonzero(np.isin(loaded.label, numbers))
    group = None if loaded.group is None else loaded.group[kept]
    drawn = plan_episodes(np.searchsorted(numbers, loaded.label[kept]), group, protocol)
    return Episodes(numbers[drawn.classes], kept[drawn.query], kept[drawn.support])


def _arrays(episodes: Episodes) -> tuple[ndarray, ndarray, ndarray]:
    return episodes.classes, episodes.query, episodes.support
