"""What a training run leaves to read: a line for every event, a bar for those who watch, TensorBoard on request."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from lga.cli.options import Bar, aside, progress_bar
from lga.errors import LGAError

if TYPE_CHECKING:
    from lga.engine.fitting import Resumed
    from lga.engine.selection import Look
    from lga.engine.train import TrainStep

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
        with (folder / LOG).open("a+", encoding="utf-8") as file, progress_bar("training") as (bar,):
            yield RunLog(file, bar, tasks, board)
    except OSError as error:
        raise LGAError(f"{folder / LOG}: cannot be written ({error.strerror}); choose another --out") from error
    finally:
        if board is not None:
            board.close()


class RunLog:
    """Called with every event of a run: an episode, a look at the validation classes, or going on after a crash.

    What a run that was cut off had written after its last saved state is taken off when it goes on.
    """

    def __init__(self, file: IO[str], bar: Bar, tasks: int, board: Any = None):
        self.file, self.bar, self.tasks, self.board = file, bar, tasks, board
        self.begun = False

    def __call__(self, event: "TrainStep | Look | Resumed") -> None:
        """Write one event down."""
        from lga.engine.fitting import Resumed
        from lga.engine.selection import Look

        if isinstance(event, Resumed):
            aside().print(f"going on after {event.task} episodes")
            self._begin(event.task)
        elif isinstance(event, Look):
            shots = ", ".join(f"{one}-shot {100 * share:.1f} %" for one, share in event.accuracy.items())
            aside().print(
                f"after {event.task} episodes: by video {shots} on the validation classes (trust {event.trust:g})"
            )
            accuracy = {f"accuracy_{one}": share for one, share in event.accuracy.items()}
            self._write("validation", event.task, {"trust": event.trust, "mean": event.mean, **accuracy})
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
    except (ValueError, KeyError, TypeError):
        return inf


def _open_board(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise LGAError(
            "--tensorboard needs TensorBoard, which is not installed: pip install 'lga[research]'"
        ) from error
    return SummaryWriter(folder / "tensorboard")
