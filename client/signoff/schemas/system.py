"""The state of the process and of the services that it needs."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class Health(BaseModel):
    """The process is alive."""

    service: Literal["signoff"] = "signoff"
    status: Literal["ok"] = "ok"
    version: str


class Checks(BaseModel):
    """The services that the app needs, and whether they answer.

    `failing_runs` has the ids of projects whose workflow task keeps failing; it is a few seconds old and does not make the app
    unready. `warnings` describes weaknesses, such as workers that run tasks without a sandbox.
    """

    database: str
    temporal: str
    workers: int
    failing_runs: list[str]
    warnings: list[str]


class Ready(BaseModel):
    """Whether the app can serve requests."""

    status: Literal["ready", "unavailable"]
    checks: Checks
