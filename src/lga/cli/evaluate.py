"""`lga evaluate`."""

from dataclasses import dataclass, field, replace
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional

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
from lga.cli.show import accuracy_table, accuracy_value, data_value, difference_table, versions_value
from lga.config import BackboneConfig, MethodConfig, ProtocolConfig
from lga.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lga.cli.options import Bar
    from lga.datasets.episodes import Episodes
    from lga.evaluation.benchmark import Point, Report
    from lga.evaluation.dataset import LoadedDataset
    from lga.evaluation.statistics import Interval
    from lga.features.cache import FeatureCache
    from lga.methods.lga import FusedDataset, Matrix
    from lga.model.pretrained import Pretrained

SELECTED_NOTHING = "this run trains, fits and selects nothing; docs/offline.md says how the defaults were chosen"
SELECTED_BY_TRAINING = (
    "this run selects nothing; moment, head weight, text weight and temperature were chosen on the classes of "
    "training.selection"
)


@dataclass(frozen=True)
class Evaluate:
    """Measure few-shot accuracy on labelled clips, by the standard protocol of N-way K-shot episodes.

    Every clip is encoded once and matched with every other once; each episode then draws classes, examples and
    queries. This trains, fits and selects nothing: every setting is one of the flags below.

    Each mean comes with three 95 % intervals. "episodes" is the usual one, normal over episodes: how far more episodes
    of these clips could move the mean. Episodes share few clips, so "clips" and "classes" say, by bootstrap, how far
    other query clips and other classes could.

    Example: lga evaluate clips.csv --ways 5 --shots 1 --episodes 10000 --source-disjoint --out results/
    """

    manifest: Positional[Path]
    """CSV with the columns path,label[,group][,split]; paths relative to it"""
    split: str | None = None
    """use only the rows of this split"""
    descriptions: Path | None = None
    """JSON file with your own stage sentences"""
    json: Flag = False
    """print one JSON document with everything that moves the numbers"""
    out: Annotated[Path | None, OUT_FOLDER] = None
    """folder for report.json, the confusion matrix and curves over alpha, ways, shots and, where all classes have one
    number of them, stages, as CSV and PNG"""
    report: Path | None = None
    """HTML file to write: class by class, what was taken for what, and the worst mistakes as film strips"""
    both_protocols: Flag = False
    """standard and source-disjoint episodes side by side; needs groups"""
    against: tuple[str, ...] = ()
    """other settings to compare with on the same episodes, in pairs: --against segmenter=hard hub_correction=0"""
    episodes_out: Path | None = None
    """write the exact episodes: JSON lines that name every clip by the sha256 of its content"""
    episodes_in: Path | None = None
    """replay the episodes of such a file; it takes the place of the protocol's flags"""
    protocol: ProtocolConfig = field(default_factory=ProtocolConfig)
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    method: MethodConfig = field(default_factory=MethodConfig)

    def run(self) -> int:
        """Evaluate, print mean and intervals of the video, text and combined match, and write what is wanted."""
        if self.both_protocols and self.episodes_in:
            raise SettingsError("--both-protocols draws episodes and --episodes-in replays some; give one of them")
        if self.out:
            from lga.explain.plots import refuse_foreign, require_plots

            require_plots()
            refuse_foreign(self.out)
        from lga.model.pretrained import load_pretrained

        source = load_pretrained(self.backbone)
        return replace(self, method=source.method(self.method))._evaluate(source)

    def _evaluate(self, source: "Pretrained") -> int:
        from lga.evaluation.benchmark import evaluate_dataset
        from lga.features.cache import default_cache
        from lga.methods.lga import fuse_dataset, match_dataset

        cache, rival = default_cache(), self._rival()
        with progress_bar("encoding", "matching", "answering", "comparing", "curves") as bars:
            encoding, matching, answering, comparing, drawing = bars
            loaded = self._load(self.method, source, cache, encoding)
            episodes, protocol = self._episodes(loaded)
            fused = fuse_dataset(loaded.dataset, self.method, head=source.head)
            matrix = match_dataset(fused, progress=matching)
            report = evaluate_dataset(matrix, self.method, episodes, protocol, progress=answering)
            value = self._value(report, loaded, source)
            tables = [accuracy_table(report, loaded)]
            if self.both_protocols:
                other = self._other_protocol(loaded, matrix)
                value["other_protocol"] = {
                    "protocol": other.protocol.model_dump(mode="json"),
                    "accuracy": accuracy_value(other.accuracy),
                }
                tables.append(accuracy_table(other, loaded))
            if rival is not None:
                found, difference = self._compare(rival, report, loaded, source, cache, comparing)
                value["against"] = {
                    "method": rival.model_dump(mode="json"),
                    "accuracy": accuracy_value(found.accuracy),
                    "difference": accuracy_value(difference),
                }
                tables.append(difference_table(found, difference, self.against))
            if self.out:
                self._write(self.out, report, loaded, (fused, matrix), value, drawing)
            if self.report:
                from lga.explain.report import write_report

                write_report(self.report, report, loaded, matrix, self.method)
        if self.json:
            print_json(value)
        else:
            stdout().print(*tables, sep="\n")
        report_motion(self.method.motion)
        report_skipped(loaded.skipped)
        report_cache(cache)
        return 0

    def _rival(self) -> MethodConfig | None:
        """The settings to compare with: this run's, but for what --against says."""
        if not self.against:
            return None
        switched = read_settings("--against", self.against, example="segmenter=hard")
        return self.method.updated(switched)

    def _load(
        self, method: MethodConfig, source: "Pretrained", cache: "FeatureCache", progress: "Bar"
    ) -> "LoadedDataset":
        from lga.datasets.manifest import read_manifest, read_sentences
        from lga.evaluation.dataset import load_dataset
        from lga.evaluation.leakage import refuse_seen

        descriptions = (
            read_sentences(self.descriptions, self.manifest, stages=method.stages) if self.descriptions else None
        )
        clips = read_manifest(self.manifest, split=self.split)
        loaded = load_dataset(clips, source.backbone, method, cache=cache, descriptions=descriptions, progress=progress)
        if source.record is not None:
            refuse_seen(source.record, self.backbone.model, self.manifest, self.split, loaded)
        return loaded

    def _episodes(self, loaded: "LoadedDataset") -> tuple["Episodes", ProtocolConfig]:
        """Draw or replay; then keep, if wanted."""
        from lga.datasets.episode_lists import read_episodes, write_episodes
        from lga.datasets.episodes import plan_episodes

        if self.episodes_in:
            episodes, protocol = read_episodes(self.episodes_in, loaded.content)
        else:
            episodes, protocol = plan_episodes(loaded.label, loaded.group, self.protocol), self.protocol
        if self.episodes_out:
            write_episodes(self.episodes_out, episodes, protocol, loaded.content)
        return episodes, protocol

    def _other_protocol(self, loaded: "LoadedDataset", matrix: "Matrix") -> "Report":
        from lga.datasets.episodes import plan_episodes
        from lga.evaluation.benchmark import evaluate_dataset

        protocol = self.protocol.model_copy(update={"source_disjoint": not self.protocol.source_disjoint})
        episodes = plan_episodes(loaded.label, loaded.group, protocol)
        return evaluate_dataset(matrix, self.method, episodes, protocol)

    def _compare(
        self,
        rival: MethodConfig,
        report: "Report",
        loaded: "LoadedDataset",
        source: "Pretrained",
        cache: "FeatureCache",
        progress: "Bar",
    ) -> "tuple[Report, Mapping[str, Interval]]":
        from lga.evaluation.benchmark import compare_settings

        same = rival.reading == self.method.reading
        other = loaded if same else self._load(rival, source, cache, progress)
        return compare_settings(report, loaded, other, rival, head=source.head, progress=progress)

    def _write(
        self,
        folder: Path,
        report: "Report",
        loaded: "LoadedDataset",
        matched: "tuple[FusedDataset, Matrix]",
        value: dict[str, object],
        progress: "Bar",
    ) -> None:
        from lga.evaluation.benchmark import alpha_curve, protocol_curve, stage_curve
        from lga.evaluation.statistics import confusion
        from lga.explain.plots import write_evaluation

        fused, matrix = matched
        curves: dict[str, list[Point]] = {"alpha": alpha_curve(matrix, self.method, report.episodes)}
        for vary in ("ways", "shots"):
            found = protocol_curve(loaded, matrix, self.method, report.protocol, vary=vary, progress=progress)
            curves[vary] = found
        if by_stage := stage_curve(fused, report.episodes, progress=progress):
            curves["stages"] = by_stage
        marks = {"ways": report.protocol.ways, "shots": report.protocol.shots, "alpha": report.alpha}
        counts = confusion(report.outcome["combined"], len(loaded.labels))
        write_evaluation(folder, value, labels=loaded.labels, confusion=counts, curves=curves, marks=marks)

    def _value(self, report: "Report", loaded: "LoadedDataset", source: "Pretrained") -> dict[str, object]:
        """Everything that a reader needs to repeat the number."""
        from lga.evaluation.statistics import INTERVALS, calibration_error, class_accuracy

        shares = class_accuracy(report.outcome["combined"], len(loaded.labels)).tolist()
        return {
            "accuracy": accuracy_value(report.accuracy),
            "intervals": INTERVALS,
            "class_accuracy": {
                label: None if isnan(share) else share for label, share in zip(loaded.labels, shares, strict=True)
            },
            "calibration_error": calibration_error(report.outcome["combined"]),
            "protocol": report.protocol.model_dump(mode="json"),
            "episodes_in": None if self.episodes_in is None else str(self.episodes_in),
            "method": {**self.method.model_dump(mode="json"), "alpha_used": report.alpha},
            "backbone": {**self.backbone.model_dump(mode="json"), "identity": source.backbone.identity},
            "data": data_value(self.manifest, self.split, self.descriptions, loaded),
            "training": None
            if source.record is None
            else source.record.model_dump(mode="json", exclude={"provenance"}),
            "selection": SELECTED_NOTHING if source.record is None else SELECTED_BY_TRAINING,
            "versions": versions_value(),
        }
