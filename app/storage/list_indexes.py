"""The indexes of the list of projects, which has two parts: the archive, and what is outside of it."""

from __future__ import annotations

from sqlalchemy import TextClause, text

from app.storage.columns import partial_index
from app.storage.tables import projects

# Queries use these same texts as the indexes: with parameters, a database may not see that they match.
IS_SHOWN = text("archived_at IS NULL")
IS_ARCHIVED = text("archived_at IS NOT NULL")


def _of_each_order(suffix: str, part: TextClause) -> None:
    """An index for each order of the list, alone and within a status. A list of keys reads nothing but the index."""
    columns = projects.c
    for name, key in {
        "created": [columns.created_at, columns.id],
        "updated": [columns.updated_at, columns.id],
        "name": [columns.name_key, columns.id],
        "status_created": [columns.status, columns.created_at.desc(), columns.id.desc()],
        "status_updated": [columns.status, columns.updated_at, columns.id],
        "status_name": [columns.status, columns.name_key, columns.id],
    }.items():
        partial_index(f"ix_projects_{name}{suffix}", *key, columns.archived_at, where=part)


# A list of one part costs the same however many projects are in the other.
_of_each_order("", IS_SHOWN)
_of_each_order("_archived", IS_ARCHIVED)
