"""The shipped lexicons: three stages for every class of the usual benchmarks and for everyday actions."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

from lga.anatomy.schema import Stage
from lga.config import FrozenModel
from lga.labels import lookup_key

LexiconName = Literal["everyday", "ucf101", "kinetics100", "ssv2"]
LEXICONS: tuple[LexiconName, ...] = ("everyday", "ucf101", "kinetics100", "ssv2")


class Lexicon(FrozenModel):
    """One lexicon file: onset, progression and completion of each label, written by a language model.

    An alias is another wording of a label and shares its stages; spellings (`PullUps`) need none.
    """

    version: Literal[1]
    written_by: str
    prompt_version: int
    aliases: dict[str, str]
    anatomies: dict[str, tuple[Stage, Stage, Stage]]


@dataclass(frozen=True, slots=True)
class Entry:
    """What the lexicons know of one label."""

    label: str
    """as the lexicon spells it, which for an alias is another wording"""
    stages: tuple[Stage, Stage, Stage]
    lexicon: LexiconName


def find_entry(label: str) -> Entry | None:
    """The shipped entry of a label or of an alias, in any spelling."""
    return all_entries().get(lookup_key(label))


@cache
def all_entries() -> Mapping[str, Entry]:
    """Every entry of every lexicon by its lookup key; read once, when first asked for."""
    return {
        lookup_key(name): Entry(label, lexicon.anatomies[label], source)
        for source in LEXICONS
        for lexicon in [read_lexicon(source)]
        for name, label in [*zip(lexicon.anatomies, lexicon.anatomies, strict=True), *lexicon.aliases.items()]
    }


def read_lexicon(name: LexiconName) -> Lexicon:
    """One shipped lexicon, as it lies in the package."""
    file = resources.files("lga.anatomy") / "lexicons" / f"{name}.json"
    return Lexicon.model_validate_json(file.read_bytes())
