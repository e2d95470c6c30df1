"""How sure an answer is, in a word: the one place that says from which confidence on an answer is called what."""

from typing import Literal

Word = Literal["sure", "likely", "unsure", "none of yours"]
WORDS: tuple[Word, ...] = ("sure", "likely", "unsure", "none of yours")
"""From the surest to none."""
SURE, LIKELY = 0.8, 0.5
"""Confidence from which an answer is called so.

Our choice, so that of the answers called sure nine in ten are right where clips show taught actions, and of those
called likely six in ten, on two corpora (docs/figures.md has the shares, `benchmarks/confidence.py` measures them).
"""


def confidence(probability: float, known_score: float | None) -> float:
    """How likely an answer is right, 0 to 1, if half of the clips asked about show a taught action.

    Args:
        probability: of the likeliest action, if the clip shows a taught one, 0 to 1.
        known_score: of that, 0 to 1; None where too little was taught to say, which counts as 1.
    """
    return probability * (1.0 if known_score is None else known_score)


def confidence_word(value: float, *, known: bool = True) -> Word:
    """The word for a confidence, 0 to 1; `known` is whether the clip counts as showing a taught action."""
    if not known:
        return "none of yours"
    return "sure" if value >= SURE else "likely" if value >= LIKELY else "unsure"
