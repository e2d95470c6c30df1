"""From a label to its stages: the user's description first, then the lexicons, then a template.

The shipped lexicons know every class of the five benchmarks and everyday actions.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from lga.anatomy.descriptions import Descriptions, parse_json, read_records
from lga.anatomy.schema import Anatomy, Stage, spread, template_anatomy
from lga.config import MAX_STAGES, FrozenModel, StageCount
from lga.errors import AnatomyError
from lga.labels import checked_label, lookup_key, quote

_SHIPPED = resources.files("lga.anatomy") / "lexicons"
LEXICONS: dict[str, Traversable] = {
    name: _SHIPPED / f"{name}.json" for name in ("everyday", "ucf101", "kinetics100", "ssv2")
}
"""The lexicons by name; of two that know a label the later one counts.

One of your own is a file of the same form, or one that `--descriptions` takes:

>>> LEXICONS["kitchen"] = Path("kitchen.json")
"""


class Lexicon(FrozenModel):
    """One lexicon: the ordered stages of each label; in the shipped ones onset, progression and completion.

    An alias is another wording of a label and shares its stages; spellings (`PullUps`) need none.
    """

    version: Literal[1] = 1
    written_by: str = ""
    """who or which language model"""
    prompt_version: Annotated[int, Field(ge=0)] = 0
    aliases: dict[str, str] = Field(default_factory=dict)
    anatomies: dict[str, Annotated[tuple[Stage, ...], Field(min_length=1, max_length=MAX_STAGES)]]

    @model_validator(mode="after")
    def _aliases_lead_somewhere(self) -> "Lexicon":
        if lost := sorted(set(self.aliases.values()) - self.anatomies.keys()):
            raise ValueError(f"an alias means {quote(lost[0])}, which has no stages")
        return self


@dataclass(frozen=True, slots=True)
class LexiconEntry:
    """What the lexicons know of one label."""

    label: str
    """as the lexicon spells it, which for an alias is another wording"""
    stages: tuple[Stage, ...]
    lexicon: str


UNTOLD = 3
"""Stages of an action of which no text says how many it has, nor its examples."""


def anatomize(label: str, *, stages: StageCount = 3, descriptions: Descriptions | None = None) -> Anatomy:
    """Take a label apart into `stages` ordered stages; `label` keeps the caller's spelling.

    What the user described must have `stages` stages. The lexicons know three (onset, progression and
    completion); for another number see `spread`, and `detail` says so. With `stages` auto a label has as many as were
    described, else as the lexicon has, else `UNTOLD`.

    Raises:
        AnatomyError: the label cannot be one, or the user described it with another number of stages.
        ValueError: fewer than one or more than `MAX_STAGES` stages.
    """
    if stages != "auto" and not 1 <= stages <= MAX_STAGES:
        raise ValueError(f"an anatomy has 1 to {MAX_STAGES} stages, not {stages}")
    label = checked_label(label)
    if descriptions is not None and (own := descriptions.find(label)) is not None:
        if stages not in ("auto", len(own)):
            raise AnatomyError(f"{descriptions.source}: {quote(label)}: {stages} stages are wanted; found {len(own)}")
        return Anatomy(label=label, stages=own, origin="file", detail=descriptions.source)
    if (entry := find_entry(label)) is not None:
        detail, known = f"{entry.lexicon}: {entry.label}", len(entry.stages)
        count = known if stages == "auto" else stages
        if count != known:
            detail += f" ({count} stages spread from {known})"
        return Anatomy(label=label, stages=spread(entry.stages, count), origin="lexicon", detail=detail)
    return template_anatomy(label, UNTOLD if stages == "auto" else stages)


def find_entry(label: str) -> LexiconEntry | None:
    """The entry of a label or of an alias, in any spelling.

    Raises:
        AnatomyError: a lexicon that was added cannot be read.
    """
    return all_entries().get(lookup_key(label))


def all_entries() -> Mapping[str, LexiconEntry]:
    """Every entry of every lexicon by its lookup key; each file is read once.

    Raises:
        AnatomyError: a lexicon that was added cannot be read.
    """
    return _entries(tuple(LEXICONS.items()))


def read_lexicon(name: str) -> Lexicon:
    """One lexicon by its name.

    Raises:
        AnatomyError: it was added and cannot be read.
    """
    return _read(LEXICONS[name])


@cache
def _entries(lexicons: tuple[tuple[str, Traversable], ...]) -> Mapping[str, LexiconEntry]:
    return {
        lookup_key(spelling): LexiconEntry(label, lexicon.anatomies[label], name)
        for name, place in lexicons
        for lexicon in [_read(place)]
        for spelling, label in [*zip(lexicon.anatomies, lexicon.anatomies, strict=True), *lexicon.aliases.items()]
    }


def _read(place: Traversable) -> Lexicon:
    """A file in the form of a lexicon (it has `anatomies`) or of descriptions."""
    try:
        content = parse_json(place.read_bytes())
        if isinstance(content, dict) and "anatomies" in content:
            return Lexicon.model_validate_json(json.dumps(content))
    except OSError as error:
        raise AnatomyError(f"{place}: the lexicon cannot be read ({error.strerror})") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise AnatomyError(f"{place}: not a lexicon: {where or 'aliases'}: {first['msg']}") from error
    except AnatomyError as error:
        raise AnatomyError(f"{place}: {error}") from error
    records = read_records(Path(str(place)))
    return Lexicon(anatomies={label: record.stages for label, record in records.items()})
