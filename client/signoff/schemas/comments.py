"""Comments on plans and on their tasks."""

from __future__ import annotations

from pydantic import BaseModel, Field


class PlanComment(BaseModel):
    """A comment on a plan version, or on one of its tasks. It can be neither changed nor removed."""

    id: str
    seq: int = Field(description="The number of its event in the record.")
    version: int
    digest: str
    task_id: str | None = Field(description="The task that it is about; null if it is about the whole plan.")
    key: str | None = Field(description="The key of that task.")
    text: str
    by: str
    at: str


class PlanComments(BaseModel):
    """The comments on all versions of a plan, oldest first."""

    comments: list[PlanComment]
    total: int
