"""What the language model is asked: a versioned file of rules and worked examples, filled in for one label."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Literal, TypedDict

from pydantic import BaseModel, ConfigDict

from lga.anatomy.labels import prompt_name
from lga.anatomy.records import StageCount
from lga.anatomy.schema import Stage
from lga.anatomy.template import MAX_STAGES

MAX_REPEATED = 4000
"""characters of a rejected reply that the model is shown again"""


class Message(TypedDict):
    """One turn of the conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class Choice(BaseModel):
    """How many stages an example has where the model may choose, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stages: int
    reason: str


class Example(BaseModel):
    """One action taken apart into one to five stages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: str
    auto: Choice
    stages: dict[int, tuple[Stage, ...]]


class Prompt(BaseModel):
    """A prompt file; any change of its words needs another version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    system: tuple[str, ...]
    auto: tuple[str, ...]
    """rules that are added where the model may choose the number of stages"""
    again: str
    examples: tuple[Example, ...]


class Rejected(BaseModel):
    """A reply that was not accepted, and why."""

    model_config = ConfigDict(frozen=True)

    text: str
    reasons: tuple[str, ...]


@cache
def read_prompt() -> Prompt:
    """The shipped prompt."""
    return Prompt.model_validate_json((resources.files("lga.anatomy") / "prompts" / "anatomy.json").read_bytes())


def write_messages(label: str, stages: StageCount, rejected: Rejected | None = None) -> list[Message]:
    """The conversation up to the model's turn: rules, worked examples, the label, and what was wrong with a reply.

    The label goes in as a JSON string in its readable form, so that no label can leave its place.

    Source: LGA (arXiv:2507.16287), "Textual Anatomy", asks for ordered atomic actions with subject, motion and
    object; its prompt is not published, and this one is ours.
    """
    prompt = read_prompt()
    rules = prompt.system + (prompt.auto if stages == "auto" else ())
    messages: list[Message] = [{"role": "system", "content": "\n".join(rules)}]
    for example in prompt.examples:
        messages += [_request(example.action, stages), Message(role="assistant", content=_answer(example, stages))]
    messages.append(_request(prompt_name(label), stages))
    if rejected is not None:
        reasons = _json({"problem": prompt.again, "reasons": rejected.reasons})
        messages += [
            Message(role="assistant", content=rejected.text[:MAX_REPEATED] or "(nothing)"),
            Message(role="user", content=reasons),
        ]
    return messages


def reply_schema(stages: StageCount) -> dict[str, object]:
    """The JSON schema of an acceptable reply, for servers that can hold a model to one."""
    parts = {name: {"type": "string"} for name in Stage.model_fields}
    least, most = (1, MAX_STAGES) if stages == "auto" else (stages, stages)
    listed = {"type": "array", "items": _object(parts), "minItems": least, "maxItems": most}
    return _object({"reason": {"type": "string"}, "stages": listed} if stages == "auto" else {"stages": listed})


def estimate_tokens(messages: Sequence[Message]) -> int:
    """About how many tokens a conversation is, at four characters each."""
    return sum(len(message["content"]) for message in messages) // 4


def _request(name: str, stages: StageCount) -> Message:
    return {"role": "user", "content": _json({"action": name, "stages": stages})}


def _answer(example: Example, stages: StageCount) -> str:
    chosen = example.auto.stages if stages == "auto" else stages
    listed = {"stages": [stage.model_dump() for stage in example.stages[chosen]]}
    return _json({"reason": example.auto.reason, **listed} if stages == "auto" else listed)


def _object(properties: Mapping[str, object]) -> dict[str, object]:
    required = list(properties)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
