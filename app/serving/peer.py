"""The other end of one connection: which user of this machine opened it, and whether a task did."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from app.serving.peers import Endpoint, PeerLookup, SocketOwner
from app.serving.task_processes import Origin, origin_of

# Where the ASGI scope's state has the peer of a request's connection.
PEER = "peer"


class Peer:
    """What is known of the other end; asked of the kernel once.

    Args:
        lookup: how to ask; None where nothing can be known, as for another machine.
        end: the other end's address.
        local: this end's.
    """

    def __init__(self, lookup: PeerLookup | None, end: Endpoint | None, local: Endpoint | None) -> None:
        self._asking: asyncio.Future[SocketOwner | None] | None = None
        self._lookup, self._end, self._local = lookup, end, local
        self._of_task: asyncio.Task[bool] | None = None
        if lookup is not None and end is not None and local is not None:
            self._asking = lookup.begin(end, local)

    @property
    def uid_so_far(self) -> int | None:
        """The user, where that is known already."""
        owner = self._asking.result() if self._asking is not None and self._asking.done() else None
        return owner.uid if owner is not None else None

    async def uid(self) -> int | None:
        """The user who opened the connection; None where that is not known."""
        owner = await self._asking if self._asking is not None else None
        return owner.uid if owner is not None else None

    async def is_of_task(self) -> bool:
        """Whether a process of a task is, or may be, at the other end; looked for once, in a thread."""
        if self._of_task is None:
            self._of_task = asyncio.create_task(self._find_out())
        return await asyncio.shield(self._of_task)

    async def _find_out(self) -> bool:
        owner = await self._asking if self._asking is not None else None
        if owner is None or self._lookup is None or self._end is None or self._local is None:
            return False
        origin = await asyncio.get_running_loop().run_in_executor(_threads(), origin_of, owner.inode, owner.uid)
        if origin is not Origin.UNSEEN:
            return origin is Origin.TASK
        # One who sends and closes at once has no process any more that could be looked at.
        return await self._lookup.begin(self._end, self._local) != owner


@cache
def _threads() -> ThreadPoolExecutor:
    """Of their own: many connections at once must not take the threads of other work."""
    return ThreadPoolExecutor(2, thread_name_prefix="peers")
