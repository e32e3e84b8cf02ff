"""The process and what it needs."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class Health(BaseModel):
    """The process is alive."""

    service: Literal["signoff"] = "signoff"
    status: Literal["ok"] = "ok"
    version: str


class Checks(BaseModel):
    """What the app needs, and whether it answers.

    `failing_runs`: projects whose workflow task keeps failing, by id, a few seconds old. The app is still ready.
    `warnings`: sentences about what is weaker than it could be, such as workers whose tasks run without a sandbox.
    """

    database: str
    temporal: str
    workers: int
    failing_runs: list[str]
    warnings: list[str]


class Ready(BaseModel):
    """Whether requests can be served."""

    status: Literal["ready", "unavailable"]
    checks: Checks
