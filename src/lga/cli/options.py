"""What several commands share: output, progress and the flags that mean the same everywhere."""

import codecs
import json
import os
import sys
import warnings
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import FileIO, TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lga.errors import ActionsError, ClipWarning, LGAError, SettingsError, printable
from lga.files import kind_of
from lga.progress import Bar, Bars, progress_bars

if TYPE_CHECKING:
    from lga.actions import Actions
    from lga.config import Motion
    from lga.features.cache import FeatureCache
    from lga.features.extract import Skipped

Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]
OUT_FILE = tyro.conf.arg(aliases=("-o",), metavar="FILE")
OUT_FOLDER = tyro.conf.arg(aliases=("-o",), metavar="FOLDER")
"""How every command is told where its result goes."""
FILE = tyro.conf.arg(metavar="FILE")
DEVICE = tyro.conf.arg(metavar="NAME")
Accepting = Literal["always", "suggested"] | Annotated[float, tyro.conf.arg(metavar="0..1")]
"""Which clips count as showing a taught action."""
PIPE_WIDTH = 140
"""Columns of a table that nobody's terminal limits."""
Loudness = Literal["quiet", "usual", "verbose"]


@dataclass
class Screen:
    """What all output of this process agrees on."""

    loudness: Loudness = "usual"
    """what -q and -v chose: quiet is results and errors alone"""
    drawing: Console | None = None
    """the console that draws bars now: whatever goes to the same terminal is printed above them, through it"""


SCREEN = Screen()


class Terminal(Console):
    """Shows labels and paths as they are, but nothing that a terminal would obey, whatever a file calls them."""

    def render_str(self, text: str, **options: Any) -> Text:
        """The text with its line breaks; other hidden characters escaped."""
        return super().render_str("\n".join(map(printable, text.split("\n"))), **options)

    def on_broken_pipe(self) -> None:
        """Leave it to `lga.cli.main.run` what a reader who has gone means.

        Raises:
            BrokenPipeError: always.
        """
        raise BrokenPipeError


def stdout() -> Console:
    """Where results go; as wide as the terminal, or wide enough for a file."""
    drawing = SCREEN.drawing
    if drawing is not None and sys.stdout.isatty():
        return drawing
    return Terminal(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False, markup=False, emoji=False)


def stderr(*, always: bool = False) -> Console:
    """Where progress and notes go, which -q silences, and errors, which are said `always`."""
    drawing = SCREEN.drawing
    if drawing is not None and sys.stderr.isatty():
        return drawing
    width = None if sys.stderr.isatty() else PIPE_WIDTH
    quiet = SCREEN.loudness == "quiet" and not always
    return Terminal(stderr=True, width=width, highlight=False, markup=False, emoji=False, quiet=quiet)


def light_table(*columns: str, **options: Any) -> Table:
    """A table with no more lines than reading it takes."""
    return Table(*columns, box=SIMPLE_HEAD, pad_edge=False, title_justify="left", caption_justify="left", **options)


def verbose() -> bool:
    """Whether -v asks for more."""
    return SCREEN.loudness == "verbose"


def prepare_streams() -> None:
    """Let standard output and errors take any text: what their encoding lacks is escaped; closed, they take nothing."""
    sys.stdout, sys.stderr = sys.stdout or _nowhere(), sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _nowhere() -> TextIOWrapper:
    return TextIOWrapper(FileIO(os.devnull, "w"), encoding="utf-8")


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    print_json_text(json.dumps(value, indent=2, ensure_ascii=False))


def print_json_text(text: str) -> None:
    """JSON on standard output, at once; what its encoding lacks or a terminal would obey is escaped as JSON does it."""
    wide = codecs.lookup(sys.stdout.encoding or "ascii").name == "utf-8"
    kept = (one == "\n" or (printable(one) == one and (wide or one.isascii())) for one in text)
    shown = "".join(one if as_it_is else json.dumps(one)[1:-1] for one, as_it_is in zip(text, kept, strict=True))
    if sys.stdout.isatty() and (drawing := SCREEN.drawing) is not None:
        drawing.print(shown, soft_wrap=True)
    else:
        print(shown, flush=True)


@contextmanager
def clip_notes() -> Generator[None]:
    """While a `with` block lasts, say in one line, once a clip, that not all of it is read."""
    with warnings.catch_warnings():
        warnings.filterwarnings("default", category=ClipWarning)
        usual, said = warnings.showwarning, set[str]()

        def note(message: Warning | str, category: type[Warning], *where: Any) -> None:
            if not issubclass(category, ClipWarning):
                usual(message, category, *where)
            elif str(message) not in said:
                said.add(str(message))
                stderr().print(f"note: {message}", soft_wrap=True)

        warnings.showwarning = note
        yield


@contextmanager
def progress() -> Generator[Bars]:
    """Bars and phases on the terminal, on which results and notes are printed above them; lines elsewhere.

    They are drawn on standard error, or on standard output where both are one terminal.
    """
    both = sys.stdout.isatty() and sys.stderr.isatty() and SCREEN.loudness != "quiet"
    console = stdout() if both else stderr()
    before, SCREEN.drawing = SCREEN.drawing, console if console.is_terminal and not console.quiet else None
    try:
        with progress_bars(console, transient=True, redirect_stdout=sys.stdout.isatty()) as bars:
            yield bars
    finally:
        SCREEN.drawing = before


@contextmanager
def progress_bar(*tasks: str) -> Generator[tuple[Bar, ...]]:
    """A bar for each task, which appears when the task begins."""
    with progress() as bars:
        bars.now(tasks[0])
        yield tuple(map(bars.add, tasks))


def report_skipped(skipped: Sequence["Skipped"]) -> None:
    """Name every clip that was left out, and count them."""
    for one in skipped:
        stderr().print(f"skipped: {one.reason}", soft_wrap=True)
    if skipped:
        stderr().print(f"{plural(len(skipped), 'clip')} skipped")


def report_unknown(labels: Sequence[str], *, clips: Mapping[str, Sequence[Path]]) -> None:
    """Name the labels that no lexicon knows, with the ones that are meant perhaps.

    Raises:
        ActionsError: nothing is known of any label that is taught and there is no clip, so nothing would be learnt.
    """
    from lga.anatomy.lexicon import find_entry
    from lga.anatomy.nearby import nearby_labels
    from lga.labels import quote

    unknown = [label for label in labels if find_entry(label) is None]
    near = {label: nearby_labels(label, most=1) for label in unknown}
    if len(unknown) == len(clips) and not any(clips.values()):
        meant = next((f"is {quote(some[0])} meant?" for some in near.values() if some), "give a clip of it")
        raise ActionsError(f"nothing to learn {quote(unknown[0])} from: no clip, and no lexicon knows it; {meant}")
    for label, some in near.items():
        if some:
            says = f"{quote(label)} is in no lexicon; is {quote(some[0])} meant? Its sentences would help"
            stderr().print(says, soft_wrap=True)


def report_motion(wanted: "Motion", *, taught: bool = False) -> None:
    """Say once if less of the wanted motion can be measured here, or if actions were taught without any."""
    from lga.motion.encoder import available_motion

    lacking = available_motion(wanted)[1]
    if lacking:
        stderr().print(lacking, soft_wrap=True)
    elif taught and wanted == "none":
        stderr().print("these actions were taught without motion; teach them again to compare it", soft_wrap=True)


def report_cache(cache: "FeatureCache") -> None:
    """Say what became of the cache: a new one, a damaged one, entries made anew, or why nothing is kept."""
    if (store := cache.store) is None:
        return
    for note in store.notes:
        stderr().print(f"cache: {note}", soft_wrap=True)
    if store.damaged:
        told = f"{plural(store.damaged, 'entry', 'entries')} damaged and made anew"
        stderr().print(f"cache: {store.path}: {told}", soft_wrap=True)
    for trouble in store.troubles:
        stderr().print(f"cache: {trouble}; nothing is kept (LGA_CACHE=FOLDER moves it)", soft_wrap=True)


def read_settings(flag: str, pairs: Sequence[str], *, example: str) -> dict[str, str]:
    """Settings that are given in pairs.

    Raises:
        SettingsError: one is not a pair.
    """
    parts = [one.partition("=") for one in pairs]
    if wrong := [key for key, is_, _ in parts if not is_]:
        raise SettingsError(f"{flag} wants pairs like {example}, not {wrong[0]!r}")
    return {key: value for key, _, value in parts}


def plural(number: int, noun: str, several: str = "") -> str:
    """A number with its noun, in the plural where it is one; `several` where that is more than an s."""
    return f"{number} {noun if number == 1 else several or f'{noun}s'}"


def seconds(value: float) -> str:
    """A moment in a clip, for people."""
    return f"{value:.2f} s"


def load_taught(folder: Path, others: Iterable[Path] = ()) -> "Actions":
    """The taught actions of a folder; `others` are what else was named, in case the two were exchanged.

    Raises:
        SettingsError: one of the others is the folder of taught actions.
        ActionsError: none is.
    """
    from lga.store.folder import load_actions

    try:
        return load_actions(folder)
    except ActionsError:
        for other in others:
            if _holds_actions(other):
                raise SettingsError(
                    f"{other} holds taught actions and {folder} does not: name the taught actions first, then what is "
                    "asked about"
                ) from None
        raise


def _holds_actions(folder: Path) -> bool:
    from lga.store.folder import load_actions

    with suppress(LGAError):
        load_actions(folder)
        return True
    return False


def existing(paths: Iterable[Path]) -> list[Path]:
    """The clips that are meant: files as they are, and the clips in folders that are not clips themselves.

    A folder without any stays in the list, so that it is named when it cannot be read.
    """
    from lga.video.files import find_clips, is_clip

    found: list[Path] = []
    for path in paths:
        if kind_of(path) == "folder" and not is_clip(path):
            found += find_clips(path) or [path]
        else:
            found.append(path)
    return found
