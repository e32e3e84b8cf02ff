"""Signals sent directly through Temporal: what each may contain, and what it asks for.

The sender of such a signal is unknown. Its `actor` and `request_id` are accepted, but ignored.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from app.domain.commands import KINDS_OF_SIGNAL, not_by_hand
from app.domain.decisions import TASK_ANSWERS, DecisionKind
from app.domain.errors import Invalid

_ShortText = Annotated[str, StringConstraints(max_length=200)]
_Comment = Annotated[str, StringConstraints(max_length=10_000)]


class Signal(BaseModel):
    """The fields of every signal. All of them are optional."""

    model_config = ConfigDict(extra="forbid")

    request_id: _ShortText | None = None
    actor: _ShortText | None = None
    comment: _Comment = ""


class PlanSignal(Signal):
    """Make a plan. `regenerate` replaces an existing plan. `refine` changes it: first by `edits`, then by instructions."""

    regenerate: bool = True
    refine: bool = False
    planner: _ShortText | None = None
    instructions: Annotated[str, StringConstraints(max_length=100_000)] | None = None
    edits: list[dict[str, Any]] | None = None


class ApproveSignal(Signal):
    """Approve the plan (if it has the given version or digest), or the phase gate that is waiting."""

    plan_version: int | None = None
    plan_digest: _ShortText | None = None
    phase_id: _ShortText | None = None


class CancelSignal(Signal):
    """Cancel. `reason` is another name for `comment`. A request to delete is refused, not ignored."""

    reason: _Comment = ""
    delete: bool = False


class AnswerSignal(Signal):
    """A person's answer for a waiting task (by id or key), or for a decision (by its id or its task's id).

    `complete`, `skip`, `retry` and `fail` apply to a task. With `decision`, or with any other word, a decision is answered.
    """

    task: _ShortText | None = None
    decision: _ShortText | None = None
    answer: _Comment = "complete"
    outputs: dict[str, Any] = Field(default_factory=dict)


class RetrySignal(Signal):
    """Retry a finished run from the failed tasks. The tasks in `tasks` (ids or keys) run again regardless of their status."""

    tasks: list[_ShortText] = Field(default_factory=list[str], max_length=10_000)


class EditSignal(Signal):
    """Edit the plan with the edits of `app.domain.edits`. With `refine`, edit as part of planning; not during a run."""

    edits: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])
    refine: bool = False


_MODELS: dict[str, type[Signal]] = {
    "plan": PlanSignal, "approve": ApproveSignal, "cancel": CancelSignal, "answer": AnswerSignal, "retry": RetrySignal,
    "edit": EditSignal,
}  # fmt: skip
_ANSWERS = {kind.value: kind for kind in TASK_ANSWERS}


def read(name: str, content: str | None, project_id: str) -> tuple[DecisionKind, str, dict[str, Any]]:
    """Parse a signal into the kind of its request, the comment, and the other fields.

    Raises:
        Invalid: `invalid_signal`: it contains fields that this signal does not have.
        Forbidden: `signal_not_authenticated`: it asks to delete the project.
    """
    model = _MODELS.get(name, Signal)
    try:
        signal = model() if content is None or content == "null" else model.model_validate_json(content)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]["msg"]
        raise Invalid(f"The signal '{name}' is not valid: {problem}", code="invalid_signal") from None
    if isinstance(signal, CancelSignal) and signal.delete:
        raise not_by_hand("delete", project_id)
    values = signal.model_dump(exclude={"request_id", "actor", "comment", "delete"}, exclude_none=True)
    comment = signal.comment or values.get("reason", "")
    values.pop("reason", None)
    return _kind_of(name, signal), comment, values


def _kind_of(name: str, signal: Signal) -> DecisionKind:
    if isinstance(signal, PlanSignal):
        return DecisionKind.RETURN if signal.regenerate else DecisionKind.GENERATE
    if isinstance(signal, AnswerSignal) and signal.decision is None:
        return _ANSWERS.get(signal.answer, DecisionKind.ANSWER)
    return KINDS_OF_SIGNAL[name][0]
