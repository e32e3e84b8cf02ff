"""The labels of projects, by which they are found and to which roles are bound."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, Text, cast, false, or_, select

from app.storage.tables import projects


def labels_of(conn: Connection, project_id: str) -> list[str] | None:
    """Return the labels of a project; None if there is no such project, or no longer."""
    return conn.execute(select(projects.c.labels).where(projects.c.id == project_id)).scalar_one_or_none()


def has_label(labels: Collection[str]) -> ColumnElement[bool]:
    """A condition for projects that have one of the labels."""
    # Labels have no quotes, and JSON puts each between two.
    stored = cast(projects.c.labels, Text)
    return or_(false(), *(stored.contains(f'"{label}"', autoescape=True) for label in sorted(labels)))
