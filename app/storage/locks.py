"""Locks that decide who may write at the same time.

On SQLite each write transaction has the whole database to itself, so what it reads stays true until it commits. On PostgreSQL
several run at once, and a transaction must lock a project before it reads what it decides on. The lookups that decisions
begin with (`find` of projects, tasks and plans) take that lock. A project is always locked before anything that belongs to
it, so no two transactions wait for each other.
"""

from __future__ import annotations

from hashlib import blake2b

from sqlalchemy import Connection, bindparam, func, select

from app.database.held import must_hold
from app.storage.tables import projects

# This lock mode does not block rows of other tables that refer to the project.
_HOLD = select(projects.c.id).where(projects.c.id == bindparam("of_project")).with_for_update(key_share=True)
_HOLD_NAME = select(func.pg_advisory_xact_lock(bindparam("number")))


def hold_project(conn: Connection, project_id: str) -> None:
    """Keep other write transactions off a project until this one ends. Has no effect in a read."""
    if must_hold(conn, project_id):
        conn.execute(_HOLD, {"of_project": project_id})


def hold_workspace(conn: Connection, workspace: str) -> None:
    """Keep other write transactions from deciding which run may use a workspace until this one ends."""
    if must_hold(conn, f"workspace {workspace}"):
        number = int.from_bytes(blake2b(workspace.encode(), digest_size=8).digest(), signed=True)
        conn.execute(_HOLD_NAME, {"number": number})
