"""What a language model is asked, and how its reply is read."""

import json
import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal, TypedDict

from pydantic import BaseModel, ConfigDict

from lga.anatomy.descriptions import parse_stage, unique_keys
from lga.anatomy.schema import Stage
from lga.config import MAX_STAGES, FrozenModel, StageCount
from lga.errors import AnatomyError
from lga.labels import prompt_name, quote

MAX_REPEATED = 4000
"""characters of a rejected reply that the model is shown again"""


class Message(TypedDict):
    """One turn of the conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class StageChoice(FrozenModel):
    """How many stages an example has where the model may choose, and why."""

    stages: int
    reason: str


class PromptExample(FrozenModel):
    """One action taken apart into one to five stages."""

    action: str
    auto: StageChoice
    stages: dict[int, tuple[Stage, ...]]


class Prompt(FrozenModel):
    """A prompt file; any change of its words needs another version."""

    version: int
    system: tuple[str, ...]
    auto: tuple[str, ...]
    """rules that are added where the model may choose the number of stages"""
    again: str
    examples: tuple[PromptExample, ...]


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


def _answer(example: PromptExample, stages: StageCount) -> str:
    chosen = example.auto.stages if stages == "auto" else stages
    listed = {"stages": [stage.model_dump() for stage in example.stages[chosen]]}
    return _json({"reason": example.auto.reason, **listed} if stages == "auto" else listed)


def _object(properties: Mapping[str, object]) -> dict[str, object]:
    required = list(properties)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


MAX_REPLY = 50_000
"""characters; five stages need about two thousand"""

MAX_STARTS = 40
"""places in a text that are tried as the beginning of its JSON"""

MAX_REASON = 300
TOO_DEEP = "the reply is not JSON that can be read: too deep a nesting or too long a number"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one reply says of an action."""

    stages: tuple[Stage, ...]
    reason: str = ""
    """why that many stages, where the model chose"""


def read_reply(text: str, stages: StageCount, *, cut: bool = False) -> Proposal:
    """The stages in a reply, also where prose, a code fence or a comma too many stands around or in its JSON.

    Args:
        text: what the model wrote.
        stages: how many were wanted; `auto` takes 1 to 5.
        cut: the server says that it cut the reply off.

    Raises:
        AnatomyError: what is wrong with the reply, in words that its author can act on.
    """
    if len(text) > MAX_REPLY:
        raise AnatomyError(f"the reply has {len(text)} characters; at most {MAX_REPLY} are read")
    text = re.sub(r"\A\s*<think>.*?</think>", "", text, flags=re.DOTALL).strip()
    if not text:
        raise AnatomyError("the reply is empty")
    if cut:
        raise AnatomyError("the reply was cut off before its end; write less")
    value = find_json(text)
    listed = _list_of_stages(value, stages)
    if stages == "auto" and not 1 <= len(listed) <= MAX_STAGES:
        raise AnatomyError(f"1 to {MAX_STAGES} stages are wanted, found {len(listed)}")
    if stages != "auto" and len(listed) != stages:
        raise AnatomyError(f"{stages} stages are wanted, found {len(listed)}")
    told = value.get("reason") if stages == "auto" and isinstance(value, dict) else None
    reason = _one_line(told)[:MAX_REASON] if isinstance(told, str) else ""
    return Proposal(tuple(_read_stage(number, one) for number, one in enumerate(listed, 1)), reason)


def find_json(text: str) -> object:
    """The first JSON object, or list of objects, in a text.

    Raises:
        AnatomyError: there is none, it has no end, or it names a key twice.
    """
    decoder = json.JSONDecoder(object_pairs_hook=unique_keys)
    for _, start in zip(range(MAX_STARTS), _starts(text), strict=False):
        try:
            value: object = decoder.raw_decode(without_spare_commas(text[start:]))[0]
        except json.JSONDecodeError as error:
            raise AnatomyError(f"the reply is not whole JSON ({error.msg}), or was cut off") from error
        except (ValueError, RecursionError) as error:
            raise AnatomyError(TOO_DEEP) from error
        if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict) for one in value)):
            return value
    raise AnatomyError(f"the reply holds no JSON object; it begins {quote(text)}")


def without_spare_commas(text: str) -> str:
    """The text without the commas that stand before a closing bracket, those in strings excepted."""
    return re.sub(r'("(?:[^"\\]|\\.)*+"?)|,(?=\s*[}\]])', lambda found: found[1] or "", text, flags=re.DOTALL)


def _starts(text: str) -> Generator[int]:
    """Where JSON begins: in code fences first, then at brackets that prose would not write."""
    for fence in re.finditer(r"```\w*\s*(?=[{\[])", text):
        yield fence.end()
    for bracket in re.finditer(r'{(?=\s*["}])|\[(?=\s*["{\[])', text):
        yield bracket.start()


def _list_of_stages(value: object, stages: StageCount) -> list[object]:
    """The stages, given as `{"stages": [...]}`, as a bare list, as one stage alone, or under another single key."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        if isinstance(listed := value.get("stages"), list):
            return listed
        if "sentence" in value and stages in (1, "auto"):
            return [value]
        if len(value) == 1 and isinstance(only := next(iter(value.values())), list):
            return only
    raise AnatomyError('wanted an object with a list "stages"')


def _read_stage(number: int, told: object) -> Stage:
    """One stage, its texts on one line and unknown keys left out; the checks refuse what is missing."""
    if not isinstance(told, dict):
        raise AnatomyError(f"stage {number}: wanted an object with subject, motion, object and sentence")
    parts = {name: told[name] for name in Stage.model_fields if name in told and told[name] is not None}
    texts = {name: _one_line(part) if isinstance(part, str) else part for name, part in parts.items()}
    try:
        return parse_stage("the reply", number, texts)
    except AnatomyError as error:
        raise AnatomyError(str(error).removeprefix("'the reply': ")) from error


def _one_line(text: str) -> str:
    return " ".join(text.split())
