"""Edits of plans. Each makes a new version, which waits for its approval, before a run as well as during one."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, update

from app.commands import approvals, releases
from app.commands.bound import check_bound
from app.domain.actions import Actions, Mode
from app.domain.commands import CommandRecord
from app.domain.conditions import stops_of
from app.domain.corrections import definitions
from app.domain.edits import Edit, Editor, parse_edits
from app.domain.errors import Conflict
from app.domain.frozen import Captured
from app.domain.known import left_open
from app.domain.plan import PhaseDraft, PlanDraft, canonical_json, digest_of
from app.domain.registry import load_actions
from app.domain.releasing import deciders_of
from app.domain.sender import Actor
from app.domain.signed_values import PROJECT_VALUES
from app.domain.states import FINISHED_PHASE, Call, Situation, check_call
from app.domain.unseen import shown_in
from app.domain.validation import Agents, check_draft, effective_dependencies, for_project
from app.storage import (
    events,
    freezing,
    gates,
    needs,
    plan_gates,
    plan_rows,
    plans,
    projects,
    proposals,
    questions,
    runs,
    tasks,
)
from app.storage.projects import ProjectRow, situation
from app.storage.tables import phases as phase_table
from app.storage.tables import plans as plan_table
from app.storage.tables import runs as run_table
from app.storage.tables import tasks as task_table
from app.storage.tasks import TaskRow
from signoff.schemas.event_data import DecisionMade, EventData, PlanApproved, PlanReady, PlanSuperseded, TaskCreated
from signoff.vocabulary import GateKind, PhaseStatus, PlanStatus, Stage, TaskStatus, WaitReason, waits_for_person


def edit_plan(
    conn: Connection,
    project_id: str,
    edits: Sequence[Edit],
    actions: Actions,
    *,
    actor: Actor,
    call: Call,
    agents: Agents | None = None,
) -> Editor:
    """Edit the plan of a project that is not running: the next version, or the first.

    `agents` is None if the agents that the edits name were already checked.

    Raises:
        NotFound: there is no such project.
        Conflict: the project's state does not allow it; `project_running` if the workflow must decide.
        Invalid: an edit names something that is not in the plan, or the edited plan would not be valid.
    """
    project = projects.get(conn, project_id)
    check_call(call, situation(project))
    if situation(project) == Situation.RUNNING:
        raise Conflict("The project is running.", code="project_running")
    editor: Editor | None = None

    def change(draft: PlanDraft) -> PlanDraft:
        nonlocal editor
        editor = Editor(draft, _keys_by_id(conn, project_id))
        edited = editor.apply(edits)
        known = for_project(agents, project.agent_id) if agents is not None else None
        check_draft(edited, actions, known, may_be_empty=True, before=draft)
        return edited

    version = plans.edit(conn, project, change, actions, actor=actor)
    assert editor is not None  # noqa: S101 - for the type checker: `edit` has called `change`
    if editor.added:
        events.append(conn, project_id, *_created(conn, project_id, editor.added, version), actor=actor)
    return editor


def edit_running(conn: Connection, command: CommandRecord) -> None:
    """Edit the plan during a run. The run starts nothing more until the new version is approved, and then continues with it.

    If the project approves its plans automatically, this decision is the approval as well. Only unfinished phases and tasks
    that have not started may change, and the definition of a task that waits for a person because it failed. A person then lets
    it be retried.
    """
    captured = freezing.take_captured(command)
    actions = load_actions()
    edits = parse_edits(command.payload.get("edits") or [])
    call = Call.REFINE if command.payload.get("refine") else Call.EDIT_PLAN
    project = projects.get(conn, command.project_id)
    check_call(call, situation(project))
    if situation(project) != Situation.RUNNING:
        _edit_at_rest(conn, project, command, edits, call)
        return
    if project.stage == Stage.CANCELLING:
        raise Conflict("The project is being cancelled.", code="project_cancelling")
    current = plans.current(conn, project)
    waiting = proposals.find(conn, project)
    base = waiting or current
    check_bound(base, command.payload)
    before = plans.verified_draft(base)
    started = {phase.key for phase in runs.phases_of(conn, project.id) if phase.status != PhaseStatus.PENDING}
    ahead = [phase.key for phase in before.phases if phase.key not in started]
    editor = Editor(before, _keys_by_id(conn, project.id, base), ahead)
    after = editor.apply(edits)
    check_draft(after, actions, None, before=before)
    _check_answers(conn, project, after)
    _check_started(conn, project, plans.verified_draft(current), after, actions)
    version = _propose(conn, project, base, after, actions, command)
    command.payload = {**command.payload, "tasks": editor.tasks, "phases": editor.phases}
    replaced = [PlanSuperseded(plan_version=waiting.version, by=version)] if waiting is not None else []
    if waiting is not None:
        plans.supersede(conn, project.id, waiting.version)
    ready = PlanReady(
        plan_version=version,
        plan_digest=str(command.plan_digest),
        planner="hand",
        created_at=command.at,
        phases=len(after.phases),
        tasks=len(after.tasks()),
    )
    events.append(conn, project.id, *replaced, ready, actor=command.sender)
    plan_gates.open_new(conn, project.id, GateKind.EDIT, version, str(command.plan_digest), after)
    gate = gates.find(conn, project.id, GateKind.EDIT, str(version))
    if project.auto_approve_plan and (gate is None or gate.demands.automatic):
        captured = _freeze(conn, project, command, captured, after)
        if gate is not None:
            approvals.note_automatic(conn, command, gate)
        _install(conn, project, plans.get(conn, project.id, version), actions, command, captured)
        return
    questions.settle_stage(conn, project.id)
    edited = DecisionMade(kind=command.kind, plan_version=version, comment=command.comment, **command.seal())
    events.append(conn, project.id, edited, actor=command.sender)


def _edit_at_rest(conn: Connection, project: ProjectRow, command: CommandRecord, edits: list[Edit], call: Call) -> None:
    """Edit the plan of a project that is not running, for example because its run has just ended."""
    if project.plan_version is not None:
        check_bound(plans.current(conn, project), command.payload)
    editor = edit_plan(conn, project.id, edits, load_actions(), actor=command.sender, call=call)
    made = plans.current(conn, projects.get(conn, project.id))
    command.plan_version, command.plan_digest = made.version, made.digest
    command.payload = {**command.payload, "tasks": editor.tasks, "phases": editor.phases}
    edited = DecisionMade(kind=command.kind, comment=command.comment, **command.seal())
    events.append(conn, project.id, edited, actor=command.sender)


def approve_edit(
    conn: Connection, project: ProjectRow, version: plans.PlanRow, command: CommandRecord, captured: Captured | None
) -> None:
    """Approve a version that an edit during this run has made. The run continues with it.

    Raises:
        Conflict: something that the edit changes has started meanwhile, or what the approval freezes has changed.
    """
    if project.stage == Stage.CANCELLING:
        raise Conflict("The project is being cancelled.", code="project_cancelling")
    actions = load_actions()
    before = plans.verified_draft(plans.current(conn, project))
    _check_started(conn, project, before, plans.verified_draft(version), actions)
    command.plan_version, command.plan_digest = version.version, version.digest
    captured = _freeze(conn, project, command, captured, plans.verified_draft(version))
    gate = gates.find(conn, project.id, GateKind.EDIT, str(version.version))
    if not approvals.sign(conn, command, project, gate, seen=freezing.seen(captured)):
        return
    command.payload = {**command.payload, "run_id": str(project.run_id)}
    _install(conn, project, version, actions, command, captured)


def _check_answers(conn: Connection, project: ProjectRow, draft: PlanDraft) -> None:
    """Refuse a plan in which an answer that a model has given would release something that cannot be taken back."""
    if needs.deciders(conn, project.id) is not None:
        releases.check_kept_answers(conn, project.id, draft)


def _keys_by_id(conn: Connection, project_id: str, base: plans.PlanRow | None = None) -> dict[str, str]:
    """Return the keys of the plan's tasks and phases, by id, including those that only the version `base` has."""
    found = {row.id: row.key for row in runs.phases_of(conn, project_id)}
    found.update({task_id: key for key, task_id in tasks.ids_by_key(conn, project_id).items()})
    for ids in plans.contents(base).ids.values() if base is not None else ():
        found.update({name: key for key, name in ids.items()})
    return found


def _created(conn: Connection, project_id: str, keys: Sequence[str], version: int) -> list[EventData]:
    rows = {row.key: row for row in tasks.with_keys(conn, project_id, keys)}
    return [TaskCreated(**tasks.describe(rows[key]), plan_version=version) for key in keys]


def _check_started(
    conn: Connection, project: ProjectRow, before: PlanDraft, after: PlanDraft, actions: Actions
) -> None:
    """Make sure that an edit does not change what has already started. `before` is the approved version.

    Raises:
        Conflict: `phase_finished` or `task_started`, naming the phase or task.
    """
    rows = tasks.all_of(conn, project.id)
    begun = [phase for phase in runs.phases_of(conn, project.id) if phase.status != PhaseStatus.PENDING]
    former = {phase.key: phase for phase in before.phases}
    for position, phase in enumerate(begun):
        kept = after.phases[position] if position < len(after.phases) else None
        done = phase.status in FINISHED_PHASE
        if kept is None or kept.key != phase.key or (done and not _same(kept, former[phase.key])):
            word = "finished" if done else "started"
            raise Conflict(f"Phase '{phase.key}' has {word}; it cannot be changed or moved.", code=f"phase_{word}")
    old, new = definitions(before), definitions(after)
    for row in rows:
        if (
            row.status == TaskStatus.PENDING
            or old[row.key] == new.get(row.key)
            or _is_corrected(row, rows, after, actions)
        ):
            continue
        message = f"Task '{row.key}' has started; it cannot be changed, and nothing can be added before it."
        if row.status == TaskStatus.FAILED:
            message = f"Task '{row.key}' has failed. Correct it when the run has ended, then approve the new version."
        elif _may_be_corrected(row):
            message = (
                f"While the run waits for a decision on task '{row.key}', only its own fields can be changed, and its action "
                "must still be one that a worker runs. It can depend on finished tasks only."
            )
        raise Conflict(message, code="task_started", context={"task_id": row.id})


def _may_be_corrected(row: TaskRow) -> bool:
    """Whether nothing of the task is in progress: it failed or lost its worker, and a person decides what is next."""
    reasons = {WaitReason.AFTER_FAILURE, WaitReason.WORKER_LOST}
    return row.status == TaskStatus.WAITING and row.reason in reasons and waits_for_person(row.reason, row.due_at)


def _is_corrected(row: TaskRow, rows: Sequence[TaskRow], after: PlanDraft, actions: Actions) -> bool:
    """Whether an edit changes a task only in a way that its next attempt can follow."""
    if not _may_be_corrected(row):
        return False
    done = {other.key for other in rows if tasks.is_done(other)}
    for phase in after.phases:
        for task, needed in zip(phase.tasks, effective_dependencies(phase), strict=True):
            if task.key == row.key:
                return actions[task.action.type].mode == Mode.ACTIVITY and done.issuperset(needed)
    return False


def _same(left: PhaseDraft, right: PhaseDraft) -> bool:
    return canonical_json(left.model_dump(mode="json")) == canonical_json(right.model_dump(mode="json"))


def _propose(
    conn: Connection,
    project: ProjectRow,
    base: plans.PlanRow,
    draft: PlanDraft,
    actions: Actions,
    command: CommandRecord,
) -> int:
    """Store the version that an edit during a run makes, and name it in the command. Returns its number."""
    # A project may be renamed during its run. Its tasks keep the approved name.
    earlier = plans.contents(base)
    signed = {name: value for name, value in earlier.settings.items() if name in PROJECT_VALUES}
    settings = plans.run_settings(project, draft, actions)
    settings = settings.model_copy(
        update={name: signed[name] for name in signed if getattr(settings, name) is not None}
    )
    version, digest = plans.next_version(conn, project.id), digest_of(draft, settings)
    row = {
        "project_id": project.id,
        "version": version,
        "status": PlanStatus.READY,
        "planner": "hand",
        "digest": digest,
        "draft": draft.model_dump(mode="json"),
        "settings": settings.model_dump(mode="json"),
        "ids": plan_rows.with_ids(draft, earlier.ids),
        "created_at": command.at,
        "created_by": command.actor,
        "created_by_id": command.actor_id,
    }
    conn.execute(insert(plan_table).values(row))
    command.plan_version, command.plan_digest = version, digest
    return version


def _install(
    conn: Connection,
    project: ProjectRow,
    version: plans.PlanRow,
    actions: Actions,
    command: CommandRecord,
    captured: Captured | None,
) -> None:
    """Make a version the approved one of the run in progress. `captured` is bound to the command."""
    current = plans.current(conn, project)
    draft, ids, digest = plans.verified_draft(version), plans.contents(version).ids, plans.contents(version).digest
    _check_answers(conn, project, draft)
    known = tasks.ids_by_key(conn, project.id)
    plans.supersede(conn, project.id, current.version)
    plans.mark_approved(conn, project.id, version.version, actor=command.sender, at=command.at)
    freezing.keep(conn, project.id, version.version, captured)
    _put_rows(conn, project, draft, ids, actions)
    projects.change(conn, project, plan_version=version.version)
    run = update(run_table).where(run_table.c.id == project.run_id)
    conn.execute(run.values(plan_version=version.version, plan_digest=digest))
    questions.settle_stage(conn, project.id)
    approved = PlanApproved(
        plan_version=version.version,
        plan_digest=digest,
        approved_at=command.at,
        comment=command.comment,
        run_id=project.run_id,
        **left_open(draft),
        **command.seal(),
    )
    superseded = PlanSuperseded(plan_version=current.version, by=version.version)
    added = [task.key for task in draft.tasks() if task.key not in known]
    created = _created(conn, project.id, added, version.version)
    events.append(conn, project.id, superseded, approved, *created, actor=command.sender)


def _freeze(
    conn: Connection, project: ProjectRow, command: CommandRecord, captured: Captured | None, draft: PlanDraft
) -> Captured | None:
    """Bind what an approval of an edit freezes to its command. What the approved version has frozen stays frozen."""
    if captured is not None:
        captured.frozen.stops, captured.frozen.deciders = stops_of(draft), deciders_of(draft)
        captured.frozen.shown = shown_in(draft) or None
    return freezing.bind(command, captured, plans.current(conn, project))


def _put_rows(conn: Connection, project: ProjectRow, draft: PlanDraft, ids: plan_rows.Ids, actions: Actions) -> None:
    """Update the rows of phases and tasks to `draft`, without touching the state of anything that has started."""
    tasks_before = {row.id: row for row in tasks.all_of(conn, project.id)}
    phases_before = {row.id: row for row in runs.phases_of(conn, project.id)}
    for position, phase in enumerate(draft.phases):
        values = plan_rows.phase_row(project, phase, draft.parameters, position, ids)
        if values["id"] in phases_before:
            # The run owns the phase's status and gate.
            changed = {name: value for name, value in values.items() if name not in {"id", "status"}}
            conn.execute(update(phase_table).where(phase_table.c.id == values["id"]).values(**changed))
        else:
            conn.execute(insert(phase_table).values(values))
    position = 0
    for phase in draft.phases:
        for task, needed in zip(phase.tasks, effective_dependencies(phase), strict=True):
            row = plan_rows.task_row(project, phase, task, draft.parameters, needed, position, ids, actions)
            _put_task(conn, tasks_before.get(row["id"]), row)
            position += 1
    gone = set(tasks_before) - set(ids["tasks"].values())
    conn.execute(delete(task_table).where(task_table.c.id.in_(gone)))
    conn.execute(delete(phase_table).where(phase_table.c.id.in_(set(phases_before) - set(ids["phases"].values()))))


def _put_task(conn: Connection, before: TaskRow | None, row: plan_rows.NewTask) -> None:
    if before is None:
        conn.execute(insert(task_table).values(row))
        return
    kept = {"id", "status", "outputs"}
    changed = {name: value for name, value in row.items() if name not in kept and getattr(before, name) != value}
    if changed:
        conn.execute(update(task_table).where(task_table.c.id == before.id).values(**changed))
