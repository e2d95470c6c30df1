"""Who may ask, how much, and how fast: checked before anything else sees the request."""

import hmac
import re
from dataclasses import dataclass
from ipaddress import ip_address
from time import monotonic

from anyio import fail_after, move_on_after
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lga.serve.failures import failure
from lga.serve.metrics import Metrics, Seen
from lga.serve.settings import JSON_BYTES, ServeConfig, is_loopback

HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>.+)")
DEFAULT_PORT = {"http": "80", "https": "443"}
HARMLESS = ("GET", "HEAD", "OPTIONS")
GRACE = 5.0
"""Seconds before an upload must keep its rate."""
LINGER_SECONDS, LINGER_BYTES = 2.0, 8_000_000
"""How long a refused upload is still listened to, so that its sender reads the answer instead of a broken line."""
PAGE_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"


class Guard:
    """Wraps the whole application: refuses requests before it sees them, and completes every answer's headers."""

    def __init__(self, app: ASGIApp, config: ServeConfig, token: str | None, metrics: Metrics):
        self._app, self._config, self._metrics = app, config, metrics
        self._token = None if token is None else token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it; either way the answer gets its headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        body = _Body(receive, headers, self._config, uploads=_takes_clips(scope["path"]))
        with self._metrics.watched(scope) as seen:
            answer = _Answer(send, body, seen, page=_is_page(scope["path"]))
            refused = self._refusal(scope, headers) or body.refusal()
            app = self._app if refused is None else failure(refused.status_code, refused.detail, refused.headers)
            await app(scope, body.receive, answer.send)

    def _refusal(self, scope: Scope, headers: Headers) -> HTTPException | None:
        host = headers.get("host", "").lower()
        if not self._answers_to(host):
            return HTTPException(
                421, f"this server is not {host[:100]!r}; `lga serve --allowed-hosts NAME` adds a name"
            )
        if scope["method"] not in HARMLESS and not _same_origin(headers, host):
            return HTTPException(403, "a page from elsewhere may not change or ask anything here")
        if self._token is not None and not _is_public(scope["path"]):
            kind, _, given = headers.get("authorization", "").partition(" ")
            if kind.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self._token):
                return HTTPException(
                    401, "wanted the header Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"}
                )
        return None

    def _answers_to(self, host: str) -> bool:
        """Whether a Host header names this server; a foreign site could point its own name here."""
        parts = HOST.fullmatch(host)
        if parts is None:
            return False
        name, bound = parts["name"].strip("[]"), self._config.host.lower()
        if name == bound or name in (host.lower() for host in self._config.allowed_hosts):
            return True
        return is_loopback(name) if is_loopback(bound) else bound in ("0.0.0.0", "::") and _is_address(name)


@dataclass(slots=True)
class _Body:
    """A request's body on its way in, counted and timed."""

    source: Receive
    headers: Headers
    config: ServeConfig
    uploads: bool
    """whether clips may be sent there"""
    began: float | None = None
    count: int = 0
    ended: bool = False

    def __post_init__(self) -> None:
        self.ended = self.headers.get("content-length", "0") == "0" and "transfer-encoding" not in self.headers

    @property
    def most(self) -> int:
        form = self.headers.get("content-type", "").lower().startswith("multipart/form-data")
        return self.config.bytes if form and self.uploads else JSON_BYTES

    def refusal(self) -> HTTPException | None:
        """Refuse a body whose Content-Length is too large already."""
        length = self.headers.get("content-length", "0")
        if not (length.isascii() and length.isdecimal()):
            return HTTPException(400, "Content-Length is not a number")
        return self._too_large() if len(length) > 18 or int(length) > self.most else None

    async def receive(self) -> Message:
        if self.ended:
            return await self.source()
        self.began = self.began or monotonic()
        due = min(self.config.upload_seconds, GRACE + self.count / self.config.upload_rate)
        try:
            with fail_after(max(0.0, self.began + due - monotonic())):
                message = await self.source()
        except TimeoutError as error:
            rate = f"{self.count} bytes in {monotonic() - self.began:.0f} s"
            wanted = f"at least {self.config.upload_rate} a second are wanted"
            raise HTTPException(408, f"the upload is too slow: {rate}; {wanted}") from error
        self._note(message)
        if self.count > self.most:
            raise self._too_large()
        return message

    async def drain(self) -> None:
        """Receive a little longer and throw away what comes."""
        stop = self.count + LINGER_BYTES
        with move_on_after(LINGER_SECONDS):
            while not self.ended and self.count < stop:
                self._note(await self.source())

    def _note(self, message: Message) -> None:
        self.count += len(message.get("body", b""))
        self.ended = message["type"] == "http.disconnect" or not message.get("more_body", False)

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"the body is too large; at most {self.most} bytes are taken")


@dataclass(slots=True)
class _Answer:
    """An answer on its way out: gets its headers, and waits a little for a body that is still being sent."""

    target: Send
    body: _Body
    seen: Seen
    page: bool

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.seen.status = message["status"]
            self._complete(MutableHeaders(raw=message["headers"]))
        elif message["type"] == "http.response.body" and not message.get("more_body", False) and not self.body.ended:
            await self.target({**message, "more_body": True})
            await self.body.drain()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self.target(message)

    def _complete(self, headers: MutableHeaders) -> None:
        headers.setdefault("Content-Security-Policy", PAGE_POLICY if self.page else DATA_POLICY)
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "no-referrer"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers["Cache-Control"] = "no-cache" if self.page and self.seen.status < 400 else "no-store"
        if not self.body.ended:
            headers["Connection"] = "close"


def _same_origin(headers: Headers, host: str) -> bool:
    """Whether the request comes from this server's page; programs other than browsers do not say, and pass."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site", "none") in ("same-origin", "none")
    parts = ORIGIN.fullmatch(origin.lower())
    if parts is None:
        return False
    theirs, ours = HOST.fullmatch(parts["host"]), HOST.fullmatch(host)
    usual = DEFAULT_PORT[parts["scheme"]]
    return (
        theirs is not None
        and ours is not None
        and (theirs["name"], theirs["port"] or usual) == (ours["name"], ours["port"] or usual)
    )


def _is_page(path: str) -> bool:
    return path == "/" or path.startswith("/page/")


def _is_public(path: str) -> bool:
    return _is_page(path) or path in ("/healthz", "/settings")


def _takes_clips(path: str) -> bool:
    return path in ("/recognize", "/explain") or path.endswith("/examples")


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
