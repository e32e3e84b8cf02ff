"""The seam between a description and a plan: what a planner gets, and what it gives."""

from __future__ import annotations

import asyncio
from typing import Protocol

from pydantic import BaseModel

from app.domain.plan import PlanDraft, Strategy
from app.planning.outline import read_outline


class Brief(BaseModel):
    """What a planner may know about a project; `instructions` are a person's words about the plan before."""

    name: str
    description: str
    strategy: Strategy
    instructions: str | None = None
    has_model: bool = False


class Planner(Protocol):
    """Makes plans; `name` is how requests and plans call it."""

    name: str

    async def plan(self, brief: Brief) -> PlanDraft:
        """A draft, which the caller still has to check against the known actions and agents.

        Raises:
            Invalid: `plan_invalid`, with all problems in `details`, where the brief makes no plan.
        """
        ...


class OutlinePlanner:
    """Reads the description as Markdown (docs/plans.md); needs no model and no network, and always gives the same."""

    name = "outline"

    async def plan(self, brief: Brief) -> PlanDraft:
        """The plan that the description spells out.

        Raises:
            Invalid: `plan_invalid`; each of `details` has `line 12, column 3` of the description as its `field`.
        """
        # A long description takes tenths of a second, which the event loop has no time for.
        draft = await asyncio.to_thread(read_outline, brief.description, has_model=brief.has_model)
        if brief.instructions:
            draft.warnings.append(
                "The outline planner follows the description alone, so the instructions changed nothing; "
                "edit the description, or use a planner with a model."
            )
        return draft
