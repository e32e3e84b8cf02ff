"""One small model for all tests of this folder, and a Signoff that uses it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from app.domain.agents import AgentEntry
from tests.conftest import Stack, running_stack
from tests.small_model.server import SmallModel, small_model

# Never run a command or a request that so small a model suggests on the machine that runs its tests.
ACTIONS = ["manual", "decision", "milestone", "agent"]


@pytest.fixture(scope="session")
async def model() -> AsyncIterator[SmallModel]:
    async with small_model() as server:
        yield server


@pytest.fixture
async def stack(temporal_server: WorkflowEnvironment, tmp_path: Path, model: SmallModel) -> AsyncIterator[Stack]:
    # The model is too small for tools.
    agents = {"default": AgentEntry(tools=())}
    async with running_stack(
        temporal_server, tmp_path, planner_actions=ACTIONS, agents=agents, **model.settings
    ) as running:
        yield running
