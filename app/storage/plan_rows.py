"""The rows of phases and tasks of a project's current plan version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import NotRequired, TypedDict

from sqlalchemy import Connection, RowMapping, Table, bindparam, delete, insert, select, update

from app.domain.actions import Actions
from app.domain.conditions import known
from app.domain.errors import Conflict
from app.domain.identity import new_id
from app.domain.parameters import Parameter
from app.domain.plan import Condition, PhaseDraft, PlanDraft, TaskDraft
from app.domain.validation import effective_dependencies, retries_of
from app.storage.projects import ProjectRow
from app.storage.tables import phases, tasks
from app.storage.tasks import TaskRow
from signoff.schemas.json_value import JsonObject
from signoff.vocabulary import AfterFailure, LimitName, OnCrash, PhaseStatus, PhaseStrategy, RunsOn, TaskStatus

# Ids by key: `{"phases": {key: id}, "tasks": {key: id}}`.
Ids = dict[str, dict[str, str]]


class NewPhase(TypedDict):
    """The row of a phase that has not started."""

    id: str
    project_id: str
    key: str
    name: str
    description: str
    position: int
    strategy: PhaseStrategy
    requires_approval: bool
    condition: JsonObject | None
    runs_on: RunsOn
    status: PhaseStatus


class NewTask(TypedDict):
    """The row of a task that has not started."""

    id: str
    project_id: str
    phase_id: str
    key: str
    title: str
    description: str
    position: int
    agent_id: str | None
    action: JsonObject
    depends_on: list[str]
    inputs: JsonObject
    expected_files: list[str]
    retries: int
    timeout_seconds: float | None
    on_crash: OnCrash
    after_failure: AfterFailure | None
    reads: list[str]
    writes: list[str]
    limits: dict[LimitName, int]
    condition: JsonObject | None
    requires_approval: bool
    status: TaskStatus
    outputs: JsonObject
    # A task that keeps its id in a new version continues its count.
    attempt: NotRequired[int]


@dataclass(frozen=True)
class Kept:
    """What a new version keeps of the former one: the ids of the tasks, and of the phases that stay completed."""

    tasks: list[str]
    phases: list[str]


# How a task ended.
_OUTCOME = (
    "status",
    "reason",
    "outputs",
    "error",
    "exit_code",
    "log_bytes",
    "started_at",
    "completed_at",
    "recorded_try",
    "quarantine",
)
# What a task's row copies unchanged from its plan, and what affects how the task runs.
_COPIED = (
    "inputs",
    "agent_id",
    "expected_files",
    "timeout_seconds",
    "on_crash",
    "after_failure",
    "reads",
    "writes",
    "limits",
    "requires_approval",
)


def check_rows(draft: PhaseDraft, parameters: Mapping[str, Parameter], rows: Sequence[TaskRow]) -> None:
    """Make sure that the tasks about to run match the approved draft of their phase, in a plan with these parameters.

    Raises:
        Conflict: `plan_altered`: they do not.
    """
    needs = effective_dependencies(draft)
    signed = [
        (task.key, _definition(task, needed, parameters), *(getattr(task, name) for name in _COPIED))
        for task, needed in zip(draft.tasks, needs, strict=True)
    ]
    stored = [
        (row.key, (row.action, row.depends_on, row.condition), *(getattr(row, name) for name in _COPIED))
        for row in rows
    ]
    if signed != stored:
        raise Conflict(f"The tasks of phase '{draft.key}' differ from what was approved.", code="plan_altered")


def _definition(
    task: TaskDraft, needed: list[str], parameters: Mapping[str, Parameter]
) -> tuple[JsonObject, list[str], JsonObject | None]:
    return task.action.model_dump(mode="json"), needed, _stored(task.condition, parameters)


def _stored(condition: Condition | None, parameters: Mapping[str, Parameter]) -> JsonObject | None:
    """A condition as rows have it: with the signed value of its parameter, so that the row alone says whether it is met."""
    stored = known(condition, parameters)
    return None if stored is None else stored.model_dump(mode="json")


def with_ids(draft: PlanDraft, ids: Ids) -> Ids:
    """Return an id for each phase and task of `draft`: the existing one from `ids`, or a new one."""
    return {
        "phases": {phase.key: ids.get("phases", {}).get(phase.key) or new_id("phase") for phase in draft.phases},
        "tasks": {task.key: ids.get("tasks", {}).get(task.key) or new_id("task") for task in draft.tasks()},
    }


def replace(
    conn: Connection, project: ProjectRow, draft: PlanDraft, ids: Ids, actions: Actions, kept: Set[str]
) -> Kept | None:
    """Replace the rows of the former version with those of `draft`. Tasks that keep their id continue their count of attempts.

    `kept` has the keys of the tasks that keep their outcome. Then all phases keep their approvals, and phases in which nothing
    is left to run stay completed. Returns what was kept, or None.
    """
    former = {row["id"]: dict(row) for row in _rows_of(conn, tasks, project.id)}
    former_phases = {row["id"]: dict(row) for row in _rows_of(conn, phases, project.id)}
    attempts = {task_id: row["attempt"] for task_id, row in former.items()}
    conn.execute(delete(phases).where(phases.c.project_id == project.id))
    phase_rows: list[NewPhase] = []
    task_rows: list[NewTask] = []
    for position, phase in enumerate(draft.phases):
        phase_rows.append(phase_row(project, phase, draft.parameters, position, ids))
        for task, needed in zip(phase.tasks, effective_dependencies(phase), strict=True):
            row = task_row(project, phase, task, draft.parameters, needed, len(task_rows), ids, actions)
            row["attempt"] = attempts.get(row["id"], 0)
            task_rows.append(row)
    if phase_rows:
        conn.execute(insert(phases), phase_rows)
    if task_rows:
        conn.execute(insert(tasks), task_rows)
    if not kept:
        return None
    kept_ids = [ids["tasks"][task.key] for task in draft.tasks() if task.key in kept]
    _restore(conn, tasks, [former[task_id] for task_id in kept_ids], _OUTCOME)
    complete = {
        ids["phases"][phase.key] for phase in draft.phases if phase.tasks and kept >= {task.key for task in phase.tasks}
    }
    there = [former_phases[row["id"]] for row in phase_rows if row["id"] in former_phases]
    done = [row for row in there if row["id"] in complete and row["status"] == PhaseStatus.COMPLETED]
    _restore(conn, phases, there, ("approved_at", "approved_by"))
    _restore(conn, phases, done, ("status", "started_at", "completed_at"))
    return Kept(kept_ids, [row["id"] for row in done])


def _rows_of(conn: Connection, table: Table, project_id: str) -> Sequence[RowMapping]:
    return conn.execute(select(table).where(table.c.project_id == project_id)).mappings().all()


def _restore(conn: Connection, table: Table, rows: Sequence[JsonObject], columns: Sequence[str]) -> None:
    """Give rows the values that they had before they were replaced."""
    if rows:
        query = update(table).where(table.c.id == bindparam("of_row"))
        values = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in columns}
        conn.execute(
            query.values(values),
            [{"of_row": row["id"], **{f"new_{name}": row[name] for name in columns}} for row in rows],
        )


def phase_row(
    project: ProjectRow, phase: PhaseDraft, parameters: Mapping[str, Parameter], position: int, ids: Ids
) -> NewPhase:
    """Return the row of a phase that has not started."""
    # A clean-up phase also runs after a cancel, when nobody may approve it any more.
    by_default = position > 0 and not project.auto_approve_phases and phase.runs_on != RunsOn.ALWAYS
    return {
        "id": ids["phases"][phase.key],
        "project_id": project.id,
        "key": phase.key,
        "name": phase.name,
        "description": phase.description,
        "position": position,
        "strategy": phase.strategy,
        "requires_approval": by_default if phase.requires_approval is None else phase.requires_approval,
        "condition": _stored(phase.condition, parameters),
        "runs_on": RunsOn(phase.runs_on),
        "status": PhaseStatus.PENDING,
    }


def task_row(
    project: ProjectRow,
    phase: PhaseDraft,
    task: TaskDraft,
    parameters: Mapping[str, Parameter],
    needed: list[str],
    position: int,
    ids: Ids,
    actions: Actions,
) -> NewTask:
    """Return the row of a new task. `needed` lists the keys of all its dependencies."""
    return {
        "project_id": project.id,
        "key": task.key,
        "title": task.title,
        "description": task.description,
        "agent_id": task.agent_id,
        "action": task.action.model_dump(mode="json"),
        "depends_on": needed,
        "inputs": task.inputs,
        "expected_files": task.expected_files,
        "retries": retries_of(task, actions),
        "timeout_seconds": task.timeout_seconds,
        "on_crash": task.on_crash,
        "after_failure": task.after_failure,
        "reads": task.reads,
        "writes": task.writes,
        "limits": task.limits,
        "condition": _stored(task.condition, parameters),
        "requires_approval": task.requires_approval,
        "status": TaskStatus.PENDING,
        "outputs": {},
        "id": ids["tasks"][task.key],
        "phase_id": ids["phases"][phase.key],
        "position": position,
    }
