"""Checks every action against the record first. A workflow's own state is not trusted, because it can be forged in Temporal."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, func, select

from app.domain.conditions import Then
from app.domain.errors import Conflict
from app.domain.plan import DEFAULT_AGENT
from app.domain.states import SKIPPED_BY_PERSON
from app.storage.attempt_values import AttemptKey, Subject
from app.storage.attempts import recorded_of
from app.storage.needs import Needed
from app.storage.projects import ProjectRow
from app.storage.tables import phases
from app.storage.tables import tasks as task_table
from app.storage.tasks import TaskRow
from signoff.vocabulary import PhaseStatus, TaskStatus

DONE_PHASE = (PhaseStatus.COMPLETED, PhaseStatus.SKIPPED)
_FAILED_TASK = (TaskStatus.FAILED, TaskStatus.CANCELLED, TaskStatus.SKIPPED)


def check_attempt(subject: Subject, key: AttemptKey, action: str) -> None:
    """Make sure that a task runs with its own action, and not while it waits for a person's answer.

    An attempt whose outcome is recorded may be requested again.

    Raises:
        Conflict: `fenced`.
    """
    task = subject.task
    if task.recorded_try >= key.try_number:
        return
    if task.action["type"] != action:
        raise Conflict(f"Task '{task.key}' has the action {task.action['type']}, not {action}.", code="fenced")
    if task.requires_approval and task.status == TaskStatus.PENDING:
        raise Conflict(f"A person has not released task '{task.key}' yet.", code="fenced")
    if recorded_of(task).asks:
        raise Conflict(f"Task '{task.key}' is waiting for a person's answer.", code="fenced")


def check_queue(subject: Subject, queue: str, own_queues: Mapping[str, str], usual: str) -> None:
    """Make sure that a task runs on the task queue of its agent, that is, on machines that were meant for it.

    That is the approved queue, or the one that this worker's own settings name. If the two differ, the check of what was
    approved asks a person.

    Args:
        subject: what the attempt is about.
        queue: the task queue that handed the task out.
        own_queues: the queues of agents that do not use the usual one, as this worker knows them.
        usual: the queue of all other agents.

    Raises:
        Conflict: `fenced`.
    """
    agent = subject.task.agent_id or subject.project.agent_id or DEFAULT_AGENT
    signed = (subject.frozen or {}).get("agents", {}).get(agent) or {}
    if queue not in (signed.get("queue"), own_queues.get(agent, usual)):
        message = f"Task '{subject.task.key}' belongs to the agent '{agent}', which uses another task queue."
        raise Conflict(message, code="fenced")


def check_phase_turn(conn: Connection, project_id: str, position: int, *, done: Collection[str] = DONE_PHASE) -> None:
    """Make sure that a phase does not begin before the phases ahead of it have finished, each with a status in `done`.

    Raises:
        Conflict: `phase_order`.
    """
    earlier = (phases.c.project_id == project_id, phases.c.position < position, phases.c.status.notin_(done))
    if conn.execute(select(phases.c.id).where(*earlier).limit(1)).first() is not None:
        raise Conflict("An earlier phase has not finished.", code="phase_order")


def check_phase_end(conn: Connection, phase_id: str, *, failed: bool) -> None:
    """Make sure that the outcome of a phase matches the outcomes of its tasks.

    Raises:
        Conflict: `phase_outcome`.
    """
    wrong = (task_table.c.phase_id == phase_id, task_table.c.status.in_([TaskStatus.FAILED, TaskStatus.CANCELLED]))
    has_failed = conn.execute(select(task_table.c.id).where(*wrong).limit(1)).first() is not None
    if has_failed != failed:
        message = "A task of this phase has failed." if has_failed else "No task of this phase has failed."
        raise Conflict(message, code="phase_outcome")


def check_run_completed(conn: Connection, project: ProjectRow) -> None:
    """Make sure that every phase of a run is done before the run completes.

    Raises:
        Conflict: `run_outcome`.
    """
    others = (phases.c.project_id == project.id, phases.c.status.notin_(DONE_PHASE))
    if conn.execute(select(phases.c.id).where(*others).limit(1)).first() is not None:
        raise Conflict("A phase of this run has not completed.", code="run_outcome")


def check_never_starts(conn: Connection, project_id: str, keys: Collection[str]) -> None:
    """Make sure that each of these tasks depends on a task that has not succeeded, directly or through others in the set.

    Raises:
        Conflict: `dependencies_met`, naming the task.
    """
    named = select(task_table.c.key, task_table.c.depends_on).where(
        task_table.c.project_id == project_id, task_table.c.key.in_(keys)
    )
    needs: dict[str, list[str]] = {row.key: row.depends_on for row in conn.execute(named)}
    needed = {key for wanted in needs.values() for key in wanted} - needs.keys()
    by_person = func.coalesce(task_table.c.reason, "") == SKIPPED_BY_PERSON
    failing = select(task_table.c.key).where(
        task_table.c.project_id == project_id,
        task_table.c.key.in_(needed),
        task_table.c.status.in_(_FAILED_TASK),
        ~by_person,
    )
    reached = set(conn.execute(failing).scalars())
    left = dict(needs)
    while found := [key for key, wanted in left.items() if not reached.isdisjoint(wanted)]:
        reached.update(found)
        for key in found:
            del left[key]
    if left:
        raise Conflict(f"No dependency of task '{next(iter(left))}' has failed.", code="dependencies_met")


def may_begin(conn: Connection, task: TaskRow) -> bool:
    """Whether the phase of a task has begun and all of the task's dependencies are done.

    Raises:
        Conflict: `dependencies_failed`: the task can never begin.
    """
    needed = Needed.of(conn, task)
    if needed.fate.then == Then.SKIP:
        raise Conflict(f"Task '{task.key}' can never begin: {needed.fate.reason}.", code="dependencies_failed")
    return needed.finished
