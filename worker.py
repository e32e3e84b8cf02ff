"""The worker process: carries out workflows and activities until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable
from datetime import timedelta

import structlog
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Worker

from activities.planning import Planning
from activities.records import Records
from activities.tasks import TaskActivities, TaskSurroundings
from app.engine.connection import connect
from app.engine.search_attributes import SearchAttributesMissing, ensure_search_attributes
from app.engine.tuning import worker_options
from app.log import configure_logging
from app.planning.archetypes import load_archetypes
from app.planning.model.planner import ModelPlanner
from app.planning.outline import OutlinePlanner
from app.planning.planner import Planner
from app.planning.registry import load_actions
from app.settings import Settings, secrets_from_environment
from app.storage.database import Database
from app.storage.workspaces import Workspaces
from workflows.project import ProjectWorkflow

CONNECT_SECONDS = 60.0
# A server that takes a connection and then says nothing is tried anew.
ANSWER_SECONDS = 5.0
logger = structlog.get_logger(__name__)


def build_worker(
    client: Client, settings: Settings, database: Database, planners: list[Planner] | None = None
) -> Worker:
    """A worker of everything, not yet running; `database` must be started."""
    actions = load_actions()
    workspaces = Workspaces(settings.workspaces_dir, settings.allowed_roots)
    surroundings = TaskSurroundings(
        kill_grace=settings.kill_grace,
        http_allow=settings.http_allow,
        app_url=settings.app_url,
        secrets=secrets_from_environment(),
        settings=settings,
    )
    records = Records(database, actions, workspaces, settings)
    chosen = planners or [OutlinePlanner(), ModelPlanner(settings, actions, database)]
    known = {planner.name: planner for planner in chosen}
    planning = Planning(database, actions, settings.known_agents, load_archetypes(settings.archetypes), known)
    tasks = TaskActivities(database, actions, surroundings)
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=[ProjectWorkflow],
        activities=[*records.activities, planning.make_plan, *tasks.activities],
        graceful_shutdown_timeout=timedelta(seconds=settings.shutdown_grace),
        **worker_options(settings.max_concurrent_tasks),
    )


async def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; then let running tasks finish for `shutdown_grace` seconds.

    Raises:
        RuntimeError: Temporal, the database or the workspaces are not what a worker needs; the message says what to do.
    """
    Workspaces(settings.workspaces_dir, settings.allowed_roots).check_marker()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    client = await _connected(settings, stop)
    if client is None:
        return
    database = Database(settings.effective_database_url)
    await database.start()
    try:
        async with build_worker(client, settings, database):
            logger.info("worker is ready", task_queue=settings.task_queue, namespace=client.namespace)
            await stop.wait()
            logger.info("worker is stopping")
    finally:
        await database.close()


async def _connected(settings: Settings, stop: asyncio.Event) -> Client | None:
    """A client of a server that knows our search attributes; None where the worker is told to stop first.

    It has patience: at a start of the whole stack Temporal comes up at the same time.

    Raises:
        RuntimeError: the server does not answer, or refuses to register the search attributes.
    """
    deadline = time.monotonic() + CONNECT_SECONDS
    while not stop.is_set():
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                client = await connect(settings)
                await ensure_search_attributes(client)
                return client
        except SearchAttributesMissing:
            raise
        except (RuntimeError, RPCError, TimeoutError) as error:
            if time.monotonic() > deadline:
                address = settings.effective_temporal_address
                raise RuntimeError(
                    f"Temporal does not answer at {address}; start it, or check SIGNOFF_TEMPORAL_ADDRESS ({error})."
                ) from error
            await asyncio.sleep(0.2)
    return None


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where there is one."""
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop


def main(settings: Settings | None = None) -> None:
    """Run a worker to its end; exits with 1 and one sentence where it cannot run."""
    settings = settings or Settings()
    configure_logging(settings.log_level)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(run(settings))
    except RuntimeError as error:
        sys.exit(f"signoff worker: {error}")


if __name__ == "__main__":
    main()
