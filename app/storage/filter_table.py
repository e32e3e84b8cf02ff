"""The table of saved filters."""

from __future__ import annotations

from sqlalchemy import JSON, Column, String, Table, Text, UniqueConstraint

from app.storage.columns import metadata

filters = Table(
    "filters",
    metadata,
    Column("id", String(64), primary_key=True),
    # The id of a person or a key; empty: of the installation.
    Column("owner", String(64), nullable=False),
    Column("name", Text, nullable=False),
    # The name without differences of case.
    Column("name_key", String(200), nullable=False),
    # Parameters of the list of projects, by name.
    Column("conditions", JSON, nullable=False),
    Column("created_at", String(32), nullable=False),
    UniqueConstraint("owner", "name_key"),
)
