"""The outputs that conditions of the plan read. A task that ends without one of them has failed."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.actions import TaskFailed
from signoff.schemas.json_value import JsonObject


def check_read_outputs(readers: Mapping[str, list[str]], outputs: JsonObject, exit_code: int | None) -> None:
    """Make sure that a task has the outputs on which others have a condition. Otherwise, those would be skipped silently.

    Args:
        readers: the outputs that are read, with the keys of the tasks and phases that read them.
        outputs: what the task has made.
        exit_code: its exit code.

    Raises:
        TaskFailed: `output_missing`.
    """
    absent = {name: keys for name, keys in readers.items() if name not in outputs}
    if absent:
        named = "; ".join(f"'{name}' (a condition of {', '.join(keys)})" for name, keys in absent.items())
        there = ", ".join(outputs) or "none"
        message = f"The task ended without an output that the plan reads: {named}. Its outputs: {there}."
        raise TaskFailed("output_missing", message, outputs=outputs, exit_code=exit_code)
