"""The one error family: every `LGAError` is something its reader can put right."""

import unicodedata

JOINERS = "\u200c\u200d"
"""invisible, but Persian and the scripts of India cannot be spelt without them"""
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's kinds of characters that a terminal obeys, or that nobody can see: controls, formats, halves of pairs."""


def has_hidden_characters(text: str) -> bool:
    """Whether a text holds line breaks, control or formatting characters (or half a surrogate pair)."""
    return any(unicodedata.category(each) in HIDDEN and each not in JOINERS for each in text)


def printable(text: object) -> str:
    """A text, a path or a URL in one visible line: where anything in it is hidden, all but ASCII is escaped."""
    shown = str(text)
    return shown.encode("unicode_escape", "surrogatepass").decode("ascii") if has_hidden_characters(shown) else shown


LONGEST = 6000
"""Characters of a message: two of the longest paths and some words."""


class LGAError(Exception):
    """What was wanted, what came and what to do, in one visible line; the command line exits with 1.

    Of a line that is too long for anybody, because a value is quoted in it, the middle is left out.
    """

    def __init__(self, message: str):
        shown = printable(message)
        half = LONGEST // 2
        super().__init__(shown if len(shown) <= LONGEST else f"{shown[:half]} ... {shown[-half:]}")


class SettingsError(LGAError):
    """A setting is out of its range or does not go with another; the command line exits with 2."""


class VideoError(LGAError):
    """A clip cannot be read; the message starts with its path."""


class BackboneError(LGAError):
    """A backbone's weights are missing, altered or do not fit."""


class AnatomyError(LGAError):
    """A label or a descriptions file cannot be turned into stages."""


class ActionsError(LGAError):
    """A folder of taught actions is missing, damaged or made by something else."""


class ManifestError(LGAError):
    """A manifest or an examples folder does not hold what the job needs."""


class TrainingError(LGAError):
    """Training cannot start, go on or be believed."""


class CheckpointError(LGAError):
    """A trained head is missing, damaged or made for something else."""


class NoReplyError(AnatomyError):
    """One question to a language model has no reply, however often it was sent."""


class ServerError(AnatomyError):
    """No question to a language model will have a reply: the key, the address or the model is wrong."""


class ClipWarning(UserWarning):
    """A clip is read, but not all of it; the message starts with its path."""
