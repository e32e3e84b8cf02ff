"""Starts Temporal's dev server for tests."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from temporalio.testing import WorkflowEnvironment

from app.temporal import devserver

# The SDK gives a server 5 s to start, which is too little on a busy machine.
_TRIES = 6


async def started_server(arguments: Sequence[str] | None = None) -> WorkflowEnvironment:
    """Start a dev server with these arguments, by default those that tune it for Signoff.

    Raises:
        RuntimeError: it does not start.
    """
    given = devserver.tuning_args() if arguments is None else arguments
    for _ in range(_TRIES - 1):
        with suppress(RuntimeError):
            return await _start(given)
    return await _start(given)


async def _start(arguments: Sequence[str]) -> WorkflowEnvironment:
    return await WorkflowEnvironment.start_local(
        dev_server_existing_path=devserver.binary(), dev_server_extra_args=arguments
    )
