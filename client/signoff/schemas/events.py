"""The data of event streams."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from signoff.vocabulary import ProjectStatus, Stage


class LiveEvent(BaseModel):
    """An event of any project, with the project's current status and stage; both are null if it was deleted."""

    model_config = ConfigDict(from_attributes=True)

    project_id: str
    type: str
    seq: int
    status: ProjectStatus | None
    stage: Stage | None


class Event(BaseModel):
    """One entry of a project's record, as clients receive it."""

    seq: int
    type: str
    project_id: str
    at: str
    actor: str
    data: dict[str, Any]
