"""Control over the run of a project."""

from __future__ import annotations

from collections.abc import Sequence

from app.api.models.answers import CancelAnswer, Recorded, StatusAnswer
from signoff._async.transport import AsyncTransport
from signoff._requests import path_of, post, read_answer


class AsyncControl:
    """What `client.projects` can do about a run."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def cancel(self, project_id: str, *, reason: str | None = None) -> CancelAnswer | Recorded:
        """Cancel, and wait (10 seconds at most) until the tasks have stopped.

        The status of the answer is `cancelled` once they have.
        """
        response = await self._transport.send(post(path_of(project_id, "cancel"), {"reason": reason}))
        # Either is a 202: tasks are still stopping, or the cancel itself is still to be decided.
        return read_answer(response, CancelAnswer | Recorded)

    async def pause(self, project_id: str, *, comment: str | None = None) -> StatusAnswer | Recorded:
        """Start no further task; those in progress finish."""
        return await self._steer(project_id, "pause", comment)

    async def resume(self, project_id: str, *, comment: str | None = None) -> StatusAnswer | Recorded:
        """Go on after a pause."""
        return await self._steer(project_id, "resume", comment)

    async def retry(
        self, project_id: str, *, tasks: Sequence[str] | None = None, comment: str | None = None
    ) -> StatusAnswer | Recorded:
        """Carry a finished project out again from what failed; what is completed is kept.

        Args:
            tasks: ids or keys of tasks that run again all the same, with all that depend on them.
        """
        body = {"tasks": None if tasks is None else list(tasks), "comment": comment}
        return await self._transport.settle(post(path_of(project_id, "retry"), body), StatusAnswer)

    async def _steer(self, project_id: str, call: str, comment: str | None) -> StatusAnswer | Recorded:
        return await self._transport.settle(post(path_of(project_id, call), {"comment": comment}), StatusAnswer)
