"""Work off the event loop: few things at once, few waiting, and an honest refusal of the rest."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from math import ceil
from time import monotonic
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.exceptions import HTTPException

T = TypeVar("T")
LONGEST_WAIT = 60
"""Seconds after which a refused client is asked to come back, at most."""


class Lane:
    """So many threads and a queue; a request holds its place from before its upload until its answer."""

    def __init__(self, workers: int, queue: int):
        self._limiter = CapacityLimiter(workers)
        self._workers, self._most = workers, workers + queue
        self._typical = 1.0
        self.pending = 0

    @property
    def waiting(self) -> int:
        """Requests that hold a place and are not being worked on."""
        return self.pending - self._limiter.borrowed_tokens

    @contextmanager
    def admitted(self) -> Generator[None]:
        """Hold a place.

        Raises:
            HTTPException: there is none; Retry-After says when there may be.
        """
        if self.pending >= self._most:
            seconds = min(LONGEST_WAIT, ceil(self._typical * self.pending / self._workers))
            told = f"{self.pending} requests are being worked on or waiting; come back in {seconds} s"
            raise HTTPException(503, told, {"Retry-After": str(seconds)})
        self.pending += 1
        try:
            yield
        finally:
            self.pending -= 1

    async def run(self, work: Callable[[], T]) -> T:
        """Do some work in a thread when one is free."""

        def timed() -> T:
            began = monotonic()
            try:
                return work()
            finally:
                self._typical += 0.2 * (monotonic() - began - self._typical)

        return await to_thread.run_sync(timed, limiter=self._limiter)
