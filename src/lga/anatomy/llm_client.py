"""Ask an OpenAI-compatible server: one question, its limits, its retries."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from lga.anatomy.journal import Reply, now
from lga.anatomy.llm_prompt import Message
from lga.anatomy.settings import LLMConfig, find_key
from lga.errors import AnatomyError, LGAError, NoReplyError, ServerError

MAX_QUOTED = 200
"""characters of an error that are told again"""

SOFTER: Mapping[str, Literal["json_object", "text"]] = {"json_schema": "json_object", "json_object": "text"}

NO_FORMAT = re.compile(r"response.?format|schema|grammar|json.?(object|mode)|guided|structured.?output", re.IGNORECASE)
"""how servers speak of a form of the reply that they do not know"""
NO_SYSTEM = re.compile(
    r"system['\"` ]*(role|message|prompt|instruction)|roles?\W{0,5}system|developer instruction|roles must alternate"
    r"|only user,? and assistant|only .{0,9}user.{0,9}assistant.{0,9} roles",
    re.IGNORECASE,
)
"""how servers speak of a model that knows no turn for instructions"""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What this server and model accept; learnt from refusals, once a run."""

    format: Literal["json_schema", "json_object", "text"] = "json_schema"
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """newer models of OpenAI want the second"""
    temperature: bool = True
    system: bool = True
    """instructions in a turn of their own; some models' templates know the turns of two only"""

    def after(self, refusal: str, status: int) -> "Dialect | None":
        """What to try next when the server refuses a question in these words; None if they name none of it.

        Servers refuse a form of the reply or a role with any status, 500 too; what they say of numbers counts where
        the status says that the question is wrong.
        """
        if self.system and NO_SYSTEM.search(refusal):
            return replace(self, system=False)
        asked = status in (400, 404, 422)
        if asked and self.limit == "max_tokens" and "max_completion_tokens" in refusal:
            return replace(self, limit="max_completion_tokens")
        if self.format in SOFTER and NO_FORMAT.search(refusal):
            return replace(self, format=SOFTER[self.format])
        if asked and self.temperature and "temperature" in refusal:
            return replace(self, temperature=False)
        return None


def write_body(
    settings: LLMConfig, messages: Sequence[Message], schema: Mapping[str, object], dialect: Dialect
) -> dict[str, object]:
    """The question as the server wants it."""
    body: dict[str, object] = {
        "model": settings.model,
        "messages": list(messages) if dialect.system else without_system(messages),
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


def without_system(messages: Sequence[Message]) -> list[Message]:
    """The same conversation with its instructions at the head of the first turn of the user."""
    rules = "\n".join(message["content"] for message in messages if message["role"] == "system")
    first, *others = (message for message in messages if message["role"] != "system")
    return [Message(role=first["role"], content=f"{rules}\n\n{first['content']}"), *others]


def read_completion(body: bytes) -> Reply:
    """The reply in an answer of the server.

    Raises:
        AnatomyError: the answer is no chat completion; it says what it is instead.
    """
    try:
        completion = Completion.model_validate_json(body)
    except ValidationError as error:
        text = " ".join(re.sub(r"<[^>]*>", " ", body[: 10 * MAX_QUOTED].decode("utf-8", "replace")).split())
        raise AnatomyError(f"the answer is not a chat completion: {text}") from error
    if not completion.choices:
        raise AnatomyError("the answer holds no choices")
    choice, usage = completion.choices[0], completion.usage or Usage()
    message = choice.message
    return Reply(
        text=message.said or message.refusal or message.reasoning_content or message.reasoning or "",
        cut=choice.finish_reason == "length",
        input_tokens=max(usage.prompt_tokens or 0, 0),
        output_tokens=max(usage.completion_tokens or 0, 0),
        date=now(),
    )


class Part(BaseModel):
    """A piece of what the model wrote: text, or its thinking, which has its text elsewhere."""

    text: str | None = None


class Text(BaseModel):
    """What the model wrote, or that it would not; and what it thought, where the server keeps that apart."""

    content: str | list[Part | str] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None

    @property
    def said(self) -> str:
        """The text of all parts."""
        if not isinstance(self.content, list):
            return self.content or ""
        return "".join(part if isinstance(part, str) else part.text or "" for part in self.content)


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


try:
    from httpx2 import AsyncByteStream, AsyncClient, ConnectError, ConnectTimeout, DecodingError, ReadError, Response
    from openai import APIConnectionError, APIStatusError, APITimeoutError, AsyncOpenAI
except ImportError as missing:
    raise LGAError("asking a language model needs the openai client, version 3: pip install 'lga[llm]'") from missing

MAX_BODY = 2_000_000
"""bytes of one answer of the server, errors included"""

MAX_PAUSE = 120.0
"""seconds; a server that wants a longer pause is asked again after this one"""

NO_KEY = "none"
"""what servers of one's own, which want no key, are sent"""


class RetryableError(Exception):
    """The question was sent in vain and may be sent again, after `wait` seconds if the server says so.

    `unreachable` is a server that takes no connections: if it stays so, no question will have a reply.
    """

    def __init__(self, why: str, *, wait: float | None = None, unreachable: bool = False):
        super().__init__(why)
        self.wait, self.unreachable = wait, unreachable


class DialectError(Exception):
    """The question has to be put in another dialect."""

    def __init__(self, dialect: Dialect):
        super().__init__(dialect)
        self.dialect = dialect


@asynccontextmanager
async def connect(settings: LLMConfig) -> AsyncGenerator["Server"]:
    """A connection to the server for the time of the block.

    Raises:
        SettingsError: the key in the environment cannot be one.
    """
    key = find_key() or NO_KEY
    async with (
        AsyncClient(
            timeout=settings.timeout,
            headers={"Accept-Encoding": "identity"},
            event_hooks={"response": [_limit_body]},
            follow_redirects=False,
        ) as http,
        AsyncOpenAI(
            api_key=key, base_url=settings.llm, timeout=settings.timeout, max_retries=0, http_client=http
        ) as client,
    ):
        yield Server(client, settings, key=key)


class Server:
    """Answers questions; keeps in mind what it learnt about the server on the way.

    It repeats failed questions itself, with the client's own retries off: those wait for one question where a server
    that is too busy wants all of them held back, ignore a Retry-After above a minute and the limit of questions a
    minute, do not repeat a question whose answer is broken, and are not counted in `sent`.
    """

    def __init__(self, client: AsyncOpenAI, settings: LLMConfig, *, key: str):
        self.client, self.settings = client, settings
        self.sent = 0
        self._key, self._where = key, plain_address(settings.llm or "")
        self._dialect, self._met = Dialect(), False
        self._next = 0.0
        self._jitter = Random()

    async def ask(self, messages: Sequence[Message], schema: Mapping[str, object]) -> Reply:
        """One reply; sent again, with growing pauses, while there is hope for one.

        Raises:
            NoReplyError: this question has none; another may.
            ServerError: no question will.
        """
        failures = 0
        while True:
            await self._take_turn()
            used = self._dialect
            try:
                return await self._send(messages, schema, used)
            except DialectError as error:
                if self._dialect is used:
                    self._dialect = error.dialect
            except RetryableError as error:
                failures += 1
                if failures == self.settings.tries:
                    if error.unreachable:
                        raise self._not_there(str(error)) from error
                    raise NoReplyError(f"no reply in {failures} tries; the last: {error}") from error
                await self._pause(failures, error.wait)

    async def _send(self, messages: Sequence[Message], schema: Mapping[str, object], dialect: Dialect) -> Reply:
        """Send a question once."""
        self.sent += 1
        try:
            async with asyncio.timeout(self.settings.timeout):
                body = write_body(self.settings, messages, schema, dialect)
                answer = await self.client.post("/chat/completions", body=body, cast_to=Response)
        except APIStatusError as error:
            self._met = True
            raise self._judge(error, dialect) from error
        except (TimeoutError, APITimeoutError) as error:
            raise self._broken(error, f"no whole answer in {self.settings.timeout:g} s") from error
        except APIConnectionError as error:
            raise self._broken(error, f"the connection broke: {self._quote(str(error.__cause__))}") from error
        self._met = True
        try:
            reply = read_completion(answer.content)
        except AnatomyError as error:
            other = dialect.after(answer.text, answer.status_code)
            raise RetryableError(self._quote(str(error))) if other is None else DialectError(other) from error
        return reply.model_copy(update={"text": self._without_key(reply.text)})

    def _judge(self, error: APIStatusError, dialect: Dialect) -> Exception:
        """What an error status means for the question, or for all of them."""
        status, said = error.status_code, error.response.text
        told = f"{status} {self._quote(said)}".strip()
        if (other := dialect.after(said, status)) is not None:
            return DialectError(other)
        if status in (401, 403):
            return ServerError(f"{self._where}: refuses the key ({status}); set LGA_LLM_KEY to one that it takes")
        if status == 402 or "insufficient_quota" in said:
            return ServerError(f"{self._where}: the account is used up ({status}); run it again when it is not")
        if status in (404, 405) or status < 400:
            model = f"no model {self.settings.model!r} there, or no such address"
            return ServerError(f"{self._where}: {model} ({told}); --llm often ends in /v1")
        if status in (408, 409, 425, 429) or status >= 500:
            return RetryableError(told, wait=wanted_pause(error.response.headers.get("retry-after")))
        return NoReplyError(f"the server refuses the question: {told}")

    def _broken(self, error: Exception, why: str) -> Exception:
        """What a connection that failed means: a server that was never met is not there."""
        unreachable = isinstance(error.__cause__, ConnectError | ConnectTimeout)
        return RetryableError(why, unreachable=unreachable) if self._met or not unreachable else self._not_there(why)

    def _not_there(self, why: str) -> ServerError:
        return ServerError(f"{self._where}: cannot be reached ({why}); check --llm, and that the server runs")

    async def _take_turn(self) -> None:
        """Wait until the rate limit, or a pause that the server asked for, lets the next question go."""
        clock = asyncio.get_running_loop()
        start = max(self._next, clock.time())
        self._next = start + (60 / self.settings.per_minute if self.settings.per_minute else 0.0)
        await asyncio.sleep(start - clock.time())

    async def _pause(self, failures: int, wanted: float | None) -> None:
        """Hold everything back as long as the server wants; or only this question, longer each time, by chance."""
        if wanted is not None:
            self._next = max(self._next, asyncio.get_running_loop().time() + min(wanted, MAX_PAUSE))
            return
        longest = min(self.settings.backoff * 2 ** (failures - 1), 60.0)
        await asyncio.sleep(longest * self._jitter.uniform(0.5, 1.0))

    def _quote(self, said: str) -> str:
        """What a server said, on one line and in short."""
        plain = "".join(each if each.isprintable() else " " for each in self._without_key(said)[: 10 * MAX_QUOTED])
        return " ".join(plain.split())[:MAX_QUOTED]

    def _without_key(self, text: str) -> str:
        return text if self._key == NO_KEY else text.replace(self._key, "***")


def plain_address(address: str) -> str:
    """An address without what stands behind its path, which may be a secret."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def wanted_pause(header: str | None) -> float | None:
    """The seconds that a Retry-After header asks for, given as such or as a date; None if it cannot be read."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            date = parsedate_to_datetime(header)
            seconds = (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), MAX_PAUSE) if seconds == seconds else None


class LimitedStream(AsyncByteStream):
    """The bytes of an answer, up to `MAX_BODY`."""

    def __init__(self, stream: AsyncByteStream):
        self.stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Hand on the chunks.

        Raises:
            ReadError: there are too many.
        """
        total = 0
        async for chunk in self.stream:
            total += len(chunk)
            if total > MAX_BODY:
                raise ReadError(f"the answer is larger than {MAX_BODY // 1_000_000} MB")
            yield chunk

    async def aclose(self) -> None:
        """Close the connection."""
        await self.stream.aclose()


async def _limit_body(response: Response) -> None:
    """Let no answer fill the memory, nor a small one that unpacks to a large one."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise DecodingError("the answer is compressed, though none was asked for")
    if isinstance(response.stream, AsyncByteStream):
        response.stream = LimitedStream(response.stream)
