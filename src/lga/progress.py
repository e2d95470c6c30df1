"""Progress: bars and named phases on a terminal, a line every few seconds elsewhere."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

EVERY = 5.0
"""Seconds between two lines where no bar can be drawn."""
ROOMY = 60
"""Columns from which on a bar has room for the time that is left."""
Said = Callable[[str], None]


@contextmanager
def progress_bars(
    console: Console, *, transient: bool = False, every: float | None = None, redirect_stdout: bool = True
) -> Generator["Bars"]:
    """Show what is being done while the block runs: give a name, get its bar.

    On a terminal bars are drawn, which `transient` takes away at the end; elsewhere a line is printed every so many
    seconds, and none for what takes less. A quiet console shows nothing.
    """
    columns: list[ProgressColumn] = [
        TextColumn("{task.description}", markup=False),
        BarColumn(None, pulse_style="dim"),
        _Count(),
    ]
    if console.width >= ROOMY:
        columns.append(TimeRemainingColumn(compact=True, elapsed_when_finished=True))
    drawn = console.is_terminal and not console.quiet
    shown = Progress(
        *columns,
        console=console,
        transient=transient,
        disable=not drawn,
        expand=console.width < ROOMY,
        redirect_stdout=redirect_stdout,
    )
    bars = Bars(shown)
    wait = EVERY if every is None else every
    with shown, bars.told(lambda line: console.print(line, soft_wrap=True), 0.0 if drawn or console.quiet else wait):
        yield bars


class _Count(MofNCompleteColumn):
    """How many are done of how many; nothing for a phase, of which nobody knows."""

    def render(self, task: Task) -> Text:
        return Text("") if task.total is None else super().render(task)


class Bars:
    """The bars of one job, and the phase before the first of them moves."""

    def __init__(self, progress: Progress):
        self.progress = progress
        self.phase: TaskID | None = None
        self.state = ""
        self._begun = monotonic()

    def add(self, name: str, total: int | None = None) -> "Bar":
        """A bar for one task. One whose `total` is not known appears when the task begins."""
        return Bar(self, name, self.progress.add_task(name, total=total, visible=total is not None))

    def now(self, name: str) -> None:
        """Name what is being done, until a bar moves or something else is named."""
        self.settle()
        self.state, self._begun = name, monotonic()
        self.phase = self.progress.add_task(name, total=None)

    def settle(self) -> None:
        """Take away the phase that is over."""
        if self.phase is not None:
            self.progress.remove_task(self.phase)
            self.phase = None
            self.progress.refresh()

    def moved(self, name: str, done: int, total: int) -> None:
        """Note how far a task is."""
        self.settle()
        if self.state.partition(":")[0] != name:
            self._begun = monotonic()
        left = (monotonic() - self._begun) / done * (total - done) if 0 < done < total else 0.0
        self.state = f"{name}: {done} of {total}" + (f", about {left:.0f} s left" if left >= EVERY else "")

    @contextmanager
    def told(self, say: Said, every: float) -> Generator[None]:
        """While the block lasts, say what is being done every so many seconds; never if that is 0."""
        over = Event()

        def tell() -> None:
            while not over.wait(every):
                if self.state:
                    say(f"{self.state} ({monotonic() - self._begun:.0f} s)")

        teller = Thread(target=tell, name="progress", daemon=True)
        if every:
            teller.start()
        try:
            yield
        finally:
            over.set()
            if every:
                teller.join()


class Bar:
    """One task's bar, to be called as `bar(done, total)`."""

    def __init__(self, bars: Bars, name: str, task: TaskID):
        self.bars, self.name, self.task = bars, name, task

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` are finished."""
        self.bars.moved(self.name, done, total)
        self.bars.progress.update(self.task, completed=done, total=total, visible=True)
