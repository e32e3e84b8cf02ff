"""The table in which projects are counted."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table

from app.storage.columns import POSITION, metadata

# How many projects have each status: the sum of the numbers. Triggers on `projects` add a row for every change, because a row
# that is changed in place would make all transactions wait for one another. A sweep merges the rows.
project_counts = Table(
    "project_counts",
    metadata,
    Column("position", POSITION, primary_key=True),
    Column("status", String(16), nullable=False),
    Column("number", Integer, nullable=False),
    sqlite_autoincrement=True,
)
