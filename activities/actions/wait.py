"""The `wait` action: time that passes before what follows."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, Field

from app.domain.actions import Fields, Mode, Unattended

MAX_WAIT_SECONDS = 365 * 24 * 3600


class WaitFields(Fields):
    """How long."""

    seconds: float = Field(ge=0, le=MAX_WAIT_SECONDS, allow_inf_nan=False, description="Seconds to wait.")


class Wait(Unattended):
    """Waits on a durable timer: no worker needs to live meanwhile."""

    type: ClassVar[str] = "wait"
    mode: ClassVar[Mode] = Mode.TIMER
    fields_model: ClassVar[type[BaseModel]] = WaitFields
