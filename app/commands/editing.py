"""Changes to a project's fields. Changes to its plan are in `plan_edits`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict, cast

from sqlalchemy import Connection, update

from app.domain.actions import Actions
from app.domain.errors import Conflict
from app.domain.folding import folded
from app.domain.sender import Actor
from app.domain.states import Call, Situation, check_call
from app.domain.texts import normalized
from app.storage import events, plans, project_search, projects
from app.storage.projects import ProjectRow
from app.storage.tables import projects as project_table
from signoff.schemas.event_data import ProjectUpdated
from signoff.schemas.json_value import JsonObject
from signoff.schemas.problems import Problem
from signoff.vocabulary import ProjectStatus

# Fields that the approval of any plan covers. Any other field is covered if a task of the plan reads it.
PLAN_FIELDS = frozenset({"strategy", "decision_mode", "auto_approve_phases", "path", "agent_id"})
# A change of these makes a new version too: what its approval demands is settled when it is made.
SIGNING_FIELDS = frozenset({"signing"})
# Always editable: a budget may be raised while a run waits for exactly that.
ALWAYS = frozenset({"name", "description", "max_tokens", "max_cost_usd", "labels", "template"})

# A change of these changes what searches find.
_SEARCHED = frozenset({"name", "description", "labels"})


class _Facts(TypedDict, total=False):
    auto_approve_plan: bool
    labels: list[str]
    signing: JsonObject | None


def update_project(
    conn: Connection,
    project_id: str,
    wanted: JsonObject,
    actions: Actions,
    *,
    workspace: str | None,
    actor: Actor,
    check: Callable[[ProjectRow], None] | None = None,
) -> ProjectRow:
    """Set fields of a project. If an approval covers one of them, the plan gets a new version.

    Args:
        conn: an open write transaction.
        project_id: the project's id.
        wanted: the fields to set. A field that already has its value is ignored.
        actions: supplies the defaults for the tasks of a new version.
        workspace: the folder that belongs to a changed `path`.
        actor: who asked.
        check: raises if the project has changed since the caller read it.

    Raises:
        NotFound: there is no such project.
        Conflict: the project's state does not allow the change.
    """
    project = projects.get(conn, project_id)
    if check is not None:
        check(project)
    # A text that was stored before texts were normalized is sent back unchanged, and arrives normalized.
    changes = {name: value for name, value in wanted.items() if normalized(getattr(project, name)) != value}
    if not changes:
        return project
    covered = not (PLAN_FIELDS | SIGNING_FIELDS).isdisjoint(changes) or _is_read(conn, project, changes)
    if covered or (project.status == ProjectStatus.RUNNING and not ALWAYS.issuperset(changes)):
        _check_settled(project, changes)
    values = changes | ({"workspace": workspace} if "path" in changes else {}) | {"revision": project.revision + 1}
    if "name" in changes:
        values["name_key"] = folded(str(changes["name"]))
    if not _SEARCHED.isdisjoint(changes):
        values["text_position"] = _index_again(conn, project, changes)
    conn.execute(update(project_table).where(project_table.c.id == project_id).values(**values))
    facts: _Facts = {}
    if "auto_approve_plan" in changes:
        # This setting decides what is approved without a person, so its value is recorded.
        facts["auto_approve_plan"] = changes["auto_approve_plan"] is True
    if "labels" in changes:
        # Labels decide who may do what with the project.
        facts["labels"] = cast("list[str]", changes["labels"])
    if "signing" in changes:
        facts["signing"] = cast("JsonObject | None", changes["signing"])
    event = ProjectUpdated(fields=sorted(changes), **facts)
    project = projects.get(conn, project_id)
    if covered and project.plan_version is not None:
        plans.edit(conn, project, lambda draft: draft, actions, actor=actor, announce=event)
    else:
        events.append(conn, project_id, event, actor=actor)
    return projects.get(conn, project_id)


def _index_again(conn: Connection, project: ProjectRow, changes: JsonObject) -> int:
    name, description, labels = (
        changes.get(field, getattr(project, field)) for field in ("name", "description", "labels")
    )
    project_search.remove(conn, project.text_position, project.labels)
    return project_search.add(conn, str(name), str(description), cast("list[str]", labels))


def _check_settled(project: ProjectRow, changes: JsonObject) -> None:
    """Refuse fields that cannot be changed now, and name them in the error."""
    try:
        check_call(Call.UPDATE_PLAN_FIELDS, projects.situation(project))
    except Conflict as error:
        held = sorted(changes.keys() - ALWAYS) or sorted(changes)
        error.info.details = [Problem(field=name, message="It cannot be changed now.") for name in held]
        raise


def _is_read(conn: Connection, project: ProjectRow, changes: JsonObject) -> bool:
    """Whether the project has a plan awaiting approval with a task that reads one of the fields.

    Once a plan is approved, its tasks get the approved value, even if the project is renamed later.
    """
    if projects.situation(project) != Situation.PLAN_READY:
        return False
    settings = plans.contents(plans.current(conn, project)).settings
    return any(settings.get(f"project_{name}") is not None for name in changes)
