"""The sender of a request in its handlers, and whether they may do what they ask for."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from litestar.connection import ASGIConnection

from app.domain.errors import Forbidden, NotFound
from app.domain.people import ROLE_FOR, Caller
from signoff.vocabulary import Scope

# The key in a request's state; None if the address is open to all and the sender unknown.
CALLER = "caller"
AnyConnection = ASGIConnection[Any, Any, Any, Any]


def caller_of(connection: AnyConnection) -> Caller:
    """The sender of a request, as the gateway determined it.

    Raises:
        RuntimeError: the sender is unknown because the address needs no key. Handlers there must not need a sender.
    """
    caller = known_caller(connection)
    if caller is None:
        raise RuntimeError("this operation needs a sender, but the sender of the request is unknown")
    return caller


def known_caller(connection: AnyConnection) -> Caller | None:
    """The sender of a request, or None at an address that is open to all."""
    caller: Caller | None = connection.scope["state"].get(CALLER)
    return caller


def refusal(caller: Caller, *needed: Scope, where: str = "") -> Forbidden:
    """The error for a sender who has none of the needed scopes."""
    roles = [ROLE_FOR[scope].value for scope in needed]
    held = sorted({_named(grant.role.value, grant.labels) for grant in caller.access.grants})
    message = (
        f"This needs the role {' or '.join(roles)}{where}. {caller.actor} has "
        f"{', '.join(held) if held else 'no role'}. An administrator can change that."
    )
    return Forbidden(message, code="role_needed", context={"needs": roles, "has": held})


def require(connection: AnyConnection, labels: Collection[str], *needed: Scope) -> None:
    """Check that the sender has one of the scopes for a project with these labels.

    Raises:
        NotFound: they may not even read the project.
        Forbidden: `role_needed`: they may read it only.
    """
    caller = caller_of(connection)
    if not any(caller.access.may(scope, labels) for scope in needed):
        raise refusal(caller, *needed, where=" for this project")


def hidden(project_id: str) -> NotFound:
    """The error for a project that the sender may not read: as if it did not exist."""
    return NotFound(f"There is no project {project_id[:64]}.", code="project_not_found")


def _named(role: str, labels: Collection[str]) -> str:
    return f"{role} of {', '.join(labels)}" if labels else role
