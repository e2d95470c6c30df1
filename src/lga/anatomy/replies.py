"""Read what a language model wrote: strict about what a stage is, tolerant about what stands around the JSON."""

import json
import re
from collections.abc import Generator
from dataclasses import dataclass

from lga.anatomy.files import parse_stage, unique_keys
from lga.anatomy.labels import quote
from lga.anatomy.records import StageCount
from lga.anatomy.schema import Stage
from lga.anatomy.template import MAX_STAGES
from lga.errors import AnatomyError

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
