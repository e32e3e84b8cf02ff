"""The state machines as data: which status can follow which, and which call is allowed in which situation.

Every change of status in the database is a compare-and-set on `sources`. Every API call and every signal to the workflow goes
through `check_call`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from app.domain.errors import Conflict
from signoff.vocabulary import PhaseStatus, ProjectStatus, Stage, TaskStatus

S = TypeVar("S", bound=StrEnum)
P, F, T = ProjectStatus, PhaseStatus, TaskStatus

FINISHED_PROJECT = frozenset({P.COMPLETED, P.FAILED, P.CANCELLED})
FINISHED_PHASE = frozenset({F.COMPLETED, F.FAILED, F.CANCELLED, F.SKIPPED})
FINISHED_TASK = frozenset({T.COMPLETED, T.FAILED, T.CANCELLED, T.SKIPPED})

PROJECT_MOVES: dict[ProjectStatus, frozenset[ProjectStatus]] = {
    P.PENDING: frozenset({P.RUNNING, P.CANCELLED}),
    P.RUNNING: frozenset({P.COMPLETED, P.FAILED, P.CANCELLED}),
    # A new plan makes it pending again; a retry makes it run again.
    P.COMPLETED: frozenset({P.PENDING, P.RUNNING}),
    P.FAILED: frozenset({P.PENDING, P.RUNNING}),
    P.CANCELLED: frozenset({P.PENDING, P.RUNNING}),
}
PHASE_MOVES: dict[PhaseStatus, frozenset[PhaseStatus]] = {
    F.PENDING: frozenset({F.AWAITING_APPROVAL, F.RUNNING, F.CANCELLED, F.SKIPPED}),
    F.AWAITING_APPROVAL: frozenset({F.RUNNING, F.CANCELLED}),
    F.RUNNING: frozenset({F.COMPLETED, F.FAILED, F.CANCELLED}),
    # Only a retry of the run makes it pending again.
    F.COMPLETED: frozenset({F.PENDING}),
    F.FAILED: frozenset({F.PENDING}),
    F.CANCELLED: frozenset({F.PENDING}),
    F.SKIPPED: frozenset({F.PENDING}),
}
TASK_MOVES: dict[TaskStatus, frozenset[TaskStatus]] = {
    T.PENDING: frozenset({T.WAITING, T.RUNNING, T.COMPLETED, T.FAILED, T.CANCELLED, T.SKIPPED}),
    T.WAITING: frozenset({T.RUNNING, T.COMPLETED, T.FAILED, T.CANCELLED, T.SKIPPED}),
    T.RUNNING: frozenset({T.WAITING, T.COMPLETED, T.FAILED, T.CANCELLED}),
    # Only a retry of the run makes it pending again.
    T.COMPLETED: frozenset({T.PENDING}),
    T.FAILED: frozenset({T.PENDING}),
    T.CANCELLED: frozenset({T.PENDING}),
    T.SKIPPED: frozenset({T.PENDING}),
}


def sources(moves: dict[S, frozenset[S]], target: S) -> list[S]:
    """The statuses from which `target` can be reached: the condition of a compare-and-set."""
    return [status for status, targets in moves.items() if target in targets]


class AttemptStatus(StrEnum):
    """Status of one attempt at a task. `waiting`: it ended with a question to a person."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    WAITING = "waiting"
    LOST = "lost"


class StepStatus(StrEnum):
    """Status of a model call or a tool call. A `lost` step counts as paid for. The result of a `void` one is not used."""

    OPEN = "open"
    DONE = "done"
    LOST = "lost"
    VOID = "void"


# The reason of a skipped task that its dependents treat as done.
SKIPPED_BY_PERSON = "skipped_by_person"


class Situation(StrEnum):
    """The rows of the table of calls."""

    NO_PLAN = "pending, no plan"
    PLANNING = "planning"
    PLAN_READY = "pending, plan ready"
    RUNNING = "running"
    FINISHED = "finished, with a plan"
    CANCELLED_UNPLANNED = "cancelled before any plan"


class Call(StrEnum):
    """The columns of the table of calls, without the calls that are always allowed."""

    GENERATE = "generate"
    REGENERATE = "regenerate"
    REFINE = "refine"
    APPROVE = "approve"
    CANCEL = "cancel"
    UPDATE_PLAN_FIELDS = "update fields of the digest"
    EDIT_PLAN = "edit the plan"
    PAUSE = "pause or resume"
    DISCARD = "discard an edit"
    REVIEW = "request changes or reject"
    RETRY = "retry"


def situation_of(status: str, stage: str, *, has_plan: bool) -> Situation:
    """Which row of the table a project is in."""
    if stage == Stage.PLANNING:
        return Situation.PLANNING
    if status == P.RUNNING:
        return Situation.RUNNING
    if status == P.PENDING:
        return Situation.PLAN_READY if has_plan else Situation.NO_PLAN
    return Situation.FINISHED if has_plan else Situation.CANCELLED_UNPLANNED


_S, _C = Situation, Call

# The calls that are refused, with their error codes. All other calls are allowed.
REFUSALS: dict[tuple[Situation, Call], str] = {
    (_S.NO_PLAN, _C.REFINE): "no_plan",
    (_S.NO_PLAN, _C.APPROVE): "no_plan",
    (_S.NO_PLAN, _C.PAUSE): "project_not_running",
    (_S.NO_PLAN, _C.DISCARD): "no_edit_waiting",
    (_S.NO_PLAN, _C.REVIEW): "no_plan",
    (_S.NO_PLAN, _C.RETRY): "no_plan",
    (_S.PLANNING, _C.GENERATE): "plan_not_ready",
    (_S.PLANNING, _C.REGENERATE): "plan_not_ready",
    (_S.PLANNING, _C.REFINE): "plan_not_ready",
    (_S.PLANNING, _C.APPROVE): "plan_not_ready",
    (_S.PLANNING, _C.UPDATE_PLAN_FIELDS): "plan_not_ready",
    (_S.PLANNING, _C.EDIT_PLAN): "plan_not_ready",
    (_S.PLANNING, _C.PAUSE): "project_not_running",
    (_S.PLANNING, _C.DISCARD): "no_edit_waiting",
    (_S.PLANNING, _C.REVIEW): "plan_not_ready",
    (_S.PLANNING, _C.RETRY): "plan_not_ready",
    (_S.PLAN_READY, _C.GENERATE): "plan_exists",
    (_S.PLAN_READY, _C.PAUSE): "project_not_running",
    (_S.PLAN_READY, _C.DISCARD): "no_edit_waiting",
    (_S.PLAN_READY, _C.RETRY): "not_finished",
    (_S.RUNNING, _C.GENERATE): "project_running",
    (_S.RUNNING, _C.REGENERATE): "project_running",
    (_S.RUNNING, _C.REFINE): "project_running",
    (_S.RUNNING, _C.UPDATE_PLAN_FIELDS): "project_running",
    (_S.RUNNING, _C.REVIEW): "plan_not_waiting",
    (_S.RUNNING, _C.RETRY): "project_running",
    (_S.FINISHED, _C.GENERATE): "plan_exists",
    (_S.FINISHED, _C.APPROVE): "not_pending",
    (_S.FINISHED, _C.CANCEL): "already_finished",
    (_S.FINISHED, _C.PAUSE): "project_not_running",
    (_S.FINISHED, _C.DISCARD): "no_edit_waiting",
    (_S.FINISHED, _C.REVIEW): "plan_not_waiting",
    (_S.CANCELLED_UNPLANNED, _C.REFINE): "no_plan",
    (_S.CANCELLED_UNPLANNED, _C.APPROVE): "no_plan",
    (_S.CANCELLED_UNPLANNED, _C.CANCEL): "already_finished",
    (_S.CANCELLED_UNPLANNED, _C.PAUSE): "project_not_running",
    (_S.CANCELLED_UNPLANNED, _C.DISCARD): "no_edit_waiting",
    (_S.CANCELLED_UNPLANNED, _C.REVIEW): "no_plan",
    (_S.CANCELLED_UNPLANNED, _C.RETRY): "no_plan",
}

_MESSAGES = {
    "no_plan": "This project has no plan yet. Generate one with generate-plan, or add tasks.",
    "plan_not_ready": "A plan is being made; wait until it is ready, or cancel.",
    "plan_exists": "This project already has a plan; use regenerate-plan to make a new one.",
    "project_running": "The project is running; cancel it, or wait until it has finished.",
    "not_pending": "Only a pending project can be approved; retry this one, or make a new plan with regenerate-plan.",
    "not_finished": "This project has not run yet; approve its plan to start it.",
    "no_edit_waiting": "The project is not running, so no edit of a run is waiting for approval.",
    "plan_not_waiting": "The project is not pending, so its plan is not waiting for approval. To say no to a run, cancel it, or "
    "discard the edit that waits.",
    "project_not_running": "The project is not running.",
    "already_finished": "The project has already finished.",
}


def check_call(call: Call, situation: Situation) -> None:
    """Check that `call` is allowed in `situation`.

    Raises:
        Conflict: the call is refused, with the code from the table.
    """
    code = REFUSALS.get((situation, call))
    if code is not None:
        raise Conflict(_MESSAGES[code], code=code)
