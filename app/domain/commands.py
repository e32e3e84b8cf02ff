"""Commands: what people ask a project to do. The app stores a command before it signals the project's workflow.

A signal is only a doorbell: it carries the id of a command. Who asks, for what and for which plan is only in the database.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from app.domain.decisions import TASK_ANSWERS, DecisionKind, DecisionRequest
from app.domain.errors import Conflict, DomainError, Forbidden

# Actor of a signal that came through Temporal without a command. Anybody who can reach Temporal's port can send one.
UNAUTHENTICATED = "temporal (unauthenticated)"
# Prefix of the request id of decisions that came without a command.
BY_HAND = "manual:"

_K = DecisionKind
# The kinds of command that each signal may announce. The first is the default for a signal that names no command.
KINDS_OF_SIGNAL: dict[str, tuple[DecisionKind, ...]] = {
    "plan": (_K.RETURN, _K.GENERATE),
    "approve": (_K.APPROVE,),
    "cancel": (_K.CANCEL,),
    "answer": (_K.ANSWER, *TASK_ANSWERS),
    "pause": (_K.PAUSE,),
    "resume": (_K.RESUME,),
    "retry": (_K.RETRY_RUN,),
    "edit": (_K.EDIT,),
}
SIGNAL_OF_KIND: dict[DecisionKind, str] = {kind: name for name, kinds in KINDS_OF_SIGNAL.items() for kind in kinds}
# These are obeyed even if they are sent directly through Temporal: they only stop things.
STOPPING = frozenset({_K.CANCEL, _K.PAUSE})
# These apply to one run, and have no meaning in the next.
_OF_ONE_RUN = frozenset({_K.ANSWER, _K.RESUME, _K.RETRY_RUN, *TASK_ANSWERS})

_CLI: dict[str, str] = {
    "plan": "signoff projects plan {id} --generate` or `signoff projects regenerate {id}",
    "approve": "signoff projects approve {id}",
    "cancel": "signoff projects cancel {id}",
    "answer": "signoff decisions answer {id} DECISION ANSWER` or `signoff tasks complete {id} TASK",
    "pause": "signoff projects pause {id}",
    "resume": "signoff projects resume {id}",
    "retry": "signoff projects retry {id}",
    "edit": "signoff tasks add {id} …` or `signoff tasks edit {id} TASK …",
    "delete": "signoff projects delete {id}",
}


class Command(BaseModel):
    """One stored command. Its `request_id` is unique in its project."""

    id: str
    project_id: str
    request_id: str
    kind: DecisionKind
    actor: str
    comment: str = ""
    payload: dict[str, Any] = Field(default_factory=dict)
    plan_version: int | None = None
    plan_digest: str | None = None
    run_id: str | None = None
    at: str

    @property
    def request(self) -> DecisionRequest:
        """The request in this command that the project must decide."""
        return DecisionRequest.model_validate(self.model_dump(include=set(DecisionRequest.model_fields)))

    def check_run(self, run_id: str | None, *, running: bool) -> None:
        """Refuse the command if it was sent for a run earlier than `run_id`.

        Raises:
            Conflict: `run_changed`.
        """
        # A second retry finds the run that the first one started. The table of calls refuses it with its own message.
        late = self.run_id != run_id and not (self.kind == DecisionKind.RETRY_RUN and running)
        if self.kind in _OF_ONE_RUN and late:
            raise Conflict(
                "A new run has started since you sent this. Check the project, then try again.", code="run_changed"
            )


def unknown_command(signal: str, project_id: str) -> DomainError:
    """The error for a signal whose command is not stored for this project, or is of a different kind."""
    message = f"The signal '{signal}' does not name a stored command of its kind in this project."
    return Forbidden(f"{message} {_advice(signal, project_id)}", code="unknown_command")


def not_by_hand(signal: str, project_id: str) -> DomainError:
    """The error for a signal that carries anything other than the id of a command."""
    message = f"Temporal does not authenticate the senders of signals, so '{signal}' is not accepted from there."
    return Forbidden(f"{message} {_advice(signal, project_id)}", code="signal_not_authenticated")


def _advice(signal: str, project_id: str) -> str:
    return f"Use `{_CLI[signal].format(id=project_id)}`."
