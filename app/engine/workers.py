"""What a worker says of itself to Temporal, which shows it for every worker that asks for work: the app reads it there."""

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
        count: how many there are.
        unsandboxed: the users as whom tasks run where no sandbox confines them, in order.
    """

    count: int
    unsandboxed: tuple[str, ...]


def identity_of_worker(unsandboxed_as: str | None) -> str:
    """The identity of this process.

    Args:
        unsandboxed_as: the user as whom its tasks run, where no sandbox confines them.
    """
    weakness = f" (tasks run unsandboxed as {unsandboxed_as})" if unsandboxed_as is not None else ""
    return f"{os.getpid()}@{socket.gethostname()}{weakness}"


def workers_of(identities: set[str]) -> Workers:
    """The workers with these identities."""
    users = {user for identity in identities if (user := unsandboxed_user(identity)) is not None}
    return Workers(len(identities), tuple(sorted(users)))


def unsandboxed_user(identity: str) -> str | None:
    """The user as whom the tasks of the worker with this identity run unsandboxed; None where a sandbox confines them."""
    match = _UNSANDBOXED.search(identity)
    return match[1] if match else None
