"""The peer of a connection: which user of this machine opened it, and whether a task did."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from app.serving.peers import Endpoint, PeerLookup, SocketOwner
from app.serving.task_processes import Origin, origin_of

# The key in the ASGI scope's state under which a request finds its connection's peer.
PEER = "peer"


class Peer:
    """What is known about the other end of a connection. The kernel is asked only once.

    Args:
        lookup: how to ask the kernel; None if it cannot know, for example because the peer is another machine.
        end: the address of the other end.
        local: the address of this end.
    """

    def __init__(self, lookup: PeerLookup | None, end: Endpoint | None, local: Endpoint | None) -> None:
        self._asking: asyncio.Future[SocketOwner | None] | None = None
        self._lookup, self._end, self._local = lookup, end, local
        self._of_task: asyncio.Task[bool] | None = None
        if lookup is not None and end is not None and local is not None:
            self._asking = lookup.begin(end, local)

    @property
    def uid_so_far(self) -> int | None:
        """The id of the user who opened the connection; None if it is not known yet."""
        owner = self._asking.result() if self._asking is not None and self._asking.done() else None
        return owner.uid if owner is not None else None

    async def uid(self) -> int | None:
        """The id of the user who opened the connection; None if it cannot be determined."""
        owner = await self._asking if self._asking is not None else None
        return owner.uid if owner is not None else None

    async def is_of_task(self) -> bool:
        """Whether the other end is, or may be, a process of a task. Checked once, in a thread."""
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
        # If the sender has already closed the socket, there is no process left to inspect.
        return await self._lookup.begin(self._end, self._local) != owner


@cache
def _threads() -> ThreadPoolExecutor:
    """A separate thread pool, so that many connections at once cannot exhaust the threads for other work."""
    return ThreadPoolExecutor(2, thread_name_prefix="peers")
