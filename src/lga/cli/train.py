"""`lga train`: learn a head on the training classes, choose it on the validation classes."""

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from math import inf
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Literal

from rich.table import Table
from tyro.conf import Positional

from lga.cli.options import (
    OUT_FOLDER,
    Bar,
    Flag,
    light_table,
    progress_bar,
    report_cache,
    report_skipped,
    stderr,
    stdout,
)
from lga.config import BackboneConfig, MethodConfig, TrainConfig
from lga.errors import LGAError, SettingsError
from lga.files import remove_file, to_json, write_atomically

if TYPE_CHECKING:
    from lga.training.fit import Resumed
    from lga.training.loop import TrainStep
    from lga.training.select import ValidationResult

LOG = "log.jsonl"


@contextmanager
def run_log(folder: Path, tasks: int, *, tensorboard: bool) -> Generator["RunLog"]:
    """Write `log.jsonl` in a folder while a run lasts.

    Raises:
        LGAError: it cannot be written, or TensorBoard is wanted and not installed.
    """
    board = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        board = _open_board(folder) if tensorboard else None
        with (folder / LOG).open("a+", encoding="utf-8", errors="replace") as file, progress_bar("training") as (bar,):
            yield RunLog(file, bar, tasks, board)
    except OSError as error:
        raise LGAError(f"{folder / LOG}: cannot be written ({error.strerror}); choose another --out") from error
    finally:
        if board is not None:
            board.close()


class RunLog:
    """Called with every event of a run: an episode, a result on the validation classes, or going on after a crash.

    What a run that was cut off had written after its last saved state is taken off when it goes on.
    """

    def __init__(self, file: IO[str], bar: Bar, tasks: int, board: Any = None):
        self.file, self.bar, self.tasks, self.board = file, bar, tasks, board
        self.begun = False

    def __call__(self, event: "TrainStep | ValidationResult | Resumed") -> None:
        """Write one event down."""
        from lga.training.fit import Resumed
        from lga.training.select import ValidationResult

        if isinstance(event, Resumed):
            stderr().print(f"going on after {event.task} episodes")
            self._begin(event.task)
        elif isinstance(event, ValidationResult):
            shots = ", ".join(f"{one}-shot {100 * share:.1f} %" for one, share in event.accuracy.items())
            stderr().print(
                f"after {event.task} episodes: by video {shots} on the validation classes "
                f"(head weight {event.head_weight:g})"
            )
            accuracy = {f"accuracy_{one}": share for one, share in event.accuracy.items()}
            self._write("validation", event.task, {"trust": event.head_weight, "mean": event.mean, **accuracy})
        else:
            self.bar(event.task, self.tasks)
            values = {"loss": event.loss, "contrast": event.contrast, "accuracy": event.accuracy, "rate": event.rate}
            self._write("episode", event.task, values)

    def _begin(self, after: int) -> None:
        """Cut the file at once, so that being killed here loses no line."""
        self.file.seek(0)
        end = 0
        while (line := self.file.readline()).endswith("\n") and _task_of(line) <= after:
            end = self.file.tell()
        self.file.truncate(end)
        self.begun = True

    def _write(self, kind: str, task: int, values: dict[str, float]) -> None:
        if not self.begun:
            self._begin(-1)
        self.file.write(json.dumps({"event": kind, "task": task, **values}) + "\n")
        self.file.flush()
        if self.board is not None:
            for name, value in values.items():
                self.board.add_scalar(f"{kind}/{name}", value, task)


def _task_of(line: str) -> float:
    """The number of episodes that a line speaks of; infinite where it is damaged."""
    try:
        return float(json.loads(line)["task"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return inf


def _open_board(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise LGAError(
            "--tensorboard needs TensorBoard, which is not installed: pip install 'lga[research]'"
        ) from error
    return SummaryWriter(folder / "tensorboard")


if TYPE_CHECKING:
    from lga.backbone.protocol import Backbone
    from lga.datasets.manifest import LabelledClip
    from lga.evaluation.dataset import LoadedDataset
    from lga.model.checkpoint import Selection
    from lga.training.run import Splits

STATE, REPORT = "state.safetensors", "test.json"


@dataclass(frozen=True, slots=True)
class Listed:
    """The clips of a training run as the manifests list them, not yet looked at; no class is in both."""

    training: "Sequence[LabelledClip]"
    validation: "Sequence[LabelledClip]"


@dataclass(frozen=True)
class Train:
    """Train a head, episode by episode, on classes that are not those of the test.

    The manifest's split `train` is trained on, `val` chooses the best moment, how much what was learned weighs and
    how much the text counts; if training does not clearly help there, the checkpoint says so and keeps to the
    training-free method. `test` is read once, at the end. An interrupted run goes on when the same command is given
    again. `lga teach` and `lga evaluate` take the checkpoint as --model FOLDER.

    Example: lga train clips.csv --out head/ --shots 1
    """

    manifest: Positional[Path]
    """CSV with path,label,split and, for source-disjoint episodes, group"""
    out: Annotated[Path, OUT_FOLDER]
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
    """print the plan, the memory it needs at least and every setting, and stop; no clip is opened for that"""
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    method: MethodConfig = field(default_factory=MethodConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    def run(self) -> int:
        """Train, choose, save, and evaluate the test split once."""
        from lga.datasets.manifest import read_manifest
        from lga.model.checkpoint import save_checkpoint
        from lga.model.pretrained import load_pretrained
        from lga.training.fit import Run
        from lga.training.learner import stages_to_train
        from lga.training.run import make_fabric, train_head

        stages_to_train(self.method)
        config = self.backbone.for_training()
        source = load_pretrained(config)
        if source.head is not None:
            raise SettingsError(
                f"--model {self.backbone.model}: training starts from a backbone, not from a checkpoint"
            )
        listed = self._listed()
        if self.dry_run:
            stdout().print(self._plan(config, listed, source.backbone))
            return 0
        splits = self._splits(listed, source.backbone)
        fabric = make_fabric(self.backbone.device, self.devices, self.arithmetic)
        if not fabric.is_global_zero:
            train_head(splits, source.backbone, config, self.method, Run(self.train, fabric, self.out / STATE))
            return 0
        with run_log(self.out, self.train.tasks, tensorboard=self.tensorboard) as log:
            run = Run(self.train, fabric, self.out / STATE, log)
            fitted, record = train_head(splits, source.backbone, config, self.method, run)
        save_checkpoint(self.out, fitted.part, fitted.vision, record)
        remove_file(self.out / STATE)
        stdout().print(_chosen(record.selection, record.method))
        if self.test == "once" and "test" in {clip.split for clip in read_manifest(self.manifest)}:
            self._test(splits, source.backbone)
        stdout().print(f"saved: {self.out}", soft_wrap=True)
        return 0

    def _listed(self) -> "Listed":
        from lga.datasets.manifest import read_manifest
        from lga.training.run import refuse_shared_classes

        more = [clip for path in self.also for clip in read_manifest(path)]
        training = [*read_manifest(self.manifest, split="train"), *more]
        validating = read_manifest(self.manifest, split="val")
        held_out = {"val", "test"} if self.test == "once" else {"val"}
        refuse_shared_classes(
            (clip.label for clip in training),
            (clip.label for clip in read_manifest(self.manifest) if clip.split in held_out),
        )
        return Listed(training, validating)

    def _splits(self, listed: "Listed", encoder: "Backbone") -> "Splits":
        from lga.training.memory import reads_features
        from lga.training.run import Splits, refuse_shared

        encode = reads_features(encoder.space, self.train)
        train = self._load(listed.training, encoder, "training clips", encode=encode)
        validation = self._load(listed.validation, encoder, "validation clips")
        refuse_shared(train, [validation])
        return Splits(train, validation, self.manifest)

    def _load(
        self, clips: "Sequence[LabelledClip]", encoder: "Backbone", what: str, *, encode: bool = True
    ) -> "LoadedDataset":
        from lga.datasets.manifest import read_sentences
        from lga.evaluation.dataset import load_dataset
        from lga.features.cache import default_cache

        descriptions = (
            read_sentences(self.descriptions, self.manifest, stages=self.method.stages) if self.descriptions else None
        )
        cache = default_cache()
        with progress_bar(what) as (bar,):
            loaded = load_dataset(
                clips, encoder, self.method, cache=cache, descriptions=descriptions, encode=encode, progress=bar
            )
        report_skipped(loaded.skipped)
        report_cache(cache)
        return loaded

    def _test(self, splits: "Splits", encoder: "Backbone") -> None:
        from lga.datasets.manifest import read_manifest
        from lga.model.pretrained import load_pretrained
        from lga.training.run import refuse_shared, test_head

        trained = load_pretrained(BackboneConfig(model=str(self.out), device=self.backbone.device))
        clips = read_manifest(self.manifest, split="test")
        test = self._load(clips, trained.backbone, "test clips")
        refuse_shared(splits.train, [test])
        refuse_shared(splits.validation, [test])
        if trained.head is None or trained.record is None:
            raise SettingsError(f"{self.out}: the checkpoint that was just written is gone")
        fine_tuned = trained.record.identity != trained.record.frozen_identity
        frozen = self._load(clips, encoder, "test clips, training-free") if fine_tuned else test
        rows = test_head(test, frozen, trained.head, trained.record.method, self.method, self.train)
        value = {"classes": test.labels, "clips": len(test.clips), "rows": [asdict(row) for row in rows]}
        write_atomically(self.out / REPORT, to_json(value))
        table = light_table("shots", "match", "trained", "training-free", "difference", title="test classes, read once")
        for row in rows:
            texts = [one.text(1) for one in (row.trained, row.free, row.difference)]
            table.add_row(str(row.shots), row.match, *(f"{one.mean} {one.episodes}" for one in texts))
        stdout().print(table)

    def _plan(self, config: BackboneConfig, listed: "Listed", encoder: "Backbone") -> Table:
        from lga.training.memory import estimate

        table = light_table("what", "value", title="plan: nothing is encoded or trained")
        for name, clips in (("train", listed.training), ("validation", listed.validation)):
            table.add_row(name, f"{len(clips)} clips of {len({clip.label for clip in clips})} classes")
        need = estimate(listed.training, listed.validation, encoder, self.method, self.train)
        table.add_row("trained numbers", f"{need.parameters:,}")
        for name, size in (
            ("memory, at least", need.memory),
            ("  weights, their gradients and momenta", need.weights),
            ("  features of clips", need.features),
            ("  activations of an episode", need.activations),
        ):
            table.add_row(name, f"{size / 2**30:.2f} GiB")
        for group in (config, self.method, self.train):
            for name, value in group:
                table.add_row(f"--{name.replace('_', '-')}", str(value))
        return table


def _chosen(selection: "Selection", method: MethodConfig) -> Table:
    table = light_table(
        "on the validation classes", "chosen", "training-free", title="chosen by the validation classes"
    )
    for shots, share in selection.accuracy.items():
        table.add_row(f"{shots}-shot video", f"{100 * share:.1f} %", f"{100 * selection.untrained[shots]:.1f} %")
    if selection.head_weight:
        when = f"the moment after {selection.task} episodes; head weight {selection.head_weight:g}"
    else:
        when = "training did not clearly help: the checkpoint keeps to the training-free method"
    table.caption = f"{when}; text_shots {method.text_shots:g}, temperature {method.temperature:g}"
    return table
