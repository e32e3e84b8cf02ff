"""Signals sent directly through Temporal: what each may contain, and what it asks for.

The sender of such a signal is unknown. Its `actor` and `request_id` are accepted, but ignored.
"""

from __future__ import annotations

from typing import Annotated, cast

from pydantic import ConfigDict, Field, StringConstraints, ValidationError

from app.domain import commands
from app.domain.command_payload import CommandPayload
from app.domain.commands import TASK_ANSWERS, Command, CommandKind
from app.domain.errors import Invalid
from app.domain.signals import not_by_hand
from app.domain.texts import normalized, normalized_text
from signoff.schemas.json_value import JsonObject

_ShortText = Annotated[str, StringConstraints(max_length=200)]
_Comment = Annotated[str, StringConstraints(max_length=10_000)]


class Signal(Command):
    """A signal with a whole command in it. These are the fields that every signal may have, besides those of its command."""

    model_config = ConfigDict(extra="forbid")

    request_id: _ShortText | None = None
    actor: _ShortText | None = None
    comment: _Comment = ""

    @property
    def asks_for(self) -> CommandKind:
        """The kind of the command."""
        return self.kind


class PlanSignal(Signal, commands.RegeneratePlan):
    """`regenerate` replaces an existing plan."""

    regenerate: bool = True
    refine: bool | None = False

    @property
    def asks_for(self) -> CommandKind:
        """The kind of the command."""
        return CommandKind.RETURN if self.regenerate else CommandKind.GENERATE


class ApproveSignal(Signal, commands.Approve):
    """Approve the plan or the phase that waits."""


class CancelSignal(Signal, commands.Cancel):
    """`reason` is another name for `comment`. A request to delete is refused, not ignored."""

    reason: _Comment = ""


class PauseSignal(Signal, commands.Pause):
    """Pause the run."""


class ResumeSignal(Signal, commands.Resume):
    """Resume the run."""


class AnswerSignal(Signal, commands.AnswerQuestion):
    """`complete`, `skip`, `retry` and `fail` apply to a task. With `decision`, or with any other word, a decision is answered."""

    answer: _Comment = "complete"
    outputs: JsonObject = Field(default_factory=dict)

    @property
    def asks_for(self) -> CommandKind:
        """The kind of the command."""
        if self.decision is None and self.answer in TASK_ANSWERS:
            return CommandKind(self.answer)
        return CommandKind.ANSWER


class RetrySignal(Signal, commands.RetryRun):
    """Retry the run."""


class EditSignal(Signal, commands.EditPlan):
    """Edit the plan."""


class DiscardSignal(Signal, commands.DiscardEdit):
    """Discard the edit that waits for approval."""


class RequestChangesSignal(Signal, commands.RequestChanges):
    """Request changes to the plan. Says what must change in `comment`."""


class RejectSignal(Signal, commands.Reject):
    """Reject the plan. Says why in `comment`."""


_MODELS: dict[str, type[Signal]] = {
    model.signal: model
    for model in (
        PlanSignal,
        ApproveSignal,
        CancelSignal,
        PauseSignal,
        ResumeSignal,
        AnswerSignal,
        RetrySignal,
        EditSignal,
        DiscardSignal,
        RequestChangesSignal,
        RejectSignal,
    )
}


def read(name: str, content: str | None, project_id: str) -> tuple[CommandKind, str, CommandPayload]:
    """Parse a signal into the kind of its command, the comment, and the other fields.

    Raises:
        Invalid: `invalid_signal`: it contains fields that this signal does not have.
        Forbidden: `signal_not_authenticated`: it asks to delete the project.
    """
    model = _MODELS[name]
    try:
        signal = model() if content is None or content == "null" else model.model_validate_json(content)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]["msg"]
        raise Invalid(f"The signal '{name}' is not valid: {problem}", code="invalid_signal") from None
    values = {name: normalized(value) for name, value in cast("JsonObject", signal.payload).items()}
    if values.pop("delete", False):
        raise not_by_hand("delete", project_id)
    reason = str(values.pop("reason", ""))
    for field in Signal.model_fields:
        values.pop(field, None)
    return signal.asks_for, normalized_text(signal.comment) or reason, cast("CommandPayload", values)
