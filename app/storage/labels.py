"""The labels of projects, by which they are found and to which roles are bound."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import JSON, Column, ColumnElement, Connection, Text, cast, false, or_, select

from app.storage.tables import projects


def labels_of(conn: Connection, project_id: str) -> list[str] | None:
    """Return the labels of a project; None if there is no such project, or no longer."""
    return conn.execute(select(projects.c.labels).where(projects.c.id == project_id)).scalar_one_or_none()


def has_label(labels: Collection[str], column: Column[JSON] = projects.c.labels) -> ColumnElement[bool]:
    """A condition for rows that have one of the labels: projects, or what another table keeps of them in `column`."""
    # Labels have no quotes, and JSON puts each between two.
    stored = cast(column, Text)
    return or_(false(), *(stored.contains(f'"{label}"', autoescape=True) for label in sorted(labels)))
