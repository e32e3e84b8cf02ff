"""Who may write to what at the same time.

On SQLite every write transaction has the whole database to itself, so what it reads stays true until it commits. Elsewhere
several run at once, and one must hold a project before it reads what it decides on: the lookups that decisions begin with
(`find` of projects, tasks and plans) take the lock. A project comes before anything that belongs to it, so no two wait
for each other.
"""

from __future__ import annotations

from hashlib import blake2b

from sqlalchemy import Connection, bindparam, func, select

from app.storage.tables import projects

# The execution option with what a write transaction holds: only the connections of a database whose writers run side by
# side have it, and of these only those that write.
HELD = "signoff_held"

# Does not hold up rows of other tables that refer to the project.
_HOLD = select(projects.c.id).where(projects.c.id == bindparam("of_project")).with_for_update(key_share=True)
_HOLD_NAME = select(func.pg_advisory_xact_lock(bindparam("number")))


def must_hold(conn: Connection, name: str) -> bool:
    """Whether the caller has to lock `name` now; asked again in the same transaction, the answer is no."""
    held: set[str] | None = conn.get_execution_options().get(HELD)
    if held is None or name in held:
        return False
    held.add(name)
    return True


def hold_project(conn: Connection, project_id: str) -> None:
    """Keep other write transactions off a project until this one ends; in a read it does nothing."""
    if must_hold(conn, project_id):
        conn.execute(_HOLD, {"of_project": project_id})


def hold_workspace(conn: Connection, workspace: str) -> None:
    """Keep other write transactions from deciding who may run in a workspace until this one ends."""
    if must_hold(conn, f"workspace {workspace}"):
        number = int.from_bytes(blake2b(workspace.encode(), digest_size=8).digest(), signed=True)
        conn.execute(_HOLD_NAME, {"number": number})
