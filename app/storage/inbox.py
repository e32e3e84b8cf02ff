"""What waits for a person across all projects: plans, phases at their gates, tasks, and questions that tasks ask."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    Subquery,
    Text,
    and_,
    cast,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    text,
    union_all,
)

from app.domain.commands import CommandKind, Outcome
from app.domain.conditions import DECISION
from app.domain.decisions import QuestionKind
from app.domain.people import ALL, Access
from app.domain.states import FINISHED_TASK
from app.storage.labels import has_label
from app.storage.reading import Query
from app.storage.tables import decisions, gates, phases, plans, projects, questions, tasks
from signoff.vocabulary import GateKind, InboxKind, ProjectStatus, RunsOn, Scope, Stage

# Who may settle what waits: one of these scopes is enough.
SCOPES: dict[InboxKind, tuple[Scope, ...]] = {
    InboxKind.PLAN: (Scope.APPROVE,),
    InboxKind.EDIT: (Scope.APPROVE,),
    InboxKind.CHANGES_REQUESTED: (Scope.AUTHOR,),
    InboxKind.PHASE: (Scope.APPROVE,),
    InboxKind.RELEASE: (Scope.APPROVE,),
    InboxKind.MANUAL: (Scope.APPROVE, Scope.OPERATE),
    InboxKind.DECISION: (Scope.APPROVE,),
    InboxKind.AGENT: (Scope.APPROVE,),
    InboxKind.CHANGED: (Scope.APPROVE,),
    InboxKind.TASK_FAILED: (Scope.OPERATE,),
    InboxKind.WORKER_LOST: (Scope.OPERATE,),
}
_SETTLING = (CommandKind.ANSWER, CommandKind.SKIP, CommandKind.COMPLETE)
_NOTHING = cast(null(), Text)
# The same texts as in the indexes, but with the names of the tables, because the queries join others.
_READY, _OPEN = text("plans.status = 'ready'"), text("questions.status = 'open'")
_GATE = text("projects.gate IS NOT NULL")
_WITH_PERSON = {
    InboxKind.MANUAL: text(
        "tasks.status = 'waiting' AND tasks.reason IN ('manual', 'release') AND tasks.reason = 'manual'"
    ),
    InboxKind.RELEASE: text(
        "tasks.status = 'waiting' AND tasks.reason IN ('manual', 'release') AND tasks.reason = 'release'"
    ),
}
# An expression, so that SQLite does not begin with all running projects. Far fewer wait.
_STATUS = func.coalesce(projects.c.status, "")
_GOES_ON = and_(_STATUS == ProjectStatus.RUNNING, projects.c.stage != Stage.CANCELLING)
# While a run is being cancelled, only its clean-up phases continue.
_TASK_GOES_ON = and_(
    _STATUS == ProjectStatus.RUNNING,
    or_(projects.c.stage != Stage.CANCELLING, phases.c.runs_on == RunsOn.ALWAYS),
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that waits for a person.

    `item_id` is the id of the phase, the task or the question, or the number of the plan version.
    """

    kind: InboxKind
    item_id: str
    project_id: str
    project_name: str
    labels: list[str]
    title: str
    since: str
    expires_at: str | None
    task_id: str | None
    task_key: str | None


def page(
    conn: Connection, access: Access, person_id: str | None, *, limit: int, offset: int
) -> tuple[list[Waiting], dict[InboxKind, int]]:
    """Return one page of what a person may settle, and how many there are of each kind.

    What expires comes first, by its deadline, then the rest, oldest first.

    Args:
        access: what the person may do.
        person_id: the person's id: a decision that another person must answer is left out.
    """
    selects = list(_selects(access, person_id))
    if not selects:
        return [], {}
    waiting = union_all(*selects).subquery()
    counted = conn.execute(select(waiting.c.kind, func.count().label("number")).group_by(waiting.c.kind))
    counts = {InboxKind(row.kind): int(row.number) for row in counted}
    query = _with_project(waiting).order_by(
        waiting.c.expires_at.is_(None),
        waiting.c.expires_at,
        waiting.c.since,
        waiting.c.project_id,
        waiting.c.item_id,
    )
    rows = conn.execute(query.limit(limit).offset(offset)).mappings()
    return [_waiting(row) for row in rows], counts


def oldest(conn: Connection, within: Collection[str] | None = None) -> dict[InboxKind, tuple[int, str]]:
    """Return how much waits for anybody, and since when the oldest of it does, by kind.

    Args:
        conn: a connection.
        within: only what waits in projects with one of these labels. None: all.
    """
    waiting = _for_anybody(within)
    counted = select(waiting.c.kind, func.count(), func.min(waiting.c.since)).group_by(waiting.c.kind)
    return {InboxKind(kind): (number, since) for kind, number, since in conn.execute(counted)}


def longest(conn: Connection, within: Collection[str] | None, *, limit: int) -> list[Waiting]:
    """Return what waits for anybody, oldest first. `within` is as in `oldest`."""
    waiting = _for_anybody(within)
    query = _with_project(waiting).order_by(waiting.c.since, waiting.c.project_id, waiting.c.item_id)
    return [_waiting(row) for row in conn.execute(query.limit(limit)).mappings()]


def _for_anybody(within: Collection[str] | None) -> Subquery:
    chosen = [] if within is None else [has_label(within)]
    return union_all(*(query.where(*chosen) for query in _selects(ALL, None))).subquery()


def _with_project(waiting: Subquery) -> Query:
    columns = (waiting, projects.c.name.label("project_name"), projects.c.labels)
    return select(*columns).join(projects, projects.c.id == waiting.c.project_id)


def _waiting(row: RowMapping) -> Waiting:
    values = {name: row[name] for name in Waiting.__slots__ if name != "kind"}
    return Waiting(kind=InboxKind(row["kind"]), **values)


def _selects(access: Access, person_id: str | None) -> Iterator[Query]:
    makers = {
        InboxKind.PLAN: _plans,
        InboxKind.EDIT: _edits,
        InboxKind.CHANGES_REQUESTED: _requests,
        InboxKind.PHASE: _gates,
        InboxKind.MANUAL: lambda: _tasks(InboxKind.MANUAL),
        InboxKind.RELEASE: lambda: _tasks(InboxKind.RELEASE),
        **{InboxKind(kind): lambda kind=kind: _questions(kind, person_id) for kind in QuestionKind},
    }
    for kind, make in makers.items():
        if any(access.holds(scope) for scope in SCOPES[kind]):
            yield make().where(*_within(access, SCOPES[kind]))


def _within(access: Access, scopes: Iterable[Scope]) -> Iterator[ColumnElement[bool]]:
    bound = [access.labels_of(scope) for scope in scopes]
    labels = [found for found in bound if found is not None]
    if len(labels) == len(bound):
        yield has_label({label for found in labels for label in found})


def _row(
    kind: InboxKind,
    item_id: ColumnElement[str],
    since: ColumnElement[str],
    *,
    title: ColumnElement[str] = _NOTHING,
    expires_at: ColumnElement[str] = _NOTHING,
    task_id: ColumnElement[str] = _NOTHING,
    task_key: ColumnElement[str] = _NOTHING,
) -> Query:
    return select(
        literal(str(kind)).label("kind"),
        item_id.label("item_id"),
        projects.c.id.label("project_id"),
        func.coalesce(title, "").label("title"),
        since.label("since"),
        expires_at.label("expires_at"),
        task_id.label("task_id"),
        task_key.label("task_key"),
    )


def _plans() -> Query:
    query = _row(InboxKind.PLAN, cast(plans.c.version, Text), plans.c.created_at)
    of_project = and_(projects.c.id == plans.c.project_id, projects.c.plan_version == plans.c.version)
    waits = (_STATUS == ProjectStatus.PENDING, projects.c.stage == Stage.AWAITING_APPROVAL)
    complete = _is_complete(GateKind.PLAN, cast(plans.c.version, Text))
    return query.select_from(plans).join(projects, of_project).where(_READY, *waits, ~complete)


def _is_complete(kind: GateKind, subject: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether something has all of its approvals, and waits only for the end of the time to undo the last one."""
    of_item = (gates.c.project_id == projects.c.id, gates.c.kind == kind, gates.c.subject == subject)
    waits = (gates.c.status == "open", gates.c.completed_by.is_not(None))
    return exists(select(literal(1)).select_from(gates).where(*of_item, *waits).correlate_except(gates))


def _edits() -> Query:
    query = _row(InboxKind.EDIT, cast(plans.c.version, Text), plans.c.created_at)
    joined = query.select_from(plans).join(projects, projects.c.id == plans.c.project_id)
    return joined.where(_READY, _GOES_ON, ~_is_complete(GateKind.EDIT, cast(plans.c.version, Text)))


def _requests() -> Query:
    """Plans to which changes were requested, with the newest request, which is the one that stands."""
    query = _row(InboxKind.CHANGES_REQUESTED, cast(plans.c.version, Text), decisions.c.at, title=decisions.c.comment)
    of_project = and_(projects.c.id == plans.c.project_id, projects.c.plan_version == plans.c.version)
    made = decisions.alias("made")
    newest = (
        select(func.max(made.c.position))
        .where(
            made.c.project_id == projects.c.id,
            made.c.kind == CommandKind.REQUEST_CHANGES,
            made.c.outcome == Outcome.ACCEPTED,
        )
        .correlate(projects)
        .scalar_subquery()
    )
    waits = (_STATUS == ProjectStatus.PENDING, projects.c.stage == Stage.CHANGES_REQUESTED)
    joined = query.select_from(plans).join(projects, of_project).join(decisions, decisions.c.position == newest)
    return joined.where(_READY, *waits)


def _gates() -> Query:
    phase_id = projects.c.gate["phase_id"].as_string()
    since, expires_at = projects.c.gate["since"].as_string(), projects.c.gate["expires_at"].as_string()
    query = _row(InboxKind.PHASE, phases.c.id, since, title=phases.c.name, expires_at=expires_at)
    return (
        query.select_from(projects)
        .join(phases, phases.c.id == phase_id)
        .where(_GATE, _GOES_ON, ~_is_complete(GateKind.PHASE, phases.c.id + ":" + projects.c.run_id))
    )


def _tasks(kind: InboxKind) -> Query:
    query = _row(
        kind,
        tasks.c.id,
        tasks.c.started_at,
        title=tasks.c.title,
        expires_at=tasks.c.due_at,
        task_id=tasks.c.id,
        task_key=tasks.c.key,
    )
    joined = query.select_from(tasks).join(projects, projects.c.id == tasks.c.project_id)
    return joined.join(phases, phases.c.id == tasks.c.phase_id).where(
        _WITH_PERSON[kind], _TASK_GOES_ON, ~_is_complete(GateKind.TASK, tasks.c.id + ":" + projects.c.run_id)
    )


def _questions(kind: QuestionKind, person_id: str | None) -> Query:
    query = _row(
        InboxKind(kind),
        questions.c.id,
        questions.c.opened_at,
        title=questions.c.question,
        expires_at=questions.c.expires_at,
        task_id=tasks.c.id,
        task_key=tasks.c.key,
    )
    joined = query.select_from(questions).join(projects, projects.c.id == questions.c.project_id)
    joined = joined.join(tasks, tasks.c.id == questions.c.task_id).join(phases, phases.c.id == tasks.c.phase_id)
    found = joined.where(_OPEN, questions.c.kind == str(kind), _TASK_GOES_ON)
    if kind == QuestionKind.CHANGED:
        found = found.where(~_is_complete(GateKind.CHANGE, questions.c.id))
    if kind == QuestionKind.DECISION and person_id is not None:
        found = found.where(~_needs_another(person_id))
    return found


def _needs_another(person_id: str) -> ColumnElement[bool]:
    """Whether the plan leaves a decision to somebody else, because this person has settled the one that it is paired with."""
    other = tasks.alias("other")
    paired = or_(
        tasks.c.action["other_than"].as_string() == other.c.key,
        other.c.action["other_than"].as_string() == tasks.c.key,
    )
    settled: Select[int] = (
        select(literal(1))
        .select_from(decisions)
        .join(other, other.c.id == decisions.c.payload["task_id"].as_string())
        .where(
            decisions.c.project_id == questions.c.project_id,
            decisions.c.actor_id == person_id,
            decisions.c.outcome == Outcome.ACCEPTED,
            decisions.c.kind.in_(_SETTLING),
            other.c.project_id == questions.c.project_id,
            other.c.action["type"].as_string() == DECISION,
            other.c.status.in_(FINISHED_TASK),
            paired,
        )
        .correlate(questions, tasks)
    )
    return exists(settled)
