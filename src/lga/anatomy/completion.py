"""The OpenAI-compatible wire format: the body of a question, and the reply in an answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import BaseModel, ValidationError

from lga.anatomy.journal import Reply, now
from lga.anatomy.prompt import Message
from lga.anatomy.settings import LLMConfig
from lga.errors import AnatomyError

SOFTER: Mapping[str, Literal["json_object", "text"]] = {"json_schema": "json_object", "json_object": "text"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """What this server and model accept; learnt from refusals, once a run."""

    format: Literal["json_schema", "json_object", "text"] = "json_schema"
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """newer models of OpenAI want the second"""
    temperature: bool = True

    def after(self, refusal: str) -> "Dialect | None":
        """What to try next when the server refuses a question in these words; None if they name none of it."""
        if self.limit == "max_tokens" and "max_completion_tokens" in refusal:
            return replace(self, limit="max_completion_tokens")
        if self.format in SOFTER and any(word in refusal for word in ("response_format", "json_schema", "json_object")):
            return replace(self, format=SOFTER[self.format])
        if self.temperature and "temperature" in refusal:
            return replace(self, temperature=False)
        return None


def write_body(
    settings: LLMConfig, messages: Sequence[Message], schema: Mapping[str, object], dialect: Dialect
) -> dict[str, object]:
    """The question as the server wants it."""
    body: dict[str, object] = {
        "model": settings.model,
        "messages": list(messages),
        dialect.limit: settings.reply_tokens,
    }
    if dialect.temperature:
        body["temperature"] = settings.temperature
    if dialect.format == "json_schema":
        named = {"name": "anatomy", "strict": True, "schema": schema}
        body["response_format"] = {"type": "json_schema", "json_schema": named}
    elif dialect.format == "json_object":
        body["response_format"] = {"type": "json_object"}
    return body


def read_completion(body: bytes) -> Reply:
    """The reply in an answer of the server.

    Raises:
        AnatomyError: the answer is no chat completion.
    """
    try:
        completion = Completion.model_validate_json(body)
    except ValidationError as error:
        raise AnatomyError("the answer is not a chat completion") from error
    if not completion.choices:
        raise AnatomyError("the answer holds no choices")
    choice, usage = completion.choices[0], completion.usage or Usage()
    return Reply(
        text=choice.message.content or choice.message.refusal or "",
        cut=choice.finish_reason == "length",
        input_tokens=max(usage.prompt_tokens or 0, 0),
        output_tokens=max(usage.completion_tokens or 0, 0),
        date=now(),
    )


class Text(BaseModel):
    """What the model wrote, or that it would not."""

    content: str | None = None
    refusal: str | None = None


class Choice(BaseModel):
    """The model's turn and why it ended."""

    message: Text
    finish_reason: str | None = None


class Usage(BaseModel):
    """Tokens, where the server counts them."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Completion(BaseModel):
    """As much of a chat completion as is read."""

    choices: list[Choice]
    usage: Usage | None = None
