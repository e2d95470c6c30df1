"""Help: the overview, and each command's page with what most people need first."""

import inspect
from collections.abc import Iterable, Sequence
from textwrap import wrap

from rich.text import Text

from lga.cli.commands import OVERVIEW, Command, CommandGroup
from lga.cli.flags import Option, options_of
from lga.cli.options import stdout

WIDEST, NARROW, COLUMN = 100, 60, 22
"""Columns: of a page at most, below which flags stand above their sentences, and of the flags beside them."""
BEGIN = {
    "lga teach my_clips/ -o my_actions/": "my_clips/ has one folder of clips for each action",
    "lga recognize my_actions/ new_clip.mp4": "which action does it show?",
    "lga serve my_actions/": "the same in a web page",
    "lga demo": "try it without a video of yours",
}
"""The first commands to call, and what for."""
ALWAYS = (
    Option(("-h", "--help"), "", "explain a command", required=False, default="", group=""),
    Option(("-q", "--quiet"), "", "results and errors alone", required=False, default="", group=""),
    Option(("-v", "--verbose"), "", "more of the result: tables with all scores and stages", False, "", ""),
)
TITLES = {
    "settings": "How it watches",
    "server": "The server",
    "llm": "The language model",
    "protocol": "Episodes",
    "backbone": "Backbone: what turns pictures and sentences into features",
    "method": "Method: for research, the defaults are the recommended ones",
    "train": "Training",
}
"""Heads of the groups of settings, in the order in which they are shown."""


def show_beginning() -> None:
    """What `lga` alone prints: how to begin."""
    says = (
        "`lga --help` lists all commands, `lga COMMAND --help` explains one, `lga doctor` looks over the installation."
    )
    summary = "lga teaches a computer new human actions from a handful of example clips."
    _print([*_wrapped(summary), "", *_beside(BEGIN.items(), 43), "", *_wrapped(says)])


def show_overview() -> None:
    """Every command in half a line, by what it is for."""
    lines = ["usage: lga COMMAND ..."]
    for title, commands in OVERVIEW.items():
        lines += ["", title, *_beside(((name, one.says) for name, one in commands.items()), 14)]
    says = (
        "`lga COMMAND --help` explains a command. -q says less, -v more. `lga completion bash` completes commands and "
        "flags. Exit code 0: done, 1: could not, 2: wrong usage."
    )
    _print([*lines, "", *_wrapped(says)])


def show_group(name: str, group: CommandGroup) -> None:
    """The commands of a group."""
    lines = [f"usage: lga {name} COMMAND ...", "", *_wrapped(f"{group.says[0].upper()}{group.says[1:]}.")]
    lines += ["", *_beside(((one, command.says) for one, command in group.commands.items()), 16)]
    _print([*lines, "", f"`lga {name} COMMAND --help` explains one."])


def show_command(called: str, command: Command) -> None:
    """One command: usage, an example, operands and flags, what else there is to know, and settings for research."""
    settings = command.load()
    options = options_of(settings)
    about = inspect.cleandoc(settings.__doc__ or "").split("\n\n")
    examples = [" ".join(one.removeprefix("Example:").split()) for one in about if one.startswith("Example:")]
    summary, *more = [" ".join(one.split()) for one in about if not one.startswith("Example:")]
    lines = [*_wrapped(usage_of(called, options), hang=7), "", *_wrapped(summary)]
    lines += ["", *(line for one in examples for line in _wrapped(one, indent=4, hang=8))] if examples else []
    operands = [one for one in options if not one.names]
    own = [one for one in options if one.names and not one.group]
    lines += ["", *_listed(operands)] if operands else []
    lines += ["", "Flags", *_listed([*own, *ALWAYS])]
    for one in more:
        lines += ["", *_wrapped(one)]
    for group, title in TITLES.items():
        if some := [one for one in options if one.group == group]:
            lines += ["", *_wrapped(title), *_listed(some)]
    _print(lines)


def usage_of(called: str, options: Sequence[Option]) -> str:
    """How a command is called."""
    needed = [one.value if not one.names else one.shown.split(", ")[-1] for one in options if one.required]
    spare = [one.value for one in options if not one.names and not one.required]
    return " ".join(["usage:", called, *needed, *spare, "[FLAGS]"])


def _width() -> int:
    return min(stdout().width, WIDEST)


def _wrapped(text: str, *, indent: int = 0, hang: int | None = None) -> list[str]:
    first, rest = " " * indent, " " * (indent if hang is None else hang)
    return wrap(
        text, _width(), initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


def _listed(options: Iterable[Option]) -> list[str]:
    """Each flag with what it says."""
    said = ((one.shown, f"{one.says} (default {one.default})" if one.default else one.says) for one in options)
    return _beside(said, COLUMN)


def _beside(rows: Iterable[tuple[str, str]], column: int) -> list[str]:
    """Each thing with its sentence beside it, or below where the thing is long or there is little room."""
    lines: list[str] = []
    for thing, says in rows:
        if _width() < NARROW:
            lines += [*_wrapped(thing, indent=2, hang=4), *_wrapped(says, indent=6)]
        elif len(thing) > column - 4:
            lines += [f"  {thing}", *_wrapped(says, indent=column)]
        else:
            said = _wrapped(says, indent=column)
            lines += [f"  {thing:<{column - 2}}{said[0].strip()}", *said[1:]]
    return lines


def _print(lines: Iterable[str]) -> None:
    """Lines that begin a section are bold where that can be seen."""
    for line in lines:
        head = bool(line) and not line.startswith((" ", "usage", "`")) and not line.endswith((".", ":"))
        stdout().print(Text(line, "bold" if head else ""), soft_wrap=True)
