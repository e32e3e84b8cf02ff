"""The data of event streams."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from app.domain.states import ProjectStatus, Stage


class LiveEvent(BaseModel):
    """An event of any project, with the project's current status and stage; both are null if it was deleted."""

    model_config = ConfigDict(from_attributes=True)

    project_id: str
    type: str
    seq: int
    status: ProjectStatus | None
    stage: Stage | None
