"""Saved filters of the list of projects."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from signoff.vocabulary import ProjectStatus

_TIME = "A date, which means its beginning, or a time."


class FilterConditions(BaseModel):
    """Which projects a filter shows. Each condition is a parameter of the list of projects; null: none of this kind."""

    status: ProjectStatus | None = None
    search: str | None = None
    label: str | None = None
    archived: Literal["true", "all"] | None = None
    created_after: str | None = Field(default=None, description=_TIME)
    created_before: str | None = Field(default=None, description=_TIME)
    updated_after: str | None = Field(default=None, description=_TIME)
    updated_before: str | None = Field(default=None, description=_TIME)


class SavedFilter(BaseModel):
    """A filter under a name."""

    id: str
    name: str
    conditions: FilterConditions
    created_at: str


class FilterList(BaseModel):
    """The saved filters of the sender, oldest first."""

    filters: list[SavedFilter]
