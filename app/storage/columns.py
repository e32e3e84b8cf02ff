"""What the definitions of several tables share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement, ForeignKey, Index, Integer, MetaData, String, TextClause

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# The type of a column that numbers the rows of a table. On SQLite only an INTEGER column increments automatically. It has 64
# bits there.
POSITION = BigInteger().with_variant(Integer, "sqlite")


def project_id(*, primary_key: bool = False) -> Column[str]:
    """Return the column that says which project a row belongs to. The row is deleted with the project."""
    return Column(
        "project_id",
        String(64),
        ForeignKey("projects.id", ondelete="CASCADE"),
        nullable=False,
        primary_key=primary_key,
    )


def origin() -> tuple[Column[str], ...]:
    """Return the columns beside the name of an actor: the id that never changes, by which means, from where, in which session."""
    return (
        Column("actor_id", String(64)),
        Column("via", String(16)),
        Column("address", String(64)),
        Column("session_id", String(64)),
    )


def partial_index(name: str, *columns: str | ColumnElement[Any], where: TextClause) -> Index:
    """Return an index of only the rows that meet a condition.

    The condition is given for SQLite alone. Migrations create the index on PostgreSQL too, but a condition for it here would load
    all of its types in every process.
    """
    return Index(name, *columns, sqlite_where=where)
