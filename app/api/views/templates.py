"""The templates that a reader may start from: those of the team, then the built-in ones."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection

from app.planning.templates import beginning_of, built_in_templates
from app.storage import project_list, projects
from app.storage.projects import ProjectRow
from signoff.schemas.templates import Template, TemplateList

LABEL = "template"
_MAX_OWN = 200


def templates_for(conn: Connection, within: Collection[str] | None) -> TemplateList:
    """The templates for a reader who may see projects with these labels. None: all projects."""
    wanted = project_list.Wanted(label=LABEL, within=within, sort_by="name")
    page = project_list.page(conn, wanted, limit=_MAX_OWN)
    own = [_own(projects.get(conn, row.id)) for row in page.rows]
    built_in = [
        Template(id=name, name=one.name, about=one.about, built_in=True, description=one.description)
        for name, one in built_in_templates().items()
    ]
    return TemplateList(templates=[*own, *built_in], total=page.total + len(built_in))


def _own(project: ProjectRow) -> Template:
    return Template(
        id=project.id,
        name=project.name,
        about=beginning_of(project.description)[1],
        built_in=False,
        description=project.description,
        strategy=project.strategy,
        decision_mode=project.decision_mode,
        auto_approve_plan=project.auto_approve_plan,
        auto_approve_phases=project.auto_approve_phases,
        agent_id=project.agent_id,
        sme_archetype=project.sme_archetype,
        max_tokens=project.max_tokens,
        max_cost_usd=project.max_cost_usd,
        parameters=dict(project.parameters),
    )
