"""Draw the episodes of an evaluation: which clips are asked about, and which are shown as examples."""

from dataclasses import dataclass

import numpy as np
from einops import rearrange
from jaxtyping import Bool, Int
from numpy import ndarray

from lga.config import ProtocolConfig
from lga.errors import ManifestError

CHUNK = 1024
"""Episodes drawn with one random generator: the n-th depends on the seed and n, not on how many are asked for."""
PATIENCE = 64
"""Chunks without a single valid episode after which a protocol counts as impossible."""
TRIES = 16
"""Examples drawn blindly before the free ones are listed; listing is slow, and hardly ever needed."""


@dataclass(frozen=True, slots=True, repr=False)
class Episodes:
    """Indices into the clips and classes of a manifest; rows are episodes."""

    classes: Int[ndarray, "episodes way"]
    query: Int[ndarray, "episodes way queries"]
    support: Int[ndarray, "episodes way shots"]

    def __repr__(self) -> str:
        """On one line."""
        episodes, n_way, shots = self.support.shape
        return f"Episodes({episodes} x {n_way}-way {shots}-shot, {self.query.shape[2]} queries of each class)"


@dataclass(frozen=True, slots=True)
class _Pool:
    """The clips of the classes that may take part: a row for each class, padded with -1."""

    classes: Int[ndarray, " usable"]
    member: Int[ndarray, "usable most"]
    size: Int[ndarray, " usable"]
    group: Int[ndarray, " clips"] | None
    """the sources to keep apart; None where they do not matter"""


def plan_episodes(
    label: Int[ndarray, " clips"], group: Int[ndarray, " clips"] | None, protocol: ProtocolConfig
) -> Episodes:
    """Draw `protocol.episodes` episodes: classes, then queries, then examples, each uniformly without replacement.

    `label` and `group` number the classes and sources from 0. Classes with fewer than shots + queries clips never take
    part. With `source_disjoint` no example of any class comes from the group of any query of the episode; draws that
    cannot satisfy this are dropped and drawn again.

    Raises:
        ManifestError: if the clips cannot fill such an episode, or groups are needed and missing.

    Source: the standard protocol of few-shot action recognition; source-disjoint episodes are our choice.
    """
    pool = _fill_pool(label, group, protocol)
    drawn: list[Episodes] = []
    found = chunk = barren = 0
    while found < protocol.episodes:
        part = _draw_chunk(pool, protocol, np.random.default_rng([protocol.seed, chunk]))
        chunk, found = chunk + 1, found + len(part.classes)
        barren = 0 if len(part.classes) else barren + 1
        drawn.append(part)
        if barren == PATIENCE:
            raise ManifestError(
                f"no source-disjoint {protocol.ways}-way {protocol.shots}-shot episode found in {PATIENCE * CHUNK} "
                "draws: the classes have too few sources; lower --ways, --shots or --queries"
            )
    return Episodes(
        np.concatenate([part.classes for part in drawn])[: protocol.episodes],
        np.concatenate([part.query for part in drawn])[: protocol.episodes],
        np.concatenate([part.support for part in drawn])[: protocol.episodes],
    )


def _fill_pool(label: Int[ndarray, " clips"], group: Int[ndarray, " clips"] | None, protocol: ProtocolConfig) -> _Pool:
    counts = np.bincount(label)
    usable = np.flatnonzero(counts >= protocol.shots + protocol.queries)
    if len(usable) < protocol.ways:
        raise ManifestError(
            f"a {protocol.ways}-way episode needs {protocol.ways} classes with {protocol.shots}+"
            f"{protocol.queries} clips each, only {len(usable)} of {np.count_nonzero(counts)} have them; "
            "lower --ways, --shots or --queries"
        )
    if protocol.source_disjoint and group is None:
        raise ManifestError("source-disjoint episodes need a column `group` in the manifest; it has none")
    member = np.full((len(usable), counts.max()), -1)
    for row, one in zip(member, usable, strict=True):
        row[: counts[one]] = np.flatnonzero(label == one)
    return _Pool(usable, member, counts[usable], group if protocol.source_disjoint else None)


def _draw_chunk(pool: _Pool, protocol: ProtocolConfig, random: np.random.Generator) -> Episodes:
    chosen = np.stack(_draw_distinct(np.full(CHUNK, len(pool.classes)), protocol.ways, random), 1)
    together = protocol.queries + (protocol.shots if pool.group is None else 0)
    place = _draw_distinct(pool.size[chosen], together, random)
    query = np.stack(place[: protocol.queries], 2)
    clips = pool.member[chosen[..., None], query]
    if pool.group is None:
        support, enough = np.stack([chosen, *place[protocol.queries :]], 2)[..., 1:], np.full(CHUNK, True)
    else:
        support, enough = _draw_apart(pool, pool.group, chosen, clips, protocol.shots, random)
    examples = pool.member[chosen[..., None], support]
    return Episodes(pool.classes[chosen][enough], clips[enough], examples[enough])


def _draw_distinct(size: Int[ndarray, "*rows"], count: int, random: np.random.Generator) -> list[Int[ndarray, "*rows"]]:
    """Draw `count` different places below `size` in each row, in random order.

    The j-th is one of the size - j that are left: it steps over every earlier one that is not above it.
    """
    drawn: list[Int[ndarray, "*rows"]] = []
    taken: list[Int[ndarray, "*rows"]] = []
    for left in range(count):
        place = (random.random(size.shape) * (size - left)).astype(np.int64)
        for one in taken:
            place += place >= one
        drawn.append(place)
        highest = place
        for rank, one in enumerate(taken):  # keep the taken ones in rising order
            taken[rank], highest = np.minimum(one, highest), np.maximum(one, highest)
        taken.append(highest)
    return drawn


def _draw_apart(
    pool: _Pool,
    group: Int[ndarray, " clips"],
    chosen: Int[ndarray, "episodes way"],
    query: Int[ndarray, "episodes way queries"],
    shots: int,
    random: np.random.Generator,
) -> tuple[Int[ndarray, "episodes way shots"], Bool[ndarray, " episodes"]]:
    """Draw examples whose groups differ from those of all queries, and tell which episodes had enough of them.

    An example is drawn again until it is an allowed one, which gives every allowed clip the same chance.
    """
    asked = rearrange(group[query], "e w q -> e (w q)")
    support = np.full((*chosen.shape, shots), -1)
    enough = np.full(len(chosen), True)
    for shot in range(shots):
        episode, way = np.divmod(np.arange(chosen.size), chosen.shape[1])
        for _ in range(TRIES):
            rows = chosen[episode, way]
            place = (random.random(len(rows)) * pool.size[rows]).astype(np.int64)
            clash = (group[pool.member[rows, place]][:, None] == asked[episode]).any(1)
            clash |= (support[episode, way, :shot] == place[:, None]).any(1)
            support[episode[~clash], way[~clash], shot] = place[~clash]
            episode, way = episode[clash], way[clash]
        rows = pool.member[chosen[episode, way]]
        free = (rows >= 0) & ~(group[rows][..., None] == asked[episode][:, None]).any(2)
        np.put_along_axis(free, support[episode, way, :shot], False, 1)
        support[episode, way, shot] = np.where(free, random.random(free.shape), -1).argmax(1)
        enough[episode[~free.any(1)]] = False
    return support, enough
