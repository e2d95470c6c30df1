"""The command line: from `lga WORDS` to a command that runs, its exit code, and what becomes of errors."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from lga.cli.commands import COMMANDS, SPELLINGS, Command, CommandGroup, Runnable
from lga.cli.options import SCREEN, clip_notes, prepare_streams, stderr
from lga.errors import LGAError, SettingsError

OLD_FLAGS = {"--discount": "--hub-correction", "--injection": "--text-injection"}
"""The flags that were called otherwise in version 0.1.0, understood for one version more."""
HELP = {"-h", "--help"}
LOUDNESS = {"-q": "quiet", "--quiet": "quiet", "-v": "verbose", "--verbose": "verbose"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; exit 0 when it did its work, 1 with one line when it could not, 2 for wrong usage.

    A reader of the output who has seen enough, as `head` has, is no error.
    """
    prepare_streams()
    code = 0
    try:
        try:
            code = run(list(sys.argv[1:] if arguments is None else arguments))
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _close_output()
    except OSError as error:
        code = 1
        with suppress(OSError):
            stderr(always=True).print(f"lga: {_told(error)}", soft_wrap=True)
        _close_output()
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code.

    Raises:
        OSError: the system refuses something that no command has words for.
    """
    given, before = _renamed(arguments), SCREEN.loudness
    end = given.index("--") if "--" in given else len(given)
    wishes = [LOUDNESS[one] for one in given[:end] if one in LOUDNESS]
    given = [one for place, one in enumerate(given) if place >= end or one not in LOUDNESS]
    SCREEN.loudness = "verbose" if "verbose" in wishes else "quiet" if wishes else "usual"
    try:
        with clip_notes():
            return _run(given)
    except LGAError as error:
        stderr(always=True).print(f"lga: {error}", soft_wrap=True)
        return 2 if isinstance(error, SettingsError) else 1
    except KeyboardInterrupt:
        stderr(always=True).print("lga: interrupted before the end; files that were finished are kept")
        return 130
    finally:
        SCREEN.loudness = before


def _run(arguments: list[str]) -> int:
    """Find the command by its words, and run it or explain it."""
    if not arguments:
        from lga.cli.manual import show_beginning

        show_beginning()
        return 0
    first, *rest = ["version"] if arguments[0] == "--version" else arguments
    if first in HELP:
        from lga.cli.manual import show_overview

        show_overview()
        return 0
    called, command = f"lga {first}", COMMANDS.get(SPELLINGS.get(first, first))
    if command is None:
        from lga.cli.usage import unknown_word

        raise unknown_word(first, [*COMMANDS], "lga")
    if isinstance(command, CommandGroup):
        if not rest or rest[0] in HELP:
            from lga.cli.manual import show_group

            show_group(first, command)
            return 0 if rest else 2
        if rest[0] not in command.commands:
            from lga.cli.usage import unknown_word

            raise unknown_word(rest[0], [*command.commands], called)
        called, command, rest = f"{called} {rest[0]}", command.commands[rest[0]], rest[1:]
    if not HELP.isdisjoint(rest[: rest.index("--")] if "--" in rest else rest):
        from lga.cli.manual import show_command

        show_command(called, command)
        return 0
    return settings_of(called, command, rest).run()


def settings_of(called: str, command: Command, arguments: Sequence[str]) -> Runnable:
    """A command with the settings that its arguments give it; `lga train` takes its defaults from a recipe.

    Raises:
        SettingsError: the arguments are wrong.
    """
    from lga.cli.usage import parse

    settings = command.load()
    if called == "lga train":
        from lga.cli.recipe import from_recipe

        settings = from_recipe(arguments)
    return parse(called, settings, arguments)


def _told(error: OSError) -> str:
    """What the system says, with the place if it names one: without, what cannot be written is the output."""
    if error.filename is None:
        return f"the output cannot be written ({error.strerror or error}); free some space or write it elsewhere"
    return f"{os.fsdecode(error.filename)}: {error.strerror}; check the path and that you may use it"


def _close_output() -> None:
    """Let what is left of the output go nowhere, so that nothing is said of it at the end."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _renamed(arguments: Sequence[str]) -> list[str]:
    """The arguments with the flags of version 0.1.0 under their present names, given as `--flag x` or `--flag=x`."""
    parts = [one.partition("=") for one in arguments]
    return [OLD_FLAGS.get(flag.replace("_", "-"), flag) + equals + value for flag, equals, value in parts]
