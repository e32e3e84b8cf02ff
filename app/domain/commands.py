"""Commands: what people ask of a project, stored by the app before the project's workflow hears of it.

A signal is only a doorbell. It carries the id of a command; who asks, for what, and for which plan is in the database alone.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from app.domain.decisions import TASK_ANSWERS, DecisionKind, DecisionRequest
from app.domain.errors import Conflict, DomainError, Forbidden

# Who decided what came through Temporal without a command: anybody who reaches its port can send that.
UNAUTHENTICATED = "temporal (unauthenticated)"
# Decisions that came without a command have request ids that begin so.
BY_HAND = "manual:"

_K = DecisionKind
# The kinds of command that each signal may announce; the first stands for a signal that names none.
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
# Sent by hand, these are obeyed: they only make things stop.
STOPPING = frozenset({_K.CANCEL, _K.PAUSE})
# These are about one run, and mean nothing in the next.
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
    """One command, as it is stored; `request_id` is unique in its project."""

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
        """What is to be decided."""
        return DecisionRequest.model_validate(self.model_dump(include=set(DecisionRequest.model_fields)))

    def check_run(self, run_id: str | None, *, running: bool) -> None:
        """Make sure that the command is not about an earlier run than `run_id`.

        Raises:
            Conflict: `run_changed`.
        """
        # A retry that comes second finds the run of the first, and is told so by the table of calls.
        late = self.run_id != run_id and not (self.kind == DecisionKind.RETRY_RUN and running)
        if self.kind in _OF_ONE_RUN and late:
            raise Conflict("Another run has started since this was asked for; ask again.", code="run_changed")


def unknown_command(signal: str, project_id: str) -> DomainError:
    """The refusal of a signal whose command is not stored for this project, or is of another kind."""
    said = f"The signal '{signal}' names no command of this kind that is stored for this project."
    return Forbidden(f"{said} {_advice(signal, project_id)}", code="unknown_command")


def not_by_hand(signal: str, project_id: str) -> DomainError:
    """The refusal of a signal that carries anything but the id of a command."""
    said = f"Temporal does not authenticate who sends a signal, so '{signal}' is not accepted from there."
    return Forbidden(f"{said} {_advice(signal, project_id)}", code="signal_not_authenticated")


def _advice(signal: str, project_id: str) -> str:
    return f"Use `{_CLI[signal].format(id=project_id)}`."
