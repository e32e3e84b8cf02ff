"""The `wait` action: waits for some time before the next tasks."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, Field

from app.domain.actions import Fields, Mode, Unattended

MAX_WAIT_SECONDS = 365 * 24 * 3600


class WaitFields(Fields):
    """The length of the wait."""

    seconds: float = Field(ge=0, le=MAX_WAIT_SECONDS, allow_inf_nan=False, description="Number of seconds to wait.")


class Wait(Unattended):
    """Waits for some time, with a durable timer that does not need a running worker. It has no outputs."""

    type: ClassVar[str] = "wait"
    mode: ClassVar[Mode] = Mode.TIMER
    fields_model: ClassVar[type[BaseModel]] = WaitFields
