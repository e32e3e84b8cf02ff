"""Changes that people make by hand: fields of a project, and tasks added to its plan."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select, update

from app.domain.actions import Actions
from app.domain.errors import Invalid, Problem
from app.domain.events import EventType
from app.domain.plan import PhaseDraft, PlanDraft, TaskDraft, slug
from app.domain.states import Call, ProjectStatus, check_call
from app.domain.validation import check_draft
from app.storage import events, plans, projects, tasks
from app.storage.effects import situation
from app.storage.projects import ProjectRow
from app.storage.tables import phases as phase_table
from app.storage.tables import projects as project_table
from app.storage.tasks import TaskRow

PLAN_FIELDS = frozenset({"strategy", "decision_mode", "auto_approve_phases", "path", "agent_id"})
ALWAYS = frozenset({"name", "description"})
DEFAULT_PHASE = "Tasks"


def update_project(
    conn: Connection, project_id: str, wanted: dict[str, Any], actions: Actions, *, workspace: str | None, actor: str
) -> ProjectRow:
    """Set fields of a project; where an approval covers one of them, the plan gets a new version.

    Args:
        conn: an open write transaction.
        project_id: of the project.
        wanted: fields to set; those that have the value already count as not given.
        actions: for the defaults of the tasks of a new version.
        workspace: the folder that belongs to a changed `path`.
        actor: who asked.

    Raises:
        NotFound: there is no such project.
        Conflict: the state of the project does not allow it.
    """
    project = projects.get(conn, project_id)
    changes = {name: value for name, value in wanted.items() if getattr(project, name) != value}
    if not changes:
        return project
    covered = not PLAN_FIELDS.isdisjoint(changes)
    if covered or (project.status == ProjectStatus.RUNNING and not ALWAYS.issuperset(changes)):
        check_call(Call.UPDATE_PLAN_FIELDS, situation(project))
    values = changes | ({"workspace": workspace} if "path" in changes else {})
    conn.execute(update(project_table).where(project_table.c.id == project_id).values(**values))
    told = (EventType.PROJECT_UPDATED, {"fields": sorted(changes)})
    project = projects.get(conn, project_id)
    if covered and project.plan_version is not None:
        plans.edit(conn, project, lambda draft: draft, actions, actor=actor, announce=told)
    else:
        events.append(conn, project_id, told, actor=actor)
    return projects.get(conn, project_id)


def add_task(
    conn: Connection, project_id: str, fields: dict[str, Any], phase_id: str | None, actions: Actions, *, actor: str
) -> TaskRow:
    """Add a task to the plan of a project that is not live: a new version, or the first.

    Args:
        conn: an open write transaction.
        project_id: of the project.
        fields: of a `TaskDraft`, `key` and `action` optional; `depends_on` may name ids or keys.
        phase_id: id or key of the phase; None for the last one, or a first phase `Tasks`.
        actions: that a task may have.
        actor: who asked.

    Raises:
        NotFound: there is no such project.
        Conflict: its state does not allow it.
        Invalid: the plan would not be valid with the task.
    """
    project = projects.get(conn, project_id)
    check_call(Call.EDIT_PLAN, situation(project))
    keys = _keys_by_id(conn, project_id)
    added: list[str] = []

    def change(draft: PlanDraft) -> PlanDraft:
        new = draft.model_copy(deep=True)
        taken = {task.key for task in new.tasks()}
        task = TaskDraft.model_validate(
            {
                **fields,
                "key": fields.get("key") or slug(fields["title"], taken),
                "action": fields.get("action") or {"type": "manual"},
                "depends_on": [keys.get(name, name) for name in fields.get("depends_on", [])],
            }
        )
        _phase_for(new, keys.get(phase_id, phase_id) if phase_id is not None else None).tasks.append(task)
        check_draft(new, actions, agents=())
        added.append(task.key)
        return new

    told = (EventType.TASK_CREATED, {"title": fields["title"]})
    plans.edit(conn, project, change, actions, actor=actor, announce=told)
    return tasks.get(conn, project_id, added[0])


def _phase_for(draft: PlanDraft, key: str | None) -> PhaseDraft:
    if key is None:
        if not draft.phases:
            draft.phases.append(PhaseDraft(key=slug(DEFAULT_PHASE, set()), name=DEFAULT_PHASE))
        return draft.phases[-1]
    for phase in draft.phases:
        if phase.key == key:
            return phase
    message = f"The plan has no phase '{key}'."
    raise Invalid(message, details=[Problem(field="phase_id", message=message)])


def _keys_by_id(conn: Connection, project_id: str) -> dict[str, str]:
    """Keys of the plan's tasks and phases by id."""
    query = select(phase_table.c.id, phase_table.c.key).where(phase_table.c.project_id == project_id)
    found = {row.id: row.key for row in conn.execute(query)}
    found.update((row.id, row.key) for row in tasks.all_of(conn, project_id))
    return found
