"""Conditions for when projects were created and last changed."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement

from app.storage.tables import projects


@dataclass(frozen=True, slots=True)
class Dates:
    """When projects were created and last changed: from the time `after` on, and earlier than the time `before`.

    Times have the format of the database. None: no limit.
    """

    created_after: str | None = None
    created_before: str | None = None
    updated_after: str | None = None
    updated_before: str | None = None

    def given(self) -> list[tuple[str, str]]:
        """The limits, by name."""
        return [(name, value) for name in self.__slots__ if (value := getattr(self, name)) is not None]

    def conditions(self) -> list[ColumnElement[bool]]:
        """The conditions that a project must meet; none if there is no limit."""
        created, updated = projects.c.created_at, projects.c.updated_at
        return [
            *([] if self.created_after is None else [created >= self.created_after]),
            *([] if self.created_before is None else [created < self.created_before]),
            *([] if self.updated_after is None else [updated >= self.updated_after]),
            *([] if self.updated_before is None else [updated < self.updated_before]),
        ]
