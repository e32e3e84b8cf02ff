"""Signals that came through Temporal without a stored command: who sent them, and why they are refused."""

from __future__ import annotations

from app.domain.errors import DomainError, Forbidden

# Actor of a signal that came through Temporal without a command. Anybody who can reach Temporal's port can send one.
UNAUTHENTICATED = "temporal (unauthenticated)"
# Actor of what Signoff decides by itself.
OWN_ACTOR = "signoff"
# Prefix of the request id of commands that came in such a signal.
BY_HAND = "manual:"

_CLI: dict[str, str] = {
    "plan": "signoff projects plan {id} --generate` or `signoff projects regenerate {id}",
    "approve": "signoff projects approve {id}",
    "cancel": "signoff projects cancel {id}",
    "answer": "signoff decisions answer {id} DECISION ANSWER` or `signoff tasks complete {id} TASK",
    "pause": "signoff projects pause {id}",
    "resume": "signoff projects resume {id}",
    "retry": "signoff projects retry {id}",
    "edit": "signoff tasks add {id} …` or `signoff tasks edit {id} TASK …",
    "discard": "signoff projects discard-edit {id}",
    "request_changes": "signoff projects request-changes {id} -m …",
    "reject": "signoff projects reject {id} -m …",
    "delete": "signoff projects delete {id}",
}


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
