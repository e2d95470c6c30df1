"""What the routes share: the actions as they are now, and a queue that bounds the work."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from importlib.resources import files
from math import ceil
from pathlib import Path
from time import monotonic
from typing import Annotated, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Depends
from starlette.exceptions import HTTPException
from starlette.requests import Request

from lga.actions import Actions
from lga.errors import VideoError
from lga.explain.explanation import Explanation, explain_features
from lga.explain.page import page
from lga.features.cache import ClipFeatures
from lga.features.extract import Skipped
from lga.recognition import Accept, Prepared
from lga.recognizer import Recognizer
from lga.serve.intake import Upload
from lga.serve.metrics import Metrics
from lga.serve.schema import Result
from lga.serve.settings import ServeConfig
from lga.serve.store import Store
from lga.serve.teaching import Editor
from lga.serve.values import result_value, why_value

T = TypeVar("T")
LONGEST_WAIT = 60
"""Seconds after which a refused client is asked to come back, at most."""


class WorkQueue:
    """A number of threads and a queue before them; a request holds a place from before its upload until its answer."""

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
            message = f"{self.pending} requests are being worked on or waiting; come back in {seconds} s"
            raise HTTPException(503, message, {"Retry-After": str(seconds)})
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


EXPLAINED = 3
"""labels"""
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/vnd.microsoft.icon",
    ".woff2": "font/woff2",
}
"""Files that the page may be made of, and what they are called to browsers."""


@dataclass(frozen=True, slots=True)
class RecognitionRequest:
    """What a client wants to know about a clip: the `top` likeliest labels, what counts as known, and why."""

    top: int
    accept: Accept
    why: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of a running server."""

    config: ServeConfig
    token_needed: bool
    recognizer: Recognizer
    store: Store
    teacher: Editor
    reading: WorkQueue
    """recognition and pictures"""
    writing: WorkQueue
    """changes, one at a time"""
    metrics: Metrics
    uploads: Path
    """folder for files that last as long as their request"""
    assets: dict[str, bytes]
    """the page's files by name"""

    @property
    def actions(self) -> Actions | None:
        """What is taught now."""
        return self.store.actions

    async def taught(self) -> Prepared:
        """What is taught now, ready to answer.

        Raises:
            HTTPException: nothing is.
        """
        now = await to_thread.run_sync(self.store.prepare)
        if now is None:
            raise HTTPException(409, "nothing is taught yet; teach an action first")
        return now

    def recognise(self, now: Prepared, clip: Upload, asked: RecognitionRequest) -> Result:
        """Say what a clip shows.

        Raises:
            VideoError: it cannot be read, or is beyond the limits.
            SettingsError: it cannot be judged so.
        """
        if asked.why:
            explanation = self._explain(now, clip, EXPLAINED, asked.accept)
            recognition, why = explanation.recognition, why_value(now.actions, explanation)
        else:
            features = self._encode(now, clip)
            (recognition,) = now.answer([features], asked.accept)
            why = None
        self.metrics.recognised.inc()
        return result_value(now.actions, replace(recognition, path=clip.path), clip.name, top=asked.top, why=why)

    def report(self, now: Prepared, clip: Upload, asked: RecognitionRequest) -> str:
        """The explanation as one HTML file that names clips and not where they lie on this machine.

        Raises:
            VideoError: the clip cannot be read, or is beyond the limits.
            SettingsError: it cannot be judged so.
        """
        explanation = self._explain(now, clip, asked.top, asked.accept)
        self.metrics.recognised.inc()
        examples = [label.example.frames_shown for label in explanation.labels if label.example]
        called = {Path(one.path): one.called for one in now.actions.examples}
        names = {one.path: called.get(one.path, one.path.name) for one in examples}
        return page(explanation, names={clip.path: clip.name} | names)

    def _explain(self, now: Prepared, clip: Upload, top: int, accept: Accept) -> Explanation:
        features = self._encode(now, clip)
        return explain_features(now, features, clip.path, top=top, accept=accept)

    def _encode(self, now: Prepared, clip: Upload) -> ClipFeatures:
        (features,) = self.recognizer.encode(now.actions, [clip.path], limits=self.config.limits)
        if isinstance(features, Skipped):
            raise VideoError(clip.renamed(features.reason))
        return features


def find_action(actions: Actions | None, label: str) -> tuple[Actions, str]:
    """These actions, and how a label is spelt in them.

    Raises:
        HTTPException: it is not taught.
    """
    known = None if actions is None else actions.spelling(label)
    if actions is None or known is None:
        raise HTTPException(404, f"no action {label[:60]!r} is taught; GET /actions lists them")
    return actions, known


async def find_service(request: Request) -> Service:
    """The service that the application was made for, which knows of every change that is done by now.

    Raises:
        LGAError: somebody has damaged the folder, or has put actions of another backbone there.
    """
    service: Service = request.app.state.service
    await to_thread.run_sync(service.store.refresh)
    return service


Serving = Annotated[Service, Depends(find_service)]


def read_assets() -> dict[str, bytes]:
    """The page's files by name; only these are served."""
    folder = files("lga.serve").joinpath("page")
    assets = list(folder.iterdir()) if folder.is_dir() else []
    return {asset.name: asset.read_bytes() for asset in assets if asset.is_file() and Path(asset.name).suffix in KINDS}


def own_version() -> str:
    """The version of this package."""
    return version("lga")
