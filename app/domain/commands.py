"""Commands: what people ask a project to do. The app stores a command before it signals the project's workflow.

A signal is only a doorbell: it carries the id of a command. Who asks, for what and for which plan is only in the database.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, ClassVar, cast

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.domain.command_kinds import CommandKind
from app.domain.command_payload import CommandPayload
from app.domain.command_seals import CommandSeal
from app.domain.errors import Conflict, DomainError, ErrorInfo
from app.domain.parameters import Value
from app.domain.plan import canonical_json
from app.domain.sender import Sender, without_empty_origin
from app.domain.signing_links import LinkFacts
from app.domain.states import Call
from signoff.schemas.json_value import JsonObject

_ShortText = Annotated[str, StringConstraints(max_length=200)]
_Text = Annotated[str, StringConstraints(max_length=10_000)]
_LongText = Annotated[str, StringConstraints(max_length=100_000)]


# The answers to a waiting task. Each says what happens to the task.
TASK_ANSWERS = (CommandKind.COMPLETE, CommandKind.SKIP, CommandKind.RETRY, CommandKind.FAIL)


class Command(BaseModel):
    """What a command asks for. The fields are its payload.

    Attributes:
        kind: the kind of the command.
        signal: the signal that announces it to the workflow. Empty for a command that only the workflow gives.
        call: the call that must be allowed before the command starts a workflow. None if it starts none.
        only_stops: whether it only stops things. Such a command is obeyed even if it is sent directly through Temporal.
        of_one_run: whether it applies to one run, and has no meaning in the next.
        starts_run: whether it may start a run.
    """

    # Most processes need few of these models, so each is built when it is first used.
    model_config = ConfigDict(defer_build=True)

    kind: ClassVar[CommandKind]
    signal: ClassVar[str] = ""
    call: ClassVar[Call | None] = None
    only_stops: ClassVar[bool] = False
    of_one_run: ClassVar[bool] = False
    starts_run: ClassVar[bool] = False

    @property
    def payload(self) -> CommandPayload:
        """The fields that have a value, as they are stored."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return cast("CommandPayload", {name: value for name, value in values.items() if value is not None})


if TYPE_CHECKING:
    _Payload = CommandPayload
else:
    # Stored payloads stay as they are. As a field's type, the `TypedDict` would drop what it does not know.
    _Payload = JsonObject


class GeneratePlan(Command):
    """Make the first plan."""

    kind = CommandKind.GENERATE
    signal = "plan"
    call = Call.GENERATE

    planner: _ShortText | None = None
    instructions: _LongText | None = None
    parameters: dict[str, Value | None] | None = None


class RegeneratePlan(GeneratePlan):
    """Make a new plan. `refine` changes the current one (if it has the given digest) instead: first by `edits`, then by the
    instructions.
    """

    kind = CommandKind.RETURN
    call = Call.REGENERATE

    refine: bool | None = None
    edits: list[JsonObject] | None = None
    plan_digest: _ShortText | None = None


class Approve(Command):
    """Approve the plan (if it has the given version and digest), or the phase that waits at its gate."""

    kind = CommandKind.APPROVE
    signal = "approve"
    call = Call.APPROVE
    starts_run = True

    plan_version: int | None = None
    plan_digest: _ShortText | None = None
    phase_id: _ShortText | None = None
    frozen_digest: _ShortText | None = None
    link: LinkFacts | None = None
    passkey: JsonObject | None = None


class Cancel(Command):
    """Cancel the planning, the pending project or the run. `delete`: then delete the project. `expired_gate`: only if the time
    of this gate is up.
    """

    kind = CommandKind.CANCEL
    signal = "cancel"
    only_stops = True

    delete: bool | None = None
    expired_gate: _ShortText | None = None


class Pause(Command):
    """Start nothing more until resumed."""

    kind = CommandKind.PAUSE
    signal = "pause"
    only_stops = True


class Resume(Command):
    """Resume a paused run."""

    kind = CommandKind.RESUME
    signal = "resume"
    of_one_run = True


class RetryRun(Command):
    """Retry a finished run from the failed tasks. The tasks in `tasks` (ids or keys) run again regardless of their status."""

    kind = CommandKind.RETRY_RUN
    signal = "retry"
    call = Call.RETRY
    of_one_run = True
    starts_run = True

    tasks: list[_ShortText] = Field(default_factory=list[str], max_length=10_000)
    passkey: JsonObject | None = None


class EditPlan(Command):
    """Edit the plan (if it has the given digest) with the edits of `app.domain.edits`.

    With `refine`, edit as part of planning; not during a run.
    """

    kind = CommandKind.EDIT
    signal = "edit"
    call = Call.EDIT_PLAN

    edits: list[JsonObject] = Field(default_factory=list[JsonObject])
    refine: bool = False
    plan_digest: _ShortText | None = None


class DiscardEdit(Command):
    """Discard the version that an edit of the run has made. The run continues with the approved one."""

    kind = CommandKind.DISCARD
    signal = "discard"
    of_one_run = True

    plan_version: int | None = None
    plan_digest: _ShortText | None = None


class WithdrawApproval(Command):
    """Withdraw the approval that would open a gate, while there is time to undo it. `gate_id` tells several gates apart.

    Signoff itself withdraws an approval that cannot take effect; `withdrawn` then names it.
    """

    kind = CommandKind.WITHDRAW
    signal = "approve"

    gate_id: _ShortText | None = None
    withdrawn: _ShortText | None = None


class RequestChanges(Command):
    """Request changes to the plan that waits for approval. Its author makes the next version."""

    kind = CommandKind.REQUEST_CHANGES
    signal = "request_changes"

    plan_version: int | None = None
    plan_digest: _ShortText | None = None


class Reject(RequestChanges):
    """Reject the plan that waits for approval. The project is cancelled."""

    kind = CommandKind.REJECT
    signal = "reject"


class AnswerQuestion(Command):
    """Answer a decision, named by its id or by the id of its task."""

    kind = CommandKind.ANSWER
    signal = "answer"
    of_one_run = True

    task: _ShortText | None = None
    decision: _ShortText | None = None
    answer: _Text
    passkey: JsonObject | None = None


class ExpireQuestion(Command):
    """Close the decision of a task that nobody has answered in time."""

    kind = CommandKind.EXPIRE

    task: str


class AnswerTask(Command):
    """A person's answer for a waiting task, named by its id or key."""

    signal = "answer"
    of_one_run = True

    task: str
    outputs: JsonObject = Field(default_factory=dict)


class CompleteTask(AnswerTask):
    """The task is done.

    Attributes:
        read: the checksums of the files that the task shows, by path, as they were when the person completed it.
        missing_files: the expected files that the person does without.
    """

    kind = CommandKind.COMPLETE

    read: dict[str, str] | None = None
    missing_files: list[str] | None = None
    passkey: JsonObject | None = None


class SkipTask(AnswerTask):
    """Leave the task out. Its dependents treat it as done, and can use the given outputs."""

    kind = CommandKind.SKIP

    passkey: JsonObject | None = None


class RetryTask(AnswerTask):
    """Try the task again."""

    kind = CommandKind.RETRY

    passkey: JsonObject | None = None


class FailTask(AnswerTask):
    """The task has failed."""

    kind = CommandKind.FAIL


COMMANDS: dict[CommandKind, type[Command]] = {
    command.kind: command
    for command in (
        RegeneratePlan,
        GeneratePlan,
        Approve,
        Cancel,
        AnswerQuestion,
        CompleteTask,
        SkipTask,
        RetryTask,
        FailTask,
        Pause,
        Resume,
        RetryRun,
        EditPlan,
        DiscardEdit,
        WithdrawApproval,
        RequestChanges,
        Reject,
        ExpireQuestion,
    )
}


def commands_of(signal: str) -> list[type[Command]]:
    """Return the commands that a signal may announce. The first is the default for a signal that names no command."""
    return [command for command in COMMANDS.values() if signal and command.signal == signal]


class CommandRequest(BaseModel):
    """A command, and who gives it. A repeated `request_id` returns the first outcome."""

    project_id: str
    request_id: str
    kind: CommandKind
    actor: str
    comment: str = ""
    payload: _Payload = Field(default_factory=CommandPayload)
    actor_id: str | None = None
    via: str | None = None
    address: str | None = None
    session_id: str | None = None

    @property
    def sender(self) -> Sender:
        """Who gives the command."""
        return Sender(self.actor, self.actor_id, self.via, self.address, self.session_id)

    @property
    def command_type(self) -> type[Command]:
        """The class of the command."""
        return COMMANDS[self.kind]


class StoredCommand(CommandRequest):
    """A stored command, with the plan and the run that were current when it was stored."""

    id: str
    plan_version: int | None = None
    plan_digest: str | None = None
    run_id: str | None = None
    at: str

    def check_run(self, run_id: str | None, *, running: bool) -> None:
        """Refuse the command if it was sent for a run earlier than `run_id`.

        Raises:
            Conflict: `run_changed`.
        """
        # A second retry finds the run that the first one started. The table of calls refuses it with its own message.
        late = self.run_id != run_id and not (self.kind == CommandKind.RETRY_RUN and running)
        if self.command_type.of_one_run and late:
            raise Conflict(
                "A new run has started since you sent this. Check the project, then try again.", code="run_changed"
            )


class Outcome(StrEnum):
    """Outcome of a command."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


class CommandRecord(CommandRequest):
    """A command and its outcome. It stays on record while its project exists."""

    id: str
    at: str
    plan_version: int | None = None
    plan_digest: str | None = None
    outcome: Outcome
    error: ErrorInfo | None = None

    def seal(self) -> CommandSeal:
        """The id and hash that the event of this command carries, so that the event chain covers the command."""
        digest = hashlib.sha256(canonical_json(without_empty_origin(self.model_dump(mode="json")))).hexdigest()
        return {"decision_id": self.id, "decision_hash": digest}

    def raise_if_refused(self) -> None:
        """Raise the recorded error if the command was refused.

        Raises:
            DomainError: the recorded error.
        """
        if self.error is not None:
            raise DomainError.from_info(self.error)
