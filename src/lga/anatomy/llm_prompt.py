"""What a language model is asked, and how its reply is read."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal, TypedDict, TypeVar

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

MAX_STARTS = 100
"""places in a text that are tried as the beginning of its JSON: where there are more, the first and the last ones"""

BRACKET = re.compile(r'{(?=\s*["}])|\[(?=\s*["{\[])')
"""brackets that prose would not write"""

_THOUGHT = r"(?:\w+:)?(?:ant)?(?:think|thought|reason|reflect|analysis|scratchpad|cot\b)\w*"
THOUGHT_ENDS = re.compile(
    rf"[<\[◁]\s*[|｜]?/\s*{_THOUGHT}[|｜]?\s*[>\]▷]|<[|｜]?(?:end[_▁ ]of[_▁ ]{_THOUGHT}|{_THOUGHT}[_▁ ]end)[|｜]?>"
    r"|<\|channel\|>\s*final\s*(?:<\|constrain\|>\s*json\s*)?<\|message\|>",
    re.IGNORECASE,
)
"""where thinking ends and the answer begins, as the models of several makers mark it"""
THOUGHT_BEGINS = re.compile(
    rf"[<\[◁][|｜]?(?:(?:start|begin)[_▁ ]of[_▁ ])?{_THOUGHT}[|｜]?[>\]▷]|<\|channel\|>\s*analysis", re.IGNORECASE
)
Fitted = TypeVar("Fitted")

MAX_REASON = 300
TOO_DEEP = "the reply is not JSON that can be read: too deep a nesting or too long a number"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one reply says of an action."""

    stages: tuple[Stage, ...]
    reason: str = ""
    """why that many stages, where the model chose"""


def read_reply(text: str, stages: StageCount, *, cut: bool = False) -> Proposal:
    """The stages in a reply, also where thinking, prose, a code fence or a comma too many stands around or in its JSON.

    Args:
        text: what the model wrote.
        stages: how many were wanted; `auto` takes 1 to 5.
        cut: the server says that it cut the reply off.

    Raises:
        AnatomyError: what is wrong with the reply, in words that its author can act on.
    """
    if len(text) > MAX_REPLY:
        raise AnatomyError(f"the reply has {len(text)} characters; at most {MAX_REPLY} are read")
    said = THOUGHT_ENDS.split(text)[-1].strip()
    if not said or THOUGHT_BEGINS.match(said):
        if cut:
            raise AnatomyError("all its tokens went into thinking before an answer came; raise --reply-tokens")
        raise AnatomyError("the reply is empty, but for thinking" if text.strip() else "the reply is empty")
    if cut:
        raise AnatomyError("the reply was cut off before its end; write less, or raise --reply-tokens")
    return find_json(said, lambda value: _read_proposal(value, stages))


def find_json(text: str, fit: Callable[[object], Fitted] = lambda value: value) -> Fitted:
    """What `fit` makes of the last JSON object, or list of objects, in a text that it does not refuse.

    Models write drafts before they answer, and repeat what they were shown. Nothing inside another object is looked
    at, and behind one that is broken only what is whole by itself: an object with a list "stages".

    Raises:
        AnatomyError: there is none, it has no end, or it names a key twice; else what `fit` says of the one that came
            furthest.
    """
    found, broken = _json_values(text)
    troubles: list[AnatomyError] = []
    for value in reversed(found):
        try:
            return fit(value)
        except AnatomyError as error:
            troubles.append(error)
    troubles += broken
    if troubles:
        raise max(troubles, key=lambda error: error.step if isinstance(error, UnfitError) else 0)
    raise AnatomyError(f"the reply holds no JSON object; it begins {quote(text)}")


class UnfitError(AnatomyError):
    """JSON that is no anatomy; `step` says how far it came: 1 an object, 2 stages, 3 as many as were wanted."""

    def __init__(self, message: str, step: int):
        super().__init__(message)
        self.step = step


def _json_values(text: str) -> tuple[list[object], list[AnatomyError]]:
    """The JSON objects and lists of objects of a text, in order, and what is wrong with those that are broken."""
    found: list[object] = []
    broken: list[AnatomyError] = []
    rest, skipped = text, False
    for turn in range(MAX_STARTS):
        if turn == MAX_STARTS // 2 and len(left := list(BRACKET.finditer(rest))) > MAX_STARTS // 2:
            rest, skipped = rest[left[-MAX_STARTS // 2].start() :], True
        if (bracket := BRACKET.search(rest)) is None:
            break
        rest = without_spare_commas(rest[bracket.start() :])
        try:
            value, end = _decode(rest)
        except AnatomyError as error:
            broken.append(error)
            rest = rest[1:]
            continue
        if _may_be_answer(value, whole=bool(broken) or skipped):
            found.append(value)
        rest = rest[end:]
    return found, broken


def _decode(text: str) -> tuple[object, int]:
    """The JSON at the beginning of a text, and where it ends."""
    try:
        return json.JSONDecoder(object_pairs_hook=unique_keys).raw_decode(text)
    except json.JSONDecodeError as error:
        raise AnatomyError(f"the reply is not whole JSON ({error.msg}), or was cut off") from error
    except AnatomyError as error:
        raise UnfitError(str(error), 3) from error
    except (ValueError, RecursionError) as error:
        raise AnatomyError(TOO_DEEP) from error


def _may_be_answer(value: object, *, whole: bool) -> bool:
    if whole:
        return isinstance(value, dict) and isinstance(value.get("stages"), list)
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict) for one in value))


def without_spare_commas(text: str) -> str:
    """The text without the commas that stand before a closing bracket, those in strings excepted."""
    return re.sub(r'("(?:[^"\\]|\\.)*+"?)|,(?=\s*[}\]])', lambda found: found[1] or "", text, flags=re.DOTALL)


def _read_proposal(value: object, stages: StageCount) -> Proposal:
    listed = _list_of_stages(value, stages)
    if stages == "auto" and not 1 <= len(listed) <= MAX_STAGES:
        raise UnfitError(f"1 to {MAX_STAGES} stages are wanted, found {len(listed)}", 2)
    if stages != "auto" and len(listed) != stages:
        raise UnfitError(f"{stages} stages are wanted, found {len(listed)}", 2)
    told = value.get("reason") if stages == "auto" and isinstance(value, dict) else None
    reason = _one_line(told)[:MAX_REASON] if isinstance(told, str) else ""
    try:
        return Proposal(tuple(_read_stage(number, one) for number, one in enumerate(listed, 1)), reason)
    except AnatomyError as error:
        raise UnfitError(str(error), 3) from error


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
    raise UnfitError('wanted an object with a list "stages"', 1)


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
