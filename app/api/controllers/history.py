"""The history of a project: plan versions, the differences between them, and runs."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from sqlalchemy import Connection

from app.api.http.permission import SCOPE
from app.api.http.services import Services
from app.domain import diff
from app.domain.errors import NotFound
from app.domain.plan import PlanDraft
from app.storage import plans, projects, runs, senders
from signoff.schemas.plans import Changed, Differences, FieldChange, PlanDiff, PlanList, PlanVersion
from signoff.schemas.projects import Run, RunList
from signoff.schemas.senders import SentBy
from signoff.vocabulary import Scope


class HistoryController(Controller):
    """The history of one project."""

    path = "/api/projects/{project_id:str}"
    tags = ("history",)

    @get("/plans", operation_id="listPlans", opt={SCOPE: Scope.READ}, summary="List the plan's versions")
    async def list_plans(self, services: NamedDependency[Services], project_id: FromPath[str]) -> PlanList:
        """Newest first, including failed versions; `current` is the number of the version in force."""

        def work(conn: Connection) -> PlanList:
            project = projects.get(conn, project_id)
            creators = senders.creators(conn, project)
            versions = [_version(row, creators.get(row.version)) for row in plans.all_of(conn, project_id)]
            return PlanList(plans=versions, total=len(versions), current=project.plan_version)

        return await services.database.read(work)

    @get("/plan/diff", operation_id="diffPlans", opt={SCOPE: Scope.READ}, summary="Compare two plan versions")
    async def diff_plans(
        self,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        before: Annotated[int | None, QueryParameter(name="from", ge=1, le=2**31 - 1)] = None,
        after: Annotated[int | None, QueryParameter(name="to", ge=1, le=2**31 - 1)] = None,
    ) -> PlanDiff:
        """By default, compares the current version with the one before it."""
        return await services.database.read(lambda conn: _diff(conn, project_id, before, after))

    @get("/runs", operation_id="listRuns", opt={SCOPE: Scope.READ}, summary="List the project's runs")
    async def list_runs(self, services: NamedDependency[Services], project_id: FromPath[str]) -> RunList:
        """Newest first. Each run is one execution of one approved plan version."""

        def work(conn: Connection) -> RunList:
            projects.get(conn, project_id)
            listed = [
                Run.model_validate({name: getattr(row, name) for name in Run.model_fields})
                for row in runs.all_of(conn, project_id)
            ]
            return RunList(runs=listed, total=len(listed))

        return await services.database.read(work)


def _version(row: plans.PlanRow, creator: SentBy | None) -> PlanVersion:
    values = {name: getattr(row, name) for name in PlanVersion.model_fields if name not in {"summary", "creator"}}
    draft = row.draft or {}
    return PlanVersion(**values, summary=str(draft.get("summary", "")), creator=creator)


def _diff(conn: Connection, project_id: str, before: int | None, after: int | None) -> PlanDiff:
    project = projects.get(conn, project_id)
    newer = after if after is not None else plans.current_version(project)
    older = before if before is not None else plans.version_before(conn, project_id, newer)
    if older is None:
        raise NotFound(f"There is no version before {newer}.", code="plan_not_found")
    first, second = (plans.contents(plans.get(conn, project_id, version)) for version in (older, newer))
    drafts = PlanDraft.model_validate(first.draft), PlanDraft.model_validate(second.draft)
    return PlanDiff(
        project_id=project_id,
        before=older,
        after=newer,
        assumptions=_shown(diff.compare_assumptions(*drafts)),
        questions=_shown(diff.compare_questions(*drafts)),
        phases=_shown(diff.compare_phases(*drafts)),
        tasks=_shown(diff.compare_tasks(*drafts)),
        parameters=_changes(diff.compare_parameters(*drafts)),
        settings=_changes(diff.compare_fields(_settings(first), _settings(second))),
    )


def _settings(contents: plans.Contents) -> dict[str, object]:
    """The run settings of a version, without the values of the parameters, which are compared with the parameters."""
    return {name: value for name, value in contents.settings.items() if name != "parameters"}


def _shown(found: diff.Differences) -> Differences:
    changed = [Changed(key=key, changes=_changes(changes)) for key, changes in found.changed.items()]
    return Differences(added=found.added, removed=found.removed, changed=changed)


def _changes(changes: list[diff.Change]) -> list[FieldChange]:
    return [FieldChange(field=change.field, before=change.before, after=change.after) for change in changes]
