"""Who made a plan version or uploaded a file, from the events that report it."""

from __future__ import annotations

from sqlalchemy import Connection

from app.storage import events
from app.storage.projects import ProjectRow
from signoff.schemas.events import Event
from signoff.schemas.senders import SentBy
from signoff.vocabulary import EventType


def creators(conn: Connection, project: ProjectRow) -> dict[int, SentBy]:
    """Return who made each plan version, or had it made, by the number of the version."""
    types = (EventType.PLAN_GENERATING, EventType.PLAN_READY)
    found: dict[int, SentBy] = {}
    for event in events.of_types(conn, project.id, types, up_to=project.last_seq):
        version = event.data.get("plan_version")
        if isinstance(version, int):
            # The second event of a version, if there are two, is by the planner.
            found.setdefault(version, _sender(event))
    return found


def uploaders(conn: Connection, project: ProjectRow) -> dict[str, SentBy]:
    """Return who uploaded each file last, by its path."""
    uploads = events.of_types(conn, project.id, (EventType.FILE_UPLOADED,), up_to=project.last_seq)
    return {str(event.data.get("path")): _sender(event) for event in uploads}


def _sender(event: Event) -> SentBy:
    return SentBy(**{name: getattr(event, name) for name in SentBy.model_fields})
