"""Adds to a project what its reader may do with it."""

from __future__ import annotations

from sqlalchemy import Connection

from app.api.views.gates import for_reader, gate_of_phase
from app.domain.people import ROLE_FOR, Caller
from app.storage.projects import ProjectRow
from signoff.schemas.projects import Project


def for_caller(conn: Connection, row: ProjectRow, project: Project, caller: Caller) -> Project:
    """The project with what its reader may do: `may`, and `may_approve` of everything that waits for approval."""
    may = [scope for scope in ROLE_FOR if caller.access.may(scope, project.labels)]
    waiting = [for_reader(conn, row, gate, caller, caller.access) for gate in project.gates]
    return project.model_copy(update={"may": may, "gates": waiting, "gate": gate_of_phase(waiting)})
