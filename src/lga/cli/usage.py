"""From words on the command line to a command with its settings; what is wrong with them in one line."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn

import tyro
from tyro._errors import (
    BadValue,
    InstantiationFailure,
    InvalidChoice,
    MissingArgs,
    ParseErrorEvent,
    UnrecognizedArgs,
    on_parse_error,
)

from lga.cli.commands import Runnable
from lga.cli.flags import KINDS, Option, options_of
from lga.cli.manual import ALWAYS, usage_of
from lga.errors import SettingsError
from lga.files import kind_of
from lga.labels import quote


def parse(called: str, settings: type[Runnable], arguments: Sequence[str]) -> Runnable:
    """A command with the settings that these arguments give it.

    Raises:
        SettingsError: they are wrong; it says what is, and what is meant perhaps.
    """
    marks = (tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes)

    def refuse(event: ParseErrorEvent) -> NoReturn:
        raise SettingsError(f"{_told(event, called, settings, arguments)}; `{called} --help` explains")

    with on_parse_error(refuse):
        return tyro.cli(settings, prog=called, args=arguments, config=marks)


def unknown_word(word: str, known: Sequence[str], called: str) -> SettingsError:
    """What to say of a word that is no command."""
    near = get_close_matches(word, known, n=1)
    meant = f"is `{called} {near[0]}` meant?" if near else f"`{called} --help` lists them"
    return SettingsError(f"`{called}` has no command {quote(word)}; {meant}")


def _told(event: ParseErrorEvent, called: str, settings: type, arguments: Sequence[str]) -> str:
    options = options_of(settings)
    usage = usage_of(called, options)
    if isinstance(event, MissingArgs):
        flags = [one for one in event.unrecognized_tokens if one.startswith("-")]
        if flags:
            return _no_such_flag(flags[0], options)
        names = [one.arg.field.intern_name.replace("_", "-") for one in event.missing_arguments]
        lacking = [one.called for one in options if one.called.lstrip("-").lower() in names] or [
            one.called for one in options if one.required
        ]
        return f"{' and '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} missing; {usage}"
    if isinstance(event, UnrecognizedArgs):
        flags = [one for one in event.tokens if one.startswith("-")]
        if flags:
            return _no_such_flag(flags[0], options)
        return f"{quote(event.tokens[0])} is one word too many; {usage}"
    if isinstance(event, InvalidChoice):
        return f"{_flag_of(event)} wants {' or '.join(event.choices)}, not {quote(event.value)}"
    if isinstance(event, BadValue):
        return f"{_flag_of(event)} wants a value"
    if isinstance(event, InstantiationFailure) and event.argument is not None:
        return _wrong_value(_flag_of(event), options, arguments)
    return usage


def _flag_of(event: InvalidChoice | BadValue | InstantiationFailure) -> str:
    argument = event.argument
    return "" if argument is None else argument.lowered.name_or_flags[-1]


def _no_such_flag(token: str, options: Sequence[Option]) -> str:
    flag = token.partition("=")[0]
    if kind_of(Path(token)) != "nothing":
        return f"{token} is a file: write ./{token}, so that it is not read as a flag"
    known = [name for one in (*options, *ALWAYS) for name in one.names if name.startswith("--")]
    near = get_close_matches(flag.replace("_", "-"), known, n=1)
    return f"there is no flag {flag}{f'; is {near[0]} meant?' if near else ''}"


def _wrong_value(flag: str, options: Sequence[Option], arguments: Sequence[str]) -> str:
    """What was wanted of a flag's value, and what came."""
    option = next((one for one in options if flag in one.names), None)
    came = ""
    for one, after in zip(arguments, [*arguments[1:], ""], strict=True):
        name, equals, value = one.partition("=")
        if option is not None and name.replace("_", "-") in option.names:
            came = value if equals else after
    wanted = "another value" if option is None else KINDS.get(option.value, option.value.replace("|", " or "))
    return f"{flag} wants {wanted}, not {quote(came)}"
