"""The files that a task must make. A task that ends without one of them has failed."""

from __future__ import annotations

import asyncio

from app.domain.actions import TaskContext, TaskFailed
from app.workspace.files import missing
from signoff.schemas.json_value import JsonObject


async def missing_products(context: TaskContext) -> list[str]:
    """The files that the task must make, and that are not there."""
    return await asyncio.to_thread(missing, context.workspace, context.expected_files)


async def check_products(context: TaskContext, outputs: JsonObject, exit_code: int | None = None) -> None:
    """Make sure that the task has made its files.

    Raises:
        TaskFailed: `file_missing`.
    """
    absent = await missing_products(context)
    if absent:
        message = f"The task ended without making {', '.join(absent)}, which the plan expects from it."
        raise TaskFailed("file_missing", message, outputs=outputs, exit_code=exit_code)
