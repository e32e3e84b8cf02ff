"""The table that says which policies are in force."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table

from app.storage.columns import metadata

# The digest of the app's policies, in one row; empty until an app starts. A worker with others must not say who signs.
policies_in_force = Table(
    "policies_in_force",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False),
    Column("set_at", String(32), nullable=False),
)
