"""Descriptions of actions, the user's own or generated: one JSON file, label to stages."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from lga.anatomy.labels import checked_label, lookup_key, quote
from lga.anatomy.records import Record
from lga.anatomy.schema import MOST_STAGES, Stage, spread
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
    """Read `{label: [sentence, ...]}`, `{label: [{subject, motion, object, sentence}, ...]}` or `{label: record}`.

    A record is what `lga anatomize --out` writes; one file may hold all three. Every label must have `stages`
    stages, except where the model chose how many (`"asked": "auto"`): those are spread over `stages`, see `spread`.

    Args:
        path: a UTF-8 JSON file of at most `MAX_BYTES`.
        stages: how many each label must have.

    Raises:
        AnatomyError: one line naming the file, the label and what is wrong with it.
    """
    records = read_records(path)
    found: dict[str, tuple[Stage, ...]] = {}
    for label, record in records.items():
        if len(record.stages) != stages and record.asked != "auto":
            raise AnatomyError(
                f"{path}: {quote(label)}: {stages} stages are wanted, in order; found {len(record.stages)}"
            )
        found[lookup_key(label)] = spread(record.stages, stages)
    return Descriptions(source=path.name, labels=tuple(records), stages=found)


def read_records(path: Path) -> dict[str, Record]:
    """Read a descriptions file with all that it says of each label, in the file's order.

    Raises:
        AnatomyError: as `read_descriptions`; any number of stages is accepted.
    """
    try:
        content = parse_json(read_bytes(path))
        if not isinstance(content, dict) or not content:
            raise AnatomyError(f"wanted an object {{label: {WANTED}}} with at least one label")
        seen: set[str] = set()
        records: dict[str, Record] = {}
        for label, told in content.items():
            key = lookup_key(checked_label(label))
            if key in seen:
                raise AnatomyError(f"{quote(label)} is described twice (spelling makes no difference)")
            seen.add(key)
            records[label] = parse_record(label, told)
    except AnatomyError as error:
        raise AnatomyError(f"{path}: {error}") from error
    return records


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


def parse_record(label: str, told: object) -> Record:
    """What the file says of one label: its stages alone, or a record that holds them."""
    if not isinstance(told, dict):
        return Record(stages=parse_stages(label, told))
    stages = parse_stages(label, told.get("stages"))
    try:
        return Record.model_validate({**told, "stages": stages})
    except ValidationError as error:
        raise AnatomyError(f"{quote(label)}{_first_fault(error)}") from error


def parse_stages(label: str, listed: object) -> tuple[Stage, ...]:
    """The stages of one label."""
    if not isinstance(listed, list):
        raise AnatomyError(f"{quote(label)}: wanted {WANTED}; found {type(listed).__name__}")
    if not 1 <= len(listed) <= MOST_STAGES:
        raise AnatomyError(f"{quote(label)}: 1 to {MOST_STAGES} stages are wanted, in order; found {len(listed)}")
    return tuple(parse_stage(label, number, each) for number, each in enumerate(listed, 1))


def parse_stage(label: str, number: int, listed: object) -> Stage:
    """One stage: a bare sentence or an object."""
    try:
        return STAGE.validate_python({"sentence": listed} if isinstance(listed, str) else listed)
    except ValidationError as error:
        raise AnatomyError(f"{quote(label)}: stage {number}{_first_fault(error)}") from error


def _first_fault(error: ValidationError) -> str:
    """Where the first fault is and what it is, to stand behind the name of the whole."""
    first = error.errors()[0]
    return "".join(f" {quote(str(step))}" for step in first["loc"]) + f": {first['msg']}"
