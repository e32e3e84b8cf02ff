"""Plan versions, and the rows of phases and tasks of the current version.

A version is immutable once it is ready: its digest covers `draft` and `settings` word for word. The rows hold what changes
during a run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Unpack

from sqlalchemy import Connection, bindparam, func, insert, select, update

from app.domain.actions import Actions
from app.domain.command_seals import CancelSeal, CommandSeal
from app.domain.conditions import Effect, effects_of, ends_run, stops_of
from app.domain.corrections import kept_tasks
from app.domain.errors import NEEDS_ANSWERS, Conflict, ErrorInfo, NotFound
from app.domain.frozen import StoredFrozen
from app.domain.identity import now
from app.domain.parameters import Value, values_of
from app.domain.plan import PlanDraft, RunSettings, digest_of
from app.domain.sender import Actor, Sender, as_sender
from app.domain.signed_values import project_values_read
from app.storage import events, locks, needs, plan_gates, plan_rows, projects, tasks
from app.storage.plan_versions import Changes, Contents, Given, Kept, PlanFacts, PlanRow
from app.storage.projects import Failure, ProjectChanges, ProjectRow
from app.storage.reading import Rows
from app.storage.tables import plans
from signoff.schemas.event_data import EventData, PlanFailed, PlanGenerating, PlanReady, PlanSuperseded
from signoff.schemas.json_value import JsonMapping
from signoff.vocabulary import GateKind, PlanStatus, ProjectStatus, Stage

_ROWS = Rows(plans, PlanRow)
_FIND = _ROWS.select.where(plans.c.project_id == bindparam("of_project"), plans.c.version == bindparam("numbered"))
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
        parameters=values_of(draft.parameters) or None,
        **{f"project_{name}": getattr(project, name) for name in read},
    )


def find(conn: Connection, project_id: str, version: int) -> PlanRow | None:
    """Return one version, or None."""
    locks.hold_project(conn, project_id)
    return _ROWS.find(conn, _FIND, {"of_project": project_id, "numbered": version})


def get(conn: Connection, project_id: str, version: int) -> PlanRow:
    """Return one version.

    Raises:
        NotFound: there is no version with that number.
    """
    row = find(conn, project_id, version)
    if row is None:
        raise NotFound(f"This project has no plan version {version}.", code="plan_not_found")
    return row


def current_version(project: ProjectRow) -> int:
    """Return the number of the project's current version.

    Raises:
        NotFound: `no_plan`.
    """
    if project.plan_version is None:
        raise NotFound("This project has no plan yet. Generate one with generate-plan, or add tasks.", code="no_plan")
    return project.plan_version


def current(conn: Connection, project: ProjectRow) -> PlanRow:
    """Return the project's current version.

    Raises:
        NotFound: `no_plan`.
    """
    return get(conn, project.id, current_version(project))


def latest(conn: Connection, project_id: str) -> PlanRow | None:
    """Return the version with the highest number, regardless of its status."""
    locks.hold_project(conn, project_id)
    query = _ROWS.select.where(plans.c.project_id == project_id).order_by(plans.c.version.desc()).limit(1)
    return _ROWS.find(conn, query)


def all_of(conn: Connection, project_id: str) -> list[PlanRow]:
    """Return every version, newest first."""
    return _ROWS.all(conn, _ROWS.select.where(plans.c.project_id == project_id).order_by(plans.c.version.desc()))


def version_before(conn: Connection, project_id: str, version: int) -> int | None:
    """Return the newest version before `version` that has content, or None."""
    earlier = (plans.c.project_id == project_id, plans.c.version < version, plans.c.digest.is_not(None))
    return conn.execute(select(func.max(plans.c.version)).where(*earlier)).scalar_one()


def contents(row: PlanRow) -> Contents:
    """Return what a stored version contains.

    Raises:
        Conflict: `plan_not_ready`: the version was never filled in.
    """
    if row.digest is None or row.draft is None or row.settings is None or row.ids is None:
        raise Conflict(f"Plan version {row.version} is {row.status} and has no content.", code="plan_not_ready")
    return Contents(row.digest, row.draft, row.settings, row.ids)


def content(row: PlanRow) -> PlanDraft:
    """Return the draft of a stored version.

    Raises:
        Conflict: `plan_not_ready`: the version was never filled in.
    """
    return PlanDraft.model_validate(contents(row).draft)


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


def effects(row: PlanRow) -> dict[str, list[Effect]]:
    """Return what follows from each answer to each decision of a version, as it was approved or would be approved now.

    Raises:
        Conflict: `plan_not_ready`: the version was never filled in.
    """
    draft = content(row)
    frozen: StoredFrozen = row.frozen or {}
    stops = stops_of(draft) if row.approved_at is None else frozen.get("stops") or {}
    return effects_of(draft, stops)


def begin_generation(
    conn: Connection,
    project: ProjectRow,
    version: int,
    *,
    planner: str,
    instructions: str | None,
    parameters: dict[str, Value],
    based_on: int | None,
    actor: Actor,
    seal: CommandSeal,
) -> None:
    """Open a version for a planner to fill in, possibly based on another. The project's stage becomes `planning`.

    `parameters` holds the values that are given for the plan's parameters. If the planner succeeds, the project keeps them.
    """
    at = now()
    row = {
        "project_id": project.id,
        "version": version,
        "status": PlanStatus.GENERATING,
        "planner": planner,
        "instructions": instructions,
        "parameters": parameters,
        "based_on": based_on,
        "created_at": at,
        "created_by": as_sender(actor).actor,
        "created_by_id": as_sender(actor).actor_id,
    }
    conn.execute(insert(plans).values(row))
    projects.change(conn, project, stage=Stage.PLANNING, former_stage=project.stage, engaged=True)
    given: Given = {"parameters": parameters} if parameters else {}
    begun = PlanGenerating(plan_version=version, planner=planner, created_at=at, **given, **seal)
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
    projects.change(conn, project, parameters=row.parameters)
    earlier: Contents | None = None
    if row.based_on is not None and row.based_on == project.plan_version:
        # Keep the ids and outcomes of what the instructions did not change.
        earlier = contents(get(conn, project_id, row.based_on))
    by = Sender(row.created_by, row.created_by_id)
    return _install(conn, project, version, draft, actions, earlier=earlier, actor=by, planner=row.planner, facts=facts)


def fail_generation(
    conn: Connection, project_id: str, version: int, error: ErrorInfo, *, actor: Actor, seal: CancelSeal | None = None
) -> None:
    """End planning without a plan. Status, stage and current plan are again what they were before.

    `seal` belongs to the decision that ended it, if there is one.

    Raises:
        Conflict: `planning_ended`: planning had already ended.
    """
    project, _ = _generating(conn, project_id, version)
    failure = error.model_dump(mode="json")
    _set(conn, project_id, version, status=PlanStatus.FAILED, failure=failure)
    shown: Failure = {"code": error.code, "message": _with_questions(error), "task_id": None}
    assert project.former_stage is not None  # noqa: S101 - for the type checker: a project that is planning has one
    projects.change(conn, project, stage=project.former_stage, former_stage=None, failure=shown)
    details: list[JsonMapping] = [problem.model_dump() for problem in error.details]
    cause: CancelSeal = seal if seal is not None else {}
    failed = PlanFailed(plan_version=version, code=error.code, message=error.message, details=details, **cause)
    events.append(conn, project_id, failed, actor=actor)


def _with_questions(error: ErrorInfo) -> str:
    """What a project shows of a plan that failed. A person must see the questions that they are to answer."""
    if error.code != NEEDS_ANSWERS:
        return error.message
    return "\n".join([error.message, *(f"{number}. {one.message}" for number, one in enumerate(error.details, 1))])


def edit(
    conn: Connection,
    project: ProjectRow,
    change: Callable[[PlanDraft], PlanDraft],
    actions: Actions,
    *,
    actor: Actor,
    announce: EventData | None = None,
) -> int:
    """Make the next version by applying `change` to the current one or to an empty plan. What stays keeps its id.

    Tasks that are done and that the change does not affect keep their outcome too: see `corrections`.

    The caller has checked that the call is allowed. Returns the new version's number.
    """
    earlier = contents(current(conn, project)) if project.plan_version is not None else None
    before = PlanDraft.model_validate(earlier.draft) if earlier is not None else PlanDraft()
    version = next_version(conn, project.id)
    row = {
        "project_id": project.id,
        "version": version,
        "status": PlanStatus.GENERATING,
        "planner": "hand",
        "created_at": now(),
        "created_by": as_sender(actor).actor,
        "created_by_id": as_sender(actor).actor_id,
    }
    conn.execute(insert(plans).values(row))
    if announce is not None:
        events.append(conn, project.id, announce, actor=actor)
    _install(conn, project, version, change(before), actions, earlier=earlier, actor=actor, planner="hand")
    return version


def mark_approved(conn: Connection, project_id: str, version: int, *, actor: Actor, at: str) -> None:
    """Record who approved a version."""
    by = as_sender(actor)
    approved: Changes = {
        "status": PlanStatus.APPROVED,
        "approved_at": at,
        "approved_by": by.actor,
        "approved_by_id": by.actor_id,
    }
    _set(conn, project_id, version, **approved)


def supersede(conn: Connection, project_id: str, version: int) -> None:
    """Record that a version has been replaced by a newer one."""
    old = (plans.c.project_id == project_id, plans.c.version == version, plans.c.status.in_(OPEN_STATUSES))
    conn.execute(update(plans).where(*old).values(status=PlanStatus.SUPERSEDED))


def discard(conn: Connection, project_id: str, version: int) -> None:
    """Record that a person has discarded a version, which an edit of a run had made."""
    _set(conn, project_id, version, status=PlanStatus.DISCARDED)


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


def _set(conn: Connection, project_id: str, version: int, **values: Unpack[Changes]) -> None:
    conn.execute(update(plans).where(plans.c.project_id == project_id, plans.c.version == version).values(**values))


def _install(
    conn: Connection,
    project: ProjectRow,
    version: int,
    draft: PlanDraft,
    actions: Actions,
    *,
    earlier: Contents | None,
    actor: Actor,
    planner: str,
    facts: PlanFacts | None = None,
) -> str:
    settings = run_settings(project, draft, actions)
    digest = digest_of(draft, settings)
    ids = plan_rows.with_ids(draft, earlier.ids if earlier is not None else {})
    stored: Changes = {
        "status": PlanStatus.READY,
        "digest": digest,
        "draft": draft.model_dump(mode="json"),
        "settings": settings.stored(),
        "ids": ids,
    }
    _set(conn, project.id, version, **stored)
    new_events: list[EventData] = []
    if project.plan_version is not None:
        supersede(conn, project.id, project.plan_version)
        new_events.append(PlanSuperseded(plan_version=project.plan_version, by=version))
    kept = plan_rows.replace(conn, project, draft, ids, actions, _unaffected(conn, project, earlier, draft, settings))
    values: ProjectChanges = {
        "stage": Stage.AWAITING_APPROVAL,
        "former_stage": None,
        "plan_version": version,
        "failure": None,
        "gate": None,
        "outcome": None,
    }
    if project.status == ProjectStatus.PENDING:
        projects.change(conn, project, **values)
    else:
        projects.move(conn, project, ProjectStatus.PENDING, **values)
    used: PlanFacts = facts if facts is not None else {}
    outcomes: Kept = {"kept": kept.tasks, "kept_phases": kept.phases} if kept is not None else {}
    ready = PlanReady(
        plan_version=version,
        plan_digest=digest,
        planner=planner,
        created_at=get(conn, project.id, version).created_at,
        phases=len(draft.phases),
        tasks=len(draft.tasks()),
        **outcomes,
        **used,
    )
    events.append(conn, project.id, *new_events, ready, actor=actor)
    plan_gates.open_new(conn, project.id, GateKind.PLAN, version, digest, draft)
    return digest


def _unaffected(
    conn: Connection, project: ProjectRow, earlier: Contents | None, draft: PlanDraft, settings: RunSettings
) -> frozenset[str]:
    """Return the keys of the tasks that are done, and that the new version does not change.

    There are none after a run that completed, which leaves nothing to correct, and none in another folder. A decision whose
    answer ends the run is asked again.
    """
    completed = project.status == ProjectStatus.COMPLETED
    if earlier is None or project.run_id is None or completed or earlier.settings.get("path") != settings.path:
        return frozenset()
    stops = (needs.stops(conn, project.id), stops_of(draft))
    done = [
        row.key
        for row in tasks.all_of(conn, project.id)
        if tasks.is_done(row) and not any(ends_run(ending, row.key, row.outputs.get("answer")) for ending in stops)
    ]
    return kept_tasks(PlanDraft.model_validate(earlier.draft), draft, done) if done else frozenset()
