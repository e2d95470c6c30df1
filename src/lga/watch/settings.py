"""How a long video is watched. Imports no torch."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lga.config import Frozen, Share

Seconds = Annotated[float, Field(gt=0.0, le=600.0)]


class WatchSettings(Frozen):
    """Which moments are looked at, which windows are asked about, and what counts."""

    rate: Annotated[float, Field(gt=0.0, le=60.0)] = 5.0
    """moments looked at in a second"""
    windows: Annotated[tuple[Seconds, ...], Field(min_length=1)] = (2.0, 4.0)
    """lengths of the windows that are asked about, in seconds"""
    stride: Seconds = 0.4
    """seconds from one window to the next of its length"""
    accept: Literal["always", "suggested"] | Share = "suggested"
    """which windows count as a taught action; see `lga recognize --help`"""
    ignore_cuts: bool = False
    """let windows reach from one scene into the next"""
    timeout: Seconds = 10.0
    """seconds that a stream may keep silent"""

    @property
    def longest(self) -> float:
        """Seconds of the longest window."""
        return max(self.windows)

    @property
    def part(self) -> float | None:
        """Seconds of the parts whose scores count for the windows around them; None where they hold no two moments."""
        half = min(self.windows) / 2
        return half if half * self.rate >= 2 else None

    @model_validator(mode="after")
    def _a_window_holds_something(self) -> "WatchSettings":
        if min(self.windows) * self.rate < 2:
            raise ValueError(f"--windows {min(self.windows)} holds fewer than two moments at --rate {self.rate}")
        return self
