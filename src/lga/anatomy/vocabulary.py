"""Words that tell a checker something, and the plain text measures that checks and reviews share."""

import re
from collections.abc import Sequence

SAME_WORD = 4
"""leading letters that make `raises` and `raising` one word"""


def words(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation."""
    return re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text.lower())


def occurs(part: str, written: Sequence[str]) -> bool:
    """Whether all words of a part, fillers aside, are among the written ones, in any inflection."""
    starts = {word[:SAME_WORD] for word in written}
    return all(word[:SAME_WORD] in starts for word in words(part) if word not in FILLERS)


def overlap(one: str, other: str) -> float:
    """Shared words over all words of two sentences, 0 to 1, fillers left out; 1 for two of fillers only."""
    first, second = set(words(one)) - FILLERS, set(words(other)) - FILLERS
    return len(first & second) / len(first | second) if first | second else 1.0


def is_english(written: Sequence[str]) -> bool:
    """Whether rules about English words mean anything here; a sentence in another language is left in peace."""
    return not ENGLISH.isdisjoint(written) or {"a", "person"} <= set(written)


ENGLISH = frozenset(words("the with and onto into people someone"))
"""words that hardly an English sentence does without and that its neighbours do not have"""

FILLERS = frozenset(words("a an the of to in on at is are and person people someone action doing does"))

DETERMINERS = frozenset(words("a an the all both half one two three four several many some another each"))

UNSEEN = frozenset(
    words("""
    want wants wanting intend intends intending intention hope hopes hoping feel feels feeling decide decides
    deciding think thinks thinking because wonder wonders remember remembers believe believes expect expects
    understand understands enjoy enjoys happily angrily sadly nervously eagerly proudly excitedly confidently
    successfully unsuccessfully intentionally deliberately accidentally determined satisfied motivated
    loudly quietly silently loud hear hears hearing sound sounds noise noises noisily audible melody
    smell smells taste tastes
    """)
)
"""words for what no camera sees: intentions, reasons, feelings, judgements, sounds, smells"""

UNSEEN_PHRASES = ("in order to", "so that", "with the intention", "with the goal", "on purpose")

NOT_PRESENT = frozenset(words("will would shall should could might must was were had did"))

PAST = frozenset(
    words("""
    threw took ran went stood sat held caught began broke brought came drank drew drove fell flew gave got hung kept
    knelt laid lost made met rode rose shook shot slid spun stuck struck swam swept swung tore wore wound wrote
    """)
)
"""past forms without -ed; at the verb's place they tell a story rather than show a view"""

WORN = frozenset(
    words("""
    dressed seated crouched bent tied clothed covered strapped harnessed stretched wrapped hunched masked surrounded
    positioned equipped curled poised tucked
    """)
)
"""participles that say how a person looks rather than what the person did"""

BASES_IN_ED = frozenset(words("feed speed need shed bleed breed embed sled wed weed seed proceed heed"))
"""present forms that look past"""

PEOPLE_THEN_VERB = re.compile(
    r"^(?:\w+ ){0,3}?(?:person|people|man|woman|men|women|child|children|baby|players?|hands?|fingers?|arms?|legs?)"
    r" (?:then |slowly |quickly )?(\w+)"
)
"""finds the word at the verb's place where the motion was not stated"""

STARTING = re.compile(
    r"\b(?:begin(?:s|ning)?|starts? to|starting to|prepar(?:e|es|ing)|(?:get|gets|getting) ready|ready to|about to"
    r"|initiat(?:e|es|ing)|initially|firstly)\b"
    r"|\b(?:person|people|who|and) starts?\b"
)
"""an action begins: not in the last stage, and not after it has ended"""

ENDING = re.compile(
    r"\b(?:finish(?:es|ed|ing)(?! line| post| tape)|complet(?:es|ed|ing)|conclud(?:e|es|ed|ing)|finally|eventually"
    r"|lastly|ha(?:s|ve|ving) (?:just |already )?(?:\w+ed|done|gone|fallen|thrown|taken|put|left|made)"
    r"|at the end of the (?:action|motion|movement))\b"
    r"|\b(?:person|people|who|and) ends?\b"
)
"""an action ends: not in the first stage"""

TALK = frozenset(words("i i'm i'll my me we our you your you're please sorry sure okay"))
"""someone speaks to someone; no view of an action does"""

NOT_A_BEGINNING = frozenset(
    words("""
    then next first firstly now afterwards finally stage step phase onset progression completion here
    in on at with from by after before while as when during over under near inside into onto to through
    """)
)
"""words before the one who moves"""

DETERMINED = frozenset(words("the a an your his her their its it"))
"""after a first word that is no determiner these make a command: `Raise the cup`"""

NOT_A_SENTENCE: dict[str, re.Pattern[str]] = {
    "an address": re.compile(r"https?:|www\.|\w@\w|\w\.(?:com|org|net|io)\b", re.IGNORECASE),
    "markup or code": re.compile(r"[<>{}\[\]|\\`#*_=~^]|^\s*(?:[-•]|\(?\d+[.):])\s|\b\w+\(\)|;\s*$|&\w+;"),
    "talk about the task": re.compile(
        r"\b(?:as an? (?:ai|language model)|language model|ignore (?:all|any|the|previous)|instructions?|prompt|json"
        r"|(?:this|first|second|third|final|last) (?:sentence|video|stage|phase)|(?:stage|step|phase) \d"
        r"|(?:stage|phase) (?:one|two|three|four|five)|n/a|the action of)\b",
        re.IGNORECASE,
    ),
    "a question or a call": re.compile(r"[?!]"),
    "more than one sentence": re.compile(r"\w[.]\s+[A-Z]"),
}
