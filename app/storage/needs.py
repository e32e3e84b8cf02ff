"""The conditions for starting a task. The record decides, not what Temporal was told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select

from app.domain.references import referenced_tasks
from app.domain.states import SKIPPED_BY_PERSON
from app.storage.reading import Rows
from app.storage.tables import phases, tasks
from app.storage.tasks import TaskRow
from signoff.vocabulary import PhaseStatus, TaskStatus

_PHASE_STATUS = select(phases.c.status).where(phases.c.id == bindparam("of_phase"))


@dataclass(frozen=True, slots=True)
class _Earlier:
    key: str
    status: TaskStatus
    reason: str | None
    outputs: dict[str, Any]


_ROWS = Rows(tasks, _Earlier)


@dataclass(frozen=True)
class Needed:
    """Whether everything that a task waits for has finished, and the outputs that the task refers to, by key."""

    finished: bool
    outputs: dict[str, dict[str, Any]]
    # The keys of those that a person skipped.
    skipped: frozenset[str]

    @classmethod
    def of(cls, conn: Connection, task: TaskRow) -> Needed:
        """Read it from the record, because the workflow's state may have been forged in Temporal."""
        phase = conn.execute(_PHASE_STATUS, {"of_phase": task.phase_id}).scalar_one()
        referenced = referenced_tasks([task.inputs, task.action])
        keys = {*task.depends_on, *referenced}
        query = _ROWS.select.where(tasks.c.project_id == task.project_id, tasks.c.key.in_(keys))
        rows = _ROWS.all(conn, query) if keys else []
        open_tasks = [row for row in rows if row.status != TaskStatus.COMPLETED and row.reason != SKIPPED_BY_PERSON]
        outputs = {row.key: row.outputs for row in rows if row.key in referenced}
        skipped = frozenset(row.key for row in rows if row.reason == SKIPPED_BY_PERSON)
        return cls(phase == PhaseStatus.RUNNING and not open_tasks, outputs, skipped)
