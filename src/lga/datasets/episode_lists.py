"""Episode lists on disk: the same episodes on another machine, or with another program."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from einops import rearrange
from pydantic import Field, ValidationError

from lga.config import FrozenModel, ProtocolConfig
from lga.datasets.episodes import Episodes
from lga.errors import ManifestError, SettingsError
from lga.files import checksum_of, write_atomically
from lga.labels import quote

MAX_BYTES = 2**30
Place = Annotated[int, Field(ge=0, lt=2**31)]


@dataclass(frozen=True, slots=True)
class ClipContent:
    """A clip by its content: the same wherever its file lies."""

    sha256: str
    label: str


class _Header(FrozenModel):
    """The first line: the protocol and the clips. Classes are the labels in alphabetical order."""

    format: Literal["lga episodes 1"]
    protocol: ProtocolConfig
    clips: tuple[ClipContent, ...]
    checksum: str | None = None
    """of the rest of the file; lists of 0.1.0 have none"""

    @property
    def labels(self) -> list[str]:
        return sorted({clip.label for clip in self.clips})


class _Episode(FrozenModel):
    """Every other line: one episode as places in the header's lists; query and support have a row for each class."""

    classes: list[Place]
    query: list[list[Place]]
    support: list[list[Place]]


def write_episodes(path: Path, episodes: Episodes, protocol: ProtocolConfig, clips: Sequence[ClipContent]) -> None:
    """Write episodes as JSON lines: a header that names every clip by the sha256 of its content, then the episodes.

    Raises:
        LGAError: the disk is full, or the place cannot be written.
    """
    header = _Header(format="lga episodes 1", protocol=protocol, clips=tuple(clips))
    rows = zip(episodes.classes.tolist(), episodes.query.tolist(), episodes.support.tolist(), strict=True)
    lines = [json.dumps({"classes": c, "query": q, "support": s}, separators=(",", ":")) for c, q, s in rows]
    content = header.model_dump(mode="json", exclude={"checksum"})
    first = json.dumps({**content, "checksum": checksum_of([content, *lines])}, ensure_ascii=False)
    write_atomically(path, ("\n".join([first, *lines]) + "\n").encode())


def read_episodes(path: Path, clips: Sequence[ClipContent]) -> tuple[Episodes, ProtocolConfig]:
    """Read an episode list and find its clips among those at hand, by their content.

    Raises:
        ManifestError: the file is no such list, its episodes are not alike or contradict themselves, or a clip that
            an episode needs is not at hand or has another label.
    """
    header, rows = _parse(path)
    try:
        classes = np.array([row.classes for row in rows], int)
        query = np.array([row.query for row in rows], int)
        support = np.array([row.support for row in rows], int)
    except ValueError as error:
        raise ManifestError(f"{path}: its episodes are not all alike, or not what its first line says") from error
    _check(path, header, Episodes(classes, query, support))
    here = {one.sha256: number for number, one in enumerate(clips)}
    label_here = {label: number for number, label in enumerate(sorted({one.label for one in clips}))}
    clip, number = np.full(len(header.clips), -1), np.full(len(header.labels), -1)
    place = {label: number for number, label in enumerate(header.labels)}
    for one in np.union1d(query, support).tolist():
        wanted = header.clips[one]
        found = here.get(wanted.sha256)
        name = f"the clip of {quote(wanted.label)} with sha256 {wanted.sha256[:12]}"
        if found is None:
            raise ManifestError(f"{path}: {name} is not in the manifest; evaluate the clips the list was made from")
        if clips[found].label != wanted.label:
            raise ManifestError(
                f"{path}: {name} is {quote(clips[found].label)} in the manifest; use the labels the list was made with"
            )
        clip[one], number[place[wanted.label]] = found, label_here[wanted.label]
    return Episodes(number[classes], clip[query], clip[support]), header.protocol


def _parse(path: Path) -> tuple[_Header, list[_Episode]]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ManifestError(f"{path}: larger than {MAX_BYTES >> 20} MiB; this is not an episode list")
        first, *lines = path.read_text(encoding="utf-8").split("\n")
        lines = [line for line in lines if line]
        header, rows = _Header.model_validate_json(first), [_Episode.model_validate_json(line) for line in lines]
    except OSError as error:
        raise ManifestError(
            f"{path}: cannot be read ({error.strerror}); give a file that --episodes-out wrote"
        ) from error
    except (UnicodeDecodeError, ValidationError, SettingsError) as error:
        raise ManifestError(f"{path}: not an episode list; give a file that --episodes-out wrote") from error
    content = json.loads(first)
    content.pop("checksum", None)
    if header.checksum not in (None, checksum_of([content, *lines])):
        raise ManifestError(f"{path}: was damaged or changed since it was written; copy it again")
    return header, rows


def _check(path: Path, header: _Header, episodes: Episodes) -> None:
    """Refuse a list that was altered: every clip must be of its row's class, and stand once in an episode."""
    protocol, shape = header.protocol, (header.protocol.episodes, header.protocol.ways)
    shapes = (episodes.classes.shape, episodes.query.shape, episodes.support.shape)
    if shapes != (shape, (*shape, protocol.queries), (*shape, protocol.shots)):
        raise ManifestError(f"{path}: its episodes are not all alike, or not what its first line says")
    clips = np.concatenate([episodes.query, episodes.support], 2)
    if episodes.classes.max() >= len(header.labels) or clips.max() >= len(header.clips):
        raise ManifestError(f"{path}: an episode names a clip or class that its first line has not")
    label = np.array([header.labels.index(one.label) for one in header.clips])
    rows = (episodes.classes, rearrange(clips, "e w n -> e (w n)"))
    once = all((np.diff(np.sort(one, 1), axis=1) > 0).all() for one in rows)
    if not (once and (label[clips] == episodes.classes[..., None]).all()):
        raise ManifestError(f"{path}: an episode has a clip or class twice, or a clip of another class")
