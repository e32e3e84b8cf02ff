"""The seam between a description and a plan: what a planner gets, and what it gives."""

from __future__ import annotations

from typing import Protocol

from pydantic import BaseModel, Field

from app.domain.plan import PlanDraft, Strategy


class Brief(BaseModel):
    """What a planner may know about a project.

    `instructions` are a person's words about the plan before, `previous` is that plan where it is to be refined.
    """

    project_id: str = ""
    version: int = 0
    name: str
    description: str
    strategy: Strategy
    agent_id: str | None = None
    archetype: str | None = None
    files: list[str] = Field(default_factory=list[str], description="Paths in the workspace, a few hundred at most.")
    previous: PlanDraft | None = None
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
