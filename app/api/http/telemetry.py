"""Metrics of this process for Prometheus, named by its conventions."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import cast

from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from app.domain.identity import parse_time
from signoff.vocabulary import InboxKind, ProjectStatus, TaskStatus

# Requests are labeled by route, never by values from callers, so callers cannot increase the number of time series.
UNMATCHED = "unmatched"
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH"})
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

_WAITS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)


class Telemetry:
    """The metrics of one app, in a separate registry, so that several apps can run in one process."""

    def __init__(self) -> None:
        self.counted_at = -math.inf
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self._requests = Counter(
            "signoff_http_requests",
            "Requests that were answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "signoff_http_request_duration_seconds",
            "Time until the response begins.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._of_route: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._writes = Histogram(
            "signoff_database_write_wait_seconds",
            "Time that a transaction waited until it could write.",
            buckets=_WAITS,
            registry=self._registry,
        )
        self._streams = Gauge("signoff_event_streams", "Open event streams.", registry=self._registry)
        self._projects = Gauge("signoff_projects", "Projects by status.", ("status",), registry=self._registry)
        self._tasks = Gauge(
            "signoff_tasks", "Tasks of running projects, by status.", ("status",), registry=self._registry
        )

        waits = ("kind",)
        self._waiting = Gauge("signoff_waiting", "What waits for a person.", waits, registry=self._registry)
        self._oldest = Gauge(
            "signoff_waiting_oldest_seconds",
            "How long the oldest of what waits for a person has waited.",
            waits,
            registry=self._registry,
        )
        self._backlog = Gauge(
            "signoff_queue_backlog", "Tasks that wait in a queue for a worker.", ("queue",), registry=self._registry
        )
        self._backlog_seconds = Gauge(
            "signoff_queue_backlog_oldest_seconds",
            "How long the oldest task in a queue has waited.",
            ("queue",),
            registry=self._registry,
        )
        self._workers = Gauge("signoff_workers", "Workers of a queue.", ("queue",), registry=self._registry)

    def count_waiting(self, oldest: Mapping[InboxKind, tuple[int, str]]) -> None:
        """Set how much waits for a person, and since when, by kind."""
        now = datetime.now(UTC)
        for kind in InboxKind:
            number, since = oldest.get(kind, (0, None))
            age = (now - parse_time(since)).total_seconds() if since is not None else 0.0
            self._waiting.labels(kind.value).set(number)
            self._oldest.labels(kind.value).set(max(age, 0.0))

    def count_queue(self, queue: str, *, tasks: int, seconds: float, workers: int) -> None:
        """Set the number of tasks that wait in a queue, for how long the oldest does, and the number of its workers."""
        self._backlog.labels(queue).set(tasks)
        self._backlog_seconds.labels(queue).set(seconds)
        self._workers.labels(queue).set(workers)

    def count_work(self, projects: Mapping[str, int], tasks: Mapping[str, int]) -> None:
        """Set the current numbers of projects, and of tasks in running projects, by status."""
        self.counted_at = time.monotonic()
        for status in ProjectStatus:
            self._projects.labels(status.value).set(projects.get(status.value, 0))
        for status in TaskStatus:
            self._tasks.labels(status.value).set(tasks.get(status.value, 0))

    def render(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        of_route = self._of_route.get((method, route, status))
        if of_route is None:
            # To look them up takes longer than to count.
            of_route = self._requests.labels(method, route, str(status)), self._seconds.labels(method, route)
            self._of_route[method, route, status] = of_route
        of_route[0].inc()
        of_route[1].observe(seconds)

    def waited_to_write(self, seconds: float) -> None:
        """Count a transaction that has begun after so long a wait."""
        self._writes.observe(seconds)

    def stream_opened(self) -> None:
        """Count an event stream that was opened."""
        self._streams.inc()

    def stream_closed(self) -> None:
        """Stop counting an event stream that has ended."""
        self._streams.dec()


def method_of(scope: HTTPScope) -> str:
    """The method of a request, or `other` for one that is not known."""
    return str(scope["method"]) if scope["method"] in _METHODS else "other"


def route_of(scope: HTTPScope) -> str:
    """The route of a request that was answered, such as `/api/projects/{project_id}`, or `unmatched`."""
    return cast("str | None", cast("dict[str, object]", scope).get("path_template")) or UNMATCHED


class Observed:
    """ASGI middleware that counts all answers.

    Args:
        app: the app to observe.
        telemetry: counts the answers.
    """

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self._app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and count its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        status, seconds, streams = 0, 0.0, False

        async def watched(message: Message) -> None:
            nonlocal status, seconds, streams
            if message["type"] == "http.response.start":
                status, seconds = message["status"], time.perf_counter() - begun
                if scope["method"] == "GET" and _is_event_stream(message["headers"]):
                    streams = True
                    self._telemetry.stream_opened()
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            if streams:
                self._telemetry.stream_closed()
            # A status of 0 means that the client left before an answer began, so there is nothing to count.
            if status:
                self._telemetry.observe(method_of(scope), route_of(scope), status, seconds)


def _is_event_stream(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(name.lower() == b"content-type" and value.startswith(b"text/event-stream") for name, value in headers)
