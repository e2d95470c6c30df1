"""The server's settings; imports neither torch nor a web framework."""

import os
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

from pydantic import Field

from lga.config import Frozen
from lga.errors import SettingsError
from lga.video.files import Limits

TOKEN_VARIABLE = "LGA_TOKEN"
SHORTEST_TOKEN = 16
JSON_BYTES = 64 * 1024
CLIPS_AT_ONCE = 32
"""Parts of one request."""


class ServeConfig(Frozen):
    """Where the server listens, and what it takes from whoever asks."""

    host: str = "127.0.0.1"
    """address to listen on; any but this machine's own (loopback) needs a token"""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """port to listen on; 0 takes a free one"""
    token_file: Path | None = None
    """file with a token that every request must bear; without it the variable LGA_TOKEN, if there is one"""
    allowed_hosts: tuple[str, ...] = ()
    """names under which the server may be asked, besides the address it listens on; what a proxy passes on as Host"""
    root: Path | None = None
    """folder whose clips may be recognised by their path; without it only uploads are"""
    forget_clips: bool = False
    """do not keep uploaded examples; then there are no pictures of them, and recognition is the same"""
    workers: Annotated[int, Field(ge=1, le=64)] = 2
    """clips recognised at once"""
    queue: Annotated[int, Field(ge=0, le=1000)] = 16
    """requests that may wait for a worker; more are told to come back later"""
    connections: Annotated[int, Field(ge=2, le=10_000)] = 100
    """connections at once"""
    max_megabytes: Annotated[int, Field(ge=1, le=10_000)] = 100
    """largest upload"""
    max_seconds: Annotated[float, Field(gt=0.0)] = 120.0
    """longest clip"""
    max_pixels: Annotated[int, Field(ge=1)] = 3840 * 2160
    """largest picture of a clip, width times height"""
    decode_seconds: Annotated[float, Field(gt=0.0)] = 20.0
    """how long reading one clip may take"""
    upload_seconds: Annotated[float, Field(gt=0.0)] = 120.0
    """how long one upload may take"""
    upload_rate: Annotated[int, Field(ge=1)] = 10_000
    """bytes a second that an upload must reach after its first few seconds"""
    max_actions: Annotated[int, Field(ge=1)] = 20_000
    """actions that may be taught"""
    max_examples: Annotated[int, Field(ge=1)] = 100_000
    """examples that may be taught, of all actions together"""

    @property
    def bytes(self) -> int:
        """The largest upload."""
        return self.max_megabytes * 1_000_000

    @property
    def limits(self) -> Limits:
        """What reading one clip may cost."""
        return Limits(seconds=self.max_seconds, pixels=self.max_pixels, patience=self.decode_seconds)


def read_token(config: ServeConfig) -> str | None:
    """The token that requests must bear, from the file or the environment; None if there is none.

    Raises:
        SettingsError: it cannot be read or guessed too easily, or the server would be open to others without one.
    """
    given = os.environ.get(TOKEN_VARIABLE)
    if config.token_file is not None:
        try:
            given = config.token_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"--token-file {config.token_file}: cannot be read as text ({error})") from error
    token = None if given is None else given.strip()
    if token is None and not is_loopback(config.host):
        raise SettingsError(
            f"--host {config.host} lets others reach this server; give it a token: --token-file or {TOKEN_VARIABLE}"
        )
    if token is not None and not (token.isascii() and token.isprintable() and len(token) >= SHORTEST_TOKEN):
        raise SettingsError(f"a token has at least {SHORTEST_TOKEN} printable ASCII characters")
    return token


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
