"""The `manual` action: work that a person does."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, Field, field_validator

from app.domain.actions import Fields, Mode, Unattended
from app.domain.errors import Invalid
from app.domain.file_paths import path_inside
from app.domain.plan import RelativePath

# Nobody reads more files with care.
MAX_SHOWN = 50


class ManualFields(Fields):
    """The instructions for the person, and the files to show."""

    instructions: str = Field(default="", description="What to do, in Markdown.")
    shows: list[RelativePath] = Field(
        default_factory=list[str],
        max_length=MAX_SHOWN,
        description="Files of the workspace that the person reads. A later task runs them only as they were read.",
    )

    @field_validator("shows")
    @classmethod
    def _inside(cls, paths: list[str]) -> list[str]:
        for path in paths:
            try:
                path_inside(path)
            except Invalid as error:
                raise ValueError(error.info.message) from error
        return paths


class Manual(Unattended):
    """Waits until a person marks the task as done. It has no outputs, and the person does not see values of inputs."""

    type: ClassVar[str] = "manual"
    mode: ClassVar[Mode] = Mode.PERSON
    fields_model: ClassVar[type[BaseModel]] = ManualFields
    rare: ClassVar[tuple[str, ...]] = ("shows",)
