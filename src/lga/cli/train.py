"""`lga train`."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.table import Table
from tyro.conf import Positional

from lga.cli.options import Flag, out, progress_bar, report_cache, report_skipped
from lga.cli.run_log import run_log
from lga.config import BackboneConfig, MethodConfig, TrainConfig
from lga.errors import SettingsError
from lga.files import to_json, write_atomically

if TYPE_CHECKING:
    from lga.backbone.protocol import Backbone
    from lga.engine.bench import LoadedBench
    from lga.engine.meta_training import Estimate, Splits
    from lga.episodes.manifest import LabelledClip
    from lga.model.record import Selection

STATE, REPORT = "state.safetensors", "test.json"


@dataclass(frozen=True)
class Train:
    """Train a head, episode by episode, on classes that are not those of the test.

    The manifest's split `train` is trained on, `val` chooses the best moment, how far to trust what was learned and
    how much the text counts; if training does not clearly help there, the checkpoint says so and keeps to the
    training-free method. `test` is read once, at the end. An interrupted run goes on when the same command is given
    again. `lga teach` and `lga evaluate` take the checkpoint as --model FOLDER.

    Example: lga train clips.csv --out head/ --shots 1
    """

    manifest: Positional[Path]
    """CSV with path,label,split and, for source-disjoint episodes, group"""
    out: Path
    """folder for the checkpoint, the log and the test's result"""
    also: tuple[Path, ...] = ()
    """more manifests, all of whose clips are trained on, whatever their split"""
    recipe: str | None = None
    """start from a recipe: a TOML file, or the name of a shipped one such as hmdb51-1shot; flags come on top"""
    descriptions: Path | None = None
    """JSON file with your own stage sentences"""
    test: Literal["once", "no"] = "once"
    """evaluate the split `test`, if there is one, when all choices are made"""
    devices: int = 1
    """processes, or GPUs"""
    arithmetic: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    """number format of the training; the frozen parts have their own, --precision, which is float32 unless asked for"""
    tensorboard: Flag = False
    """write TensorBoard files too"""
    dry_run: Flag = False
    """print the plan, the memory it needs at least and every setting, and stop"""
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    method: MethodConfig = field(default_factory=MethodConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    def run(self) -> int:
        """Train, choose, save, and evaluate the test split once."""
        from lga.engine.fitting import Run
        from lga.engine.meta_training import estimate, make_fabric, train_head
        from lga.episodes.manifest import read_manifest
        from lga.model.checkpoint import save_checkpoint
        from lga.model.pretrained import load_pretrained

        config = self.backbone.for_training()
        source = load_pretrained(config)
        if source.head is not None:
            raise SettingsError(
                f"--model {self.backbone.model}: training starts from a backbone, not from a checkpoint"
            )
        splits = self._splits(source.backbone)
        if self.dry_run:
            out().print(self._plan(config, splits, estimate(splits, source.backbone, self.train)))
            return 0
        fabric = make_fabric(self.backbone.device, self.devices, self.arithmetic)
        if not fabric.is_global_zero:
            train_head(splits, source.backbone, config, self.method, Run(self.train, fabric, self.out / STATE))
            return 0
        with run_log(self.out, self.train.tasks, tensorboard=self.tensorboard) as log:
            run = Run(self.train, fabric, self.out / STATE, log)
            fitted, record = train_head(splits, source.backbone, config, self.method, run)
        save_checkpoint(self.out, fitted.part, fitted.vision, record)
        (self.out / STATE).unlink(missing_ok=True)
        out().print(_chosen(record.selection, record.method))
        if self.test == "once" and "test" in {clip.split for clip in read_manifest(self.manifest)}:
            self._test(splits)
        out().print(f"saved: {self.out}", soft_wrap=True)
        return 0

    def _splits(self, encoder: "Backbone") -> "Splits":
        from lga.engine.meta_training import Splits, refuse_shared, refuse_shared_classes
        from lga.episodes.manifest import read_manifest

        more = [clip for path in self.also for clip in read_manifest(path)]
        learning = [*read_manifest(self.manifest, split="train"), *more]
        choosing = read_manifest(self.manifest, split="val")
        apart = {"val", "test"} if self.test == "once" else {"val"}
        refuse_shared_classes(
            (clip.label for clip in learning),
            (clip.label for clip in read_manifest(self.manifest) if clip.split in apart),
        )
        train = self._load(learning, encoder, "training clips")
        validation = self._load(choosing, encoder, "validation clips")
        refuse_shared(train, [validation])
        return Splits(train, validation, self.manifest)

    def _load(self, clips: "Sequence[LabelledClip]", encoder: "Backbone", what: str) -> "LoadedBench":
        from lga.anatomy.files import read_descriptions
        from lga.engine.bench import load_bench
        from lga.features import default_cache

        told = read_descriptions(self.descriptions, stages=self.method.stages) if self.descriptions else None
        cache = default_cache()
        with progress_bar(what) as (bar,):
            loaded = load_bench(clips, encoder, self.method, cache=cache, descriptions=told, progress=bar)
        report_skipped(loaded.skipped)
        report_cache(cache)
        return loaded

    def _test(self, splits: "Splits") -> None:
        from lga.engine.meta_training import refuse_shared, test_head
        from lga.episodes.manifest import read_manifest
        from lga.model.pretrained import load_pretrained

        trained = load_pretrained(BackboneConfig(model=str(self.out), device=self.backbone.device))
        test = self._load(read_manifest(self.manifest, split="test"), trained.backbone, "test clips")
        refuse_shared(splits.train, [test])
        refuse_shared(splits.validation, [test])
        if trained.head is None or trained.record is None:
            raise SettingsError(f"{self.out}: the checkpoint that was just written is gone")
        rows = test_head(test, trained.head, trained.record.method, self.method, self.train)
        value = {"classes": test.labels, "clips": len(test.clips), "rows": [asdict(row) for row in rows]}
        write_atomically(self.out / REPORT, to_json(value))
        table = Table("shots", "match", "trained", "training-free", "difference", title="test classes, read once")
        for row in rows:
            shown = [f"{100 * one.mean:.1f} ± {100 * one.ci95:.1f}" for one in (row.trained, row.free, row.difference)]
            table.add_row(str(row.shots), row.match, *shown)
        out().print(table)

    def _plan(self, config: BackboneConfig, splits: "Splits", estimate: "Estimate") -> Table:
        table = Table("what", "value", title="plan: nothing is trained")
        for name, one in (("train", splits.train), ("validation", splits.validation)):
            table.add_row(name, f"{len(one.clips)} clips of {len(one.labels)} classes")
        table.add_row("trained numbers", f"{estimate.parameters:,}")
        table.add_row("memory, at least", f"{estimate.memory / 2**30:.2f} GiB")
        for group in (config, self.method, self.train):
            for name, value in group:
                table.add_row(f"--{name.replace('_', '-')}", str(value))
        return table


def _chosen(selection: "Selection", method: MethodConfig) -> Table:
    table = Table("on the validation classes", "chosen", "training-free", title="chosen by the validation classes")
    for shots, share in selection.accuracy.items():
        table.add_row(f"{shots}-shot video", f"{100 * share:.1f} %", f"{100 * selection.untrained[shots]:.1f} %")
    if selection.trust:
        when = f"the moment after {selection.task} episodes; trust {selection.trust:g} in what was learned"
    else:
        when = "training did not clearly help: the checkpoint keeps to the training-free method"
    table.caption = f"{when}; text_shots {method.text_shots:g}, temperature {method.temperature:g}"
    return table
