"""Finds out why a live project is blocked for a reason that is not a stage.

Either no worker serves a queue on which its work waits, or its workflow task keeps failing, or an operator has paused an
activity, or the disk of the database is full.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from app.api.http.services import Services
from app.database.failures import DISK_FULL
from app.domain.identity import isoformat, parse_time
from app.domain.plan import DEFAULT_AGENT
from app.storage import quarantines, tasks
from app.temporal.inspection import Inspection, PausedActivity, Trouble
from signoff.schemas.projects import Blocked, Project
from signoff.vocabulary import TaskStatus
from workflows.contracts import Snapshot, TaskInProgress
from workflows.options import QUARANTINE

# Workers come and go, so work that has waited for less time than this is not blocked yet.
NO_WORKER_SECONDS = 30.0
# Handed out, but not started by any worker.
_NOT_BEGUN = frozenset({TaskStatus.PENDING, TaskStatus.WAITING})


async def workflows_blocked(services: Services, project_id: str) -> Blocked | None:
    """Why the workflow itself, or one of its activities on the workflow queue, is blocked.

    Either for a reason that only Temporal knows, or because no worker serves the queue and work has waited there for 30 s.
    """
    inspection = await services.engine.inspect(project_id)
    if inspection is None:
        return None
    if inspection.is_failing:
        return await _failing(services, project_id, inspection)
    if inspection.paused is not None:
        return _paused(services, project_id, inspection.paused)
    return await _unserved(services, inspection.waiting_since)


def without_room() -> Blocked:
    """The disk of the database is full, so that no task can start and no outcome can be recorded."""
    message = f"Nothing can be recorded. {DISK_FULL} The run then continues."
    return Blocked(code="disk_full", message=message, since=isoformat(datetime.now(UTC)))


async def _failing(services: Services, project_id: str, inspection: Inspection) -> Blocked:
    event = await services.engine.last_event(project_id)
    since, cause = event if event is not None else (datetime.now(UTC), "")
    why = f": {cause.rstrip('.')[:300]}" if cause else ""
    message = (
        f"Temporal cannot continue this run: its workflow task has failed {inspection.failures} times{why}. "
        "Restart the workers with the version that started the run, or with one that fixes the error, or cancel the project."
    )
    return Blocked(code=Trouble.WORKFLOW_TASK_FAILING, message=message, since=isoformat(since))


def _paused(services: Services, project_id: str, paused: PausedActivity) -> Blocked:
    why = f" ({paused.reason[:200]})" if paused.reason else ""
    namespace = services.settings.temporal_namespace
    command = f"temporal activity unpause --workflow-id {project_id} --activity-id {paused.activity_id}"
    message = (
        f"An operator has paused the activity '{paused.name}' in Temporal{why}. "
        f"To resume it, run: {command} --namespace {shlex.quote(namespace)}"
    )
    return Blocked(code=Trouble.ACTIVITY_PAUSED, message=message, since=isoformat(paused.since))


async def _unserved(services: Services, since: datetime | None) -> Blocked | None:
    queue = services.settings.task_queue
    if since is None or not _is_long_ago(since) or not await _has_no_worker(services, queue):
        return None
    message = f"No worker serves the task queue '{queue}', which all of Signoff's work goes through. Start one: signoff worker"
    return Blocked(code="no_worker", message=message, since=isoformat(since))


async def tasks_blocked(services: Services, project: Project, snapshot: Snapshot) -> Blocked | None:
    """Why a task is blocked: it was handed out at least 30 s ago on a queue that no worker serves. Reports the oldest one."""
    for task in sorted(_waiting(project, snapshot), key=lambda task: task.since):
        queue = str(task.queue)
        if await _has_no_worker(services, queue) and not await _is_busy(services, queue):
            return Blocked(code="no_worker", message=_message(project, task.key, queue), since=task.since)
    return None


async def _has_no_worker(services: Services, queue: str) -> bool:
    workers = await services.engine.known_workers(queue)
    return workers is not None and workers.count == 0


def _waiting(project: Project, snapshot: Snapshot) -> Iterator[TaskInProgress]:
    """For each queue, the oldest task that was handed out at least 30 s ago and has not started."""
    statuses = {task.key: task.status for task in project.tasks}
    seen: set[str] = set()
    for task in sorted(snapshot.in_progress, key=lambda task: task.since):
        handed_out = task.queue is not None and task.state == "running" and statuses.get(task.key) in _NOT_BEGUN
        if handed_out and task.queue not in seen and _is_long_ago(parse_time(task.since)):
            seen.add(str(task.queue))
            yield task


async def _is_busy(services: Services, queue: str) -> bool:
    """Whether a task of this queue is running: a worker whose slots are all in use does not poll, but still exists."""
    if queue.endswith(QUARANTINE):
        return await services.database.read(quarantines.any_running)
    agents = [agent for agent, named in services.settings.agent_queues.items() if named == queue]
    return await services.database.read(lambda conn: tasks.any_runs_for(conn, agents))


def _message(project: Project, key: str, queue: str) -> str:
    if queue.endswith(QUARANTINE):
        return (
            f"No worker serves the task queue '{queue}', where the task '{key}' waits for a separate process. "
            "Start a worker of this version: signoff worker"
        )
    agent = next((task.agent_id for task in project.tasks if task.key == key), None)
    agent = agent or project.agent_id or DEFAULT_AGENT
    return (
        f"No worker serves the task queue '{queue}' of the agent '{agent}', where the task '{key}' waits. "
        f"Start one: signoff worker --queue {shlex.quote(queue)}"
    )


def _is_long_ago(since: datetime) -> bool:
    return datetime.now(UTC) - since >= timedelta(seconds=NO_WORKER_SECONDS)
