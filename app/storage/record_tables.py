"""The tables of the record: events, the seals over them, and what remains of a deleted project."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from app.storage.columns import POSITION, metadata, origin, partial_index, project_id

events = Table(
    "events",
    metadata,
    Column("position", POSITION, primary_key=True, autoincrement=True),
    project_id(),
    Column("seq", Integer, nullable=False),
    Column("type", String(64), nullable=False),
    Column("at", String(32), nullable=False),
    Column("actor", Text, nullable=False),
    *origin(),
    Column("data", JSON, nullable=False),
    Column("hash", String(64), nullable=False),
    # The app's signature over the event, if the app wrote it. Events that workers write have none.
    Column("seal", Text),
    UniqueConstraint("project_id", "seq"),
    sqlite_autoincrement=True,
)

# What the app has signed of each project's chain of events, batch by batch (`app.domain.seals`).
seals = Table(
    "seals",
    metadata,
    Column("position", POSITION, primary_key=True, autoincrement=True),
    project_id(),
    Column("number", Integer, nullable=False),
    # The last event that it covers.
    Column("seq", Integer, nullable=False),
    Column("body", JSON, nullable=False),
    UniqueConstraint("project_id", "number"),
    Index("ix_seals_project_seq", "project_id", "seq"),
    sqlite_autoincrement=True,
)

# What remains of a deleted project.
tombstones = Table(
    "tombstones",
    metadata,
    Column("position", POSITION, primary_key=True, autoincrement=True),
    Column("project_id", String(64), nullable=False, unique=True),
    Column("deleted_at", String(32), nullable=False),
    Column("deleted_by", Text, nullable=False),
    # The last event, project.deleted, and the head of the chain that it closes.
    Column("event", JSON, nullable=False),
    Column("head", String(64), nullable=False),
    # {"seal": the app's signature over the event, "command": the row of the delete command}; the rows themselves are gone.
    Column("proof", JSON(none_as_null=True)),
    # The project's last seal.
    Column("seal", JSON(none_as_null=True)),
    # The labels that the project had, so that its readers learn that it is gone; null in old rows.
    Column("labels", JSON(none_as_null=True)),
    partial_index("ix_tombstones_unsealed", "position", where=text("seal IS NULL")),
    sqlite_autoincrement=True,
)
