"""`lga table`: ablations and comparisons, each row on the same episodes."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lga.cli.table_job import Job
from lga.config import ProtocolConfig

if TYPE_CHECKING:
    from lga.engine.bench import LoadedBench
    from lga.tables.questions import Question
    from lga.tables.rows import Plan


@dataclass(frozen=True)
class ManyWays(Job):
    """A table of episodes of several classes."""

    ways: int = 5
    """classes in an episode"""

    def _questions(self, loaded: "LoadedBench", protocol: ProtocolConfig) -> "list[Question]":
        from lga.tables.questions import by_shots

        return by_shots(loaded, protocol, self.shots)

    def _protocol(self) -> ProtocolConfig:
        return ProtocolConfig.model_validate({**super()._protocol().model_dump(), "ways": self.ways})


@dataclass(frozen=True)
class Ablation(ManyWays):
    """What visual anatomy, textual anatomy and the two matches are each worth: the paper's six rows.

    Example: lga table ablation clips.csv --source-disjoint --out ablation/
    """

    def _plan(self) -> "Plan":
        from lga.tables.rows import ablation

        return ablation(self.method, train=self.train)


@dataclass(frozen=True)
class Segmentation(ManyWays):
    """Four ways to cut a clip into stages: fixed windows, TW-FINCH, CLUSTER-Segment, and that on deviations.

    Example: lga table segmentation clips.csv --source-disjoint
    """

    def _plan(self) -> "Plan":
        from lga.tables.rows import segmentation

        return segmentation(self.method, train=self.train)


@dataclass(frozen=True)
class Stages(ManyWays):
    """One to five stages an action.

    Example: lga table stages clips.csv --source-disjoint
    """

    def _plan(self) -> "Plan":
        from lga.tables.rows import stages

        return stages(self.method, train=self.train)


@dataclass(frozen=True)
class Metric(ManyWays):
    """Distances between clips without text: OTAM, Bi-MHM, AB-MHM.

    Example: lga table metric clips.csv --source-disjoint
    """

    def _plan(self) -> "Plan":
        from lga.tables.rows import metric

        return metric(self.method, train=self.train)


@dataclass(frozen=True)
class Compare(ManyWays):
    """LGA and other methods on the same features and episodes.

    Example: lga table compare clips.csv --source-disjoint --episodes 2000 --methods lga,protonet,otam
    """

    methods: str | None = None
    """methods by name, with commas; default: all that need no training, with --train the others too"""

    def _plan(self) -> "Plan":
        from lga.tables.rows import chosen_methods, compare

        return compare(self.method, chosen_methods(self.methods), train=self.train)


@dataclass(frozen=True)
class Order(Job):
    """How well an action is told from its reverse: two-way episodes of named pairs.

    Example: lga table order clips.csv --pairs sit_down:stand_up,swipe_left:swipe_right
    """

    pairs: str = field(kw_only=True)
    """pairs of classes as the manifest spells them: one:other,one:other"""

    def _plan(self) -> "Plan":
        from lga.tables.questions import read_pairs
        from lga.tables.rows import order

        read_pairs(self.pairs)
        return order(self.method, train=self.train)

    def _questions(self, loaded: "LoadedBench", protocol: ProtocolConfig) -> "list[Question]":
        from lga.tables.questions import by_pairs, read_pairs

        return by_pairs(loaded, protocol, self.shots, read_pairs(self.pairs))
