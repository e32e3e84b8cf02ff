"""The files that a task must make. A task that ends without one of them has failed."""

from __future__ import annotations

import asyncio

from app.domain.actions import TaskContext, TaskFailed
from app.workspace.files import empty, missing
from signoff.schemas.json_value import JsonObject


async def missing_products(context: TaskContext) -> list[str]:
    """The files that the task must make, and that are not there."""
    expected = context.expected_files
    return await asyncio.to_thread(missing, context.workspace, expected) if expected else []


async def check_products(context: TaskContext, outputs: JsonObject, exit_code: int | None = None) -> None:
    """Make sure that the task has made its files.

    Raises:
        TaskFailed: `file_missing`.
    """
    absent = await missing_products(context)
    if absent:
        message = f"The task ended without making {', '.join(absent)}, which the plan expects from it."
        raise TaskFailed("file_missing", message, outputs=outputs, exit_code=exit_code)


async def empty_products(context: TaskContext) -> list[str]:
    """The files that the task must make, and that are there with nothing in them."""
    expected = context.expected_files
    return await asyncio.to_thread(empty, context.workspace, expected) if expected else []


async def check_written(context: TaskContext, outputs: JsonObject) -> None:
    """Make sure that a model has made the task's files, and has written something into each.

    A command may mean an empty file, such as a list without entries. A model that leaves one has not done its work.

    Raises:
        TaskFailed: `file_missing` or `file_empty`.
    """
    await check_products(context, outputs)
    if left := await empty_products(context):
        message = f"The task left {', '.join(left)} empty, although the plan expects content."
        raise TaskFailed("file_empty", message, outputs=outputs)
