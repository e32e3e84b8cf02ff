"""Signals that somebody sends by hand: what each may carry, and what it asks for.

Nobody knows who sent one, so `actor` and `request_id` may be there, and count for nothing.
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
    """What every signal may carry; all of it may be missing."""

    model_config = ConfigDict(extra="forbid")

    request_id: _ShortText | None = None
    actor: _ShortText | None = None
    comment: _Comment = ""


class PlanSignal(Signal):
    """Make a plan. `regenerate` also replaces one that is there, `refine` changes it: by `edits`, then as the words say."""

    regenerate: bool = True
    refine: bool = False
    planner: _ShortText | None = None
    instructions: Annotated[str, StringConstraints(max_length=100_000)] | None = None
    edits: list[dict[str, Any]] | None = None


class ApproveSignal(Signal):
    """Approve the plan (of that version or digest, where given), or the phase gate that waits."""

    plan_version: int | None = None
    plan_digest: _ShortText | None = None
    phase_id: _ShortText | None = None


class CancelSignal(Signal):
    """Cancel; `reason` is another name of `comment`. Nobody may delete so, which is refused rather than ignored."""

    reason: _Comment = ""
    delete: bool = False


class AnswerSignal(Signal):
    """A person's word on a task (by id or key) that waits for it, or on a decision (by its id or its task's).

    `complete`, `skip`, `retry` and `fail` are said of a task; with `decision`, or any other word, a decision is answered.
    """

    task: _ShortText | None = None
    decision: _ShortText | None = None
    answer: _Comment = "complete"
    outputs: dict[str, Any] = Field(default_factory=dict)


class RetrySignal(Signal):
    """Carry a finished run out again from what failed; `tasks` (ids or keys) run again whatever became of them."""

    tasks: list[_ShortText] = Field(default_factory=list[str], max_length=10_000)


class EditSignal(Signal):
    """Edit the plan, as `app.domain.edits` says; with `refine` as part of planning, which a run under way forbids."""

    edits: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])
    refine: bool = False


_MODELS: dict[str, type[Signal]] = {
    "plan": PlanSignal, "approve": ApproveSignal, "cancel": CancelSignal, "answer": AnswerSignal, "retry": RetrySignal,
    "edit": EditSignal,
}  # fmt: skip
_ANSWERS = {kind.value: kind for kind in TASK_ANSWERS}


def read(name: str, content: str | None, project_id: str) -> tuple[DecisionKind, str, dict[str, Any]]:
    """What a signal asks for: its kind, the comment, and the rest.

    Raises:
        Invalid: `invalid_signal`: it carries what this signal has not.
        Forbidden: `signal_not_authenticated`: it asks to delete the project.
    """
    model = _MODELS.get(name, Signal)
    try:
        signal = model() if content is None or content == "null" else model.model_validate_json(content)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]["msg"]
        raise Invalid(f"The signal '{name}' cannot be read: {problem}", code="invalid_signal") from None
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
