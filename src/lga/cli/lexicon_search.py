"""`lga lexicon list | search`: which actions the lexicons know, and under which names."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.columns import Columns
from tyro.conf import Positional

from lga.cli.options import Flag, plural, print_json, stderr, stdout

if TYPE_CHECKING:
    from lga.anatomy.lexicon import LexiconEntry


@dataclass(frozen=True)
class ListLexicons:
    """List the actions of which the lexicons know the stages.

    Example: lga lexicon list everyday
    """

    lexicon: Positional[str | None] = None
    """one lexicon: everyday, ucf101, kinetics100 or ssv2; all if not given"""
    json: Flag = False
    """print one JSON document instead of names"""

    def run(self) -> int:
        """Print the names, each once."""
        from lga.anatomy.lexicon import LEXICONS, read_lexicon
        from lga.errors import SettingsError

        if self.lexicon is not None and self.lexicon not in LEXICONS:
            raise SettingsError(f"there is no lexicon {self.lexicon!r}; there are {', '.join(LEXICONS)}")
        wanted = [*LEXICONS] if self.lexicon is None else [self.lexicon]
        found = {name: sorted(read_lexicon(name).anatomies) for name in wanted}
        if self.json:
            print_json(found)
            return 0
        for name, labels in found.items():
            stdout().print(f"{name}: {plural(len(labels), 'action')}")
            if stdout().is_terminal:
                stdout().print(Columns(labels, padding=(0, 2), column_first=True))
            else:
                stdout().print("\n".join(labels), soft_wrap=True)
        return 0


@dataclass(frozen=True)
class SearchLexicons:
    """Find an action in the lexicons by its name, or by roughly its name, and show its stages.

    Articles, endings such as -ing and small slips of the pen make no difference.

    Example: lga lexicon search opening a door
    """

    words: Positional[Annotated[tuple[str, ...], tyro.conf.arg(metavar="WORD ...")]]
    """the name, or words of it"""
    json: Flag = False
    """print one JSON document instead of sentences"""

    def run(self) -> int:
        """Print what was found; exit 1 if nothing was."""
        from lga.anatomy.lexicon import find_entry

        asked = " ".join(self.words)
        names = search(asked)
        found = [entry for one in names if (entry := find_entry(one)) is not None]
        if self.json:
            print_json([_value(one) for one in found])
        else:
            for one in found:
                stdout().print(f"{one.label}  ({one.lexicon})", soft_wrap=True)
                for number, stage in enumerate(one.stages, 1):
                    stdout().print(f"  {number}  {stage.sentence}", soft_wrap=True)
        if not found:
            stderr(always=True).print(
                f"lga: no lexicon knows {asked!r}; describe it yourself: `lga anatomize {asked!r} --out FILE`",
                soft_wrap=True,
            )
        return 0 if found else 1


def search(asked: str) -> tuple[str, ...]:
    """The labels that a name means, or may mean, or that have all its words; the nearest first."""
    from lga.anatomy.lexicon import all_entries, find_entry
    from lga.anatomy.nearby import nearby_labels, plain_form

    entry = find_entry(asked)
    if entry is not None:
        return (entry.label,)
    wanted = set(plain_form(asked).split())
    labels = sorted({one.label for one in all_entries().values()})
    holding = [one for one in labels if wanted <= set(plain_form(one).split())]
    return tuple(dict.fromkeys((*nearby_labels(asked), *holding)))


def _value(entry: "LexiconEntry") -> dict[str, object]:
    return {
        "label": entry.label,
        "lexicon": entry.lexicon,
        "sentences": [stage.sentence for stage in entry.stages],
    }
