"""What event streams carry."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from app.domain.states import ProjectStatus, Stage


class LiveEvent(BaseModel):
    """An event of any project, and where that project is by now: null where it was deleted."""

    model_config = ConfigDict(from_attributes=True)

    project_id: str
    type: str
    seq: int
    status: ProjectStatus | None
    stage: Stage | None
