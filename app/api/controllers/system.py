"""Health, readiness and metrics of the process."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from importlib.metadata import version
from typing import Any, cast

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import Connection, text

from app.api.http.permission import EVERYWHERE, SCOPE
from app.api.http.services import Services
from app.api.http.telemetry import Telemetry
from app.database.failures import DISK_FULL
from app.domain.errors import Unavailable
from app.storage import counts, inbox
from app.temporal.inspection import Trouble
from signoff.schemas.system import Checks, Health, Ready
from signoff.vocabulary import Scope

# The database is queried at most once in this time, regardless of the number of requests.
COUNT_SECONDS = 1.0
# Always the same. Reading the metadata of a package takes longer than the rest of the answer.
_HEALTH = Health(version=version("signoff-server")).model_dump_json().encode()


class SystemController(Controller):
    """Operations for deployment, load balancers and monitoring."""

    path = "/"
    tags = ("system",)

    @get("/health", operation_id="health", opt={SCOPE: Scope.ANYBODY}, summary="Check that the process is alive")
    async def health(self) -> Response[Health]:
        """Answers while the process is alive."""
        return Response(cast("Any", _HEALTH), media_type="application/json")

    @get(
        "/ready",
        operation_id="ready",
        opt={SCOPE: Scope.ANYBODY},
        summary="Check that the database and Temporal answer",
        responses={
            503: ResponseSpec(
                Ready,
                description="The database or Temporal does not answer, or the disk of the database is full.",
                generate_examples=False,
            )
        },
    )
    async def ready(self, services: NamedDependency[Services]) -> Response[Ready]:
        """The app is ready even without a worker: it records requests, which are executed when a worker starts."""
        database = await _check_database(services)
        temporal, workers = "ok", 0
        try:
            workers = (await services.engine.workers()).count
        except Unavailable as error:
            temporal = error.info.message
        troubled = await services.engine.troubled()
        failing = sorted(key for key, trouble in troubled.items() if trouble == Trouble.WORKFLOW_TASK_FAILING)
        good = database == temporal == "ok"
        answer = Ready(
            status="ready" if good else "unavailable",
            checks=Checks(
                database=database,
                temporal=temporal,
                workers=workers,
                failing_runs=failing,
                warnings=await _unsandboxed(services) if temporal == "ok" else [],
            ),
        )
        return Response(answer, status_code=200 if good else 503)

    @get(
        "/metrics",
        operation_id="metrics",
        opt={SCOPE: Scope.READ, EVERYWHERE: True},
        summary="Get metrics for Prometheus",
        media_type=CONTENT_TYPE_LATEST,
    )
    async def metrics(
        self, services: NamedDependency[Services], telemetry: NamedDependency[Telemetry]
    ) -> Response[bytes]:
        """Metrics of this process.

        The numbers of projects, of tasks and of what waits come from the database and from Temporal. They are at most a
        second old.
        """
        if telemetry.counted_at + COUNT_SECONDS < time.monotonic():
            # If the database is down, the other metrics are all the more important.
            with suppress(Unavailable):
                telemetry.count_work(*await services.database.read(counts.by_status))
                telemetry.count_waiting(await services.database.read(inbox.oldest))
            await asyncio.gather(*(_count_queue(services, telemetry, queue) for queue in _queues(services)))
        return Response(telemetry.render(), media_type=CONTENT_TYPE_LATEST)


def _queues(services: Services) -> list[str]:
    """The queues of all agents. The usual one is the first."""
    default = services.settings.task_queue
    return [default, *sorted(set(services.settings.agent_queues.values()) - {default})]


async def _count_queue(services: Services, telemetry: Telemetry, queue: str) -> None:
    backlog, workers = await asyncio.gather(services.engine.backlog(queue), services.engine.known_workers(queue))
    if backlog is not None and workers is not None:
        telemetry.count_queue(queue, tasks=backlog.tasks, seconds=backlog.seconds, workers=workers.count)


async def _unsandboxed(services: Services) -> list[str]:
    """A warning for each queue, and each user there, whose workers run tasks without a sandbox."""
    queues = _queues(services)
    default = queues[0]
    counted = await asyncio.gather(*(services.engine.known_workers(queue) for queue in queues))
    return [
        f"tasks{'' if queue == default else f' of the queue {queue}'} run unsandboxed as {user}"
        for queue, workers in zip(queues, counted, strict=True)
        for user in (workers.unsandboxed if workers is not None else ())
    ]


async def _check_database(services: Services) -> str:
    def work(conn: Connection) -> None:
        conn.execute(text("SELECT id FROM projects LIMIT 1")).all()

    try:
        await services.database.read(work)
    except Unavailable as error:
        return error.info.message
    return "ok" if services.database.has_room() else DISK_FULL
