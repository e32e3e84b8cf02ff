"""What the person of a link is told about the gate at which they sign."""

from __future__ import annotations

from sqlalchemy import Connection

from app.api.views import gates as views
from app.domain.sender import Sender
from app.domain.signing_links import Signable
from app.storage import signable
from app.storage.projects import ProjectRow
from app.storage.signing_links import SigningLink
from signoff.schemas.gates import Gate


def gate_for_link(conn: Connection, project: ProjectRow, link: SigningLink, reader: Sender) -> Gate | None:
    """The gate, if policies are about it, with whether the person may approve."""
    row = signable.gate_of(conn, project, Signable(link.plan_version, link.plan_digest, link.phase_id))
    if row is None:
        return None
    why = signable.why_not(conn, project, row, reader, link.created_by_id)
    told = why.info.message if why is not None else None
    return views.shown(conn, row).model_copy(update={"may_approve": why is None, "why_not": told})
