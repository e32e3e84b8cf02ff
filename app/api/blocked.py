"""What holds a live project up without being a stage: that no worker serves a queue on which something of it waits."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from app.api.models.projects import Blocked, Project
from app.api.services import Services
from app.domain.identity import isoformat, parse_time
from app.domain.plan import DEFAULT_AGENT
from app.domain.states import TaskStatus
from app.storage import tasks
from workflows.contracts import Snapshot, TaskInProgress

# Workers come and go: what has waited for a shorter time than this is no trouble yet.
NO_WORKER_SECONDS = 30.0
# Handed out, and not begun by any worker.
_NOT_BEGUN = frozenset({TaskStatus.PENDING, TaskStatus.WAITING})


async def workflows_blocked(services: Services, project_id: str) -> Blocked | None:
    """Set where no worker serves the workflow queue, and something of the project has waited there for 30 s."""
    queue = services.settings.task_queue
    if await services.engine.known_workers(queue) != 0:
        return None
    since = await services.engine.waiting_since(project_id)
    if since is None or not _is_long_ago(since):
        return None
    message = (
        f"No worker serves the task queue '{queue}', which all work of Signoff goes through; start one: signoff worker"
    )
    return Blocked(code="no_worker", message=message, since=isoformat(since))


async def tasks_blocked(services: Services, project: Project, snapshot: Snapshot) -> Blocked | None:
    """Set where a task was handed out 30 s ago or more on the queue of an agent that no worker serves; the oldest counts."""
    for task in sorted(_waiting(project, snapshot), key=lambda task: task.since):
        queue = str(task.queue)
        if await services.engine.known_workers(queue) == 0 and not await _is_busy(services, queue):
            return Blocked(code="no_worker", message=_message(project, task.key, queue), since=task.since)
    return None


def _waiting(project: Project, snapshot: Snapshot) -> Iterator[TaskInProgress]:
    """The oldest task of each queue that was handed out on it a while ago and has not begun."""
    statuses = {task.key: task.status for task in project.tasks}
    seen: set[str] = set()
    for task in sorted(snapshot.in_progress, key=lambda task: task.since):
        handed_out = task.queue is not None and task.state == "running" and statuses.get(task.key) in _NOT_BEGUN
        if handed_out and task.queue not in seen and _is_long_ago(parse_time(task.since)):
            seen.add(str(task.queue))
            yield task


async def _is_busy(services: Services, queue: str) -> bool:
    """Whether a task of that queue runs: a worker whose every slot is taken asks for no more, and is there all the same."""
    agents = [agent for agent, named in services.settings.agent_queues.items() if named == queue]
    return await services.database.read(lambda conn: tasks.any_runs_for(conn, agents))


def _message(project: Project, key: str, queue: str) -> str:
    agent = next((task.agent_id for task in project.tasks if task.key == key), None)
    agent = agent or project.agent_id or DEFAULT_AGENT
    return (
        f"No worker serves the task queue '{queue}' of the agent '{agent}', where the task '{key}' waits; "
        f"start one: signoff worker --queue {shlex.quote(queue)}"
    )


def _is_long_ago(since: datetime) -> bool:
    return datetime.now(UTC) - since >= timedelta(seconds=NO_WORKER_SECONDS)
