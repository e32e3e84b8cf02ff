"""The seam between a description and a plan: what a planner gets, and what it gives."""

from __future__ import annotations

from typing import Protocol

from pydantic import BaseModel

from app.domain.plan import PlanDraft, Strategy


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
