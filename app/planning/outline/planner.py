"""The outline planner, which implements the planner interface."""

from __future__ import annotations

import asyncio

from app.domain.parameters import bind
from app.domain.plan import PlanDraft
from app.domain.validation import Objection, no_objection
from app.planning.planner import Brief


class OutlinePlanner:
    """Reads the description as Markdown (docs/plans.md). It is deterministic, and needs neither a model nor a network.

    Args:
        objection: returns why a path may not be granted to a task.
    """

    name = "outline"

    def __init__(self, objection: Objection = no_objection) -> None:
        self._objection = objection

    async def plan(self, brief: Brief) -> PlanDraft:
        """Make the plan that the description defines.

        Raises:
            Invalid: `plan_invalid`; the `field` of each detail is a position such as `line 12, column 3`.
                `parameters_invalid`: a parameter has no value, or a wrong one.
        """
        from app.planning.outline.reader import read_outline  # noqa: PLC0415 - a worker that makes no plan does not need it

        # A long description takes tenths of a second, which would block the event loop.
        draft = await asyncio.to_thread(
            read_outline, brief.description, has_model=brief.has_model, objection=self._objection
        )
        draft.parameters = bind(draft.parameters, brief.parameters)
        if brief.instructions:
            draft.warnings.append(
                "The outline planner uses only the description, so the instructions had no effect. "
                "Edit the description, or use a planner with a model."
            )
        return draft
