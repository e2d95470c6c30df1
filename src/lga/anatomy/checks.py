"""What is wrong with an anatomy, in words its author can act on."""

import re
from collections.abc import Sequence
from itertools import combinations

from lga.anatomy.labels import normalise_label, quote
from lga.anatomy.schema import Anatomy, Stage

MAX_WORDS = 25
"""three sentences of this length stay well inside a text encoder's window"""

MAX_OVERLAP = 0.8
"""shared words over all words, above which two stages count as the same"""

SAME_WORD = 4
"""leading letters that make `raises` and `raising` one word"""


def check_anatomy(anatomy: Anatomy) -> list[str]:
    """The problems of an anatomy, one line each; an empty list is a clean bill."""
    stated = anatomy.origin in ("lexicon", "llm")
    problems = [
        f"stage {number}: {problem}"
        for number, stage in enumerate(anatomy.stages, 1)
        for problem in stage_problems(stage, anatomy.label, parts_wanted=stated)
    ]
    for (first, one), (second, other) in combinations(enumerate(anatomy.stages, 1), 2):
        if overlap(one.sentence, other.sentence) > MAX_OVERLAP:
            problems.append(f"stages {first} and {second} say the same: {quote(other.sentence)}")
    return problems


def stage_problems(stage: Stage, label: str, *, parts_wanted: bool) -> list[str]:
    """What is wrong with one stage, seen alone."""
    written = words(stage.sentence)
    problems: list[str] = []
    if len(written) > MAX_WORDS:
        problems.append(f"{len(written)} words; at most {MAX_WORDS} are wanted")
    if set(written) <= FILLERS | set(words(normalise_label(label))):
        problems.append(f"{quote(stage.sentence)} says no more than the label")
    if unseen := sorted(UNSEEN.intersection(written)):
        problems.append(f"no camera sees {', '.join(quote(word) for word in unseen)}")
    parts = {"subject": stage.subject, "motion": stage.motion, "object": stage.object}
    parts_wanted = parts_wanted or any(parts.values())
    for name, part in parts.items():
        if not part and parts_wanted:
            problems.append(f"the {name} is not stated")
        elif part and not occurs(part, written):
            problems.append(f"the {name} {quote(part)} does not occur in the sentence")
    return problems


def occurs(part: str, written: Sequence[str]) -> bool:
    """Whether all words of a part, fillers aside, are among the written ones, in any inflection."""
    starts = {word[:SAME_WORD] for word in written}
    return all(word[:SAME_WORD] in starts for word in words(part) if word not in FILLERS)


def overlap(one: str, other: str) -> float:
    """Shared words over all words of two sentences, 0 to 1, fillers left out; 1 for two of fillers only."""
    first, second = set(words(one)) - FILLERS, set(words(other)) - FILLERS
    return len(first & second) / len(first | second) if first | second else 1.0


def words(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation."""
    return re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text.lower())


FILLERS = frozenset(words("a an the of to in on at is are and person people someone action doing does"))

UNSEEN = frozenset(
    words("""
    want wants intend intends hope hopes feel feels decide decides think thinks because
    happily angrily sadly nervously loudly quietly hear hears sound sounds noise
    """)
)
"""words for what no camera sees: intentions, reasons, feelings, sounds"""
