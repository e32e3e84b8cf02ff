"""The methods of `client.projects` that control a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from signoff import schemas
from signoff._requests import path_of, post, read_answer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from signoff._async.transport import AsyncTransport
    from signoff.schemas.answers import CancelAnswer, Recorded, StatusAnswer


class AsyncControl:
    """The part of `client.projects` that controls a run."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def cancel(self, project_id: str, *, reason: str | None = None) -> CancelAnswer | Recorded:
        """Cancel a project, and wait at most 10 seconds until its tasks have stopped.

        The status of the answer is `cancelled` if they have stopped.
        """
        response = await self._transport.send(post(path_of(project_id, "cancel"), {"reason": reason}))
        # A 202 means either that tasks are still stopping, or that the cancellation itself is not decided yet.
        return read_answer(response, schemas.answers.CancelAnswer | schemas.answers.Recorded)

    async def pause(self, project_id: str, *, comment: str | None = None) -> StatusAnswer | Recorded:
        """Pause a run: no further task starts, and tasks in progress finish."""
        return await self._steer(project_id, "pause", comment)

    async def resume(self, project_id: str, *, comment: str | None = None) -> StatusAnswer | Recorded:
        """Resume a paused run."""
        return await self._steer(project_id, "resume", comment)

    async def retry(
        self,
        project_id: str,
        *,
        tasks: Sequence[str] | None = None,
        comment: str | None = None,
        passkey: Mapping[str, str] | None = None,
    ) -> StatusAnswer | Recorded:
        """Rerun a finished project from what failed. Completed tasks are kept.

        Args:
            tasks: ids or keys of tasks to rerun regardless of their status, with all tasks that depend on them.
            comment: a comment to record with the decision.
            passkey: the signature of your device; see `approve`.
        """
        body = {"tasks": None if tasks is None else list(tasks), "comment": comment, "passkey": passkey}
        return await self._transport.settle(post(path_of(project_id, "retry"), body), schemas.answers.StatusAnswer)

    async def _steer(self, project_id: str, call: str, comment: str | None) -> StatusAnswer | Recorded:
        return await self._transport.settle(
            post(path_of(project_id, call), {"comment": comment}), schemas.answers.StatusAnswer
        )
