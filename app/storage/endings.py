"""How a run has ended, as its event says it."""

from __future__ import annotations

from typing import TypedDict

from sqlalchemy import Connection

from app.storage import gates, tasks
from app.storage.attempts import skipped_after_failing
from app.storage.projects import Failure, ProjectRow
from signoff.schemas.event_data import ProjectCancelled, ProjectCompleted, ProjectEnded, ProjectFailed
from signoff.vocabulary import Outcome, ProjectStatus


class _Cause(TypedDict, total=False):
    failure: dict[str, object]


def end_of(
    conn: Connection, project: ProjectRow, status: ProjectStatus, failure: Failure | None
) -> tuple[Outcome | None, ProjectEnded]:
    """Return the outcome of a run that ends with this status, and its event. The tasks have their last status already."""
    counts = tasks.count_by_status(conn, project.id)
    cause: _Cause = {"failure": {**failure}} if failure is not None else {}
    if status == ProjectStatus.FAILED:
        return None, ProjectFailed(run_id=project.run_id, tasks=counts, **cause)
    if status == ProjectStatus.CANCELLED:
        if failure is None and gates.has_expired(conn, project):
            return Outcome.EXPIRED, ProjectCancelled(run_id=project.run_id, tasks=counts, outcome=Outcome.EXPIRED)
        return None, ProjectCancelled(run_id=project.run_id, tasks=counts, **cause)
    skipped = skipped_after_failing(conn, project.id)
    if not skipped:
        return None, ProjectCompleted(run_id=project.run_id, tasks=counts, **cause)
    outcome = Outcome.SKIPPED_FAILURES
    return outcome, ProjectCompleted(run_id=project.run_id, tasks=counts, outcome=outcome, skipped_failures=skipped)
