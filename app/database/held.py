"""What a write transaction holds, on databases whose writers run side by side."""

from __future__ import annotations

from sqlalchemy import Connection

# The execution option that lists what a write transaction has locked. Only writing connections have it, and only on databases
# that run several writers at once.
HELD = "signoff_held"


def must_hold(conn: Connection, name: str) -> bool:
    """Whether the caller must lock `name` now. In the same transaction, a second call returns False."""
    held: set[str] | None = conn.get_execution_options().get(HELD)
    if held is None or name in held:
        return False
    held.add(name)
    return True
