"""The phases and tasks of a plan version that is not current, from its draft. Pure functions."""

from __future__ import annotations

from app.api.http.prefix import public
from app.api.views import conditions
from app.domain.plan import PhaseDraft, PlanDraft
from app.domain.validation import effective_dependencies
from app.storage.plan_rows import Ids
from app.storage.projects import ProjectRow
from signoff.schemas.plans import PlanPhase
from signoff.schemas.tasks import LogInfo, Task
from signoff.vocabulary import PhaseStatus, RunsOn, TaskStatus


def drafted_phases(project_row: ProjectRow, ids: Ids, draft: PlanDraft) -> list[PlanPhase]:
    """The phases of a version that is not current. All are pending, because the tables hold only the current version."""
    return [_drafted_phase(project_row, ids, draft, item, position) for position, item in enumerate(draft.phases)]


def _drafted_phase(project_row: ProjectRow, ids: Ids, draft: PlanDraft, item: PhaseDraft, position: int) -> PlanPhase:
    task_ids, phase_id = ids["tasks"], ids["phases"][item.key]
    drafted: list[Task] = []
    for number, (entry, needed) in enumerate(zip(item.tasks, effective_dependencies(item), strict=True)):
        values = entry.model_dump(mode="json", exclude={"depends_on"})
        values["retries"] = entry.retries or 0
        values |= {name: getattr(entry, name) for name in ("after_failure", "reads", "writes", "limits")}
        values |= {
            "condition": conditions.drafted(entry, draft.parameters),
            "requires_approval": entry.requires_approval,
        }
        drafted.append(
            Task(
                **values,
                id=task_ids[entry.key],
                project_id=project_row.id,
                phase_id=phase_id,
                status=TaskStatus.PENDING,
                reason=None,
                position=number,
                depends_on=[task_ids[key] for key in needed],
                outputs={},
                truncated=False,
                attempt=0,
                started_at=None,
                completed_at=None,
                due_at=None,
                duration_ms=None,
                exit_code=None,
                error=None,
                quarantine=None,
                tokens=None,
                log=LogInfo(bytes=0, url=public(f"/api/projects/{project_row.id}/tasks/{task_ids[entry.key]}/logs")),
            )
        )
    return PlanPhase(
        id=phase_id,
        project_id=project_row.id,
        key=item.key,
        name=item.name,
        description=item.description,
        position=position,
        strategy=item.strategy,
        status=PhaseStatus.PENDING,
        requires_approval=bool(item.requires_approval),
        condition=conditions.drafted(item, draft.parameters),
        runs_on=RunsOn(item.runs_on),
        started_at=None,
        completed_at=None,
        task_counts={"total": len(drafted)},
        tasks=drafted,
    )
