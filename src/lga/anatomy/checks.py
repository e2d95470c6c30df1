"""What is wrong with an anatomy, in words its author can act on."""

import re
from itertools import combinations

from lga.anatomy.schema import Anatomy, Stage
from lga.anatomy.vocabulary import (
    BASES_IN_ED,
    DETERMINED,
    DETERMINERS,
    ENDING,
    FILLERS,
    NOT_A_BEGINNING,
    NOT_A_SENTENCE,
    NOT_PRESENT,
    PAST,
    PEOPLE_THEN_VERB,
    SAME_WORD,
    STARTING,
    TALK,
    UNSEEN,
    UNSEEN_PHRASES,
    WORN,
    is_english,
    occurs,
    overlap,
    words,
)
from lga.labels import normalise_label, quote

MAX_WORDS = 25
"""three sentences of this length stay well inside a text encoder's window"""

MAX_OVERLAP = 0.8
"""shared words over all words, above which two stages count as the same"""

OPENING = 6
"""words of a sentence among which the one who moves must be"""

ACRONYM = 4
"""letters of the longest word in capitals that is no name, such as `TV` or `DVD`"""


def check_anatomy(anatomy: Anatomy, *, stages: int | None = None) -> list[str]:
    """The problems of an anatomy, one line each with its reason; an empty list is a clean bill.

    With `stages` the anatomy must have that many. Sentences that are not English are only checked for what needs no
    English: their length, their parts, markup, and whether they differ. A template's sentences are the house's own;
    nothing but their number is checked.
    """
    problems: list[str] = []
    if stages is not None and len(anatomy.stages) != stages:
        problems.append(f"{stages} stages are wanted; found {len(anatomy.stages)}")
    if anatomy.origin == "template":
        return problems
    stated = anatomy.origin in ("lexicon", "llm")
    for number, stage in enumerate(anatomy.stages, 1):
        found = stage_problems(stage, anatomy.label, parts_wanted=stated)
        problems += [f"stage {number}: {problem}" for problem in found]
    return problems + order_problems(anatomy) + repetitions(anatomy)


def stage_problems(stage: Stage, label: str, *, parts_wanted: bool) -> list[str]:
    """What is wrong with one stage, seen alone."""
    written, named = words(stage.sentence), words(normalise_label(label))
    problems: list[str] = []
    if len(written) > MAX_WORDS:
        problems.append(f"{len(written)} words; at most {MAX_WORDS} are wanted")
    if set(written) <= FILLERS | set(named):
        problems.append(f"{quote(stage.sentence)} says no more than the label")
    for what, pattern in NOT_A_SENTENCE.items():
        if cut := pattern.search(stage.sentence):
            problems.append(f"{quote(cut.group().strip())}: {what}; one plain sentence is wanted")
    problems += part_problems(
        stage, written, wanted=parts_wanted or bool(stage.subject or stage.motion or stage.object)
    )
    if is_english(written):
        problems += view_problems(stage, written, named)
    return problems


def part_problems(stage: Stage, written: list[str], *, wanted: bool) -> list[str]:
    """Subject, motion and object must be stated, all or none, and occur in the sentence."""
    problems: list[str] = []
    for name, part in (("subject", stage.subject), ("motion", stage.motion), ("object", stage.object)):
        if not part and wanted:
            problems.append(f"the {name} is not stated")
        elif part and not occurs(part, written):
            problems.append(f"the {name} {quote(part)} does not occur in the sentence")
    return problems


def view_problems(stage: Stage, written: list[str], named: list[str]) -> list[str]:
    """Where an English sentence is not a view of someone who moves: what a camera sees, in the present, nobody named.

    Words that the label itself holds are always allowed.
    """
    problems: list[str] = []
    known = {word[:SAME_WORD] for word in named}
    fresh = {word for word in written if word[:SAME_WORD] not in known}
    text = " ".join(written)
    phrases = [each for each in UNSEEN_PHRASES if f" {each} " in f" {text} " and not set(each.split()) <= set(named)]
    unseen = sorted(UNSEEN & fresh) + phrases
    if unseen:
        problems.append(f"no camera sees {', '.join(quote(word) for word in unseen)}")
    if talk := sorted(TALK & fresh):
        problems.append(f"{', '.join(quote(word) for word in talk)}: someone is spoken to; a view is wanted")
    if tense := sorted(NOT_PRESENT & fresh) + past_verbs(stage, text):
        problems.append(f"{', '.join(quote(word) for word in tense)}: not the present tense, as in 'raises'")
    if not begins_with_subject(stage, written):
        problems.append(f"begins with {quote(written[0])}, not with who moves, as in 'A person ...'")
    if names := proper_names(stage.sentence, known):
        problems.append(f"{', '.join(quote(name) for name in names)}: a name that the label does not hold")
    return problems


def past_verbs(stage: Stage, text: str) -> list[str]:
    """The verb, as stated or as found after the one who moves, if it is a past form."""
    found = PEOPLE_THEN_VERB.match(text)
    verbs = words(stage.motion)[:1] or ([found.group(1)] if found else [])
    return [
        verb
        for verb in verbs
        if verb in PAST or (verb.endswith("ed") and verb not in WORN and verb not in BASES_IN_ED and len(verb) > 3)
    ]


def begins_with_subject(stage: Stage, written: list[str]) -> bool:
    """Whether the sentence opens with who moves rather than with a place, an adverb, a verb or a command."""
    first, second = (*written, "", "")[:2]
    if first in NOT_A_BEGINNING or first.endswith("ly") or (first.endswith("ing") and second in DETERMINED):
        return False
    if first not in DETERMINERS and second in DETERMINED:
        return False
    heads = words(stage.subject)[-1:]
    return not heads or occurs(heads[0], written[:OPENING]) or not occurs(stage.subject, written)


def proper_names(sentence: str, known: set[str]) -> list[str]:
    """Capitalised words inside a sentence, but for short acronyms, letters (`an X`) and the label's own words."""
    names: list[str] = []
    for found in re.finditer(r"(?<![\w'’-])[^\W\d_]+", sentence):
        word = found.group()
        opens = not re.search(r"\w", sentence[: found.start()]) or re.search(r"[.:!?]\W*$", sentence[: found.start()])
        acronym = word.isupper() and len(word) <= ACRONYM
        if word[0].isupper() and not opens and not acronym and word.lower()[:SAME_WORD] not in known:
            names.append(word)
    return names


def order_problems(anatomy: Anatomy) -> list[str]:
    """Stages whose words say that they stand at another place: an end at first, a beginning at last or after an end."""
    texts = [" ".join(words(stage.sentence)) for stage in anatomy.stages]
    if len(texts) < 2 or not is_english(" ".join(texts).split()):
        return []
    starts = [found and found.group() for found in map(STARTING.search, texts)]
    ends = [found and found.group() for found in map(ENDING.search, texts)]
    problems: list[str] = []
    if ends[0] and not starts[0]:
        problems.append(f"stage 1: {quote(ends[0])} belongs to an end, not to the first stage")
    for number, start in enumerate(starts[1:], 2):
        if start and (number == len(texts) or any(ends[: number - 1])):
            problems.append(f"stage {number}: {quote(start)} belongs to a beginning, not to this place")
    return problems


def repetitions(anatomy: Anatomy) -> list[str]:
    """Stages that say the same."""
    return [
        f"stages {first} and {second} say the same: {quote(other.sentence)}"
        for (first, one), (second, other) in combinations(enumerate(anatomy.stages, 1), 2)
        if overlap(one.sentence, other.sentence) > MAX_OVERLAP
    ]
