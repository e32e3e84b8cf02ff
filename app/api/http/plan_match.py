"""If-Match on changes of a plan: its tag is its digest."""

from __future__ import annotations

from sqlalchemy import Connection

from app.api.http.actor import is_decided
from app.api.http.any_request import AnyRequest
from app.api.http.preconditions import check_match, wanted_tags
from app.storage import plans, projects, proposals


def plan_to_match(conn: Connection, request: AnyRequest, project_id: str) -> str | None:
    """The digest of the plan that If-Match requires, so that the decision detects a later change; None without If-Match.

    The plan is the version that waits for approval or, if none does, the current one.

    Raises:
        BadRequest: If-Match is not a list of quoted tags.
        PreconditionFailed: If-Match does not name the current plan.
    """
    project = projects.get(conn, project_id)
    tags = wanted_tags(request)
    if tags is None or is_decided(conn, request, project_id):
        return None
    version = proposals.version_waiting(conn, project) or project.plan_version
    plan = plans.find(conn, project_id, version) if version is not None else None
    digest: str | None = plan.digest if plan is not None else None
    check_match(tags, digest)
    return digest
