"""Lexicons: stages of many labels. The shipped ones know every class of the usual benchmarks and everyday actions."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from lga.anatomy.descriptions import parse_json, read_records
from lga.anatomy.schema import MAX_STAGES, Stage
from lga.config import FrozenModel
from lga.errors import AnatomyError
from lga.labels import lookup_key, quote

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
