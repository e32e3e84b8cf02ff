"""If tasks run without a sandbox, everyone who must know is told: `/ready`, `signoff doctor`, and the approver."""

from __future__ import annotations

import contextlib
import os
import pwd
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from app.cli.doctor import examine
from app.domain.agents import AgentEntry, AgentKind
from tests.conftest import Stack, eventually, running_stack
from tests.worker_process import worker_process

USER = pwd.getpwuid(os.geteuid()).pw_name
NO_LANDLOCK = (sys.executable, "-m", "tests.no_landlock")


@pytest.fixture
async def stack(temporal_server: WorkflowEnvironment, tmp_path: Path) -> AsyncIterator[Stack]:
    agents = {"gpu": AgentEntry(kind=AgentKind.LOCAL, queue=f"gpu-{tmp_path.name}")}
    async with running_stack(temporal_server, tmp_path, worker=False, agents=agents) as stack:
        yield stack


async def check(stack: Stack, expected: dict[str, list[str]], *warnings: str) -> None:
    """Wait until the API names the agents whose tasks run unsandboxed; `/ready` and `signoff doctor` must then say so too."""

    async def told() -> bool:
        listed = (await stack.http.get("/api/agents")).json()["agents"]
        serving = {agent["id"] for agent in listed if agent["workers"]}
        return (
            set(expected) == serving
            and {agent["id"]: agent["unsandboxed"] for agent in listed if agent["id"] in serving} == expected
        )

    await eventually(told, what=f"the API says {expected}")
    answer = await stack.http.get("/ready")
    assert answer.status_code == 200
    assert answer.json()["checks"]["warnings"] == list(warnings)
    findings = [finding for finding in await examine(stack.settings) if finding.part == "tasks"]
    assert [finding.found for finding in findings] == list(warnings)
    assert all("SIGNOFF_SANDBOX" in finding.advice and not finding.is_fatal for finding in findings)


async def test_nothing_is_said_of_workers_whose_tasks_are_confined(stack: Stack) -> None:
    async with worker_process(stack.settings, "--all-queues"):
        await check(stack, {"default": [], "gpu": []})


@pytest.mark.parametrize("reason", ["setting", "kernel"])
async def test_a_worker_without_a_sandbox_is_told_of(stack: Stack, reason: str) -> None:
    settings = stack.settings.model_copy(update={"sandbox": "none"} if reason == "setting" else {})
    command = NO_LANDLOCK if reason == "kernel" else (sys.executable,)
    async with worker_process(settings, command=command):
        await check(stack, {"default": [USER]}, f"tasks run unsandboxed as {USER}")
        project_id = await stack.planned("- A: `true` {#a}")
        await stack.call("POST", f"/{project_id}/approve")
        assert (await stack.finished(project_id))["status"] == "completed"
        frozen = (await stack.call("GET", f"/{project_id}/plan"))["frozen"]
        assert frozen["sandbox"]["sandbox"] == "none", "what is signed is what the worker does"


async def test_a_worker_of_an_agents_queue_is_told_of_for_that_agent(stack: Stack) -> None:
    queue = next(iter(stack.settings.agent_queues.values()))
    settings = stack.settings.model_copy(update={"sandbox": "none"})
    async with contextlib.AsyncExitStack() as workers:
        await workers.enter_async_context(worker_process(stack.settings, log="usual.log"))
        await workers.enter_async_context(worker_process(settings, f"--queue={queue}", log="gpu.log"))
        await check(stack, {"default": [], "gpu": [USER]}, f"tasks of the queue {queue} run unsandboxed as {USER}")
        # What the usual worker has frozen does not apply to this one.
        project_id = await stack.started("- A: `true` {#a agent=gpu}")
        await stack.task_in(project_id, "a", "waiting")
        decisions = (await stack.call("GET", f"/{project_id}/decisions"))["decisions"]
        (asked,) = [decision for decision in decisions if decision["status"] == "open"]
        assert "The setting sandbox has changed." in asked["question"]
