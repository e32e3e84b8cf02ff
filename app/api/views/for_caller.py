"""Adds to a project what its reader may do with it."""

from __future__ import annotations

from app.domain.people import ROLE_FOR, Access
from signoff.schemas.projects import Project
from signoff.vocabulary import Scope


def for_caller(project: Project, access: Access) -> Project:
    """The project with what its reader may do: `may`, and `may_approve` of the gate at which it waits."""
    may = [scope for scope in ROLE_FOR if access.may(scope, project.labels)]
    gate = project.gate
    if gate is not None:
        gate = gate.model_copy(update={"may_approve": Scope.APPROVE in may})
    return project.model_copy(update={"may": may, "gate": gate})
