"""The outline planner itself."""

from __future__ import annotations

import asyncio

from app.domain.plan import PlanDraft
from app.domain.validation import Objection, no_objection
from app.planning.outline.reader import read_outline
from app.planning.planner import Brief


class OutlinePlanner:
    """Reads the description as Markdown (docs/plans.md); needs no model and no network, and always gives the same.

    Args:
        objection: to paths that tasks are granted.
    """

    name = "outline"

    def __init__(self, objection: Objection = no_objection) -> None:
        self._objection = objection

    async def plan(self, brief: Brief) -> PlanDraft:
        """The plan that the description spells out.

        Raises:
            Invalid: `plan_invalid`; each of `details` has `line 12, column 3` of the description as its `field`.
        """
        # A long description takes tenths of a second, which the event loop has no time for.
        draft = await asyncio.to_thread(
            read_outline, brief.description, has_model=brief.has_model, objection=self._objection
        )
        if brief.instructions:
            draft.warnings.append(
                "The outline planner follows the description alone, so the instructions changed nothing; "
                "edit the description, or use a planner with a model."
            )
        return draft
