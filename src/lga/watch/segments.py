"""From windows to segments: the best hits that do not overlap, joined where they show one label (see Segmenter)."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

CROWDED = 0.3
"""Two hits that share more than this part of the shorter one crowd each other: only the better one stays."""
PATIENCE = 4
"""How long a hit may stay undecided, in lengths of the longest window."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A window that shows a taught action, in seconds, and how surely, 0 to 1."""

    start: float
    end: float
    label: str
    score: float

    @property
    def rank(self) -> tuple[float, float, float, str]:
        """Sorts hits, the best first; equal scores by time, then by label."""
        return -self.score, self.start, self.end, self.label

    def crowds(self, other: "Hit") -> bool:
        """Whether the two overlap so much that only the better one stays."""
        shared = min(self.end, other.end) - max(self.start, other.start)
        return shared > CROWDED * min(self.end - self.start, other.end - other.start)


@dataclass(frozen=True, slots=True)
class Segment:
    """An action that was found, in seconds from the start of the video; `confidence` is 0 to 1."""

    start: float
    end: float
    label: str
    confidence: float


class Segmenter:
    """Takes hits as windows are answered, and gives segments as soon as nothing can change them any more.

    Of hits that crowd each other the best stands, across lengths and labels (greedy non-maximum suppression). Hits that
    stand become one segment where they follow each other, have one label, and lie at most `gap` seconds apart or a
    weaker hit of their label reaches from one to the other; its confidence is the mean of theirs, by their length.

    A hit is decided once no better undecided hit crowds it and none that is still to come can; one that waited for
    `PATIENCE` times the longest window is decided by what is there. So a segment is given at most (`PATIENCE` + 2)
    times the longest window, or that and the gap, after its end, and only hits of that span are held.
    """

    def __init__(self, longest: float, gap: float):
        self._longest, self._gap = longest, gap
        self.waiting: list[Hit] = []
        self.standing: list[Hit] = []
        self.settled: list[Hit] = []
        self.fallen: list[Hit] = []
        self._growing: _Growing | None = None

    def add(self, hits: Iterable[Hit], seen: float) -> list[Segment]:
        """Take hits; `seen` says that every window that ends up to there (seconds) has been answered."""
        self.waiting += hits
        self._decide(seen - self._longest)
        return self._settle(seen - self._longest)

    def finish(self) -> list[Segment]:
        """Decide the rest: nothing comes any more."""
        self._decide(inf)
        return self._settle(inf)

    def _decide(self, safe: float) -> None:
        """Decide all that can be: hits to come begin after `safe`."""
        late = safe - (PATIENCE - 1) * self._longest
        waiting: list[Hit] = []
        for hit in sorted(self.waiting, key=lambda hit: hit.rank):
            if any(hit.crowds(better) for better in (*self.standing, *self.settled)):
                self.fallen.append(hit)
            elif hit.end <= late or (hit.end <= safe and not any(hit.crowds(better) for better in waiting)):
                self.standing.append(hit)
            else:
                waiting.append(hit)
        self.waiting = waiting

    def _settle(self, safe: float) -> list[Segment]:
        """Join the hits that begin before any undecided one, and give the segments that nothing can prolong."""
        border = min(safe, min((hit.start for hit in self.waiting), default=inf))
        self.standing.sort(key=lambda hit: (hit.start, hit.end, hit.label))
        closed: list[Segment] = []
        while self.standing and self.standing[0].start < border:
            hit = self.standing.pop(0)
            self.settled.append(hit)
            if self._growing is None or not self._growing.goes_on(hit.label, hit.start, self._gap, self.fallen):
                closed += [] if self._growing is None else [self._growing.segment]
                self._growing = _Growing(hit.start, hit.end, hit.label)
            self._growing.take(hit)
        growing = self._growing
        if growing is not None and not growing.goes_on(growing.label, border, self._gap, self.fallen):
            closed.append(growing.segment)
            self._growing = None
        self.settled = [hit for hit in self.settled if hit.end > border]
        self.fallen = [hit for hit in self.fallen if hit.end >= border]
        return closed


@dataclass(slots=True)
class _Growing:
    """A segment that later hits may prolong, and the sums behind its confidence."""

    start: float
    end: float
    label: str
    weight: float = 0.0
    total: float = 0.0

    def take(self, hit: Hit) -> None:
        self.end = max(self.end, hit.end)
        self.weight += hit.end - hit.start
        self.total += (hit.end - hit.start) * hit.score

    def goes_on(self, label: str, start: float, gap: float, bridges: Iterable[Hit]) -> bool:
        if label != self.label:
            return False
        return start - self.end <= gap or any(
            hit.label == label and hit.start <= self.end and start <= hit.end for hit in bridges
        )

    @property
    def segment(self) -> Segment:
        return Segment(self.start, self.end, self.label, self.total / self.weight)
