"""The methods of `client.projects` with which people review a plan, besides approving it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from signoff import schemas
from signoff._requests import get, path_of, post

if TYPE_CHECKING:
    from signoff._async.transport import AsyncTransport
    from signoff.schemas.answers import Recorded, StatusAnswer
    from signoff.schemas.comments import PlanComment, PlanComments


class AsyncReviews:
    """The part of `client.projects` that requests changes to plans, rejects them and comments on them."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def request_changes(
        self, project_id: str, comment: str, *, plan_version: int | None = None, plan_digest: str | None = None
    ) -> StatusAnswer | Recorded:
        """Request changes to the plan that waits for approval. The project then waits for its author.

        Nobody else can approve this version. If you approve it after all, that withdraws your request.

        Args:
            comment: what must change.
            plan_version: the version that you have read. The server refuses the request if another one is current.
            plan_digest: the digest of the plan that you have read. The server refuses the request if another one is current.

        Raises:
            Conflict: another plan is current now (`plan_superseded`), changes are requested already (`changes_requested`), or
                no plan waits for approval (`plan_not_waiting`).
        """
        body = {"plan_version": plan_version, "plan_digest": plan_digest, "comment": comment}
        return await self._transport.settle(
            post(path_of(project_id, "request-changes"), body), schemas.answers.StatusAnswer
        )

    async def reject(
        self, project_id: str, comment: str, *, plan_version: int | None = None, plan_digest: str | None = None
    ) -> StatusAnswer | Recorded:
        """Reject the plan that waits for approval. The project is cancelled, with the outcome `rejected`.

        Args:
            comment: why the plan is rejected.
            plan_version: the version that you have read. The server refuses to reject another version.
            plan_digest: the digest of the plan that you have read. The server refuses to reject another plan.

        Raises:
            Conflict: another plan is current now (`plan_superseded`), or no plan waits for approval (`plan_not_waiting`).
        """
        body = {"plan_version": plan_version, "plan_digest": plan_digest, "comment": comment}
        return await self._transport.settle(post(path_of(project_id, "reject"), body), schemas.answers.StatusAnswer)

    async def comments(self, project_id: str) -> PlanComments:
        """List the comments on all versions of the plan, oldest first."""
        return await self._transport.call(get(path_of(project_id, "plan", "comments")), schemas.comments.PlanComments)

    async def comment(
        self, project_id: str, text: str, *, task: str | None = None, version: int | None = None
    ) -> PlanComment:
        """Comment on the plan, or on one of its tasks. A comment can be neither changed nor removed.

        Args:
            text: the comment, at most 4,000 characters.
            task: the id or key of the task; None means the whole plan.
            version: the version of the plan; None means the current one.

        Raises:
            NotFound: there is no plan yet, no such version, or no such task in it.
        """
        body = {"text": text, "task": task, "version": version}
        return await self._transport.call(
            post(path_of(project_id, "plan", "comments"), body), schemas.comments.PlanComment
        )
