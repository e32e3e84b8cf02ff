"""Converts database rows to the API's answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from app.api.http.prefix import public
from app.api.views import conditions, frozen
from app.api.views.drafted import drafted_phases
from app.api.views.gates import gate_of_phase, gates_of
from app.api.views.parameters import parameters
from app.api.views.plan_stats import stats_of
from app.api.views.unchecked import unchecked
from app.domain.commands import CommandRecord
from app.domain.conditions import DECISION
from app.domain.edits import TaskFields
from app.domain.frozen import Frozen
from app.domain.identity import milliseconds_between, now
from app.domain.plan import PlanDraft, RunSettings, canonical_json
from app.storage import model_steps, plan_progress, plans, proposals, reviews, runs, senders, tasks
from app.storage.project_list import ListedProject
from app.storage.projects import ProjectRow
from app.storage.runs import PhaseRow
from app.storage.tasks import OutputUser, TaskRow
from signoff.schemas.json_value import JsonObject
from signoff.schemas.plans import NextPlan, Plan, PlanInfo, PlanPhase, PlanQuestion, PlanSettings, Usage
from signoff.schemas.projects import Failure, Links, Progress, Project, ProjectSigning, ProjectSummary, Review, RunInfo
from signoff.schemas.tasks import LogInfo, OutputUse, Phase, Task, TaskError
from signoff.vocabulary import PlanStatus, ProjectStatus, TaskStatus

API = "/api/projects"
# Input tokens, output tokens and cost, by task id.
ModelUse = Mapping[str, tuple[int, int, float | None]]
# By the key of the task whose outputs are used.
OutputUsers = Mapping[str, Sequence[OutputUser]]
# Larger outputs are truncated in lists and in the project, their texts to the second length; `/tasks/{id}` has them in full.
MAX_OUTPUTS_LENGTH, _MAX_TEXT_LENGTH = 4096, 1000
_LISTED = ListedProject.__slots__


def summary(row: ListedProject, *, manual_waiting: int, blocked: str | None, undo_until: str | None) -> ProjectSummary:
    """A project in a list."""
    more = {"manual_waiting": manual_waiting, "blocked": blocked, "undo_until": undo_until}
    # `asdict` copies each value deeply, which takes longer than everything else here.
    return ProjectSummary.model_validate({**{name: getattr(row, name) for name in _LISTED}, **more})


def project(conn: Connection, row: ProjectRow, *, temporal: str | None, page: str) -> Project:
    """A complete project as it is recorded, without the live state of its workflow."""
    plan = plans.find(conn, row.id, row.plan_version) if row.plan_version is not None else None
    task_rows = tasks.all_of(conn, row.id) if plan is not None else []
    run, edited = runs.latest_of(conn, row), proposals.find(conn, row)
    waiting = gates_of(conn, row, task_rows)
    return Project(
        id=row.id,
        name=row.name,
        description=row.description,
        strategy=row.strategy,
        auto_approve_plan=row.auto_approve_plan,
        auto_approve_phases=row.auto_approve_phases,
        decision_mode=row.decision_mode,
        path=row.path,
        agent_id=row.agent_id,
        sme_archetype=row.sme_archetype,
        max_tokens=row.max_tokens,
        max_cost_usd=row.max_cost_usd,
        parameters=row.parameters,
        labels=row.labels,
        template=row.template,
        signing=ProjectSigning.model_validate(row.signing) if row.signing is not None else None,
        status=row.status,
        stage=row.stage,
        created_at=row.created_at,
        updated_at=row.updated_at,
        created_by=row.created_by,
        created_by_id=row.created_by_id,
        archived_at=row.archived_at,
        workspace=row.workspace,
        last_seq=row.last_seq,
        since=None,
        blocked=None,
        progress=_progress(task_rows),
        plan=_plan_info(plan) if plan is not None else None,
        edited_plan=_plan_info(edited) if edited is not None else None,
        changes_requested=_review(reviews.standing_request(conn, row)),
        rejected=_review(reviews.rejection(conn, row)),
        phases=phases(conn, row.id) if plan is not None else [],
        tasks=_tasks(conn, row.id, task_rows),
        run=RunInfo(id=run.id, number=run.number, started_at=run.started_at, completed_at=run.completed_at)
        if run is not None
        else None,
        gate=gate_of_phase(waiting),
        gates=waiting,
        failure=Failure.model_validate(row.failure) if row.failure is not None else None,
        outcome=row.outcome,
        links=_links(row.id, temporal, page),
        live=False,
    )


def _tasks(conn: Connection, project_id: str, rows: Sequence[TaskRow]) -> list[Task]:
    """All tasks of a project, as lists show them."""
    ids = {row.key: row.id for row in rows}
    used = model_steps.tokens_by_task(conn, project_id) if rows else {}
    users = tasks.output_users(conn, project_id) if rows else {}
    return [task(row, ids, used, whole=False, users=users) for row in rows]


def task(row: TaskRow, ids: dict[str, str], used: ModelUse, *, whole: bool, users: OutputUsers) -> Task:
    """One task. `ids` maps keys to ids, at least for its dependencies; `used` has the model use of tasks by id."""
    outputs, truncated = (row.outputs, False) if whole else _cut(row.outputs)
    path = public(f"{API}/{row.project_id}")
    return unchecked(
        Task,
        # In the order of the model, which is the order of the answer.
        id=row.id,
        project_id=row.project_id,
        phase_id=row.phase_id,
        key=row.key,
        title=row.title,
        description=row.description,
        status=row.status,
        reason=row.reason,
        position=row.position,
        agent_id=row.agent_id,
        action=row.action,
        depends_on=[ids[key] for key in row.depends_on if key in ids],
        inputs=row.inputs,
        outputs=outputs,
        truncated=truncated,
        expected_files=row.expected_files,
        retries=row.retries,
        timeout_seconds=row.timeout_seconds,
        on_crash=row.on_crash,
        after_failure=row.after_failure,
        reads=row.reads,
        writes=row.writes,
        limits=row.limits,
        condition=conditions.condition(row.condition),
        requires_approval=row.requires_approval,
        attempt=row.attempt,
        started_at=row.started_at,
        completed_at=row.completed_at,
        due_at=row.due_at,
        duration_ms=milliseconds_between(row.started_at, row.completed_at or (now() if _in_progress(row) else None)),
        exit_code=row.exit_code,
        error=TaskError.model_validate(row.error) if row.error is not None else None,
        tokens={"input": used[row.id][0], "output": used[row.id][1]} if row.id in used else None,
        log=unchecked(LogInfo, bytes=row.log_bytes, url=f"{path}/tasks/{row.id}/logs"),
        quarantine=row.quarantine,
        outputs_used_by=[
            OutputUse(task_id=user.id, key=user.key, title=user.title, outputs=user.outputs)
            for user in users.get(row.key, ())
        ],
    )


def phase(row: PhaseRow, counts: Mapping[TaskStatus, int]) -> Phase:
    """A phase without its tasks."""
    return Phase(
        id=row.id,
        project_id=row.project_id,
        key=row.key,
        name=row.name,
        description=row.description,
        position=row.position,
        strategy=row.strategy,
        status=row.status,
        requires_approval=row.requires_approval,
        condition=conditions.condition(row.condition),
        runs_on=row.runs_on,
        started_at=row.started_at,
        completed_at=row.completed_at,
        task_counts={"total": sum(counts.values()), **counts},
    )


def phases(conn: Connection, project_id: str) -> list[Phase]:
    """The phases of a project, without their tasks."""
    return [phase(item, counts) for item, counts in _phases(conn, project_id)]


def plan(conn: Connection, project_row: ProjectRow, version: int | None) -> Plan:
    """A plan version: an older one as it was approved or drafted; the current one with the state of its tasks, and likewise an
    edit of the running plan that waits for approval. Without `version`, that edit, or else the current one.

    Raises:
        NotFound: the version does not exist.
        Conflict: `plan_not_ready`: the version has no content yet.
    """
    edited = proposals.version_waiting(conn, project_row)
    row = plans.get(conn, project_row.id, version or edited or plans.current_version(project_row))
    contents = plans.contents(row)
    # Reading thousands of tasks again takes longer than anything else here, and the current version has rows of them.
    draft = PlanDraft.model_validate({**contents.draft, "phases": []})
    in_progress = plan_progress.version_in_progress(conn, project_row.id)
    current = row.version == project_row.plan_version
    shown = (
        _current_phases(conn, project_row.id)
        if current
        else drafted_phases(project_row, contents.ids, plans.content(row))
    )
    if row.version == edited:
        shown = [_with_states(conn, item) for item in shown]
    return Plan(
        project_id=project_row.id,
        version=row.version,
        digest=contents.digest,
        status=row.status,
        planner=row.planner,
        summary=draft.summary,
        warnings=draft.warnings,
        assumptions=draft.assumptions,
        questions=[PlanQuestion(question=item.question, answer=item.answer) for item in draft.questions],
        usage=usage(model_steps.usage(conn, model_steps.of_conversation(row.project_id, f"plan:{row.version}"))),
        created_at=row.created_at,
        created_by=row.created_by,
        creator=senders.creators(conn, project_row).get(row.version),
        approved_at=row.approved_at,
        approved_by=row.approved_by,
        settings=settings(project_row, RunSettings.model_validate(contents.settings)),
        parameters=parameters(draft.parameters),
        phases=shown,
        answers=conditions.answers(plans.effects(row)) if _asks(shown) else {},
        stats=stats_of(shown),
        next=NextPlan(version=in_progress, status=PlanStatus.GENERATING) if in_progress is not None else None,
        kept=[row.id for row in tasks.all_of(conn, project_row.id) if tasks.is_done(row)]
        if current and project_row.status == ProjectStatus.PENDING
        else [],
        frozen=frozen.shown(Frozen.model_validate(row.frozen), sealed=True) if row.frozen is not None else None,
    )


def _asks(shown: Sequence[PlanPhase]) -> bool:
    """Whether a plan has decisions."""
    return any(item.action["type"] == DECISION for phase in shown for item in phase.tasks)


def settings(project_row: ProjectRow, signed: RunSettings) -> PlanSettings:
    """The run settings of a plan version, and where it works."""
    values = {name: getattr(signed, name) for name in PlanSettings.model_fields if name != "workspace"}
    return PlanSettings(**values, workspace=project_row.workspace if signed.path == project_row.path else signed.path)


def usage(used: model_steps.Usage) -> Usage | None:
    """The use of models; None if no model was called."""
    if not used.calls:
        return None
    return Usage(
        models=used.models,
        calls=used.calls,
        tokens={"input": used.input_tokens, "output": used.output_tokens},
        cost_usd=used.cost_usd,
    )


def _current_phases(conn: Connection, project_id: str) -> list[PlanPhase]:
    by_phase: dict[str, list[Task]] = {}
    for item in _tasks(conn, project_id, tasks.all_of(conn, project_id)):
        by_phase.setdefault(item.phase_id, []).append(item)
    return [
        PlanPhase(**phase(row, counts).model_dump(), tasks=by_phase.get(row.id, []))
        for row, counts in _phases(conn, project_id)
    ]


def _with_states(conn: Connection, drafted: PlanPhase) -> PlanPhase:
    """A phase of an edit that waits for approval, with the states that its phase and tasks have in the run."""
    now_tasks = {item.id: item for phase in _current_phases(conn, drafted.project_id) for item in phase.tasks}
    now_phases = {item.id: item for item in phases(conn, drafted.project_id)}
    states = set(Task.model_fields) - set(TaskFields.model_fields) - {"phase_id", "position", "depends_on"}
    items: list[Task] = []
    for item in drafted.tasks:
        there = now_tasks.get(item.id)
        live = {name: getattr(there, name) for name in states} if there is not None else {}
        items.append(item.model_copy(update=live))
    found = now_phases.get(drafted.id)
    names = ("status", "started_at", "completed_at")
    state = {name: getattr(found, name) for name in names} if found is not None else {}
    return drafted.model_copy(update={"tasks": items, **state})


def _phases(conn: Connection, project_id: str) -> list[tuple[PhaseRow, Mapping[TaskStatus, int]]]:
    counts = tasks.count_by_phase(conn, project_id)
    return [(row, counts.get(row.id, {})) for row in runs.phases_of(conn, project_id)]


def _plan_info(row: plans.PlanRow) -> PlanInfo:
    contents = plans.contents(row)
    return PlanInfo(
        version=row.version,
        digest=contents.digest,
        status=row.status,
        planner=row.planner,
        summary=str(contents.draft["summary"]),
    )


def _review(made: CommandRecord | None) -> Review | None:
    if made is None:
        return None
    version = made.plan_version or 0
    return Review(version=version, by=made.actor, at=made.at, comment=made.comment, decision_id=made.id)


def _progress(rows: Sequence[TaskRow]) -> Progress:
    counts = dict.fromkeys(TaskStatus, 0)
    for row in rows:
        counts[TaskStatus(row.status)] += 1
    return Progress(
        total=len(rows),
        completed=counts[TaskStatus.COMPLETED],
        failed=counts[TaskStatus.FAILED],
        skipped=counts[TaskStatus.SKIPPED],
        running=counts[TaskStatus.RUNNING],
        percent=percent_completed(counts[TaskStatus.COMPLETED], len(rows)),
    )


def percent_completed(completed: int, total: int) -> float:
    """The progress of a project in percent. Skipped and failed tasks are not progress."""
    return round(100 * completed / total, 1) if total else 0.0


def _links(project_id: str, temporal: str | None, page: str) -> Links:
    base = public(f"{API}/{project_id}")
    return Links(
        self=base,
        plan=f"{base}/plan",
        tasks=f"{base}/tasks",
        events=f"{base}/events",
        dag=f"{base}/dag",
        temporal=temporal,
        page=page,
    )


def _in_progress(row: TaskRow) -> bool:
    return row.status in {TaskStatus.RUNNING, TaskStatus.WAITING}


def _cut(outputs: JsonObject) -> tuple[JsonObject, bool]:
    """Outputs for lists, and whether they were truncated: long texts are shortened, other large values omitted."""
    if not outputs or len(canonical_json(outputs)) <= MAX_OUTPUTS_LENGTH:
        return outputs, False
    visible: JsonObject = {}
    room = MAX_OUTPUTS_LENGTH
    for name, value in outputs.items():
        shortened = value[:_MAX_TEXT_LENGTH] if isinstance(value, str) else value
        size = len(canonical_json({name: shortened}))
        if size <= room:
            visible[name] = shortened
            room -= size
    return visible, True
