"""Plan versions, and the rows of phases and tasks of the current version.

A version is immutable once it is ready: its digest covers `draft` and `settings` word for word. The rows hold what changes
during a run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypedDict

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from app.domain.actions import Actions
from app.domain.decisions import CancelSeal, DecisionSeal
from app.domain.errors import Conflict, ErrorInfo, NotFound
from app.domain.identity import new_id, now
from app.domain.plan import PhaseDraft, PlanDraft, RunSettings, TaskDraft, digest_of
from app.domain.signed_values import project_values_read
from app.domain.validation import effective_dependencies, retries_of
from app.storage import events, locks, projects
from app.storage.projects import ProjectRow
from app.storage.tables import phases, plans, tasks
from signoff.schemas.event_data import EventData, PlanFailed, PlanGenerating, PlanReady, PlanSuperseded
from signoff.vocabulary import PhaseStatus, PlanStatus, ProjectStatus, Stage, TaskStatus

PlanRow = Row[Any]
Ids = dict[str, dict[str, str]]


class PlanFacts(TypedDict, total=False):
    """What language models used to make a plan."""

    models: list[str]
    calls: int
    tokens: dict[str, int]
    cost_usd: float | None


OPEN_STATUSES = (PlanStatus.READY, PlanStatus.APPROVED)


def run_settings(project: ProjectRow, draft: PlanDraft, actions: Actions) -> RunSettings:
    """Return the project fields that an approval of `draft` covers. Name and description are included if a task reads them."""
    read = project_values_read(draft, actions, project.decision_mode)
    return RunSettings(
        strategy=project.strategy,
        decision_mode=project.decision_mode,
        auto_approve_phases=project.auto_approve_phases,
        path=project.path,
        agent_id=project.agent_id,
        **{f"project_{name}": getattr(project, name) for name in read},
    )


def find(conn: Connection, project_id: str, version: int) -> PlanRow | None:
    """Return one version, or None."""
    locks.hold_project(conn, project_id)
    return conn.execute(select(plans).where(plans.c.project_id == project_id, plans.c.version == version)).one_or_none()


def get(conn: Connection, project_id: str, version: int) -> PlanRow:
    """Return one version.

    Raises:
        NotFound: there is no version with that number.
    """
    row = find(conn, project_id, version)
    if row is None:
        raise NotFound(f"This project has no plan version {version}.", code="plan_not_found")
    return row


def latest(conn: Connection, project_id: str) -> PlanRow | None:
    """Return the version with the highest number, regardless of its status."""
    locks.hold_project(conn, project_id)
    query = select(plans).where(plans.c.project_id == project_id).order_by(plans.c.version.desc()).limit(1)
    return conn.execute(query).one_or_none()


def all_of(conn: Connection, project_id: str) -> list[PlanRow]:
    """Return every version, newest first."""
    return list(conn.execute(select(plans).where(plans.c.project_id == project_id).order_by(plans.c.version.desc())))


def version_before(conn: Connection, project_id: str, version: int) -> int | None:
    """Return the newest version before `version` that has content, or None."""
    earlier = (plans.c.project_id == project_id, plans.c.version < version, plans.c.digest.is_not(None))
    return conn.execute(select(func.max(plans.c.version)).where(*earlier)).scalar_one()


def content(row: PlanRow) -> PlanDraft:
    """Return the draft of a stored version.

    Raises:
        Conflict: `plan_not_ready`: the version was never filled in.
    """
    if row.draft is None:
        raise Conflict(f"Plan version {row.version} is {row.status} and has no content.", code="plan_not_ready")
    return PlanDraft.model_validate(row.draft)


def verified_draft(row: PlanRow) -> PlanDraft:
    """Return the draft of a stored version, checked against its digest.

    Raises:
        Conflict: `plan_altered`: the stored text differs from what was approved.
    """
    draft = PlanDraft.model_validate(row.draft)
    if digest_of(draft, RunSettings.model_validate(row.settings)) != row.digest:
        raise Conflict(
            f"Plan version {row.version} does not match its digest: its stored text was altered.", code="plan_altered"
        )
    return draft


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
)


def check_rows(draft: PhaseDraft, rows: Sequence[Row[Any]]) -> None:
    """Make sure that the tasks about to run match the approved draft.

    Raises:
        Conflict: `plan_altered`: they do not.
    """
    needs = effective_dependencies(draft)
    signed = [
        (task.key, task.action.model_dump(mode="json"), needed, *(getattr(task, name) for name in _COPIED))
        for task, needed in zip(draft.tasks, needs, strict=True)
    ]
    if signed != [(row.key, row.action, row.depends_on, *(getattr(row, name) for name in _COPIED)) for row in rows]:
        raise Conflict(f"The tasks of phase '{draft.key}' differ from what was approved.", code="plan_altered")


def begin_generation(
    conn: Connection,
    project: ProjectRow,
    version: int,
    *,
    planner: str,
    instructions: str | None,
    based_on: int | None,
    actor: str,
    seal: DecisionSeal,
) -> None:
    """Open a version for a planner to fill in, possibly based on another. The project's stage becomes `planning`."""
    at = now()
    row = {
        "project_id": project.id,
        "version": version,
        "status": PlanStatus.GENERATING,
        "planner": planner,
        "instructions": instructions,
        "based_on": based_on,
        "created_at": at,
        "created_by": actor,
    }
    conn.execute(insert(plans).values(row))
    projects.change(conn, project, stage=Stage.PLANNING, former_stage=project.stage, engaged=True)
    begun = PlanGenerating(plan_version=version, planner=planner, created_at=at, **seal)
    events.append(conn, project.id, begun, actor=actor)


def finish_generation(
    conn: Connection,
    project_id: str,
    version: int,
    draft: PlanDraft,
    actions: Actions,
    *,
    facts: PlanFacts | None = None,
) -> str:
    """Make a generated version the current one and return its digest. `facts` are added to the event.

    Raises:
        Conflict: `planning_ended`: planning was cancelled or has already ended.
    """
    project, row = _generating(conn, project_id, version)
    ids: Ids = {}
    if row.based_on is not None and row.based_on == project.plan_version:
        # Keep the ids of phases and tasks that the instructions did not change.
        ids = get(conn, project_id, row.based_on).ids
    return _install(
        conn, project, version, draft, actions, ids=ids, actor=row.created_by, planner=row.planner, facts=facts
    )


def fail_generation(
    conn: Connection, project_id: str, version: int, error: ErrorInfo, *, actor: str, seal: CancelSeal | None = None
) -> None:
    """End planning without a plan. Status, stage and current plan are again what they were before.

    `seal` belongs to the decision that ended it, if there is one.

    Raises:
        Conflict: `planning_ended`: planning had already ended.
    """
    project, _ = _generating(conn, project_id, version)
    failure = error.model_dump(mode="json")
    _set(conn, project_id, version, status=PlanStatus.FAILED, failure=failure)
    shown = {"code": error.code, "message": error.message, "task_id": None}
    projects.change(conn, project, stage=project.former_stage, former_stage=None, failure=shown)
    details = [problem.model_dump() for problem in error.details]
    cause: CancelSeal = seal if seal is not None else {}
    failed = PlanFailed(plan_version=version, code=error.code, message=error.message, details=details, **cause)
    events.append(conn, project_id, failed, actor=actor)


def edit(
    conn: Connection,
    project: ProjectRow,
    change: Callable[[PlanDraft], PlanDraft],
    actions: Actions,
    *,
    actor: str,
    announce: EventData | None = None,
) -> int:
    """Make the next version by applying `change` to the current one or to an empty plan. What stays keeps its id.

    The caller has checked that the call is allowed. Returns the new version's number.
    """
    current = find(conn, project.id, project.plan_version) if project.plan_version is not None else None
    before = PlanDraft.model_validate(current.draft) if current is not None else PlanDraft()
    ids: Ids = current.ids if current is not None else {}
    version = next_version(conn, project.id)
    row = {
        "project_id": project.id,
        "version": version,
        "status": PlanStatus.GENERATING,
        "planner": "hand",
        "created_at": now(),
        "created_by": actor,
    }
    conn.execute(insert(plans).values(row))
    if announce is not None:
        events.append(conn, project.id, announce, actor=actor)
    _install(conn, project, version, change(before), actions, ids=ids, actor=actor, planner="hand")
    return version


def mark_approved(conn: Connection, project_id: str, version: int, *, actor: str, at: str) -> None:
    """Record who approved a version."""
    _set(conn, project_id, version, status=PlanStatus.APPROVED, approved_at=at, approved_by=actor)


def supersede(conn: Connection, project_id: str, version: int) -> None:
    """Record that a version has been replaced by a newer one."""
    old = (plans.c.project_id == project_id, plans.c.version == version, plans.c.status.in_(OPEN_STATUSES))
    conn.execute(update(plans).where(*old).values(status=PlanStatus.SUPERSEDED))


def next_version(conn: Connection, project_id: str) -> int:
    """Return the number for the next version."""
    query = select(func.coalesce(func.max(plans.c.version), 0)).where(plans.c.project_id == project_id)
    return conn.execute(query).scalar_one() + 1


def _generating(conn: Connection, project_id: str, version: int) -> tuple[ProjectRow, PlanRow]:
    project = projects.get(conn, project_id)
    row = find(conn, project_id, version)
    if row is None or row.status != PlanStatus.GENERATING or project.stage != Stage.PLANNING:
        raise Conflict("This planning has already ended.", code="planning_ended")
    return project, row


def _set(conn: Connection, project_id: str, version: int, **values: Any) -> None:
    conn.execute(update(plans).where(plans.c.project_id == project_id, plans.c.version == version).values(**values))


def _install(
    conn: Connection,
    project: ProjectRow,
    version: int,
    draft: PlanDraft,
    actions: Actions,
    *,
    ids: Ids,
    actor: str,
    planner: str,
    facts: PlanFacts | None = None,
) -> str:
    settings = run_settings(project, draft, actions)
    digest = digest_of(draft, settings)
    kept = with_ids(draft, ids)
    stored = {"draft": draft.model_dump(mode="json"), "settings": settings.model_dump(mode="json"), "ids": kept}
    _set(conn, project.id, version, status=PlanStatus.READY, digest=digest, **stored)
    news: list[EventData] = []
    if project.plan_version is not None:
        supersede(conn, project.id, project.plan_version)
        news.append(PlanSuperseded(plan_version=project.plan_version, by=version))
    _replace_rows(conn, project, draft, kept, actions)
    values = {
        "stage": Stage.AWAITING_APPROVAL,
        "former_stage": None,
        "plan_version": version,
        "failure": None,
        "gate": None,
    }
    if project.status == ProjectStatus.PENDING:
        projects.change(conn, project, **values)
    else:
        projects.move(conn, project, ProjectStatus.PENDING, **values)
    used: PlanFacts = facts if facts is not None else {}
    ready = PlanReady(
        plan_version=version, plan_digest=digest, planner=planner, created_at=get(conn, project.id, version).created_at,
        phases=len(draft.phases), tasks=len(draft.tasks()), **used,
    )  # fmt: skip
    events.append(conn, project.id, *news, ready, actor=actor)
    return digest


def with_ids(draft: PlanDraft, ids: Ids) -> Ids:
    """Return an id for each phase and task of `draft`: the existing one from `ids`, or a new one."""
    return {
        "phases": {phase.key: ids.get("phases", {}).get(phase.key) or new_id("phase") for phase in draft.phases},
        "tasks": {task.key: ids.get("tasks", {}).get(task.key) or new_id("task") for task in draft.tasks()},
    }


def _replace_rows(conn: Connection, project: ProjectRow, draft: PlanDraft, ids: Ids, actions: Actions) -> None:
    """Replace the former version's rows with those of `draft`. Tasks that keep their id continue their count of attempts."""
    attempts = {
        row.id: row.attempt
        for row in conn.execute(select(tasks.c.id, tasks.c.attempt).where(tasks.c.project_id == project.id))
    }
    conn.execute(delete(phases).where(phases.c.project_id == project.id))
    phase_rows: list[dict[str, Any]] = []
    task_rows: list[dict[str, Any]] = []
    for position, phase in enumerate(draft.phases):
        phase_rows.append(phase_row(project, phase, position, ids))
        for task, needed in zip(phase.tasks, effective_dependencies(phase), strict=True):
            row = task_row(project, task, needed, actions)
            row["id"] = ids["tasks"][task.key]
            row["phase_id"] = ids["phases"][phase.key]
            row["position"] = len(task_rows)
            row["attempt"] = attempts.get(row["id"], 0)
            task_rows.append(row)
    if phase_rows:
        conn.execute(insert(phases), phase_rows)
    if task_rows:
        conn.execute(insert(tasks), task_rows)


def phase_row(project: ProjectRow, phase: PhaseDraft, position: int, ids: Ids) -> dict[str, Any]:
    """Return the row of a phase that has not started."""
    by_default = position > 0 and not project.auto_approve_phases
    return {
        "id": ids["phases"][phase.key],
        "project_id": project.id,
        "key": phase.key,
        "name": phase.name,
        "description": phase.description,
        "position": position,
        "strategy": phase.strategy,
        "requires_approval": by_default if phase.requires_approval is None else phase.requires_approval,
        "status": PhaseStatus.PENDING,
    }


def task_row(project: ProjectRow, task: TaskDraft, needed: list[str], actions: Actions) -> dict[str, Any]:
    """Return the row of a new task, except its id, phase and position. `needed` lists the keys of all its dependencies."""
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
        "status": TaskStatus.PENDING,
        "outputs": {},
    }
