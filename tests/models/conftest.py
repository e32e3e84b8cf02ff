"""Signoffs whose model provider is a double that uses the real protocols over a real socket."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from app.domain.agents import AgentEntry, AgentTool
from tests.conftest import Stack, running_stack
from tests.model_server import ModelServer, model_server

EVERY_TOOL = tuple(AgentTool)


class Signoffs:
    """The Signoffs of these tests: one for each set of settings, started when it is first needed."""

    def __init__(self, environment: WorkflowEnvironment, folders: pytest.TempPathFactory, url: str) -> None:
        self._environment = environment
        self._folders = folders
        self._usual = {"model": "openai-chat:test-model", "model_base_url": f"{url}/v1"}
        self._stacks: dict[str, Stack] = {}
        self._used: list[Stack] = []
        self._exits = contextlib.AsyncExitStack()

    async def having(self, **settings: Any) -> Stack:
        """Return the Signoff with these settings. By default, its planner uses the double."""
        values = self._usual | settings
        key = repr(sorted(values.items()))
        if key not in self._stacks:
            running = running_stack(self._environment, self._folders.mktemp("signoff"), **values)
            self._stacks[key] = await self._exits.enter_async_context(running)
        self._used.append(self._stacks[key])
        return self._stacks[key]

    async def clean(self) -> None:
        """End what the last test left running, so that none of its requests reaches the next test."""
        used, self._used = self._used, []
        for stack in used:
            await stack.end_projects()

    async def close(self) -> None:
        await self._exits.aclose()


@pytest.fixture(scope="session")
async def provider() -> AsyncIterator[ModelServer]:
    """The double that tests share. `model` is the same one, without the requests of earlier tests."""
    async with model_server() as server:
        yield server


@pytest.fixture
async def model(provider: ModelServer) -> AsyncIterator[ModelServer]:
    provider.reset()
    yield provider
    assert provider.faults == []


@pytest.fixture(scope="session")
async def shared_signoffs(
    temporal_server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory, provider: ModelServer
) -> AsyncIterator[Signoffs]:
    shared = Signoffs(temporal_server, tmp_path_factory, provider.url)
    yield shared
    await shared.close()


@pytest.fixture
async def signoffs(shared_signoffs: Signoffs, model: ModelServer) -> AsyncIterator[Signoffs]:
    yield shared_signoffs
    await shared_signoffs.clean()


@pytest.fixture
async def planner(signoffs: Signoffs) -> Stack:
    return await signoffs.having()


@pytest.fixture
async def stack(signoffs: Signoffs, model: ModelServer) -> Stack:
    agents = {
        "worker": AgentEntry(tools=EVERY_TOOL, commands=("wc", "false"), hosts=("127.0.0.1",)),
        "claude": AgentEntry(model="anthropic:claude-sonnet-5", base_url=model.url),
        "plain": AgentEntry(tools=()),
    }
    return await signoffs.having(agents=agents)
