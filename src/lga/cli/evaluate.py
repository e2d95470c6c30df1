"""`lga evaluate`."""

import json
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from tyro.conf import Positional

from lga.cli.options import Flag, out, progress_bar, report_cache, report_skipped
from lga.config import BackboneConfig, MethodConfig, ProtocolConfig

if TYPE_CHECKING:
    from lga.engine.benchmark import Report


@dataclass(frozen=True)
class Evaluate:
    """Measure few-shot accuracy on labelled clips, by the standard protocol of N-way K-shot episodes.

    Every clip is encoded once and matched with every other once; each episode then draws classes, examples and
    queries. This trains, fits and selects nothing: every setting is one of the flags below.

    Example: lga evaluate clips.csv --ways 5 --shots 1 --episodes 10000 --source-disjoint
    """

    manifest: Positional[Path]
    """CSV with the columns path,label[,group][,split]; paths relative to it"""
    split: str | None = None
    """use only the rows of this split"""
    descriptions: Path | None = None
    """JSON file with your own stage sentences"""
    json: Flag = False
    """print one JSON document with everything that moves the numbers"""
    protocol: ProtocolConfig = field(default_factory=ProtocolConfig)
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    method: MethodConfig = field(default_factory=MethodConfig)

    def run(self) -> int:
        """Evaluate and print mean and 95 % interval of the video, text and combined match."""
        from lga.anatomy.files import read_descriptions
        from lga.backbone.load import load_backbone
        from lga.engine.benchmark import evaluate_clips
        from lga.episodes.manifest import read_manifest
        from lga.features import default_cache

        told = read_descriptions(self.descriptions, stages=self.method.stages) if self.descriptions else None
        clips = read_manifest(self.manifest, split=self.split)
        cache, encoder = default_cache(), load_backbone(self.backbone)
        with progress_bar("encoding", "matching") as (encoding, matching):
            report = evaluate_clips(
                clips,
                encoder,
                self.method,
                self.protocol,
                cache=cache,
                descriptions=told,
                encoding=encoding,
                matching=matching,
            )
        if self.json:
            print(json.dumps(self._value(report, encoder.identity), indent=2, ensure_ascii=False))
        else:
            out().print(_table(report, self.protocol))
        report_skipped(report.skipped)
        report_cache(cache)
        return 0

    def _value(self, report: "Report", identity: str) -> dict[str, object]:
        """Everything that a reader needs to repeat the number."""
        return {
            "accuracy": {name: asdict(one) for name, one in report.accuracy.items()},
            "interval": "normal 95 % over episodes, 1.96 sd / sqrt(n)",
            "class_accuracy": report.class_accuracy,
            "calibration_error": report.calibration_error,
            "protocol": self.protocol.model_dump(mode="json"),
            "method": {**self.method.model_dump(mode="json"), "alpha_used": report.alpha},
            "backbone": {**self.backbone.model_dump(mode="json"), "identity": identity},
            "data": {
                "manifest": str(self.manifest),
                "manifest_sha256": sha256(self.manifest.read_bytes()).hexdigest(),
                "split": self.split,
                "clips": report.clips,
                "classes": len(report.class_accuracy),
                "skipped": [{"path": str(one.path), "reason": one.reason} for one in report.skipped],
                "descriptions": None if self.descriptions is None else str(self.descriptions),
                "anatomies": report.origins,
            },
            "selection": "this run trains, fits and selects nothing; docs/offline.md says how the defaults were chosen",
            "versions": {name: version(name) for name in ("lga", "torch", "av", "numpy")},
        }


def _table(report: "Report", protocol: ProtocolConfig) -> Table:
    disjoint = ", source-disjoint" if protocol.source_disjoint else ""
    title = f"{protocol.ways}-way {protocol.shots}-shot, {protocol.episodes} episodes{disjoint}, seed {protocol.seed}"
    table = Table("match", "accuracy", "95 % interval", title=title)
    for name, one in report.accuracy.items():
        if name == "video" and protocol.shots == 0:
            continue
        table.add_row(name, f"{100 * one.mean:.2f} %", f"± {100 * one.ci95:.2f}")
    table.caption = (
        f"{report.clips} clips of {len(report.class_accuracy)} classes; chance is {100 / protocol.ways:.1f} %"
    )
    return table
