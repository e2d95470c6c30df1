"""Action labels as people and data sets spell them, and the one form under which they are compared."""

import re
import unicodedata
from collections.abc import Iterable

from lga.errors import AnatomyError, ManifestError
from lga.errors import has_hidden_characters as has_hidden_characters
from lga.errors import printable as printable

MAX_LABEL = 200
"""characters"""


def normalise_label(label: str) -> str:
    """The readable form under which spellings of one label meet: `Blow DryHair` becomes `blow dry hair`.

    Unicode NFC, lower case, CamelCase taken apart, underscores and hyphens as blanks, single blanks; brackets
    around placeholders (`[something]`) go. Any string is accepted, the result may be empty. Idempotent.
    """
    text = unicodedata.normalize("NFC", label).replace("’", "'")
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower()
    text = re.sub(r"[\[\]{}<>]", "", text)
    text = re.sub(r"[\s_\-‐‑–—]+", " ", text).strip()
    return unicodedata.normalize("NFC", text)


def lookup_key(label: str) -> str:
    """What two labels share when they are the same label: the normalised form without blanks and punctuation.

    So `PullUps`, `pull ups` and `pullups` are one label, and a comma or a bracket makes no difference.
    """
    name = normalise_label(label)
    return re.sub(r"[\s(),.']", "", name) or name


def checked_label(label: str) -> str:
    """The label itself, without blanks around it, if it can be one.

    Raises:
        AnatomyError: the label is blank, longer than `MAX_LABEL` or holds control characters.
    """
    if len(label) > MAX_LABEL:
        raise AnatomyError(f"a label has at most {MAX_LABEL} characters; {quote(label)} has {len(label)}")
    if has_hidden_characters(label):
        raise AnatomyError(f"a label is one line of visible text; {quote(label)} holds a control character")
    if not normalise_label(label):
        raise AnatomyError(f"a label names an action; {quote(label)} is blank")
    return label.strip()


def prompt_name(label: str) -> str:
    """A label as one would write it in a sentence: `HandstandPushups` becomes `handstand pushups`.

    Raises:
        AnatomyError: as `checked_label`.
    """
    return normalise_label(checked_label(label))


def quote(text: str, limit: int = 60) -> str:
    """A text for an error message: in quotation marks, hidden characters escaped, cut when long."""
    return repr(text) if len(text) <= limit else repr(text[:limit]) + "..."


def check_unique_labels(where: str, labels: Iterable[str]) -> None:
    """Refuse one action in two spellings, which would compete with itself; a label may come again as it is spelt.

    Args:
        where: what holds the labels, for the message.
        labels: any number of them.

    Raises:
        ManifestError: two spellings mean the same action; both are named.
    """
    spelling: dict[str, str] = {}
    for label in labels:
        first = spelling.setdefault(lookup_key(label), label)
        if first != label:
            raise ManifestError(
                f"{where}: {quote(first)} and {quote(label)} are the same action; merge them or rename one"
            )
