"""The plan of a project: making it, deciding on it, and its history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.api.models.answers import Recorded, StatusAnswer
from app.api.models.plans import Plan, PlanDiff, PlanList
from signoff._async.transport import AsyncTransport
from signoff._requests import get, markdown_of, path_of, post


class AsyncPlans:
    """What `client.projects` can do about plans."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def plan(self, project_id: str, *, version: int | None = None) -> Plan:
        """The current plan, or an older version of it.

        Raises:
            NotFound: `no_plan` where there is none yet.
        """
        return await self._transport.call(get(path_of(project_id, "plan"), {"version": version}), Plan)

    async def plan_markdown(self, project_id: str, *, version: int | None = None) -> str:
        """The outline in Markdown that makes the plan. Raises as `plan` does."""
        request = get(path_of(project_id, "plan"), {"version": version}, {"Accept": "text/markdown"})
        return markdown_of(await self._transport.send(request))

    async def plans(self, project_id: str) -> PlanList:
        """Every version of the plan, newest first."""
        return await self._transport.call(get(path_of(project_id, "plans")), PlanList)

    async def plan_diff(self, project_id: str, before: int | None = None, after: int | None = None) -> PlanDiff:
        """What one version has that another has not."""
        query = {"from": before, "to": after}
        return await self._transport.call(get(path_of(project_id, "plan", "diff"), query), PlanDiff)

    async def generate_plan(
        self, project_id: str, *, planner: str | None = None, instructions: str | None = None, wait: int | None = None
    ) -> Plan | Recorded:
        """Have the first plan made.

        Args:
            wait: seconds, 60 at most, to wait for the plan; None for the server's 10.

        Returns:
            The plan, or `Recorded` where it is still being made.
        """
        return await self._make(project_id, "generate-plan", planner, instructions, wait)

    async def regenerate_plan(
        self, project_id: str, *, planner: str | None = None, instructions: str | None = None, wait: int | None = None
    ) -> Plan | Recorded:
        """Have a new plan made, which sends the current one back. As `generate_plan` otherwise."""
        return await self._make(project_id, "regenerate-plan", planner, instructions, wait)

    async def refine_plan(
        self, project_id: str, *, message: str | None = None, edits: Sequence[Mapping[str, Any]] | None = None
    ) -> Plan | Recorded:
        """Have the plan changed: by words that a planner understands, or by edits, all of them or none."""
        body = {"message": message, "edits": None if edits is None else list(edits)}
        return await self._transport.settle(post(path_of(project_id, "refine-plan"), body), Plan)

    async def approve(
        self,
        project_id: str,
        *,
        plan_version: int | None = None,
        plan_digest: str | None = None,
        phase_id: str | None = None,
        frozen_digest: str | None = None,
        comment: str | None = None,
    ) -> StatusAnswer | Recorded:
        """Approve the plan, or, while it runs, the phase that waits.

        Args:
            plan_digest: of the plan that was read; another one is not approved then.
            frozen_digest: `frozen.digest` of it: other files, agents or settings are not approved then.

        Raises:
            Conflict: `plan_superseded` where another plan is current by now, `surroundings_changed`.
        """
        body = {
            "plan_version": plan_version, "plan_digest": plan_digest, "phase_id": phase_id, "frozen_digest": frozen_digest,
            "comment": comment,
        }  # fmt: skip
        return await self._transport.settle(post(path_of(project_id, "approve"), body), StatusAnswer)

    async def _make(
        self, project_id: str, call: str, planner: str | None, instructions: str | None, wait: int | None
    ) -> Plan | Recorded:
        headers = {} if wait is None else {"Prefer": f"wait={wait}"}
        body = {"planner": planner, "instructions": instructions}
        return await self._transport.settle(post(path_of(project_id, call), body, headers), Plan)
