"""The user's own descriptions of actions: one JSON file, label to stages."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from lga.anatomy.labels import checked_label, lookup_key, quote
from lga.anatomy.schema import Stage
from lga.errors import AnatomyError

MAX_BYTES = 10_000_000

STAGE = TypeAdapter(Stage)
WANTED = "a list of sentences, or of objects with a sentence and, if known, subject, motion and object"


@dataclass(frozen=True, slots=True)
class Descriptions:
    """The stages that a user wrote, by lookup key, and the file they came from."""

    source: str
    labels: tuple[str, ...]
    """as the user spelt them, in the file's order"""
    stages: Mapping[str, tuple[Stage, ...]]

    def find(self, label: str) -> tuple[Stage, ...] | None:
        """The stages of a label in any spelling."""
        return self.stages.get(lookup_key(label))


def read_descriptions(path: Path, *, stages: int = 3) -> Descriptions:
    """Read `{label: [sentence, ...]}` or `{label: [{subject, motion, object, sentence}, ...]}`.

    Args:
        path: a UTF-8 JSON file of at most `MAX_BYTES`.
        stages: how many each label must have.

    Raises:
        AnatomyError: one line naming the file, the label and what is wrong with it.
    """
    try:
        content = parse_json(read_bytes(path))
        if not isinstance(content, dict) or not content:
            raise AnatomyError(f"wanted an object {{label: {WANTED}}} with at least one label")
        found: dict[str, tuple[Stage, ...]] = {}
        for label, listed in content.items():
            key = lookup_key(checked_label(label))
            if key in found:
                raise AnatomyError(f"{quote(label)} is described twice (spelling makes no difference)")
            found[key] = parse_stages(label, listed, stages)
    except AnatomyError as error:
        raise AnatomyError(f"{path}: {error}") from error
    return Descriptions(source=path.name, labels=tuple(content), stages=found)


def read_bytes(path: Path) -> bytes:
    """The file's bytes, or why there are none."""
    if not path.is_file():
        raise AnatomyError("no such file")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise AnatomyError(f"cannot be read ({error.strerror})") from error
    if len(data) > MAX_BYTES:
        raise AnatomyError(f"larger than {MAX_BYTES // 1_000_000} MB")
    return data


def parse_json(data: bytes) -> object:
    """JSON in which no object names a key twice."""
    try:
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=unique_keys)
    except UnicodeDecodeError as error:
        raise AnatomyError("not UTF-8 text") from error
    except json.JSONDecodeError as error:
        raise AnatomyError(f"not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from error
    except (ValueError, RecursionError) as error:
        raise AnatomyError("not JSON that can be read: too deep a nesting or too long a number") from error


def unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object; Python's own reader would keep the last of two equal keys in silence."""
    seen: dict[str, object] = {}
    for key, value in pairs:
        if key in seen:
            raise AnatomyError(f"{quote(key)} is written twice")
        seen[key] = value
    return seen


def parse_stages(label: str, listed: object, wanted: int) -> tuple[Stage, ...]:
    """The stages of one label."""
    if not isinstance(listed, list):
        raise AnatomyError(f"{quote(label)}: wanted {WANTED}; found {type(listed).__name__}")
    if len(listed) != wanted:
        raise AnatomyError(f"{quote(label)}: {wanted} stages are wanted, in order; found {len(listed)}")
    return tuple(parse_stage(label, number, each) for number, each in enumerate(listed, 1))


def parse_stage(label: str, number: int, listed: object) -> Stage:
    """One stage: a bare sentence or an object."""
    try:
        return STAGE.validate_python({"sentence": listed} if isinstance(listed, str) else listed)
    except ValidationError as error:
        first = error.errors()[0]
        place = " ".join([f"{quote(label)}: stage {number}", *(quote(str(step)) for step in first["loc"])])
        raise AnatomyError(f"{place}: {first['msg']}") from error
