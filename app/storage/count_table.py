"""The table in which projects are counted."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Integer, String, Table, text

from app.storage.columns import POSITION, metadata

# How many projects have each status, in the archive and outside of it: the sum of the numbers. Triggers on `projects` add a row
# for every change, because a row that is changed in place would make all transactions wait for one another. A sweep merges the
# rows.
project_counts = Table(
    "project_counts",
    metadata,
    Column("position", POSITION, primary_key=True),
    Column("status", String(16), nullable=False),
    Column("number", Integer, nullable=False),
    Column("archived", Boolean, nullable=False, server_default=text("false")),
    sqlite_autoincrement=True,
)
