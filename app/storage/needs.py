"""The conditions for starting a task. The record decides, not what Temporal was told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select, union_all

from app.database.prepared import Prepared
from app.domain.conditions import DECISION, Ended, Fate, Stops, Then, condition_of, ends_run, fate_of
from app.domain.frozen import StoredFrozen
from app.domain.plan import OutputCondition
from app.domain.references import referenced_tasks
from app.domain.states import SKIPPED_BY_PERSON
from app.storage.projects import ProjectRow
from app.storage.reading import Rows
from app.storage.tables import phases, plans, projects, tasks
from app.storage.tasks import TaskRow
from signoff.schemas.json_value import JsonObject
from signoff.vocabulary import DecidedBy, DecisionMode, PhaseStatus, RunsOn, Stage, TaskStatus

_PHASE_STATUS = Prepared(select(phases.c.status).where(phases.c.id == bindparam("of_phase")))


@dataclass(frozen=True, slots=True)
class Earlier:
    """A task, as far as others depend on it."""

    key: str
    status: TaskStatus
    reason: str | None
    action: JsonObject
    outputs: JsonObject

    @property
    def answer(self) -> str | None:
        """The answer, if it is a decision that was answered."""
        answered = self.action["type"] == DECISION and self.status == TaskStatus.COMPLETED
        answer: object = self.outputs.get("answer")
        return answer if answered and isinstance(answer, str) else None

    def ended(self, stops: Stops) -> Ended:
        """Its status and result, as far as other tasks depend on them. `stops` has the answers that end the run."""
        answer = self.answer
        return Ended(self.status, self.reason, answer, ends_run(stops, self.key, answer), self.outputs)


EARLIER = Rows(tasks, Earlier)
# Built once, because every task uses them.
_NAMED = Prepared(
    EARLIER.select.where(
        tasks.c.project_id == bindparam("of_project"), tasks.c.key.in_(bindparam("named", expanding=True))
    )
)
_FROZEN = (
    select(plans.c.frozen)
    .join(projects, (projects.c.id == plans.c.project_id) & (projects.c.plan_version == plans.c.version))
    .where(projects.c.id == bindparam("of_project"))
)
_CONDITIONS = Prepared(
    union_all(
        *(
            select(table.c.key, table.c.condition).where(
                table.c.project_id == bindparam("of_project"), table.c.condition.is_not(None)
            )
            for table in (phases, tasks)
        )
    )
)


def stops(conn: Connection, project_id: str) -> Stops:
    """Return which answers end the run of a project's current plan, as its approval froze them."""
    frozen: StoredFrozen | None = conn.execute(_FROZEN, {"of_project": project_id}).scalar()
    return (frozen.get("stops") if frozen is not None else None) or {}


def deciders(conn: Connection, project_id: str) -> Mapping[str, str] | None:
    """Return who answers each decision of a project's current plan first, by key, as its approval froze it.

    None if it was approved before plans said so.
    """
    frozen: StoredFrozen | None = conn.execute(_FROZEN, {"of_project": project_id}).scalar()
    return frozen.get("deciders") if frozen is not None else None


def is_left_to_model(conn: Connection, project: ProjectRow, task: TaskRow) -> bool:
    """Whether a model answers a decision first. In older approvals, the project's `decision_mode` says it for all of them."""
    signed = deciders(conn, project.id)
    if signed is not None:
        return signed.get(task.key) == DecidedBy.MODEL
    by = task.action.get("by")
    return project.decision_mode == DecisionMode.AGENT if by is None else by == DecidedBy.MODEL


def is_being_cancelled(conn: Connection, stage: str, phase_id: str) -> bool:
    """Whether a cancel stops the tasks of a phase. It does not stop phases that run in any case.

    `stage` is the stage of the project.
    """
    if stage != Stage.CANCELLING:
        return False
    return conn.execute(select(phases.c.runs_on).where(phases.c.id == phase_id)).scalar() != RunsOn.ALWAYS


def readers_of(conn: Connection, task: TaskRow) -> dict[str, list[str]]:
    """Return the outputs of a task on which tasks and phases have a condition, with the keys of those."""
    readers: dict[str, list[str]] = {}
    for key, stored in _CONDITIONS.rows(conn, {"of_project": task.project_id}):
        condition = condition_of(stored)
        if isinstance(condition, OutputCondition) and condition.task == task.key:
            readers.setdefault(condition.output, []).append(key)
    return readers


@dataclass(frozen=True)
class Needed:
    """Whether a task may start, what becomes of it otherwise, and the outputs that the task refers to, by key."""

    finished: bool
    fate: Fate
    outputs: dict[str, JsonObject]
    # The keys of those that a person skipped.
    skipped: frozenset[str]

    @classmethod
    def of(cls, conn: Connection, task: TaskRow) -> Needed:
        """Read it from the record, because the workflow's state may have been forged in Temporal."""
        [(phase,)] = _PHASE_STATUS.rows(conn, {"of_phase": task.phase_id})
        referenced = referenced_tasks([task.inputs, task.action])
        keys = {*task.depends_on, *referenced}
        rows = EARLIER.all(conn, _NAMED, {"of_project": task.project_id, "named": [*keys]}) if keys else []
        answered = any(row.answer is not None for row in rows)
        ending: Stops = stops(conn, task.project_id) if answered else {}
        fate = fate_of(condition_of(task.condition), {row.key: row.ended(ending) for row in rows})
        outputs = {row.key: row.outputs for row in rows if row.key in referenced}
        skipped = frozenset(row.key for row in rows if row.reason == SKIPPED_BY_PERSON)
        return cls(phase == PhaseStatus.RUNNING and fate.then == Then.START, fate, outputs, skipped)
