"""The worker process: carries out workflows and activities until it is told to stop."""

from __future__ import annotations

if __name__ == "__main__":
    from app.hidden_environment import hide

    # Before all else: it may start this program once more.
    hide()

import argparse
import asyncio
import shlex
import signal
import sys
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import PollerBehaviorSimpleMaximum, Worker

from activities.actions.sandbox import sandbox_of, unsandboxed_as, weakness_of
from activities.actions.secret_forms import MIN_ENCODED
from activities.admission import OwnActivitiesOnly
from activities.advice import Advice
from activities.planning import Planning
from activities.records import Records
from activities.tasks import TaskActivities, TaskSurroundings
from app.domain.actions import Actions
from app.engine.connection import connect
from app.engine.search_attributes import SearchAttributesMissing, ensure_search_attributes
from app.engine.tuning import worker_options
from app.engine.workers import identity_of_worker
from app.hidden_environment import keep_only, variables
from app.log import configure_logging
from app.planning.archetypes import load_archetypes
from app.planning.model.planner import ModelPlanner
from app.planning.outline import OutlinePlanner
from app.planning.planner import Planner
from app.planning.registry import load_actions
from app.private_files import keep_private
from app.settings import Settings, masked_values, secrets_from_environment
from app.settings_environment import wanted_by_worker
from app.settings_loading import SettingsInvalid, load_settings
from app.storage.database import Database
from app.storage.private_places import objection_to_grants
from app.storage.workspaces import workspaces_of
from app.supervisor.quarantine import Quarantine
from workflows.options import quarantine_queue
from workflows.project import ProjectWorkflow

CONNECT_SECONDS = 60.0
# A server that takes a connection and then says nothing is tried anew.
ANSWER_SECONDS = 5.0
logger = structlog.get_logger(__name__)


class QueueUnknown(ValueError):
    """A queue that is to be served on its own, and that no agent has."""


def build_worker(
    client: Client,
    settings: Settings,
    database: Database,
    planners: list[Planner] | None = None,
    *,
    queue: str | None = None,
    quarantine: str | None = None,
) -> Worker:
    """A worker, not yet running; `database` must be started.

    With `queue`, the task queue of an agent, it carries out tasks of that queue and nothing else; without, it is a worker of
    workflows, records, plans and the tasks of the usual queue. With `quarantine`, the name of such a process, it carries out
    the quarantined tasks of either, one at a time.
    """
    actions = load_actions()
    surroundings = surroundings_of(settings)
    if quarantine is not None:
        surroundings = replace(surroundings, worker=quarantine)
    tasks = TaskActivities(database, actions, surroundings)
    common: dict[str, Any] = {
        "identity": identity_of_worker(unsandboxed_as(settings)),
        "interceptors": [OwnActivitiesOnly()],
        "graceful_shutdown_timeout": timedelta(seconds=settings.shutdown_grace),
        **worker_options(1 if quarantine is not None else settings.max_concurrent_tasks),
    }
    if quarantine is not None:
        common["activity_task_poller_behavior"] = PollerBehaviorSimpleMaximum(1)
        served = quarantine_queue(queue or settings.task_queue)
        return Worker(client, task_queue=served, activities=tasks.activities, **common)
    if queue is not None:
        return Worker(client, task_queue=queue, activities=tasks.activities, **common)
    records = Records(database, actions, workspaces_of(settings), settings)
    planning = planning_of(settings, database, actions, planners)
    advice = Advice(database, settings)
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=[ProjectWorkflow],
        activities=[*records.activities, planning.make_plan, advice.advise, *tasks.activities],
        **common,
    )


def surroundings_of(settings: Settings) -> TaskSurroundings:
    """What tasks of a worker with these settings get from it."""
    secrets = secrets_from_environment()
    for name, value in secrets.items():
        if len(value.strip()) < MIN_ENCODED:
            logger.warning(
                "a secret is short: it is masked only as text, not in base64 or hex, and wherever it stands by chance",
                secret=name,
                characters=f"fewer than {MIN_ENCODED}",
            )
    return TaskSurroundings(
        kill_grace=settings.kill_grace,
        http_allow=settings.http_allow,
        app_url=settings.app_url,
        secrets=secrets,
        masked=masked_values(settings, variables()),
        settings=settings,
        sandbox=sandbox_of(settings),
    )


def planning_of(
    settings: Settings, database: Database, actions: Actions, planners: list[Planner] | None = None
) -> Planning:
    """How a worker with these settings makes plans; with `planners` instead of the usual ones, if any are given."""
    objection = objection_to_grants(settings.private_places)
    chosen = planners or [OutlinePlanner(objection), ModelPlanner(settings, actions, database)]
    known = {planner.name: planner for planner in chosen}
    archetypes = load_archetypes(settings.archetypes)
    return Planning(database, actions, settings.known_agents, archetypes, known, settings.secret_scopes, objection)


def wanted_queues(settings: Settings, queues: Iterable[str], *, all_queues: bool) -> list[str | None]:
    """What a worker process serves; None stands for the workflow queue, with everything that belongs to it.

    Args:
        settings: name the agents and their queues.
        queues: serve tasks of just these; the workflow queue where there are none.
        all_queues: serve the workflow queue and that of every agent.

    Raises:
        QueueUnknown: no agent has one of them: nothing would ever come there. It says what to do.
    """
    known = sorted(set(settings.agent_queues.values()))
    wanted = list(dict.fromkeys(queues))
    if all_queues:
        return [None, *known]
    for queue in wanted:
        if queue == settings.task_queue:
            raise QueueUnknown(f"'{queue}' is the queue of the workflows; a worker without --queue serves it.")
        if queue not in known:
            advice = f'name it in signoff.toml: [agents.NAME] queue = "{queue}"' if queue.strip() else "leave it out"
            there = f"; queues of agents: {', '.join(map(shlex.quote, known))}" if known else ""
            raise QueueUnknown(f"No agent has the queue '{queue}', so nothing would come there: {advice}{there}.")
    return [*wanted] or [None]


async def run(settings: Settings, queues: list[str | None] | None = None, *, quarantine: str | None = None) -> None:
    """Work until SIGTERM or SIGINT; then let running tasks finish for `shutdown_grace` seconds.

    `queues`, as `wanted_queues` gives them, are served each with a limit of its own; by default the workflow queue is.
    `quarantine` is the name of the process where it serves the quarantined tasks of these queues.

    Raises:
        RuntimeError: Temporal, the database or the workspaces are not what a worker needs; the message says what to do.
    """
    workspaces_of(settings).check_marker()
    if (weakness := weakness_of(settings)) is not None:
        logger.warning(weakness)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    client = await _connected(settings, stop)
    if client is None:
        return
    database = Database(settings.effective_database_url)
    await database.start()
    served = queues or [None]
    workers = [build_worker(client, settings, database, queue=queue, quarantine=quarantine) for queue in served]
    try:
        async with _working(workers), _quarantine(database, settings, served, quarantine):
            names = ",".join(queue or settings.task_queue for queue in served)
            logger.info("worker is ready", task_queue=names, namespace=client.namespace)
            await stop.wait()
            logger.info("worker is stopping")
    finally:
        await database.close()


@asynccontextmanager
async def _quarantine(
    database: Database, settings: Settings, served: list[str | None], quarantine: str | None
) -> AsyncGenerator[None]:
    """Keep a process for quarantined tasks, unless this is one."""
    if quarantine is not None:
        yield
        return
    queues = (
        ["--all-queues"] if len(served) > 1 and None in served else [f"--queue={queue}" for queue in served if queue]
    )
    kept = Quarantine(database, settings, [__file__, *queues])
    serving = asyncio.create_task(kept.serve())
    serving.add_done_callback(_report)
    try:
        yield
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def _report(serving: asyncio.Task[None]) -> None:
    if not serving.cancelled() and (error := serving.exception()) is not None:
        logger.error("quarantined tasks are not served any more", exc_info=error)


@asynccontextmanager
async def _working(workers: list[Worker]) -> AsyncGenerator[None]:
    async with AsyncExitStack() as stack:
        for worker in workers:
            await stack.enter_async_context(worker)
        yield
        # Together: the time that each lets its tasks finish must not add up.
        await asyncio.gather(*(worker.shutdown() for worker in workers))


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


def main(
    settings: Settings, *, queues: Iterable[str] = (), all_queues: bool = False, quarantine: str | None = None
) -> None:
    """Run a worker of the queues that `wanted_queues` says to its end; exits with 1 and one sentence where it cannot run.

    Raises:
        QueueUnknown: no agent has one of the queues.
    """
    served = wanted_queues(settings, queues, all_queues=all_queues)
    configure_logging(settings.log_level)
    keep_only(wanted_by_worker(settings))
    try:
        for message in keep_private(settings):
            logger.warning(message)
    except OSError as error:
        sys.exit(f"signoff worker: the data folder {settings.data_dir} cannot be used: {error.strerror}")
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(run(settings, served, quarantine=quarantine))
    except RuntimeError as error:
        sys.exit(f"signoff worker: {error}")


def _main() -> None:
    """`python worker.py`: settings from the environment and the file; exits with 2 where one cannot be used."""
    parser = argparse.ArgumentParser(description="Carry out workflows and tasks until told to stop.")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--queue", action="append", default=[], help="carry out tasks of just this queue of agents; may be repeated"
    )
    which.add_argument("--all-queues", action="store_true", help="serve the queue of every agent too")
    parser.add_argument("--quarantine", help=argparse.SUPPRESS)
    given = parser.parse_args()
    try:
        main(load_settings(), queues=given.queue, all_queues=given.all_queues, quarantine=given.quarantine)
    except (SettingsInvalid, QueueUnknown) as error:
        print(error, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    _main()
