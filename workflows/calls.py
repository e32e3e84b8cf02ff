"""Calls activities, and reads their results with care: an operator can complete an activity in Temporal with any result.

A result that does not decode would fail the workflow task forever. Results are therefore decoded here, and one that Signoff did
not produce is treated as missing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, get_type_hints

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from workflows.options import ActivityOptions

A = TypeVar("A")
T = TypeVar("T")


def decoded(raw: RawValue | None, result_type: type[T]) -> T | None:
    """Decode the result of an activity that was executed with `RawValue` as its type. None if Signoff did not produce it."""
    if raw is None:
        return None
    try:
        value: Any = workflow.payload_converter().from_payload(raw.payload, result_type)
    except Exception:  # noqa: BLE001 - a foreign payload can make the converter raise anything
        return None
    return value if isinstance(value, result_type) else None


async def execute(method: Callable[[Any, A], Awaitable[T]], argument: A, options: ActivityOptions) -> T:
    """Execute an activity that is safe to repeat, again and again until its result is one that Signoff produced.

    `method` is a method of a class in `workflows.activity_types`. The SDK's `execute_activity_method` would decode the result
    itself, and fail the workflow task if that is not possible.

    Raises:
        ActivityError: the activity failed.
    """
    name, result_type = method.__name__, get_type_hints(method)["return"]
    while True:
        raw: RawValue | None = await workflow.execute_activity(name, argument, result_type=RawValue, **options)
        result = decoded(raw, result_type)
        if result is not None:
            return result
        workflow.logger.warning("activity %s was completed with a result that is not Signoff's; it runs again", name)
