"""The outputs that conditions of the plan read. A task that ends without one of them has failed."""

from __future__ import annotations

from app.database.database import Database
from app.domain.actions import TaskFailed
from app.storage import needs
from app.storage.tasks import TaskRow
from signoff.schemas.json_value import JsonObject


async def check_read_outputs(database: Database, task: TaskRow, outputs: JsonObject, exit_code: int | None) -> None:
    """Make sure that a task has the outputs on which others have a condition. Otherwise, those would be skipped silently.

    Raises:
        TaskFailed: `output_missing`.
    """
    readers = await database.read(lambda conn: needs.readers_of(conn, task))
    absent = {name: keys for name, keys in readers.items() if name not in outputs}
    if absent:
        named = "; ".join(f"'{name}' (a condition of {', '.join(keys)})" for name, keys in absent.items())
        there = ", ".join(outputs) or "none"
        message = f"The task ended without an output that the plan reads: {named}. Its outputs: {there}."
        raise TaskFailed("output_missing", message, outputs=outputs, exit_code=exit_code)
