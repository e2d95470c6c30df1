"""What a command takes: its operands and flags with what they say, read from the class that is its settings."""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from itertools import pairwise
from textwrap import dedent
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import tyro
from pydantic import BaseModel

POSITIONAL, SUPPRESSED = (get_args(one[int])[1] for one in (tyro.conf.Positional, tyro.conf.Suppress))
ARGUMENT = type(tyro.conf.arg())
NOUNS = {"int": "N", "float": "X", "str": "TEXT", "Path": "PATH"}
"""What stands for a value of each type."""
KINDS = {"N": "a whole number", "X": "a number", "0..1": "a number from 0 to 1"}
"""The same in words."""


@dataclass(frozen=True, slots=True)
class Option:
    """One operand or flag."""

    names: tuple[str, ...]
    """as they are typed, the short one first; none for an operand"""
    value: str
    """what stands for its value; empty for a switch"""
    says: str
    required: bool
    default: str
    """empty where there is none worth naming"""
    group: str
    """the group of settings that it belongs to; empty for the command's own"""

    @property
    def shown(self) -> str:
        """As help shows it: `-o, --out PATH`."""
        return " ".join(one for one in (", ".join(self.names), self.value) if one)

    @property
    def called(self) -> str:
        """As an error calls it: `--out` or `CLIP`."""
        return self.names[-1] if self.names else self.value.split()[0].strip("[]")


@cache
def options_of(settings: type) -> tuple[Option, ...]:
    """Everything that a command takes, as it says it: operands, what it cannot do without, its flags, nested groups."""
    own = tuple(_options(settings, ""))
    return tuple(sorted(own, key=lambda one: (one.group != "", not one.group and bool(one.names), not one.required)))


def _options(settings: type, group: str) -> Iterator[Option]:
    said, hints = _sentences(settings), get_type_hints(settings, include_extras=True)
    for name, default in _defaults(settings):
        marks, kind = _taken_apart(hints[name])
        if SUPPRESSED in marks:
            continue
        if inspect.isclass(kind) and issubclass(kind, BaseModel):
            yield from _options(kind, name)
            continue
        given = next((one for one in marks if isinstance(one, ARGUMENT)), None)
        flag = "--" + ("no-" if default is True else "") + name.replace("_", "-")
        aliases = _of(given, "aliases") or ()
        positional = POSITIONAL in marks
        yield Option(
            names=() if positional else (*aliases, flag),
            value=_of(given, "metavar")
            or _placeholder(kind, name if positional else "", optional=default is not MISSING),
            says=said.get(name, ""),
            required=default is MISSING,
            default=_shown(default),
            group=group,
        )


def _defaults(settings: type) -> Iterator[tuple[str, Any]]:
    if is_dataclass(settings):
        yield from ((one.name, one.default) for one in fields(settings))
    elif issubclass(settings, BaseModel):
        yield from ((name, one.default) for name, one in settings.model_fields.items())


def _of(given: object, name: str) -> Any:
    """What `tyro.conf.arg` was told; None where it was not asked."""
    return vars(given)[name] if isinstance(given, ARGUMENT) else None


def _taken_apart(hint: Any) -> tuple[tuple[Any, ...], Any]:
    """The marks of an annotation, and its type without them and without None."""
    marks: tuple[Any, ...] = ()
    while True:
        if get_origin(hint) is Annotated:
            hint, *more = get_args(hint)
            marks += tuple(more)
        elif get_origin(hint) in (Union, UnionType):
            rest = [one for one in get_args(hint) if one is not NoneType]
            if len(rest) > 1:
                return marks, Union[tuple(rest)]  # noqa: UP007 (a type made of a list)
            hint = rest[0]
        else:
            return marks, hint


def _placeholder(kind: Any, operand: str, *, optional: bool) -> str:
    """What stands for a value of a type, or for an operand."""
    several = get_origin(kind) is tuple
    if operand:
        noun = operand.upper().replace("_", "-")
    elif kind is bool:
        return ""
    elif several:
        noun = _placeholder(_taken_apart(get_args(kind)[0])[1], "", optional=False)
    elif get_origin(kind) is Literal:
        noun = "|".join(map(str, get_args(kind)))
    elif get_origin(kind) in (Union, UnionType):
        noun = "|".join(_noun(one) for one in get_args(kind))
    else:
        noun = NOUNS[kind.__name__]
    shown = f"{noun} ..." if several else noun
    return f"[{shown}]" if operand and optional else shown


def _noun(part: Any) -> str:
    marks, kind = _taken_apart(part)
    return next((_of(one, "metavar") for one in marks if _of(one, "metavar")), None) or _placeholder(
        kind, "", optional=False
    )


def _shown(default: Any) -> str:
    if default is MISSING or default in (None, "", ()) or isinstance(default, bool):
        return ""
    return " ".join(map(str, default)) if isinstance(default, tuple) else str(default)


def _sentences(settings: type) -> dict[str, str]:
    """The docstring under each field, those of the classes it comes from included."""
    found: dict[str, str] = {}
    for one in reversed(settings.__mro__):
        try:
            [body] = ast.parse(dedent(inspect.getsource(one))).body
        except (OSError, TypeError):  # made while the program runs, or not in Python
            continue
        lines = body.body if isinstance(body, ast.ClassDef) else []
        for line, after in pairwise(lines):
            if not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)):
                continue
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                found[line.target.id] = " ".join(str(after.value.value).split())
    return found
