"""A small model for all tests of this folder, one that never ends an answer, and a Signoff for each."""

from __future__ import annotations

import contextlib
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
    async with stack_with(temporal_server, tmp_path, model) as running:
        yield running


@pytest.fixture(scope="session")
async def endless_model() -> AsyncIterator[SmallModel]:
    # What a model answers differs between processors, and a short answer would end before a test can cancel it.
    async with small_model(endless=True) as server:
        yield server


@pytest.fixture
async def endless_stack(
    temporal_server: WorkflowEnvironment, tmp_path: Path, endless_model: SmallModel
) -> AsyncIterator[Stack]:
    async with stack_with(temporal_server, tmp_path, endless_model) as running:
        yield running


@contextlib.asynccontextmanager
async def stack_with(environment: WorkflowEnvironment, folder: Path, model: SmallModel) -> AsyncIterator[Stack]:
    """A running Signoff whose planner and agent are this model."""
    # The model is too small for tools.
    agents = {"default": AgentEntry(tools=())}
    async with running_stack(environment, folder, planner_actions=ACTIONS, agents=agents, **model.settings) as running:
        yield running
