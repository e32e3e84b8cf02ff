"""Calls to models and their results. They are stored so that nothing is paid for twice and all spending is visible.

A call is reserved at its maximum cost before it is made, and settled at its actual cost afterwards. If the process died or no
answer arrived, the reservation counts as spent, because the provider may have charged for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NotRequired, TypedDict

from sqlalchemy import ColumnElement, Connection, bindparam, case, delete, func, insert, select, update

from app.domain.budget import Spent
from app.domain.decisions import QuestionStatus
from app.domain.errors import Conflict
from app.domain.identity import now
from app.domain.states import StepStatus
from app.storage import events, locks, projects
from app.storage.model_table import model_steps
from app.storage.reading import Rows
from app.storage.tables import plans, questions
from app.storage.tables import tasks as task_table
from signoff.schemas.event_data import TaskProgress
from signoff.schemas.json_value import JsonObject, JsonValue
from signoff.vocabulary import PlanStatus, TaskStatus


@dataclass(frozen=True, slots=True)
class StepRow:
    """A finished step."""

    # Whatever the model or the tool has answered.
    result: JsonValue


_STEPS = Rows(model_steps, StepRow)


@dataclass(frozen=True)
class Conversation:
    """One conversation with a model, in a project. A task's conversation has the token that its attempt writes under."""

    project_id: str
    name: str
    task_id: str | None = None
    token: str | None = None


@dataclass(frozen=True)
class Usage:
    """The tokens and cost that were used, and how many calls were made to models."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    models: list[str] = field(default_factory=list[str])


_LOST = model_steps.c.status == StepStatus.LOST
_OPEN = model_steps.c.status == StepStatus.OPEN
_CALLS = model_steps.c.tool.is_(None)
_COST = case((_LOST, model_steps.c.reserved_cost), else_=model_steps.c.cost_usd)
# A sum that omits calls of unknown cost would look complete.
_UNPRICED = func.sum(case((model_steps.c.status.in_((StepStatus.DONE, StepStatus.LOST)) & _COST.is_(None), 1), else_=0))
_USED = (
    func.sum(case((_LOST, model_steps.c.reserved_tokens), else_=model_steps.c.input_tokens)),
    func.sum(model_steps.c.output_tokens),
    func.sum(_COST),
    _UNPRICED,
)
_USAGE = select(
    func.sum(case((model_steps.c.status.in_((StepStatus.DONE, StepStatus.LOST)), 1), else_=0)), *_USED
).where(_CALLS)
_BY_TASK = (
    select(model_steps.c.task_id, *_USED)
    .where(model_steps.c.project_id == bindparam("of_project"), model_steps.c.task_id.is_not(None), _CALLS)
    .group_by(model_steps.c.task_id)
)
# The name of the step that marks the beginning of a conversation, and the number of the one that marks its end.
_BEGIN = "begin"
_END = 1_000_000


def resume(conn: Connection, conversation: Conversation) -> str:
    """Begin or resume a conversation, and return when it began.

    Its former holder is gone, and what that holder had reserved counts as spent. A conversation in which nothing was answered
    begins again. Any other one must be resumed with the words that it began with, and these may say what time it is.
    """
    _hold(conn, conversation)
    conn.execute(update(model_steps).where(*_of(conversation), _OPEN).values(status=StepStatus.LOST, ended_at=now()))
    begin, answered = model_steps.c.tool == _BEGIN, _CALLS & (model_steps.c.status == StepStatus.DONE)
    if conn.execute(select(func.count()).where(*_of(conversation), answered)).scalar_one() == 0:
        conn.execute(delete(model_steps).where(*_of(conversation), begin))
        _mark(conn, conversation, 0, _BEGIN)
    # A conversation that an older release began has no mark.
    began = select(func.min(model_steps.c.started_at)).where(*_of(conversation), begin | answered)
    return str(conn.execute(began).scalar_one())


def close_orphaned_calls(conn: Connection, project_id: str) -> None:
    """Mark reservations as spent in conversations that nobody will resume, because their worker was lost and they ended.

    Without this, a caller that waits for reservations to be settled might wait forever.
    """
    locks.hold_project(conn, project_id)
    planning = select(plans.c.version).where(plans.c.project_id == project_id, plans.c.status == PlanStatus.GENERATING)
    asked = select(questions.c.id).where(
        questions.c.project_id == project_id, questions.c.status == QuestionStatus.OPEN
    )
    live = [f"plan:{version}" for version in conn.execute(planning).scalars()]
    live += [f"decision:{question_id}" for question_id in conn.execute(asked).scalars()]
    running = select(task_table.c.id).where(
        task_table.c.project_id == project_id, task_table.c.status == TaskStatus.RUNNING
    )
    orphaned = case(
        (model_steps.c.task_id.is_(None), model_steps.c.conversation.not_in(live)),
        else_=model_steps.c.task_id.not_in(running),
    )
    conditions = (model_steps.c.project_id == project_id, _OPEN, orphaned)
    conn.execute(update(model_steps).where(*conditions).values(status=StepStatus.LOST, ended_at=now()))


def recorded(conn: Connection, conversation: Conversation, number: int, call_id: str = "") -> StepRow | None:
    """Return a step that already finished, or None."""
    step = (model_steps.c.number == number, model_steps.c.call_id == call_id, model_steps.c.status == StepStatus.DONE)
    return _STEPS.find(conn, _STEPS.select.where(*_of(conversation), *step).limit(1))


def close(conn: Connection, conversation: Conversation) -> None:
    """End a conversation, so that it cannot be resumed."""
    locks.hold_project(conn, conversation.project_id)
    if _holds(conn, conversation):
        _mark(conn, conversation, _END, "end")


def conversation_of(conn: Connection, run_id: str, task_id: str) -> str:
    """Return the name of the conversation that a task's next attempt resumes or begins."""
    ended = (model_steps.c.task_id == task_id, model_steps.c.number == _END)
    in_run = model_steps.c.conversation.startswith(f"task:{run_id}:", autoescape=True)
    number = conn.execute(select(func.count()).where(*ended, in_run)).scalar_one()
    return f"task:{run_id}:{task_id}:{number + 1}"


def spent(conn: Connection, project_id: str) -> Spent:
    """Return what a project has spent and reserved so far."""
    tokens = case(
        (_LOST, model_steps.c.reserved_tokens), else_=model_steps.c.input_tokens + model_steps.c.output_tokens
    )
    columns = (
        func.coalesce(func.sum(case((_OPEN, 0), else_=tokens)), 0),
        func.coalesce(func.sum(case((_OPEN, 0.0), else_=_COST)), 0.0),
        func.coalesce(func.sum(case((_OPEN, model_steps.c.reserved_tokens), else_=0)), 0),
        func.coalesce(func.sum(case((_OPEN, model_steps.c.reserved_cost), else_=0.0)), 0.0),
    )
    row = conn.execute(select(*columns).where(model_steps.c.project_id == project_id, _CALLS)).one()
    return Spent(int(row[0]), float(row[1]), int(row[2]), float(row[3]))


def reserve(
    conn: Connection, conversation: Conversation, number: int, *, model: str, tokens: int, cost: float | None
) -> int:
    """Reserve a model call at its maximum cost before it is made. Returns the step's position.

    Raises:
        Conflict: `fenced`: Signoff has given up on the attempt that the conversation belongs to.
    """
    _hold(conn, conversation)
    return _open(conn, conversation, number, model=model, tokens=tokens, cost=cost)


def begin_tool(
    conn: Connection, conversation: Conversation, number: int, call_id: str, tool: str, *, model: str
) -> int:
    """Record a tool call before it is made. Returns the step's position.

    Raises:
        Conflict: `fenced`.
    """
    _hold(conn, conversation)
    return _open(conn, conversation, number, model=model, call_id=call_id, tool=tool)


class StepEvent(TypedDict):
    """What the event of a step says about a model's answer or the use of a tool."""

    step: str
    model: NotRequired[str | None]
    tokens: NotRequired[dict[str, int]]
    cost_usd: NotRequired[float | None]
    calls: NotRequired[list[str]]
    tool: NotRequired[str]
    characters: int


def settle(
    conn: Connection,
    conversation: Conversation,
    position: int,
    *,
    result: JsonValue,
    input_tokens: int = 0,
    output_tokens: int = 0,
    cost: float | None = None,
    event: StepEvent | None = None,
) -> None:
    """Record the result of a step. A task's step also becomes an event.

    If Signoff has given up on the attempt meanwhile, only what was spent is recorded.
    """
    values = {"input_tokens": input_tokens, "output_tokens": output_tokens, "cost_usd": cost, "ended_at": now()}
    locks.hold_project(conn, conversation.project_id)
    query = update(model_steps).where(model_steps.c.position == position)
    if not _holds(conn, conversation):
        conn.execute(query.values(status=StepStatus.VOID, **values))
        return
    conn.execute(query.values(status=StepStatus.DONE, result=result, **values))
    if conversation.task_id is not None and event is not None:
        task = conn.execute(select(task_table).where(task_table.c.id == conversation.task_id)).one()
        step = TaskProgress(task_id=task.id, key=task.key, title=task.title, attempt=task.attempt, **event)
        events.append(conn, conversation.project_id, step, actor="worker")


def give_up(conn: Connection, position: int, *, charged: bool) -> None:
    """Record that a call failed. `charged`: the provider may have billed it anyway."""
    values: JsonObject = {"status": StepStatus.LOST, "ended_at": now()}
    if not charged:
        values |= {"status": StepStatus.VOID, "reserved_tokens": 0, "reserved_cost": None}
    conn.execute(update(model_steps).where(model_steps.c.position == position).values(**values))


def usage(conn: Connection, *where: ColumnElement[bool]) -> Usage:
    """Return what the calls that `where` selects have used, including lost ones."""
    row = conn.execute(_USAGE.where(*where)).one()
    if not row[0]:
        return Usage()
    models = conn.execute(select(model_steps.c.model).where(*where, _CALLS).distinct().order_by(model_steps.c.model))
    cost_usd = None if row[4] else row[3]
    return Usage(int(row[0]), int(row[1] or 0), int(row[2] or 0), cost_usd, list(models.scalars()))


def of_project(project_id: str) -> ColumnElement[bool]:
    """Select every call of a project."""
    return model_steps.c.project_id == project_id


def of_plans(project_id: str) -> ColumnElement[bool]:
    """Select the calls made for a project's plans."""
    return of_project(project_id) & model_steps.c.conversation.startswith("plan:", autoescape=True)


def of_decisions(project_id: str) -> ColumnElement[bool]:
    """Select the calls made for a project's decisions."""
    return of_project(project_id) & model_steps.c.conversation.startswith("decision:", autoescape=True)


def of_conversation(project_id: str, name: str) -> ColumnElement[bool]:
    """Select the calls of one conversation."""
    return (model_steps.c.project_id == project_id) & (model_steps.c.conversation == name)


def tokens_by_task(conn: Connection, project_id: str) -> dict[str, tuple[int, int, float | None]]:
    """Return input tokens, output tokens and cost of each task that has called a model."""
    rows = conn.execute(_BY_TASK, {"of_project": project_id})
    return {row[0]: (int(row[1] or 0), int(row[2] or 0), None if row[4] else row[3]) for row in rows}


def _mark(conn: Connection, conversation: Conversation, number: int, name: str) -> None:
    position = _open(conn, conversation, number, model="", call_id=name, tool=name)
    done = {"status": StepStatus.DONE, "ended_at": now()}
    conn.execute(update(model_steps).where(model_steps.c.position == position).values(**done))


def _open(
    conn: Connection,
    conversation: Conversation,
    number: int,
    *,
    model: str,
    call_id: str = "",
    tool: str | None = None,
    tokens: int = 0,
    cost: float | None = None,
) -> int:
    row = {
        "project_id": conversation.project_id,
        "conversation": conversation.name,
        "number": number,
        "task_id": conversation.task_id,
        "model": model,
        "status": StepStatus.OPEN,
        "started_at": now(),
        "call_id": call_id,
        "tool": tool,
        "reserved_tokens": tokens,
        "reserved_cost": cost,
    }
    position = conn.execute(insert(model_steps).values(row)).inserted_primary_key
    assert position is not None  # noqa: S101 - for the type checker: the table has one
    return int(position[0])


def _of(conversation: Conversation) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return model_steps.c.project_id == conversation.project_id, model_steps.c.conversation == conversation.name


def _hold(conn: Connection, conversation: Conversation) -> None:
    # Two calls that reserve at the same time must see each other's reservations.
    locks.hold_project(conn, conversation.project_id)
    if not _holds(conn, conversation):
        raise Conflict("Another attempt has replaced this one.", code="fenced")


def _holds(conn: Connection, conversation: Conversation) -> bool:
    if conversation.task_id is None:
        return projects.find(conn, conversation.project_id) is not None
    token = conn.execute(select(task_table.c.token).where(task_table.c.id == conversation.task_id)).scalar_one_or_none()
    return token is not None and token == conversation.token
