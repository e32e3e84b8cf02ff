"""A Signoff whose model provider is a double that uses the real protocols over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from app.domain.agents import AgentEntry, AgentTool
from tests.conftest import Stack, running_stack
from tests.model_server import ModelServer, model_server

EVERY_TOOL = tuple(AgentTool)


@pytest.fixture
async def model() -> AsyncIterator[ModelServer]:
    async with model_server() as server:
        yield server
        assert server.faults == []


@pytest.fixture
async def stack(temporal_server: WorkflowEnvironment, tmp_path: Path, model: ModelServer) -> AsyncIterator[Stack]:
    worker = AgentEntry(tools=EVERY_TOOL, commands=("wc", "false"), hosts=("127.0.0.1",))
    claude = AgentEntry(model="anthropic:claude-sonnet-5", base_url=model.url)
    plain = AgentEntry(tools=())
    settings = {
        "model": "openai-chat:test-model",
        "model_base_url": f"{model.url}/v1",
        "agents": {"worker": worker, "claude": claude, "plain": plain},
    }
    async with running_stack(temporal_server, tmp_path, **settings) as running:
        yield running
