"""Names of actions that are near a given one: other articles, forms and spellings of what is known."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

from lga.anatomy.lexicon import all_entries
from lga.anatomy.vocabulary import DETERMINERS, words
from lga.labels import lookup_key, normalise_label

ALIKE = 0.8
"""Of two names, the share of letters in common from which on one may be meant by the other (our choice)."""
VOWELS = "aeiou"


def nearby_labels(label: str, known: Iterable[str] | None = None, *, most: int = 3) -> tuple[str, ...]:
    """The known actions that a name may mean, the nearest first; none where it is known as it stands.

    Articles, the order of words and -ing, -s and -ed make no difference, so that `opening a door` finds `open door`;
    after these come names that are spelt almost alike. `known` are the names to find; the lexicons' if not given.

    Raises:
        AnatomyError: a lexicon that was added cannot be read.
    """
    names = sorted({one.label for one in all_entries().values()}) if known is None else list(known)
    if lookup_key(label) in {lookup_key(one) for one in names} or (
        known is None and lookup_key(label) in all_entries()
    ):
        return ()
    plain = plain_form(label)
    ranked = sorted((-_closeness(plain, plain_form(one)), normalise_label(one), one) for one in names)
    return tuple(one for rank, _, one in ranked if -rank >= ALIKE)[:most]


def plain_form(label: str) -> str:
    """A name without articles, its words in their shortest form."""
    written = words(normalise_label(label))
    kept = [one for one in written if one not in DETERMINERS] or written
    return " ".join(map(_stem, kept))


def _closeness(one: str, other: str) -> float:
    if sorted(one.split()) == sorted(other.split()):
        return 1.0
    return SequenceMatcher(None, one, other).ratio()


def _stem(word: str) -> str:
    """A word without -ing, -ed or -s, and without what these add: `putting` and `puts` are `put`, `riding` is `rid`."""
    if match := re.fullmatch(r"(\w*[aeiouy]\w*)(?:ing|ed)", word):
        word = match[1]
        if len(word) > 2 and word[-1] == word[-2] and word[-1] not in f"{VOWELS}ls":
            word = word[:-1]
    elif len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word.endswith("e") else word
