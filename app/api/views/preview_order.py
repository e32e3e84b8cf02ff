"""What the app and the process that computes previews say to each other.

The app loads only this module, because the parser of Markdown takes long to load.
"""

from __future__ import annotations

import signal
from pathlib import Path

from pydantic import BaseModel, Field

from app.domain.agents import AgentKind
from app.domain.parameters import Value
from app.domain.policies import Policy

# Exit codes of the process.
OUT_OF_TIME, OUT_OF_MEMORY = -signal.SIGPROF, 3


class PreviewOrder(BaseModel):
    """The inputs of a preview. `agents` maps names to kinds; `private` lists paths that no task can be granted.

    The `labels` of its project and the `policies` say who must sign the plan.
    """

    description: str
    agent_id: str | None
    parameters: dict[str, Value] | None
    agents: dict[str, AgentKind]
    private: list[Path]
    labels: list[str] = Field(default_factory=list[str])
    policies: tuple[Policy, ...] = ()
