"""Progress bars on a terminal: how much is done, how long it took and how long it will take."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


@contextmanager
def progress_bars(console: Console, *, transient: bool = False) -> Generator[Callable[[str], "Bar"]]:
    """Show bars while the block runs, if the console is a terminal: give a name, get its bar.

    `transient` takes the bars away at the end.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    shown = Progress(
        *columns, TimeRemainingColumn(), console=console, transient=transient, disable=not console.is_terminal
    )
    with shown as progress:
        yield lambda name: Bar(progress, name)


class Bar:
    """One task's bar, to be called as `bar(done, total)`."""

    def __init__(self, progress: Progress, name: str):
        self.progress, self.task = progress, progress.add_task(name, total=None)

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` are finished."""
        self.progress.update(self.task, completed=done, total=total)
