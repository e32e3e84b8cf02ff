"""Starts Temporal's dev server for tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from temporalio.testing import WorkflowEnvironment

from app.temporal import devserver

# The SDK's default is 5 s, which is too little on a busy machine.
_STARTS_WITHIN = timedelta(seconds=60)


async def started_server(arguments: Sequence[str] | None = None) -> WorkflowEnvironment:
    """Start a dev server with these arguments, by default those that tune it for Signoff.

    Raises:
        RuntimeError: it does not start.
    """
    return await WorkflowEnvironment.start_local(
        dev_server_existing_path=devserver.binary(),
        dev_server_extra_args=devserver.tuning_args() if arguments is None else arguments,
        dev_server_startup_timeout=_STARTS_WITHIN,
    )
