"""Reads activity results with care, because an operator can complete an activity in Temporal with any result.

A result that does not decode would fail the workflow task forever. Results are therefore decoded here, and one that Signoff did
not produce is treated as missing.
"""

from __future__ import annotations

from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from workflows.options import ActivityOptions

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


async def execute_record(activity: str, argument: Any, *, result_type: type[T], **options: Any) -> T:
    """Execute an activity that is safe to repeat, again and again until its result is one that Signoff produced.

    Raises:
        ActivityError: the activity failed.
    """
    chosen: ActivityOptions = {**options}  # pyright: ignore[reportAssignmentType] - as `workflows.options` makes them
    while True:
        raw: RawValue | None = await workflow.execute_activity(activity, argument, result_type=RawValue, **chosen)
        result = decoded(raw, result_type)
        if result is not None:
            return result
        workflow.logger.warning(
            "activity %s was completed with a result that is not Signoff's; it runs again", activity
        )
