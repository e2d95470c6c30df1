"""Settings of `lga anatomize --llm`; importing them imports no client."""

import os
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from lga.config import Frozen
from lga.errors import SettingsError

MAX_NAME = 300
Price = Annotated[float, Field(ge=0.0)]


class LLMConfig(Frozen):
    """Which language model is asked, how often and how fast. Its key is read from LGA_LLM_KEY or OPENAI_API_KEY."""

    llm: str | None = None
    """address of an OpenAI-compatible server, such as http://localhost:8000/v1"""
    model: str | None = None
    """name of the model on that server"""
    samples: Annotated[int, Field(ge=1, le=20)] = 1
    """how often each label is asked about; the sample that agrees most with the others is taken"""
    temperature: Annotated[float, Field(ge=0.0, le=2.0)] = 0.7
    """how freely the model chooses its words"""
    tries: Annotated[int, Field(ge=1, le=20)] = 4
    """how often a question is sent until a reply comes, and how often it is asked until a reply is accepted"""
    jobs: Annotated[int, Field(ge=1, le=256)] = 4
    """labels that are worked on at the same time"""
    per_minute: Annotated[int, Field(ge=0)] = 0
    """at most so many questions a minute; 0 is no limit"""
    timeout: Annotated[float, Field(gt=0.0, le=3600.0)] = 60.0
    """seconds to wait for a whole reply"""
    backoff: Annotated[float, Field(ge=0.0, le=60.0)] = 1.0
    """seconds before a failed question is sent again; doubled each time, up to a minute"""
    reply_tokens: Annotated[int, Field(ge=50, le=100_000)] = 1000
    """most tokens of one reply; a model that thinks aloud needs more"""
    price_in: Price = 0.0
    """price of a million tokens sent, to add up the cost"""
    price_out: Price = 0.0
    """price of a million tokens received"""

    @model_validator(mode="after")
    def _a_model_on_a_server(self) -> "LLMConfig":
        if (self.llm is None) != (self.model is None):
            raise ValueError("--llm and --model go together: the server's address and the model's name on it")
        if self.llm is not None:
            check_address(self.llm)
        if self.model is not None and not (self.model.isprintable() and 0 < len(self.model) <= MAX_NAME):
            raise ValueError(f"--model wants a name of 1 to {MAX_NAME} visible characters")
        return self

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """What so many tokens cost, in the currency of the prices."""
        return (input_tokens * self.price_in + output_tokens * self.price_out) / 1_000_000


def check_address(address: str) -> None:
    """Refuse what is no web address, and one with a password in it, which `ps` and shell histories would show.

    Raises:
        ValueError: without repeating the address.
    """
    try:
        parts = urlsplit(address)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        whole = False
        parts = urlsplit("")
    if not whole:
        raise ValueError("--llm wants an address such as http://localhost:8000/v1")
    if parts.username or parts.password:
        raise ValueError("--llm wants an address without a name and password; put the key into LGA_LLM_KEY")


def find_key() -> str:
    """The key from the environment, empty where there is none; servers of one's own want none.

    Raises:
        SettingsError: it cannot be a key; it is not shown.
    """
    for name in ("LGA_LLM_KEY", "OPENAI_API_KEY"):
        if key := os.environ.get(name, "").strip():
            if not (key.isascii() and key.isprintable() and " " not in key):
                raise SettingsError(f"{name} holds blanks or characters that no key has; set it again")
            return key
    return ""
