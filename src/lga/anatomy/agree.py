"""One anatomy out of several samples: the one that the others agree with most."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lga.anatomy.replies import Proposal
from lga.anatomy.vocabulary import overlap


@dataclass(frozen=True, slots=True)
class Agreed:
    """The chosen sample and how much of its words it shares with the others, 0 to 1; None if it was alone."""

    proposal: Proposal
    agreement: float | None


def choose_sample(samples: Sequence[Proposal]) -> Agreed:
    """Choose among samples of one label; nothing is mixed, so that every stage fits its neighbours.

    The number of stages is that of most samples (ties: the smaller); among those the sample wins that shares most
    words with all the others, stage by stage (ties: the earliest). One with another number of stages shares none.

    Raises:
        ValueError: there are no samples.

    Source: our choice, after self-consistency (arXiv:2203.11171): the most consistent of several answers.
    """
    if not samples:
        raise ValueError("at least one sample is needed")
    if len(samples) == 1:
        return Agreed(samples[0], None)
    counts = Counter(len(one.stages) for one in samples)
    common = min(counts, key=lambda count: (-counts[count], count))
    scores = [
        sum(likeness(one, other) for place, other in enumerate(samples) if place != own) / (len(samples) - 1)
        for own, one in enumerate(samples)
    ]
    best = max(
        (place for place, one in enumerate(samples) if len(one.stages) == common),
        key=lambda place: (scores[place], -place),
    )
    return Agreed(samples[best], round(scores[best], 3))


def likeness(one: Proposal, other: Proposal) -> float:
    """The words that two samples share over all their words, averaged over the stages; 0 if their numbers differ."""
    if len(one.stages) != len(other.stages):
        return 0.0
    pairs = zip(one.stages, other.stages, strict=True)
    return sum(overlap(first.sentence, second.sentence) for first, second in pairs) / len(one.stages)
