"""`lga table`: ablations and comparisons on the same episodes."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, Suppress

from lga.cli.options import (
    OUT_FOLDER,
    Flag,
    print_json,
    progress_bar,
    read_settings,
    report_cache,
    report_motion,
    report_skipped,
    stdout,
)
from lga.cli.show import data_value, versions_value
from lga.config import BackboneConfig, MethodConfig, ProtocolConfig, TrainConfig
from lga.errors import SettingsError

if TYPE_CHECKING:
    from lga.backbone.protocol import Backbone
    from lga.cli.options import Bar
    from lga.evaluation.compare import Comparison, EpisodeSet
    from lga.evaluation.dataset import LoadedDataset
    from lga.evaluation.main_table import Column
    from lga.evaluation.tables import Plan
    from lga.features.cache import FeatureCache

DEFAULTS = "docs/offline.md says how the defaults were chosen"


class TableProtocol(ProtocolConfig):
    """The episodes of a table; all rows answer the same."""

    shots: Suppress[int] = 1
    """one section for each number is asked for by the table's own flag"""


class PublishedProtocol(TableProtocol):
    """Episodes of as many classes as the published ones."""

    ways: Suppress[int] = 5


class PairProtocol(TableProtocol):
    """Episodes of two classes."""

    ways: Suppress[int] = 2


@dataclass(frozen=True)
class Job(ABC):
    """What every table needs. The method's settings are what each row starts from; a row switches its own on top."""

    manifest: Positional[Path]
    """CSV with the columns path,label[,group][,split]; paths relative to it"""
    split: str | None = None
    """use only the rows of this split"""
    descriptions: Path | None = None
    """JSON file with your own stage sentences"""
    train: Flag = False
    """trained rows too: trained on the manifest's split train, chosen on val, tested on --split"""
    train_settings: tuple[str, ...] = ()
    """settings of the training, in pairs: --train-settings tasks=300 width=256"""
    shots: tuple[int, ...] = (1, 5)
    """examples of each class; a section of the table for each number"""
    json: Flag = False
    """print one JSON document with everything that moves the numbers"""
    out: Annotated[Path | None, OUT_FOLDER] = None
    """folder for table.md and table.json"""
    protocol: TableProtocol = field(default_factory=TableProtocol)
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    method: MethodConfig = field(default_factory=MethodConfig)

    def run(self) -> int:
        """Fill the table in, print it as Markdown, and write what is wanted."""
        plan, training, protocol = self._plan(), self._training(), self._protocol()
        if self.train and self.split in (None, "train", "val"):
            raise SettingsError("--train wants the split to test on, other than train and val: --split test")
        from lga.features.cache import default_cache
        from lga.model.pretrained import load_pretrained

        source = load_pretrained(self.backbone.for_training() if training else self.backbone)
        if source.head is not None:
            raise SettingsError(
                f"--model {self.backbone.model}: a table compares methods on a backbone, not a trained checkpoint; "
                "measure that with lga evaluate, or train rows with --train"
            )
        cache, encoder = default_cache(), source.backbone
        with progress_bar("encoding", "training", "rows") as bars:
            comparison = self._filled(plan, protocol, training, encoder, cache, bars)
        self._tell(comparison, self._value(comparison, training, encoder.identity))
        report_motion(self.method.motion)
        report_skipped(comparison.loaded.skipped)
        report_cache(cache)
        return 0

    @abstractmethod
    def _plan(self) -> "Plan":
        """The rows."""

    @abstractmethod
    def _episode_sets(self, loaded: "LoadedDataset", protocol: ProtocolConfig) -> "list[EpisodeSet]":
        """The episodes."""

    def _protocol(self) -> ProtocolConfig:
        """The protocol at one shot; the others differ in that alone."""
        if not self.shots or min(self.shots) < 1:
            raise SettingsError(f"--shots must be 1 or more, not {' '.join(map(str, self.shots)) or 'none'}")
        return ProtocolConfig(**dict(self.protocol))

    def _training(self) -> TrainConfig | None:
        """The settings of the training, if there is one."""
        if self.train and self.method.stages == "auto":
            raise SettingsError("--train: a head is trained with one number of stages; leave --stages auto out")
        if self.train_settings and not self.train:
            raise SettingsError("--train-settings says how to train; give --train too")
        given = read_settings("--train-settings", self.train_settings, example="tasks=300")
        found = TrainConfig.model_validate(given)
        if found.backbone_rate:
            raise SettingsError("--train-settings backbone_rate: tables train heads on frozen features; use lga train")
        return found if self.train else None

    def _filled(
        self,
        plan: "Plan",
        protocol: ProtocolConfig,
        training: TrainConfig | None,
        encoder: "Backbone",
        cache: "FeatureCache",
        bars: "tuple[Bar, ...]",
    ) -> "Comparison":
        from lga.anatomy.descriptions import read_descriptions
        from lga.datasets.manifest import read_manifest, read_sentences
        from lga.evaluation.compare import compare_rows
        from lga.evaluation.dataset import load_dataset

        encoding, teaching, filling = bars

        told = None
        if self.descriptions:
            read_descriptions(self.descriptions, stages=self.method.stages)  # refused where the settings want others
            told = read_sentences(self.descriptions, self.manifest, stages="auto")

        def read(method: MethodConfig, split: str | None) -> "LoadedDataset":
            own = None if told is None else told.spread_over(method.stages)
            clips = read_manifest(self.manifest, split=split)
            return load_dataset(clips, encoder, method, cache=cache, descriptions=own, progress=encoding)

        def tested(method: MethodConfig) -> "LoadedDataset":
            return read(method, self.split)

        trainer = None
        if training is not None:
            from lga.training.rows import RowTrainer

            trainer = RowTrainer(read, tested(self.method), training, teaching).train
        return compare_rows(
            plan, tested, partial(self._episode_sets, protocol=protocol), train=trainer, progress=filling
        )

    def _tell(self, comparison: "Comparison", value: dict[str, object]) -> None:
        from lga.files import to_json, write_atomically

        text = self._text(comparison)
        if self.out:
            write_atomically(self.out / "table.md", text.encode())
            write_atomically(self.out / "table.json", to_json(value))
        if self.json:
            print_json(value)
        else:
            stdout().print(text, soft_wrap=True, end="")

    def _text(self, comparison: "Comparison") -> str:
        """The table as Markdown."""
        from lga.evaluation.compare import markdown

        return markdown(comparison)

    def _value(self, comparison: "Comparison", training: TrainConfig | None, identity: str) -> dict[str, object]:
        """Everything that a reader needs to repeat the figures."""
        from lga.evaluation.compare import value

        loaded = comparison.loaded
        trained = (
            f"trained rows: on the split train; moment, head weight, text weight and temperature on val; {DEFAULTS}"
        )
        return {
            **value(comparison),
            "backbone": {**self.backbone.model_dump(mode="json"), "identity": identity},
            "data": data_value(self.manifest, self.split, self.descriptions, loaded),
            "training": None if training is None else training.model_dump(mode="json"),
            "selection": trained if training else f"this table trains, fits and selects nothing; {DEFAULTS}",
            "versions": versions_value(),
        }


@dataclass(frozen=True)
class ManyWays(Job):
    """A table of episodes of several classes."""

    def _episode_sets(self, loaded: "LoadedDataset", protocol: ProtocolConfig) -> "list[EpisodeSet]":
        from lga.evaluation.compare import by_shots

        return by_shots(loaded, protocol, self.shots)


@dataclass(frozen=True)
class Main(ManyWays):
    """The paper's main table with its published figures, and what is measured on a manifest beside them.

    A manifest that `lga data import` made of one of the five benchmarks is measured under that benchmark's column, by
    its split test; any other under a column of its own.

    Example: lga table main hmdb51.csv --split test --episodes 10000 --out main/
    """

    protocol: PublishedProtocol = field(default_factory=PublishedProtocol)

    def _plan(self) -> "Plan":
        from lga.evaluation.main_table import main_table

        return main_table(self.method, self._column, train=self.train)

    def _text(self, comparison: "Comparison") -> str:
        from lga.evaluation.compare import markdown
        from lga.evaluation.main_table import main_cells

        return markdown(comparison, lead=partial(main_cells, column=self._column))

    def _value(self, comparison: "Comparison", training: TrainConfig | None, identity: str) -> dict[str, object]:
        from lga.evaluation.main_table import published_value

        return {**super()._value(comparison, training, identity), **published_value(self._column)}

    @cached_property
    def _column(self) -> "Column":
        from lga.evaluation.main_table import find_column

        return find_column(self.manifest, self.split)


@dataclass(frozen=True)
class Ablation(ManyWays):
    """What visual anatomy, textual anatomy and the two matches are each worth, then motion and the support head.

    Example: lga table ablation clips.csv --source-disjoint --out ablation/
    """

    def _plan(self) -> "Plan":
        from lga.evaluation.tables import ablation

        return ablation(self.method, train=self.train)


@dataclass(frozen=True)
class Segmentation(ManyWays):
    """Four ways to cut a clip into stages: fixed windows, TW-FINCH, CLUSTER-Segment, and that on deviations.

    Example: lga table segmentation clips.csv --source-disjoint
    """

    def _plan(self) -> "Plan":
        from lga.evaluation.tables import segmentation

        return segmentation(self.method, train=self.train)


@dataclass(frozen=True)
class Stages(ManyWays):
    """One to five stages an action, and each action's own number.

    With --stages auto the file of --descriptions may have another number for every label; for rows with one number its
    sentences are spread over so many.

    Example: lga table stages clips.csv --source-disjoint --descriptions own.json --stages auto
    """

    def _plan(self) -> "Plan":
        from lga.evaluation.tables import stages

        return stages(self.method, train=self.train)


@dataclass(frozen=True)
class Metric(ManyWays):
    """Distances between clips without text: OTAM, Bi-MHM, AB-MHM.

    Example: lga table metric clips.csv --source-disjoint
    """

    def _plan(self) -> "Plan":
        from lga.evaluation.tables import metric

        return metric(self.method, train=self.train)


@dataclass(frozen=True)
class Compare(ManyWays):
    """LGA and other methods on the same features and episodes.

    Example: lga table compare clips.csv --source-disjoint --episodes 2000 --methods lga,protonet,otam
    """

    methods: str | None = None
    """methods by name, with commas; without any, all that need no training, with --train the others too"""

    def _plan(self) -> "Plan":
        from lga.evaluation.tables import chosen_methods, compare

        return compare(self.method, chosen_methods(self.methods), train=self.train)


@dataclass(frozen=True)
class Order(Job):
    """How well an action is told from its reverse: two-way episodes of named pairs.

    Example: lga table order clips.csv --pairs sit_down:stand_up,swipe_left:swipe_right
    """

    pairs: str = field(kw_only=True)
    """pairs of classes as the manifest spells them: one:other,one:other"""
    protocol: PairProtocol = field(default_factory=PairProtocol)

    def _plan(self) -> "Plan":
        from lga.evaluation.compare import read_pairs
        from lga.evaluation.tables import order

        read_pairs(self.pairs)
        return order(self.method, train=self.train)

    def _episode_sets(self, loaded: "LoadedDataset", protocol: ProtocolConfig) -> "list[EpisodeSet]":
        from lga.evaluation.compare import by_pairs, read_pairs

        return by_pairs(loaded, protocol, self.shots, read_pairs(self.pairs))
