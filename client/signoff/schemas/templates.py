"""Templates: what a new project can start from."""

from __future__ import annotations

from pydantic import BaseModel, Field

from signoff.vocabulary import DecisionMode, Strategy


class Template(BaseModel):
    """A document with its settings, from which a new project can start.

    A template of the team is a project with the label `template`, and `id` is the project's id. All fields but `id`, `name`,
    `about` and `built_in` are those of a new project. `parameters` has the values that the template gives; the document may ask
    for more.
    """

    id: str
    name: str
    about: str = Field(description="What it is for, in a line; empty if its document does not say.")
    built_in: bool
    description: str
    strategy: Strategy = Strategy.PERFORMANCE
    decision_mode: DecisionMode = DecisionMode.AGENT
    auto_approve_plan: bool = False
    auto_approve_phases: bool = True
    agent_id: str | None = None
    sme_archetype: str | None = None
    max_tokens: int | None = None
    max_cost_usd: float | None = None
    parameters: dict[str, str | float | bool] = Field(default_factory=dict[str, str | float | bool])


class TemplateList(BaseModel):
    """The templates of the team by name, at most 200 of them, then the built-in ones. `total` counts all."""

    templates: list[Template]
    total: int
