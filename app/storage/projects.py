"""Projects: their rows, lists, and the compare-and-set through which every status change goes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict, Unpack

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from app.database.held import must_hold
from app.database.prepared import Prepared
from app.domain.errors import Conflict, NotFound
from app.domain.folding import folded
from app.domain.identity import isoformat, now
from app.domain.parameters import Value
from app.domain.sender import Actor, as_sender
from app.domain.signing import SIGNER
from app.domain.states import PROJECT_MOVES, Situation, situation_of, sources
from app.storage import events, locks, project_search
from app.storage.reading import Rows
from app.storage.record_tables import tombstones
from app.storage.tables import NEEDS_WORKFLOW, attempts, commands, projects
from signoff.schemas.event_data import ProjectCreated, ProjectDeleted
from signoff.schemas.events import Event
from signoff.schemas.json_value import JsonObject
from signoff.vocabulary import DecisionMode, Outcome, ProjectStatus, Stage, Strategy


class Gate(TypedDict):
    """The phase that a project waits at for approval."""

    kind: str
    phase_id: str
    since: str
    expires_at: str | None
    approvals: dict[str, int]


class Failure(TypedDict):
    """Why a project or its planning has failed, and the task that failed, if any."""

    code: str
    message: str
    task_id: str | None


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """A project. `app.storage.tables` explains the columns."""

    id: str
    name: str
    description: str
    strategy: Strategy
    auto_approve_plan: bool
    auto_approve_phases: bool
    decision_mode: DecisionMode
    path: str | None
    agent_id: str | None
    sme_archetype: str | None
    max_tokens: int | None
    max_cost_usd: float | None
    parameters: dict[str, Value]
    labels: list[str]
    template: str | None
    signing: JsonObject | None
    status: ProjectStatus
    stage: Stage
    former_stage: Stage | None
    plan_version: int | None
    run_id: str | None
    gate: Gate | None
    failure: Failure | None
    outcome: Outcome | None
    workspace: str
    engaged: bool
    paused: bool
    revision: int
    created_at: str
    created_by: str
    created_by_id: str | None
    updated_at: str
    last_seq: int
    last_hash: str
    text_position: int | None
    archived_at: str | None

    @property
    def latest_run(self) -> str:
        """The id of the latest run of a project that has run.

        Raises:
            ValueError: it has not run.
        """
        if self.run_id is None:
            raise ValueError(f"{self.id} has not run")
        return self.run_id


class NewProject(TypedDict):
    """The columns of a new project that its caller chooses."""

    id: str
    name: str
    description: str
    strategy: Strategy
    auto_approve_plan: bool
    auto_approve_phases: bool
    decision_mode: DecisionMode
    path: str | None
    agent_id: str | None
    sme_archetype: str | None
    max_tokens: int | None
    max_cost_usd: float | None
    parameters: dict[str, Value]
    labels: list[str]
    template: str | None
    signing: JsonObject | None
    workspace: str


class ProjectChanges(TypedDict, total=False):
    """The columns that a change of a project's state may set, besides its status."""

    stage: Stage
    former_stage: Stage | None
    parameters: dict[str, Value]
    plan_version: int
    run_id: str
    gate: Gate | None
    failure: Failure | None
    outcome: Outcome | None
    engaged: bool
    paused: bool


# An attempt that was told to stop sends a heartbeat every few seconds until it has ended.
STOPPING_SIGN = timedelta(seconds=10)


class _Facts(TypedDict, total=False):
    duplicated_from: str
    labels: list[str]
    signing: JsonObject


_ROWS = Rows(projects, ProjectRow)
# Statements on the hot path are built once: building one costs more than running it.
_INSERT = Prepared(insert(projects))
_SELECT = _ROWS.select.where(projects.c.id == bindparam("of_project"))
_FIND = Prepared(_SELECT)
_FIND_AND_HOLD = Prepared(_SELECT.with_for_update(key_share=True))


def create(conn: Connection, values: NewProject, *, actor: Actor, duplicated_from: str | None = None) -> ProjectRow:
    """Insert a project with its first event, and return its row. It is pending and has no plan."""
    at, sender = now(), as_sender(actor)
    project_id, labels, signing = values["id"], values.get("labels", []), values.get("signing")
    facts: _Facts = {"duplicated_from": duplicated_from} if duplicated_from is not None else {}
    facts |= {"labels": labels} if labels else {}
    if signing is not None:
        facts["signing"] = signing
    name, strategy, auto_approve_plan = values["name"], values["strategy"], values["auto_approve_plan"]
    created = ProjectCreated(name=name, strategy=strategy, auto_approve_plan=auto_approve_plan, **facts)
    began = events.first(conn, project_id, created, actor=actor, at=at)
    row: dict[str, object] = {
        "parameters": {},
        **values,
        "labels": labels,
        "name_key": folded(name),
        "text_position": project_search.add(conn, name, values["description"], labels),
        "status": ProjectStatus.PENDING,
        "stage": Stage.DRAFT,
        "engaged": False,
        "paused": False,
        "revision": 1,
        "created_at": at,
        "created_by": sender.actor,
        "created_by_id": sender.actor_id,
        "updated_at": at,
        "last_seq": began.last_seq,
        "last_hash": began.last_hash,
    }
    _INSERT.write(conn, row)
    events.store(conn, began)
    fields: Any = {name: row.get(name) for name in ProjectRow.__slots__}
    return ProjectRow(**fields)


def find(conn: Connection, project_id: str) -> ProjectRow | None:
    """Return the project's row, or None. A write transaction locks the project from here on."""
    query = _FIND_AND_HOLD if must_hold(conn, project_id) else _FIND
    return _ROWS.find(conn, query, {"of_project": project_id})


def being_cancelled(conn: Connection, project_ids: Collection[str]) -> list[str]:
    """Return those of the projects whose run is being cancelled."""
    query = select(projects.c.id).where(projects.c.stage == Stage.CANCELLING, projects.c.id.in_(project_ids))
    return list(conn.execute(query).scalars())


def get(conn: Connection, project_id: str) -> ProjectRow:
    """Return the project's row.

    Raises:
        NotFound: there is no such project. If it was deleted, the message says so.
    """
    row = find(conn, project_id)
    if row is None:
        raise missing(conn, project_id)
    return row


def missing(conn: Connection, project_id: str) -> NotFound:
    """Return the error for an id that has no project."""
    if is_deleted(conn, project_id):
        return NotFound(f"Project {project_id[:64]} was deleted.", code="project_deleted")
    return NotFound(f"There is no project {project_id[:64]}.", code="project_not_found")


def move(conn: Connection, project: ProjectRow, status: ProjectStatus, **values: Unpack[ProjectChanges]) -> None:
    """Change the status and other columns, provided that the project has not changed since `project` was read.

    Raises:
        Conflict: another transaction changed it first, or the table of moves does not allow this move.
    """
    if project.status not in sources(PROJECT_MOVES, status):
        raise Conflict(f"A {project.status} project cannot become {status}.", code="impossible_move")
    _change(conn, project, {**values, "status": status})


def change(conn: Connection, project: ProjectRow, **values: Unpack[ProjectChanges]) -> None:
    """Change columns, provided that status, stage, plan and run have not changed since `project` was read.

    Raises:
        Conflict: another transaction changed it first.
    """
    _change(conn, project, values)


def _change(conn: Connection, project: ProjectRow, values: Mapping[str, object]) -> None:
    unchanged = (
        projects.c.id == project.id,
        projects.c.status == project.status,
        projects.c.stage == project.stage,
        projects.c.plan_version.is_not_distinct_from(project.plan_version),
        projects.c.run_id.is_not_distinct_from(project.run_id),
    )
    # What happens to an archived project brings it back into the lists.
    if conn.execute(update(projects).where(*unchanged).values(**values, archived_at=None)).rowcount != 1:
        raise Conflict("The project was changed at the same time. Reload it, then try again.", code="conflict")


def running_in(conn: Connection, workspace: str, *, besides: str) -> str | None:
    """Return another project that is running in the same workspace, or None."""
    locks.hold_workspace(conn, workspace)
    query = select(projects.c.id).where(
        projects.c.workspace == workspace, projects.c.status == ProjectStatus.RUNNING, projects.c.id != besides
    )
    return conn.execute(query.limit(1)).scalar_one_or_none()


def engage(conn: Connection, project_id: str) -> None:
    """Record that a request is on its way to the project's workflow."""
    conn.execute(update(projects).where(projects.c.id == project_id).values(engaged=True))


def is_engaged(conn: Connection, project_id: str) -> bool:
    """Whether the project has an open workflow, or a request on its way to one."""
    query = select(projects.c.engaged).where(projects.c.id == project_id)
    return bool(conn.execute(query).scalar())


def disengage(conn: Connection, project_id: str) -> None:
    """Record that the project has no open workflow."""
    conn.execute(update(projects).where(projects.c.id == project_id).values(engaged=False))


def situation(project: ProjectRow) -> Situation:
    """Return which row of the table of calls the project is in."""
    return situation_of(project.status, project.stage, has_plan=project.plan_version is not None)


def check_erasable(conn: Connection, project_id: str) -> None:
    """Make sure that a project can be deleted now.

    Raises:
        Conflict: `project_running`, or `task_still_stopping` if a task that was told to stop still sends heartbeats.
    """
    row = find(conn, project_id)
    if row is None:
        return
    if row.status == ProjectStatus.RUNNING or row.stage == Stage.PLANNING:
        raise Conflict("The project is running; it must be cancelled before it can be deleted.", code="project_running")
    check_stopped(conn, project_id)


def check_stopped(conn: Connection, project_id: str) -> None:
    """Make sure that nothing of an earlier run is still in progress.

    Raises:
        Conflict: `task_still_stopping`: a task that was told to stop still sends heartbeats.
    """
    since = isoformat(datetime.now(UTC) - STOPPING_SIGN)
    query = select(attempts.c.task_id).where(attempts.c.project_id == project_id, attempts.c.stopping_at > since)
    stopping = list(conn.execute(query.distinct()).scalars())
    if stopping:
        message = "A task of this project has not stopped yet. Try again when it has."
        raise Conflict(message, code="task_still_stopping", context={"task_ids": stopping})


def erase(conn: Connection, project_id: str, *, actor: Actor) -> None:
    """Delete a project and everything that belongs to it. A tombstone with the head of its event chain remains."""
    written = events.append(conn, project_id, ProjectDeleted(), actor=actor)
    row = get(conn, project_id)
    stone = {
        "project_id": project_id,
        "deleted_at": written[0].at,
        "deleted_by": as_sender(actor).actor,
        "event": written[0].model_dump(),
        "head": row.last_hash,
        "labels": row.labels,
        "proof": _proof(conn, project_id, as_sender(actor).actor, written[0]),
    }
    conn.execute(insert(tombstones).values(stone))
    project_search.remove(conn, row.text_position, row.labels)
    conn.execute(delete(projects).where(projects.c.id == project_id))


def _proof(conn: Connection, project_id: str, actor: str, event: Event) -> JsonObject:
    """Return the proof that someone asked to delete the project. The project's commands are deleted with it."""
    query = select(commands).where(commands.c.project_id == project_id, commands.c.actor == actor)
    asked = [dict(row) for row in conn.execute(query.order_by(commands.c.at.desc())).mappings()]
    command = next((row for row in asked if row["payload"].get("delete")), None)
    return {"seal": events.seal_of(event, conn.get_execution_options().get(SIGNER)), "command": command}


def is_deleted(conn: Connection, project_id: str) -> bool:
    """Whether a project with this id existed and was deleted."""
    return conn.execute(select(tombstones.c.position).where(tombstones.c.project_id == project_id)).first() is not None


def live_ids(conn: Connection) -> list[str]:
    """Return the projects that need a workflow: running, planning, or with a request in progress."""
    return list(conn.execute(select(projects.c.id).where(NEEDS_WORKFLOW)).scalars())
