"""What the record says about which phases and tasks of a run start, are skipped or wait (`app.domain.conditions`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from app.domain.conditions import (
    CONDITION_NOT_MET,
    DECISION,
    PHASE_FAILED,
    STOPPED_BY_ANSWER,
    Ended,
    Stops,
    Then,
    condition_of,
    ends_run,
    fate_of,
    is_met,
    is_ruled_out,
    why_unmet,
)
from app.domain.plan import OutputCondition, TaskCondition
from app.domain.states import FINISHED_PHASE
from app.storage import needs, permission, runs, tasks
from app.storage.projects import Failure, ProjectRow
from app.storage.reading import Rows
from app.storage.runs import PhaseRow
from app.storage.tables import phases as phase_table
from app.storage.tables import tasks as task_table
from signoff.vocabulary import PhaseStatus, RunsOn, Stage, TaskStatus


@dataclass(frozen=True)
class Stop:
    """The answer that has ended a run."""

    task_id: str
    key: str
    title: str
    phase_id: str
    answer: str
    answered_by: str
    comment: str

    def failure(self) -> Failure:
        """Return the reason why the project ends."""
        why = f": {self.comment}" if self.comment else "."
        message = f"{self.answered_by} answered '{self.answer}' to '{self.title}'{why}"
        return {"code": STOPPED_BY_ANSWER, "message": message, "task_id": self.task_id}


@dataclass(frozen=True, slots=True)
class _Decision:
    id: str
    key: str
    title: str
    phase_id: str
    action: dict[str, Any]
    outputs: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Waiting:
    key: str
    depends_on: list[str]
    condition: dict[str, Any] | None
    status: TaskStatus


_DECISIONS = Rows(task_table, _Decision)
_WAITING = Rows(task_table, _Waiting)


def uses_conditions(conn: Connection, project_id: str, stops: Stops) -> bool:
    """Whether what a project's plan runs depends on how its tasks end, in more ways than a failure that stops it."""
    if stops:
        return True
    conditions = (phase_table.c.condition.is_not(None)) | (phase_table.c.runs_on != RunsOn.SUCCESS)
    in_phases = select(phase_table.c.id).where(phase_table.c.project_id == project_id, conditions)
    in_tasks = select(task_table.c.id).where(task_table.c.project_id == project_id, task_table.c.condition.is_not(None))
    return any(conn.execute(query.limit(1)).first() is not None for query in (in_phases, in_tasks))


def stop_of(conn: Connection, project_id: str, stops: Stops) -> Stop | None:
    """Return the first answer, in the plan's order, that has ended the project's run. None if no answer has."""
    if not stops:
        return None
    query = _DECISIONS.select.where(
        task_table.c.project_id == project_id,
        task_table.c.key.in_(list(stops)),
        task_table.c.status == TaskStatus.COMPLETED,
    )
    for row in _DECISIONS.all(conn, query.order_by(task_table.c.position)):
        answer = row.outputs.get("answer")
        if row.action["type"] == DECISION and ends_run(stops, row.key, answer):
            by, comment = str(row.outputs.get("answered_by", "")), str(row.outputs.get("comment", ""))
            return Stop(row.id, row.key, row.title, row.phase_id, str(answer), by, comment)
    return None


def enter(conn: Connection, project: ProjectRow, phase: PhaseRow) -> bool:
    """Prepare a phase whose turn has come. If the plan does not need it now, skip it and return False.

    Raises:
        Conflict: `phase_order`: an earlier phase has not finished.
    """
    stops = needs.stops(conn, project.id)
    conditional = uses_conditions(conn, project.id, stops)
    if not is_cleaning_up(project, phase):
        # After a failure, what does not follow it is skipped below.
        done = FINISHED_PHASE if conditional else permission.DONE_PHASE
        permission.check_phase_turn(conn, project.id, phase.position, done=done)
    if not conditional or phase.status != PhaseStatus.PENDING:
        return True
    reason = skip_reason(conn, project, phase, stops)
    if reason is not None:
        runs.skip_phase(conn, phase, reason)
        return False
    settle(conn, project, phase, stops)
    return True


def skip_reason(conn: Connection, project: ProjectRow, phase: PhaseRow, stops: Stops) -> str | None:
    """Return why a phase whose turn has come is skipped. None if it runs."""
    condition = condition_of(phase.condition)
    if is_ruled_out(condition):
        return CONDITION_NOT_MET
    if phase.runs_on != RunsOn.ALWAYS:
        earlier = select(phase_table.c.id).where(
            phase_table.c.project_id == project.id,
            phase_table.c.position < phase.position,
            phase_table.c.status.in_([PhaseStatus.FAILED, PhaseStatus.CANCELLED]),
        )
        failed = conn.execute(earlier.limit(1)).first() is not None
        if failed != (phase.runs_on == RunsOn.FAILURE):
            return PHASE_FAILED if failed else CONDITION_NOT_MET
        stop = stop_of(conn, project.id, stops)
        if not failed and stop is not None and stop.phase_id != phase.id and not _handles(conn, phase, stop):
            return STOPPED_BY_ANSWER
    if not isinstance(condition, TaskCondition | OutputCondition):
        return None
    watched = _ended(conn, project.id, [condition.task], stops).get(condition.task)
    if watched is not None and not watched.open and is_met(condition, watched):
        return None
    return why_unmet(condition, watched)


def _handles(conn: Connection, phase: PhaseRow, stop: Stop) -> bool:
    """Whether a phase, or a task of it, is for the case of an answer that has ended the run."""
    if _is_for(phase.condition, stop):
        return True
    query = select(task_table.c.condition).where(task_table.c.phase_id == phase.id, task_table.c.condition.is_not(None))
    return any(_is_for(value, stop) for value in conn.execute(query).scalars())


def _is_for(value: dict[str, Any] | None, stop: Stop) -> bool:
    condition = condition_of(value)
    answered = Ended(TaskStatus.COMPLETED, answer=stop.answer)
    return isinstance(condition, TaskCondition) and condition.task == stop.key and is_met(condition, answered)


def _ended(conn: Connection, project_id: str, keys: list[str], stops: Stops) -> dict[str, Ended]:
    query = needs.EARLIER.select.where(task_table.c.project_id == project_id, task_table.c.key.in_(keys))
    return {row.key: row.ended(stops) for row in needs.EARLIER.all(conn, query)} if keys else {}


def settle(conn: Connection, project: ProjectRow, phase: PhaseRow, stops: Stops) -> None:
    """Skip each task of a phase that has not started and never will, with the reason why."""
    query = _WAITING.select.where(task_table.c.phase_id == phase.id).order_by(task_table.c.position)
    rows = _WAITING.all(conn, query)
    pending = {row.key: row for row in rows if row.status == TaskStatus.PENDING}
    if not pending:
        return
    needed = dict.fromkeys(key for row in pending.values() for key in row.depends_on)
    ended = _ended(conn, project.id, list(needed), stops)
    skipped = _outside_of_stop(conn, project, phase, rows, stops)
    ended |= {key: Ended(TaskStatus.SKIPPED, reason) for key, reason in skipped.items() if key in ended}
    left = {key: row for key, row in pending.items() if key not in skipped}
    while found := _found(left, ended):
        skipped |= found
        ended |= {key: Ended(TaskStatus.SKIPPED, reason) for key, reason in found.items()}
        left = {key: row for key, row in left.items() if key not in found}
    for reason in dict.fromkeys(skipped.values()):
        tasks.skip(conn, project.id, [key for key, why in skipped.items() if why == reason], reason=reason)


def _found(left: Mapping[str, _Waiting], ended: Mapping[str, Ended]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, row in left.items():
        fate = fate_of(condition_of(row.condition), {name: ended[name] for name in row.depends_on if name in ended})
        if fate.then == Then.SKIP:
            found[key] = fate.reason
    return found


def _outside_of_stop(
    conn: Connection, project: ProjectRow, phase: PhaseRow, rows: list[_Waiting], stops: Stops
) -> dict[str, str]:
    """After an answer in an earlier phase has ended the run, skip what a phase has besides the tasks for that case."""
    stop = stop_of(conn, project.id, stops)
    if stop is None or stop.phase_id == phase.id or phase.runs_on != RunsOn.SUCCESS or _is_for(phase.condition, stop):
        return {}
    position = conn.execute(select(phase_table.c.position).where(phase_table.c.id == stop.phase_id)).scalar_one()
    if position > phase.position:
        return {}
    handled = {row.key for row in rows if _is_for(row.condition, stop)}
    while more := {row.key for row in rows if row.key not in handled and not handled.isdisjoint(row.depends_on)}:
        handled |= more
    return {row.key: STOPPED_BY_ANSWER for row in rows if row.status == TaskStatus.PENDING and row.key not in handled}


def skipped_in(conn: Connection, phase_id: str) -> list[str]:
    """Return the keys of the tasks of a phase that were skipped, in the plan's order."""
    query = select(task_table.c.key).where(task_table.c.phase_id == phase_id, task_table.c.status == TaskStatus.SKIPPED)
    return list(conn.execute(query.order_by(task_table.c.position)).scalars())


def is_cleaning_up(project: ProjectRow, phase: PhaseRow) -> bool:
    """Whether a phase runs although the run is being cancelled."""
    return project.stage == Stage.CANCELLING and phase.runs_on == RunsOn.ALWAYS


def close_stopped(conn: Connection, project: ProjectRow) -> None:
    """Skip what an answer that ended the run has left: every phase that never started."""
    for phase in runs.phases_of(conn, project.id):
        if phase.status == PhaseStatus.PENDING:
            runs.skip_phase(conn, phase, STOPPED_BY_ANSWER)
