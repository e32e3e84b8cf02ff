"""The worker process. It runs workflows and activities until it is told to stop."""

from __future__ import annotations

import gc
from functools import partial

if __name__ == "__main__":
    # Modules stay. Looking for garbage among them while they load took a fifth of the time until the worker is ready.
    gc.disable()
    from app.hidden_environment import hide

    # This must come first, because it may restart the program.
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
from importlib.metadata import version

import structlog
from temporalio.client import Client
from temporalio.runtime import Runtime
from temporalio.service import RPCError
from temporalio.worker import PollerBehaviorSimpleMaximum, Worker

from activities.actions.sandbox import sandbox_of, unsandboxed_as, weakness_of
from activities.actions.secret_forms import MIN_ENCODED
from activities.admission import OwnActivitiesOnly
from activities.advice import Advice
from activities.notifications import Notifications
from activities.observed import ObservedActivities
from activities.planning import Planning
from activities.planning_facts import FactFinder
from activities.records import Records
from activities.task_metrics import BUCKETS, TaskMetrics
from activities.tasks import TaskActivities, TaskSurroundings
from app import tracing
from app.database.database import Database
from app.domain.actions import Actions, Mode
from app.domain.notifying import NotifyRules
from app.domain.policies import Signing
from app.domain.registry import load_actions
from app.hidden_environment import keep_only, variables
from app.log import configure_logging
from app.planning.archetypes import load_archetypes
from app.planning.model.planner import ModelPlanner
from app.planning.outline import OutlinePlanner
from app.planning.planner import Planner
from app.private_files import keep_private
from app.settings import Settings
from app.settings.environment import wanted_by_worker
from app.settings.loading import SettingsInvalid, load_settings
from app.settings.masked import masked_values
from app.settings.sources import secrets_from_environment
from app.storage.schema_state import check_migrated
from app.supervisor.quarantine import Quarantine
from app.temporal.connection import connect
from app.temporal.retention import keep_closed_runs
from app.temporal.runtime import measured_runtime
from app.temporal.search_attributes import SearchAttributesMissing, ensure_search_attributes
from app.temporal.tuning import worker_options
from app.temporal.workers import identity_of_worker
from app.workspace.private_places import objection_to_grants
from app.workspace.workspaces import workspaces_of
from workflows.notification import NotificationWorkflow
from workflows.options import quarantine_queue
from workflows.project import ProjectWorkflow

CONNECT_SECONDS = 60.0
# A server that accepts a connection and then does not answer is tried again.
ANSWER_SECONDS = 5.0
logger = structlog.get_logger(__name__)


class QueueUnknown(ValueError):
    """No agent has the queue that the worker was asked to serve."""


def build_worker(
    client: Client,
    settings: Settings,
    database: Database,
    planners: list[Planner] | None = None,
    *,
    queue: str | None = None,
    quarantine: str | None = None,
    metrics: TaskMetrics | None = None,
) -> Worker:
    """Create a worker without starting it. `database` must be started.

    With `queue`, an agent's task queue, the worker runs only tasks of that queue. Without it, the worker runs workflows, records,
    planning and the tasks of the usual queue. With `quarantine`, the name of a quarantine process, it runs the quarantined tasks
    of either queue, one at a time. `metrics` measures its tasks.
    """
    actions = load_actions()
    surroundings = surroundings_of(settings)
    if quarantine is not None:
        surroundings = replace(surroundings, worker=quarantine)
    tasks = TaskActivities(database, actions, surroundings)
    run_as_tasks = [kind.type for kind in actions.values() if kind.mode == Mode.ACTIVITY]
    options = worker_options(1 if quarantine is not None else settings.max_concurrent_tasks)
    if quarantine is not None:
        options["activity_task_poller_behavior"] = PollerBehaviorSimpleMaximum(1)
    make = partial(
        Worker,
        client,
        identity=identity_of_worker(unsandboxed_as(settings)),
        # Otherwise the SDK reads the code of every loaded module, to compute a number that tells nobody anything.
        build_id=version("signoff-server"),
        interceptors=[OwnActivitiesOnly(), ObservedActivities(run_as_tasks, metrics)],
        graceful_shutdown_timeout=timedelta(seconds=settings.shutdown_grace),
        **options,
    )
    if quarantine is not None:
        return make(task_queue=quarantine_queue(queue or settings.task_queue), activities=tasks.activities)
    if queue is not None:
        return make(task_queue=queue, activities=tasks.activities)
    records = Records(database, actions, workspaces_of(settings), settings)
    planning = planning_of(settings, database, actions, _fact_finder(settings, surroundings, tasks), planners)
    advice = Advice(database, settings, tasks.masker)
    return make(
        task_queue=settings.task_queue,
        workflows=[ProjectWorkflow, NotificationWorkflow],
        activities=[
            *Notifications(database, settings).activities,
            *records.activities,
            planning.make_plan,
            advice.advise,
            *tasks.activities,
        ],
    )


def _fact_finder(settings: Settings, surroundings: TaskSurroundings, tasks: TaskActivities) -> FactFinder:
    return FactFinder(
        task_path=[str(folder) for folder in settings.task_path],
        secrets=list(surroundings.secrets),
        scopes=settings.secret_scopes,
        masked=partial(tasks.masker.data, cut=True),
        shows_files=settings.planner_files == "beginnings",
        network=settings.sandbox_network,
    )


def surroundings_of(settings: Settings) -> TaskSurroundings:
    """Return what a worker with these settings provides to its tasks."""
    secrets = secrets_from_environment()
    for name, value in secrets.items():
        if len(value.strip()) < MIN_ENCODED:
            logger.warning(
                "a secret is short: it is masked only as plain text, not in base64 or hex, and everywhere that this text occurs",
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
    settings: Settings,
    database: Database,
    actions: Actions,
    finder: FactFinder,
    planners: list[Planner] | None = None,
) -> Planning:
    """Return how a worker with these settings makes plans. `planners` replace the usual ones, if any are given."""
    objection = objection_to_grants(settings.private_places)
    chosen = planners or [OutlinePlanner(objection), ModelPlanner(settings, actions, database)]
    known = {planner.name: planner for planner in chosen}
    archetypes = load_archetypes(settings.archetypes)
    return Planning(
        database, actions, settings.known_agents, archetypes, known, settings.secret_scopes, objection, finder
    )


def wanted_queues(settings: Settings, queues: Iterable[str], *, all_queues: bool) -> list[str | None]:
    """Return the queues that a worker process serves. None stands for the workflow queue and everything that belongs to it.

    Args:
        settings: name the agents and their queues.
        queues: serve only the tasks of these queues; if empty, serve the workflow queue.
        all_queues: serve the workflow queue and every agent's queue.

    Raises:
        QueueUnknown: no agent has one of these queues, so no task would arrive. The message says what to do.
    """
    known = sorted(set(settings.agent_queues.values()))
    requested = list(dict.fromkeys(queues))
    if all_queues:
        return [None, *known]
    for queue in requested:
        if queue == settings.task_queue:
            raise QueueUnknown(f"'{queue}' is the workflow queue. Start a worker without --queue to serve it.")
        if queue not in known:
            advice = f'Name it in signoff.toml: [agents.NAME] queue = "{queue}"' if queue.strip() else "Omit it"
            there = f" Queues of agents: {', '.join(map(shlex.quote, known))}." if known else ""
            raise QueueUnknown(f"No agent has the queue '{queue}', so no task would arrive there. {advice}.{there}")
    return [*requested] or [None]


async def run(
    settings: Settings,
    queues: list[str | None] | None = None,
    *,
    quarantine: str | None = None,
    own_temporal: bool = False,
) -> None:
    """Work until SIGTERM or SIGINT, then give running tasks `shutdown_grace` seconds to finish.

    Each of `queues`, as returned by `wanted_queues`, is served with its own limit; by default, only the workflow queue.
    `quarantine` is the process's name if it serves their quarantined tasks. `own_temporal` lets the worker set how long Temporal
    keeps closed runs.

    Raises:
        RuntimeError: Temporal, the database or the workspaces are not usable. The message says what to do.
    """
    workspaces_of(settings).check_marker()
    if (weakness := weakness_of(settings)) is not None:
        logger.warning(weakness)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # A worker's process for quarantined tasks has the same settings, and would find the port in use.
    runtime = measured_runtime(settings.metrics, BUCKETS) if settings.metrics and quarantine is None else None
    metrics = TaskMetrics(runtime.metric_meter) if runtime is not None else None
    client = await _connected(settings, stop, runtime, own_temporal=own_temporal)
    if client is None:
        return
    database = Database(
        settings.effective_database_url,
        signing=Signing(settings.signoff.policy, settings.known_agents),
        notify=NotifyRules(settings.notify),
        waited=metrics.waited_to_write if metrics is not None else None,
    )
    await database.start()
    served = queues or [None]
    build = partial(build_worker, client, settings, database, quarantine=quarantine, metrics=metrics)
    workers = [build(queue=queue) for queue in served]
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
    """Run a separate process for quarantined tasks, unless this is that process."""
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
        logger.error("quarantined tasks are no longer served", exc_info=error)


@asynccontextmanager
async def _working(workers: list[Worker]) -> AsyncGenerator[None]:
    async with AsyncExitStack() as stack:
        for worker in workers:
            await stack.enter_async_context(worker)
        yield
        # All at once, so that the grace periods of the workers do not add up.
        await asyncio.gather(*(worker.shutdown() for worker in workers))


async def _connected(
    settings: Settings, stop: asyncio.Event, runtime: Runtime | None, *, own_temporal: bool
) -> Client | None:
    """Connect to a server that knows Signoff's search attributes. None if the worker is told to stop first.

    It keeps trying for a while, because Temporal may be starting at the same time.

    Raises:
        RuntimeError: the server does not answer, or refuses to register the search attributes.
    """
    deadline = time.monotonic() + CONNECT_SECONDS
    while not stop.is_set():
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                client = await connect(settings, runtime=runtime)
                await ensure_search_attributes(client)
                if own_temporal:
                    await keep_closed_runs(client, settings.retention_days)
                return client
        except SearchAttributesMissing:
            raise
        except (RuntimeError, RPCError, TimeoutError) as error:
            if time.monotonic() > deadline:
                address = settings.effective_temporal_address
                raise RuntimeError(
                    f"Temporal does not answer at {address}. Start it, or check SIGNOFF_TEMPORAL_ADDRESS ({error})."
                ) from error
            await asyncio.sleep(0.2)
    return None


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's loop factory if uvloop is installed."""
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop


def main(
    settings: Settings,
    *,
    queues: Iterable[str] = (),
    all_queues: bool = False,
    quarantine: str | None = None,
    own_temporal: bool = False,
) -> None:
    """`run` the requested queues to their end. Exits with 1 and a one-sentence message if the worker cannot run.

    Raises:
        QueueUnknown: no agent has one of the queues.
    """
    served = wanted_queues(settings, queues, all_queues=all_queues)
    gc.freeze()
    gc.enable()
    configure_logging(settings.log_level, settings.log_format)
    keep_only(wanted_by_worker(settings))
    try:
        tracing.start("signoff-worker", settings.traces)
    except tracing.TracesUnavailable as error:
        sys.exit(f"signoff worker: {error}")
    try:
        for message in keep_private(settings):
            logger.warning(message)
    except OSError as error:
        sys.exit(f"signoff worker: the data folder {settings.data_dir} cannot be used: {error.strerror}")
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(check_migrated(settings.effective_database_url))
            runner.run(run(settings, served, quarantine=quarantine, own_temporal=own_temporal))
    except RuntimeError as error:
        sys.exit(f"signoff worker: {error}")
    finally:
        tracing.stop()


def _main() -> None:
    """`python worker.py`: settings from the environment and the file. Exits with 2 if a setting or queue is not valid."""
    parser = argparse.ArgumentParser(description="Run workflows and tasks until told to stop.")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--queue", action="append", default=[], help="run only tasks of this queue; repeatable")
    which.add_argument("--all-queues", action="store_true", help="also serve the queue of every agent")
    parser.add_argument("--quarantine", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    try:
        settings = load_settings()
        if settings.processes > 1:
            raise SettingsInvalid("python worker.py is one process. Run `signoff worker`, or set SIGNOFF_PROCESSES=1.")
        main(settings, queues=arguments.queue, all_queues=arguments.all_queues, quarantine=arguments.quarantine)
    except (SettingsInvalid, QueueUnknown) as error:
        print(error, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    _main()
