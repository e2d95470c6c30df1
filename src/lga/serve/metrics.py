"""What the server counts, in the format of Prometheus; every server has a registry of its own."""

from collections.abc import Callable, Generator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.routing import Route

from lga.actions import Actions

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
"""seconds"""
REASONS = {
    400: "malformed",
    401: "token",
    403: "forbidden",
    404: "unknown",
    405: "method",
    408: "slow",
    409: "conflict",
    413: "size",
    415: "type",
    421: "host",
    422: "invalid",
    500: "fault",
    503: "busy",
}


@dataclass(slots=True)
class Seen:
    """One request while it lasts."""

    status: int = 500
    """what is counted if the request ends without an answer"""


class Metrics:
    """Counters and gauges; `write` gives them as text."""

    def __init__(self):
        self._registry = registry = CollectorRegistry()
        self._requests = Counter("lga_requests", "Requests answered", ("method", "route", "status"), registry=registry)
        self._latency = Histogram(
            "lga_request_seconds",
            "From the request's head to its answer",
            ("route",),
            buckets=BUCKETS,
            registry=registry,
        )
        self._refused = Counter("lga_refused", "Requests refused", ("reason",), registry=registry)
        self._flying = Gauge("lga_requests_in_flight", "Requests that are being answered", registry=registry)
        self.recognised = Counter("lga_clips_recognised", "Clips recognised", registry=registry)

    def measure(self, name: str, about: str, value: Callable[[], float]) -> None:
        """Show a number that is asked for whenever the metrics are."""
        Gauge(name, about, registry=self._registry).set_function(value)

    def measure_taught(self, now: Callable[[], Actions | None]) -> None:
        """Show how much is taught."""

        def count(actions: Actions | None) -> tuple[int, int]:
            return (0, 0) if actions is None else (len(actions.labels), len(actions.examples))

        self.measure("lga_taught_actions", "Actions taught", lambda: float(count(now())[0]))
        self.measure("lga_taught_examples", "Examples taught", lambda: float(count(now())[1]))

    @contextmanager
    def watched(self, scope: MutableMapping[str, Any]) -> Generator[Seen]:
        """Count a request; its route is known only after it was answered."""
        began, seen = perf_counter(), Seen()
        with self._flying.track_inprogress():
            try:
                yield seen
            finally:
                route = scope.get("route")
                path = route.path if isinstance(route, Route) else "none"
                method = scope["method"] if path != "none" else "any"
                self._requests.labels(method, path, str(seen.status)).inc()
                self._latency.labels(path).observe(perf_counter() - began)
                if seen.status >= 400:
                    self._refused.labels(REASONS.get(seen.status, "other")).inc()

    def write(self) -> bytes:
        """All of them, as Prometheus reads them."""
        return generate_latest(self._registry)
