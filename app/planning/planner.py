"""The interface of planners: the brief that a planner receives, and the draft that it returns."""

from __future__ import annotations

from typing import Protocol

from pydantic import BaseModel, Field

from app.domain.parameters import Value
from app.domain.plan import PlanDraft
from app.planning.facts import Facts
from signoff.vocabulary import Strategy


class Brief(BaseModel):
    """What a planner receives about a project.

    `previous` is the plan to refine, if there is one. `instructions` are a person's change requests for it.
    """

    project_id: str = ""
    version: int = 0
    name: str
    description: str
    strategy: Strategy
    agent_id: str | None = None
    archetype: str | None = None
    facts: Facts | None = Field(default=None, description="Facts about the machine and the workspace.")
    previous: PlanDraft | None = None
    instructions: str | None = None
    parameters: dict[str, Value] = Field(
        default_factory=dict[str, Value], description="Values for the plan's parameters."
    )
    has_model: bool = False

    def may_have(self, path: str) -> bool:
        """Whether a file may be in the workspace. If not all files are listed, any of them may be."""
        return self.facts is not None and (self.facts.more_files or any(file.path == path for file in self.facts.files))


class Planner(Protocol):
    """Makes plans. `name` identifies the planner in requests and plans."""

    name: str

    async def plan(self, brief: Brief) -> PlanDraft:
        """Make a draft. The caller must still check it against the known actions and agents.

        Raises:
            Invalid: `plan_invalid`: the brief cannot be turned into a plan; `details` lists all problems.
                `parameters_invalid`: the description asks for parameters, and their values are missing or wrong.
        """
        ...
