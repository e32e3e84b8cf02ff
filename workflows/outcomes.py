"""How a run and its phases end."""

from __future__ import annotations

from enum import Enum


class Outcome(Enum):
    """Why `ProjectRun.run` returned."""

    ENDED = "ended"
    CONTINUE = "continue as new"


class PhaseOutcome(Enum):
    """How one phase of a run ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    CONTINUE = "continue as new"
