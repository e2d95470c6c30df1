"""Compare and merge descriptions: what changed, how much was rewritten, and whose words stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from pathlib import Path
from typing import Literal

from lga.anatomy.descriptions import Record, read_records
from lga.anatomy.lexicon import LEXICONS, read_lexicon
from lga.anatomy.vocabulary import words
from lga.errors import AnatomyError
from lga.labels import lookup_key, quote

BUILTIN = "builtin"
Kind = Literal["added", "removed", "changed"]
Side = Literal["mine", "theirs"]


@dataclass(frozen=True, slots=True)
class Change:
    """A label whose sentences are not the same in two sets; one that is new or gone has none on one side."""

    label: str
    kind: Kind
    old: tuple[str, ...]
    new: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A run of words of two versions of a sentence, and which of them has it."""

    kind: Literal["same", "removed", "added"]
    text: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """A label that both sides changed, each in its own way: what happened, and whose version was kept."""

    label: str
    reason: str
    kept: Side


@dataclass(frozen=True, slots=True)
class Merged:
    """Two sets of descriptions as one."""

    records: Mapping[str, Record]
    conflicts: tuple[Conflict, ...]
    taken: int
    """labels whose new version came from theirs without a conflict"""


@dataclass(frozen=True, slots=True)
class EditDistance:
    """How many words of a label's sentences must be put in, left out or exchanged, a stage each."""

    label: str
    edits: tuple[int, ...]
    share: float
    """all edits over the words of the longer version, 0 to 1"""


def named_records(name: str) -> Mapping[str, Record]:
    """The descriptions that a name means: a file, `builtin` for all shipped ones, or for instance `builtin:ucf101`.

    Raises:
        AnatomyError: there is no such lexicon, or the file cannot be read.
    """
    if not is_builtin(name):
        return read_records(Path(name))
    lexicon = name.removeprefix(BUILTIN).removeprefix(":")
    chosen = [each for each in LEXICONS if lexicon in ("", each)]
    if not chosen:
        raise AnatomyError(f"no lexicon {quote(lexicon)}; there are {', '.join(LEXICONS)}")
    return {
        label: Record(source="lexicon", stages=stages, detail=f"{each}: {label}", prompt=shipped.prompt_version)
        for each in chosen
        for shipped in [read_lexicon(each)]
        for label, stages in shipped.anatomies.items()
    }


def is_builtin(name: str) -> bool:
    """Whether a name means shipped descriptions rather than a file."""
    return name.partition(":")[0] == BUILTIN


def changes(old: Mapping[str, Record], new: Mapping[str, Record]) -> list[Change]:
    """The labels that are added, removed or told in other sentences, by name; spelling makes no difference."""
    before, after = _by_key(old), _by_key(new)
    found: list[Change] = []
    for key in sorted(before.keys() | after.keys()):
        label = (after.get(key) or before[key])[0]
        one, other = _sentences(before.get(key)), _sentences(after.get(key))
        if one != other:
            found.append(Change(label, "added" if not one else "removed" if not other else "changed", one, other))
    return found


def word_diff(old: str, new: str) -> list[Span]:
    """Two versions of a sentence as runs of words that both, only the old or only the new one has."""
    before, after = old.split(), new.split()
    spans: list[Span] = []
    for how, first, last, start, end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if how == "equal":
            spans.append(Span("same", " ".join(before[first:last])))
            continue
        if first < last:
            spans.append(Span("removed", " ".join(before[first:last])))
        if start < end:
            spans.append(Span("added", " ".join(after[start:end])))
    return spans


def merge(base: Mapping[str, Record], mine: Mapping[str, Record], theirs: Mapping[str, Record]) -> Merged:
    """Bring together what two sides made of one base, label by label.

    Where only one side changed the stages, its version stands, a removal too. Where both did, each in its own way,
    it is a conflict, and named: what a person wrote wins over what a model wrote, and of two alike mine wins.
    """
    started, ours, other = _by_key(base), _by_key(mine), _by_key(theirs)
    records: dict[str, Record] = {}
    conflicts: list[Conflict] = []
    taken = 0
    for key in dict.fromkeys([*ours, *other, *started]):
        sides = {"mine": ours.get(key), "theirs": other.get(key)}
        origin, one, two = (_stages(each) for each in (started.get(key), *sides.values()))
        kept: Side = "theirs" if one == origin and two != origin else "mine"
        taken += kept == "theirs"
        if one not in (origin, two) and two != origin:
            kept = "theirs" if _by_hand(sides["theirs"]) and not _by_hand(sides["mine"]) else "mine"
            label = next(each[0] for each in (*sides.values(), started.get(key)) if each is not None)
            conflicts.append(Conflict(label, _reason(sides["mine"], sides["theirs"]), kept))
        if (chosen := sides[kept]) is not None:
            records[chosen[0]] = chosen[1]
    return Merged(records, tuple(conflicts), taken)


def edit_distance(one: Sequence[str], other: Sequence[str]) -> int:
    """The fewest words to put in, leave out or exchange that turn one list into the other (Levenshtein)."""
    row = list(range(len(other) + 1))
    for number, word in enumerate(one, 1):
        above, row = row, [number]
        for place, rival in enumerate(other, 1):
            row.append(min(above[place] + 1, row[-1] + 1, above[place - 1] + (word != rival)))
    return row[-1]


def distances(one: Mapping[str, Record], other: Mapping[str, Record]) -> list[EditDistance]:
    """How far the labels that both sets describe were rewritten, the most first; case and punctuation do not count."""
    before, after = _by_key(one), _by_key(other)
    found: list[EditDistance] = []
    for key in before.keys() & after.keys():
        pairs = [
            (words(old), words(new))
            for old, new in zip_longest(_sentences(before[key]), _sentences(after[key]), fillvalue="")
        ]
        edits = tuple(edit_distance(old, new) for old, new in pairs)
        longest = sum(max(len(old), len(new)) for old, new in pairs)
        found.append(EditDistance(after[key][0], edits, sum(edits) / max(1, longest)))
    return sorted(found, key=lambda each: (-each.share, each.label))


_Named = tuple[str, Record]


def _by_key(records: Mapping[str, Record]) -> dict[str, _Named]:
    return {lookup_key(label): (label, record) for label, record in records.items()}


def _sentences(named: _Named | None) -> tuple[str, ...]:
    return () if named is None else tuple(stage.sentence for stage in named[1].stages)


def _stages(named: _Named | None) -> tuple[object, ...]:
    return () if named is None else named[1].stages


def _by_hand(named: _Named | None) -> bool:
    """Whether a person's decision stands behind this side; to leave a label out is one."""
    return named is None or named[1].edited


def _reason(mine: _Named | None, theirs: _Named | None) -> str:
    if mine is None:
        return "removed in mine, changed in theirs"
    if theirs is None:
        return "changed in mine, removed in theirs"
    return "changed in both"
