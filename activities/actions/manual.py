"""The `manual` action: work that a person does."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, Field

from app.domain.actions import Fields, Mode, Unattended


class ManualFields(Fields):
    """The instructions for the person."""

    instructions: str = Field(default="", description="What to do, in Markdown.")


class Manual(Unattended):
    """Waits until a person marks the task as done. It has no outputs, and the person does not see values of inputs."""

    type: ClassVar[str] = "manual"
    mode: ClassVar[Mode] = Mode.PERSON
    fields_model: ClassVar[type[BaseModel]] = ManualFields
