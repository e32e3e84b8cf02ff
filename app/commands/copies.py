"""Copies a project with its plan."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Connection

from app.domain.actions import Actions
from app.domain.sender import Actor
from app.storage import plans, projects
from app.storage.projects import ProjectRow

COPIED = (
    "description",
    "strategy",
    "auto_approve_plan",
    "auto_approve_phases",
    "decision_mode",
    "agent_id",
    "sme_archetype",
    "max_tokens",
    "max_cost_usd",
    "parameters",
    "template",
    "signing",
)
MAX_NAME_LENGTH = 200
_SUFFIX = " (Copy)"


def duplicate(
    conn: Connection,
    project_id: str,
    copy_id: str,
    *,
    name: str | None,
    workspace: str,
    actions: Actions,
    actor: Actor,
    labels: list[str],
) -> ProjectRow:
    """Create a copy of a project in its own workspace. The plan becomes version 1, with every task pending.

    Raises:
        NotFound: there is no such project.
    """
    source = projects.get(conn, project_id)
    copied = {field: getattr(source, field) for field in COPIED}
    copied |= {"labels": labels, "id": copy_id, "path": None, "workspace": workspace}
    copied["name"] = name or source.name[: MAX_NAME_LENGTH - len(_SUFFIX)] + _SUFFIX
    projects.create(conn, cast("projects.NewProject", copied), actor=actor, duplicated_from=project_id)
    copy = projects.get(conn, copy_id)
    if source.plan_version is not None:
        draft = plans.content(plans.current(conn, source))
        plans.edit(conn, copy, lambda _: draft, actions, actor=actor)
    return projects.get(conn, copy_id)
