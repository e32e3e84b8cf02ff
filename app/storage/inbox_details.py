"""What a list of waiting items shows of each: the plan, the tasks that would run, and the options of a question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, tuple_

from app.storage.inbox import Waiting
from app.storage.reading import Rows
from app.storage.tables import plans, questions, tasks
from signoff.schemas.json_value import JsonObject
from signoff.vocabulary import InboxKind, TaskStatus

PLANS = (InboxKind.PLAN, InboxKind.EDIT, InboxKind.CHANGES_REQUESTED)
QUESTIONS = tuple(InboxKind(name) for name in ("decision", "task_failed", "worker_lost", "agent", "changed"))


@dataclass(frozen=True, slots=True)
class ShownPlan:
    """A plan version that waits for approval."""

    project_id: str
    version: int
    digest: str | None
    draft: JsonObject | None


@dataclass(frozen=True, slots=True)
class ShownTask:
    """A task that would run next, as far as an audit checks it."""

    id: str
    phase_id: str
    key: str
    action: JsonObject
    agent_id: str | None
    timeout_seconds: float | None


@dataclass(frozen=True)
class Details:
    """The details of a page of items.

    Attributes:
        plans: plan versions, by project and version.
        tasks: the tasks of phases and the tasks to release, by phase or task.
        options: the options of questions, by question.
    """

    plans: dict[tuple[str, int], ShownPlan]
    tasks: dict[str, list[ShownTask]]
    options: dict[str, list[str]]


_PLANS = Rows(plans, ShownPlan)
_TASKS = Rows(tasks, ShownTask)


def details_of(conn: Connection, items: Sequence[Waiting]) -> Details:
    """Read the details of a page of items, with one query for each kind of row."""
    ids = {kind: [item.item_id for item in items if item.kind == kind] for kind in InboxKind}
    versions = [(item.project_id, int(item.item_id)) for item in items if item.kind in PLANS]
    named = _PLANS.select.where(tuple_(plans.c.project_id, plans.c.version).in_(versions))
    found = _PLANS.all(conn, named) if versions else []
    by_id: dict[str, list[ShownTask]] = {}
    if phase_ids := ids[InboxKind.PHASE]:
        open_tasks = _TASKS.select.where(tasks.c.phase_id.in_(phase_ids), tasks.c.status == TaskStatus.PENDING)
        for row in _TASKS.all(conn, open_tasks.order_by(tasks.c.position)):
            by_id.setdefault(row.phase_id, []).append(row)
    if task_ids := ids[InboxKind.RELEASE]:
        for row in _TASKS.all(conn, _TASKS.select.where(tasks.c.id.in_(task_ids))):
            by_id[row.id] = [row]
    asked = [question for kind in QUESTIONS for question in ids[kind]]
    options = select(questions.c.id, questions.c.options).where(questions.c.id.in_(asked))
    return Details(
        plans={(row.project_id, row.version): row for row in found},
        tasks=by_id,
        options={row.id: row.options for row in conn.execute(options)} if asked else {},
    )
