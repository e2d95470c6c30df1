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


@dataclass(frozen=True, slots=True)
class Episodes:
    """Indices into the clips and classes of a manifest; rows are episodes."""

    classes: Int[ndarray, "episodes way"]
    query: Int[ndarray, "episodes way queries"]
    support: Int[ndarray, "episodes way shots"]


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
    need = protocol.shots + protocol.queries
    counts = np.bincount(label)
    usable = np.flatnonzero(counts >= need)
    if len(usable) < protocol.ways:
        raise ManifestError(
            f"a {protocol.ways}-way episode needs {protocol.ways} classes with {protocol.shots}+"
            f"{protocol.queries} clips each, only {len(usable)} of {np.count_nonzero(counts)} have them; "
            "lower --ways, --shots or --queries"
        )
    if protocol.source_disjoint and group is None:
        raise ManifestError("source-disjoint episodes need a column `group` in the manifest; it has none")
    members = _member_table(label, usable)
    disjoint = group if protocol.source_disjoint else None
    drawn: list[Episodes] = []
    found = chunk = barren = 0
    while found < protocol.episodes:
        part = _draw_chunk(members, usable, disjoint, protocol, np.random.default_rng([protocol.seed, chunk]))
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


def _member_table(label: Int[ndarray, " clips"], usable: Int[ndarray, " classes"]) -> Int[ndarray, "classes most"]:
    """The clips of every usable class, a row each, padded with -1."""
    rows = [np.flatnonzero(label == one) for one in usable]
    table = np.full((len(rows), max(len(row) for row in rows)), -1)
    for place, row in zip(table, rows, strict=True):
        place[: len(row)] = row
    return table


def _draw_chunk(
    members: Int[ndarray, "classes most"],
    usable: Int[ndarray, " classes"],
    group: Int[ndarray, " clips"] | None,
    protocol: ProtocolConfig,
    random: np.random.Generator,
) -> Episodes:
    chosen = random.random((CHUNK, len(usable))).argsort(1)[:, : protocol.ways]
    pool = members[chosen]
    query_place, _ = _take(pool >= 0, protocol.queries, random)
    query = np.take_along_axis(pool, query_place, 2)
    free = pool >= 0
    np.put_along_axis(free, query_place, False, 2)
    if group is not None:
        asked = rearrange(group[query], "e w q -> e 1 (w q)")
        clash = np.zeros_like(free)
        for one in range(asked.shape[2]):
            clash |= group[pool] == asked[:, :, one, None]
        free &= ~clash
    support_place, enough = _take(free, protocol.shots, random)
    return Episodes(usable[chosen][enough], query[enough], np.take_along_axis(pool, support_place, 2)[enough])


def _take(
    free: Bool[ndarray, "episodes way most"], count: int, random: np.random.Generator
) -> tuple[Int[ndarray, "episodes way {count}"], Bool[ndarray, " episodes"]]:
    """Choose `count` free places of each class at random, and tell which episodes had that many."""
    key = np.where(free, random.random(free.shape), np.inf)
    place = key.argsort(2)[:, :, :count]
    return place, (free.sum(2) >= count).all(1)
