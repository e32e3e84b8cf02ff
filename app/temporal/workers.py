"""The identity that a worker reports to Temporal. Temporal lists it for every polling worker, and the app reads it there."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass

_UNSANDBOXED = re.compile(r" \(tasks run unsandboxed as (.+)\)$")


@dataclass(frozen=True)
class Workers:
    """The workers that serve a task queue.

    Attributes:
        count: the number of workers.
        unsandboxed: the users as whom tasks run without a sandbox, sorted.
    """

    count: int
    unsandboxed: tuple[str, ...]


def identity_of_worker(unsandboxed_as: str | None) -> str:
    """Return the identity of this process.

    Args:
        unsandboxed_as: the user as whom its tasks run, if no sandbox confines them.
    """
    weakness = f" (tasks run unsandboxed as {unsandboxed_as})" if unsandboxed_as is not None else ""
    return f"{os.getpid()}@{socket.gethostname()}{weakness}"


def workers_of(identities: set[str]) -> Workers:
    """Summarize the workers with these identities."""
    users = {user for identity in identities if (user := unsandboxed_user(identity)) is not None}
    return Workers(len(identities), tuple(sorted(users)))


def unsandboxed_user(identity: str) -> str | None:
    """Return the user as whom this worker's tasks run unsandboxed, or None if a sandbox confines them."""
    match = _UNSANDBOXED.search(identity)
    return match[1] if match else None
