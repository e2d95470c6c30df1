"""What every `lga table` command does: read clips, fill the table in, print and write it."""

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tyro.conf import Positional

from lga.cli.evaluation_tables import data_value, versions_value
from lga.cli.options import Flag, out, progress_bar, read_settings, report_cache, report_skipped
from lga.config import BackboneConfig, MethodConfig, ProtocolConfig, TrainConfig
from lga.errors import SettingsError

if TYPE_CHECKING:
    from lga.backbone.protocol import Backbone
    from lga.cli.options import Bar
    from lga.engine.bench import LoadedBench
    from lga.features import FeatureCache
    from lga.tables.contest import Standing
    from lga.tables.questions import Question
    from lga.tables.rows import Plan

DEFAULTS = "docs/offline.md says how the defaults were chosen"


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
    queries: int = 1
    """clips to recognise of each class"""
    episodes: int = 10_000
    """how many episodes are drawn; all rows answer the same"""
    seed: int = 0
    """the same seed draws the same episodes"""
    source_disjoint: Flag = False
    """no example of any class comes from the group (source video, person) of a query"""
    json: Flag = False
    """print one JSON document with everything that moves the numbers"""
    out: Path | None = None
    """folder for table.md and table.json"""
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    method: MethodConfig = field(default_factory=MethodConfig)

    def run(self) -> int:
        """Fill the table in, print it as Markdown, and write what is wanted."""
        plan, training, protocol = self._plan(), self._training(), self._protocol()
        if self.train and self.split in (None, "train", "val"):
            raise SettingsError("--train wants the split to test on, other than train and val: --split test")
        from lga.backbone.load import load_backbone
        from lga.features import default_cache

        config = self.backbone.for_training() if training else self.backbone
        cache, encoder = default_cache(), load_backbone(config)
        with progress_bar("encoding", "training", "rows") as bars:
            standing = self._filled(plan, protocol, training, encoder, cache, bars)
        self._tell(standing, self._value(standing, training, encoder.identity))
        report_skipped(standing.loaded.skipped)
        report_cache(cache)
        return 0

    @abstractmethod
    def _plan(self) -> "Plan":
        """The rows."""

    @abstractmethod
    def _questions(self, loaded: "LoadedBench", protocol: ProtocolConfig) -> "list[Question]":
        """The episodes."""

    def _protocol(self) -> ProtocolConfig:
        """The protocol at one shot; the others differ in that alone."""
        if not self.shots or min(self.shots) < 1:
            raise SettingsError(f"--shots must be 1 or more, not {' '.join(map(str, self.shots)) or 'none'}")
        return ProtocolConfig(
            queries=self.queries,
            episodes=self.episodes,
            seed=self.seed,
            source_disjoint=self.source_disjoint,
        )

    def _training(self) -> TrainConfig | None:
        """The settings of the training, if there is one."""
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
    ) -> "Standing":
        from lga.anatomy.files import read_descriptions
        from lga.engine.bench import load_bench
        from lga.episodes.manifest import read_manifest
        from lga.tables.contest import compete

        encoding, teaching, filling = bars

        def read(method: MethodConfig, split: str | None) -> "LoadedBench":
            told = read_descriptions(self.descriptions, stages=method.stages) if self.descriptions else None
            clips = read_manifest(self.manifest, split=split)
            return load_bench(clips, encoder, method, cache=cache, descriptions=told, progress=encoding)

        def tested(method: MethodConfig) -> "LoadedBench":
            return read(method, self.split)

        trainer = None
        if training is not None:
            from lga.tables.training import Teacher

            trainer = Teacher(read, tested(self.method), training, teaching).train
        return compete(plan, tested, partial(self._questions, protocol=protocol), train=trainer, progress=filling)

    def _tell(self, standing: "Standing", value: dict[str, object]) -> None:
        from lga.files import to_json, write_atomically
        from lga.tables.writing import markdown

        text = markdown(standing)
        if self.out:
            write_atomically(self.out / "table.md", text.encode())
            write_atomically(self.out / "table.json", to_json(value))
        if self.json:
            print(json.dumps(value, indent=2, ensure_ascii=False))
        else:
            out().print(text, soft_wrap=True, end="")

    def _value(self, standing: "Standing", training: TrainConfig | None, identity: str) -> dict[str, object]:
        """Everything that a reader needs to repeat the figures."""
        from lga.tables.writing import value

        loaded = standing.loaded
        trained = f"trained rows: on the split train; moment, trust, text weight and temperature on val; {DEFAULTS}"
        return {
            **value(standing),
            "backbone": {**self.backbone.model_dump(mode="json"), "identity": identity},
            "data": data_value(self.manifest, self.split, self.descriptions, loaded),
            "training": None if training is None else training.model_dump(mode="json"),
            "selection": trained if training else f"this table trains, fits and selects nothing; {DEFAULTS}",
            "versions": versions_value(),
        }
