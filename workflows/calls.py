"""Calls activities, and reads their results with care: an operator can complete an activity in Temporal with any result.

Steps on which somebody waits, and which only read or write the database, are first tried within the workflow task, by the worker
that has it (a local activity). The server hands out nothing then, and the next step follows at once. If that fails, the step is
an activity like any other.

A result that does not decode would fail the workflow task forever. Results are therefore decoded here, and one that Signoff did
not produce is treated as missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any, TypeVar, cast, get_type_hints

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from workflows.options import ActivityOptions, local_options

A = TypeVar("A")
T = TypeVar("T")
# A run that began before this change is replayed without it.
LOCAL_RECORDS = "local-records"


def decoded(raw: RawValue | None, result_type: type[T]) -> T | None:
    """Decode the result of an activity that was executed with `RawValue` as its type. None if Signoff did not produce it."""
    if raw is None:
        return None
    try:
        value: Any = workflow.payload_converter().from_payload(raw.payload, result_type)
    except Exception:  # noqa: BLE001 - a foreign payload can make the converter raise anything
        return None
    return value if isinstance(value, result_type) else None


async def execute(
    method: Callable[[Any, A], Awaitable[T]], argument: A, options: ActivityOptions, *, local: bool = False
) -> T:
    """Execute an activity that is safe to repeat, again and again until its result is one that Signoff produced.

    `method` is a method of a class in `workflows.activity_types`. The SDK's `execute_activity_method` would decode the result
    itself, and fail the workflow task if that is not possible. `local`: try it once within the workflow task first. Requests
    that arrive meanwhile wait, so it must be short. If the workflow task is lost, all of its steps are made again, and meanwhile
    the record may have changed. The end of a phase or a run must therefore not be local: people can change a finished project.

    Raises:
        ActivityError: the activity failed.
    """
    name, result_type = method.__name__, cast("type[T]", _result_type(method))
    local = local and workflow.patched(LOCAL_RECORDS)
    while True:
        raw = await _locally(name, argument, options) if local else None
        if raw is None:
            raw = await workflow.execute_activity(name, argument, result_type=RawValue, **options)
        result = decoded(raw, result_type)
        if result is not None:
            return result
        local = False
        workflow.logger.warning("activity %s was completed with a result that is not Signoff's; it runs again", name)


@cache
def _result_type(method: Callable[..., object]) -> object:
    return get_type_hints(method)["return"]


async def _locally(name: str, argument: object, options: ActivityOptions) -> RawValue | None:
    """Execute an activity within the workflow task. None if that failed for any reason: the activity then says why.

    Raises:
        CancelledError: the caller was cancelled.
    """
    try:
        return await workflow.execute_local_activity(
            name, argument, result_type=RawValue, **local_options(options.get("summary", name))
        )
    except FailureError:
        # A replay raises the failure without an `ActivityError` around it, so nothing may depend on what was raised. A worker
        # that stops also cancels the attempt, but the step must still be carried out.
        caller = asyncio.current_task()
        if caller is not None and caller.cancelling():
            raise asyncio.CancelledError from None
        return None
