"""The `milestone` action: a point in the plan that is reached when all its dependencies are done."""

from __future__ import annotations

from typing import ClassVar

from app.domain.actions import Mode, Unattended


class Milestone(Unattended):
    """Does nothing. It groups the tasks that it depends on. It has no outputs."""

    type: ClassVar[str] = "milestone"
    mode: ClassVar[Mode] = Mode.MILESTONE
