"""Classes with different numbers of stages: each is matched at its own, and the scores are made comparable."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from lga.model.matching import LGA, Cut, Prototypes, Whole, touches
from lga.model.task import Compared, Rule, beside


@dataclass(frozen=True, slots=True)
class StagedExamples:
    """Examples, each cut into as many stages as its class has; one entry for every number of stages."""

    clips: tuple[Int[Tensor, " _"], ...]
    """which of the examples have it"""
    prototypes: tuple[Prototypes, ...]
    """those, fused with the sentences of their classes"""


@dataclass(frozen=True, repr=False)
class StagedLGA:
    """The method for classes of which each has its own number of stages.

    Its calls are those of `LGA`, in the same order. What they give for every number of stages that occurs comes as a
    tuple, from few stages to many. A clip that is asked about is cut once for each number, whatever its own class may
    be, and every class is compared at its own number. So that no class gains by having more or fewer stages, distances
    and similarities are scaled to as many terms as the classes have on average. Where all classes have one number, this
    is `LGA` at that number.

    Source: our choice; LGA (arXiv:2507.16287) names the fixed number of stages as a limit.
    """

    lga: LGA
    """the settings; its own number of stages is not looked at"""
    counts: tuple[int, ...]
    """the number of stages of every class"""

    def __repr__(self) -> str:
        """On one line."""
        return f"StagedLGA({self.lga!r}, stages={'/'.join(map(str, self.numbers))})"

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of stages that occur, from few to many."""
        return tuple(sorted(set(self.counts)))

    @cached_property
    def mean(self) -> float:
        """How many stages a class has, on average."""
        return sum(self.counts) / len(self.counts)

    @cached_property
    def each(self) -> tuple[LGA, ...]:
        """The method at every number that occurs."""
        method = self.lga.method
        return tuple(replace(self.lga, method=method.updated({"stages": number})) for number in self.numbers)

    @cached_property
    def distance_scales(self) -> tuple[float, ...]:
        """What distances are multiplied by, for every number: the mean number of terms over the classes / its own."""
        terms = dict(zip(self.numbers, (one.terms for one in self.each), strict=True))
        mean = sum(terms[count] for count in self.counts) / len(self.counts)
        return tuple(mean / one for one in terms.values())

    def place(self, label: int) -> int:
        """Where a class stands among the numbers."""
        return self.numbers.index(self.counts[label])

    def cut(
        self, frames: Float[Tensor, "clips frames dim"], described: Float[Tensor, "clips motion"] | None = None
    ) -> tuple[Cut, ...]:
        """Cut clips into every number of stages; see `LGA.cut`."""
        return tuple(one.cut(frames, described) for one in self.each)

    def ask(
        self, frames: Float[Tensor, "clips frames dim"], cuts: Sequence[Cut], whole: Whole
    ) -> tuple[Prototypes, ...]:
        """Fuse clips in the query role, once for every number of stages, ready to be matched; see `LGA.fuse`."""
        first, *more = (one.fuse(frames, cut, None, whole) for one, cut in zip(self.each, cuts, strict=True))
        query = self.lga.ready(first)
        shared = [
            self.lga.ready(one)
            if one.frame is None or one.learned is not None
            else replace(one, vectors=query.vectors, unit=query.unit)
            for one in more
        ]
        return (query, *shared)

    def show(
        self,
        frames: Float[Tensor, "clips frames dim"],
        cuts: Sequence[Cut],
        text: Float[Tensor, "way stages dim"],
        whole: Whole,
        *,
        label: Int[Tensor, " clips"],
    ) -> StagedExamples:
        """Fuse clips in the support role, each with its class's sentences at its class's number, ready to be matched.

        `text` has the sentences of every class, padded.
        """
        of_clip = torch.tensor([self.counts[one] for one in label.tolist()], dtype=torch.long, device=label.device)
        clips = tuple((of_clip == number).nonzero()[:, 0] for number in self.numbers)
        spoken = self.lga.head is not None or touches(text[label.unique()], self.lga.space.visual)
        prototypes = tuple(
            one.ready(
                one.fuse(
                    _chosen(frames, some),
                    cut[some],
                    text[label[some], : one.stages] if spoken else None,
                    whole if len(some) == len(frames) else whole[some],
                )
            )
            for one, cut, some in zip(self.each, cuts, clips, strict=True)
        )
        return StagedExamples(clips, prototypes)

    def sentences(self, text: Float[Tensor, "way stages dim"]) -> tuple[Float[Tensor, "_ _ meaning"], ...]:
        """What clips are compared with of the sentences of the classes of every number; see `LGA.sentences`."""
        return tuple(
            one.sentences(text[..., : one.stages, :])
            if len(classes) == len(text)
            else one.sentences(text[classes, : one.stages])
            for one, classes in zip(self.each, self._classes, strict=True)
        )

    def similarities(
        self,
        frames: Float[Tensor, "query frames dim"],
        cuts: Sequence[Cut],
        sentences: Sequence[Float[Tensor, "_ _ meaning"]],
    ) -> Float[Tensor, "query way stages"]:
        """The similarity of every stage of every query to every class's sentence for it; see `LGA.similarities`.

        `sentences` are those that the method of the same name gives. The stages are those of the class's own number,
        and 0 beyond.
        """
        most = self.numbers[-1]
        found = [
            F.pad(one.similarities(frames, cut, some), (0, most - one.stages))
            for one, cut, some in zip(self.each, cuts, sentences, strict=True)
        ]
        return found[0] if len(found) == 1 else torch.cat(found, 1)[:, torch.cat(self._classes).argsort()]

    def compare(
        self, query: Sequence[Prototypes], support: StagedExamples, similarity: Float[Tensor, "query way stages"]
    ) -> Compared:
        """Compare clips with every example and every class at the class's own number, the scores made comparable.

        Raises:
            ValueError: a clip has not been summed up as a whole.
        """
        parts = [similarity[:, classes] for classes in self._classes]
        return self._compare(query, support, parts, self._classes)

    def compare_examples(self, query: Sequence[Prototypes], support: StagedExamples) -> Compared:
        """The same without the sentences of any class."""
        empty = query[0].vectors.new_zeros(len(query[0].vectors), 0, 1)
        none = torch.zeros(0, dtype=torch.long, device=empty.device)
        return self._compare(query, support, [empty for _ in self.numbers], [none for _ in self.numbers])

    def _compare(
        self,
        query: Sequence[Prototypes],
        support: StagedExamples,
        similarity: Sequence[Float[Tensor, "query _ _"]],
        classes: Sequence[Int[Tensor, " _"]],
    ) -> Compared:
        parts: list[Compared] = []
        for place, (one, scale) in enumerate(zip(self.each, self.distance_scales, strict=True)):
            part = one.compare(query[place], support.prototypes[place], similarity[place])
            more = self.mean / one.stages
            parts.append(replace(part, distance=scale * part.distance, similarity=more * part.similarity))
        return beside(parts, torch.cat(support.clips), torch.cat(list(classes)))

    def text_scores(self, similarity: Float[Tensor, "query way stages"]) -> Float[Tensor, "query way"]:
        """What `compare` makes of the similarities to sentences."""
        return (self.mean / torch.tensor(self.counts, device=similarity.device)) * similarity.sum(-1)

    def rule(self, shots: float) -> Rule:
        """How scores are put together with `shots` examples a class, on average; see `LGA.rule`."""
        return self.lga.rule(shots, self.mean)

    @cached_property
    def _classes(self) -> tuple[Int[Tensor, " _"], ...]:
        """The classes of every number."""
        count = torch.tensor(self.counts)
        return tuple((count == number).nonzero()[:, 0] for number in self.numbers)


def _chosen(
    clips: Float[Tensor, "clips frames dim"], some: Int[Tensor, " chosen"]
) -> Float[Tensor, "chosen frames dim"]:
    return clips if len(some) == len(clips) else clips[some]  # in order, so without a copy
