"""Tasks go to their agent's task queue, and a project reports a queue that nobody serves."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from app.api.views import blocked
from app.domain.agents import AgentEntry, AgentKind
from app.domain.identity import now, parse_time
from app.temporal import client
from tests.conftest import Stack, eventually, running_stack
from tests.worker_process import worker_process
from worker import build_worker

GPU_TASK = "- Train: `echo trained` {#train agent=gpu}"
SOON = 0.3


@contextlib.asynccontextmanager
async def stack_with_gpu(
    environment: WorkflowEnvironment, folder: Path, *, worker: bool = True, **values: Any
) -> AsyncIterator[tuple[Stack, str]]:
    """A Signoff with the agents `gpu`, on its own queue, and `plain`, on the usual one, and the name of that queue."""
    queue = f"gpu-{folder.name}-{time.time_ns()}"
    agents = {"gpu": AgentEntry(kind=AgentKind.LOCAL, queue=queue), "plain": AgentEntry(kind=AgentKind.LOCAL)}
    async with running_stack(environment, folder, worker=worker, agents=agents, **values) as stack:
        yield stack, queue


@contextlib.asynccontextmanager
async def gpu_worker(stack: Stack, queue: str) -> AsyncIterator[None]:
    async with build_worker(stack.temporal, stack.settings, stack.database, queue=queue):
        yield


async def workers_of(stack: Stack) -> dict[str, int | None]:
    answer = await stack.http.get("/api/agents")
    assert answer.status_code == 200
    return {agent["id"]: agent["workers"] for agent in answer.json()["agents"]}


async def is_blocked(stack: Stack, project_id: str) -> dict[str, Any]:
    async def found() -> dict[str, Any] | None:
        began = time.monotonic()
        project = await stack.project(project_id)
        assert time.monotonic() - began < 10, "reading does not wait"
        return project if project["blocked"] else None

    return await eventually(found, what=f"{project_id} is blocked")


async def handed_out(stack: Stack, project_id: str, key: str) -> None:
    async def waits() -> bool:
        snapshot = await stack.temporal.get_workflow_handle(project_id).query("snapshot")
        return any(task["key"] == key and task["state"] == "running" for task in snapshot["in_progress"])

    await eventually(waits, what=f"{key} is handed out")


async def identities(stack: Stack, project_id: str) -> tuple[dict[str, int], set[int]]:
    """Return the processes that ran each activity, by its summary, and those that ran the workflow."""
    history = await stack.temporal.get_workflow_handle(project_id).fetch_history()
    titles: dict[int, str] = {}
    activities: dict[str, int] = {}
    workflows: set[int] = set()
    for event in history.events:
        if event.HasField("activity_task_scheduled_event_attributes"):
            titles[event.event_id] = event.user_metadata.summary.data.decode().strip('"')
        if event.HasField("activity_task_started_event_attributes"):
            started = event.activity_task_started_event_attributes
            activities[titles[started.scheduled_event_id]] = int(started.identity.partition("@")[0])
        if event.HasField("workflow_task_completed_event_attributes"):
            workflows.add(int(event.workflow_task_completed_event_attributes.identity.partition("@")[0]))
    return activities, workflows


async def test_a_task_runs_in_the_process_that_serves_its_agents_queue(
    temporal_server: WorkflowEnvironment, tmp_path: Path
) -> None:
    plan = (
        "- By name: `echo 1` {#named agent=gpu}\n- Inherits: `echo 2` {#inherits after=named}\n"
        "- Elsewhere: `echo 3` {#elsewhere agent=plain after=inherits}\n- Usual: `echo 4` {#usual agent=default}\n"
        "- Reached {#reached milestone}\n- Soon {#soon wait=1}"
    )
    async with stack_with_gpu(temporal_server, tmp_path) as (stack, queue):
        async with worker_process(stack.settings, "--queue", queue) as pid:
            project_id = await stack.started(plan, agent_id="gpu")
            project = await stack.finished(project_id)
        assert project["status"] == "completed"
        activities, workflows = await identities(stack, project_id)
        assert {title for title, process in activities.items() if process == pid} == {"By name", "Inherits"}
        assert {activities["Elsewhere"], activities["Usual"], activities["Reached"]} == {os.getpid()}
        assert workflows == {os.getpid()}


async def test_a_worker_of_all_queues_serves_everything(temporal_server: WorkflowEnvironment, tmp_path: Path) -> None:
    async with (
        stack_with_gpu(temporal_server, tmp_path, worker=False) as (stack, _),
        worker_process(stack.settings, "--all-queues") as pid,
    ):
        project_id = await stack.started(f"{GPU_TASK}\n- Usual: `true` {{#usual}}")
        assert (await stack.finished(project_id))["status"] == "completed"
        activities, workflows = await identities(stack, project_id)
        assert {activities["Train"], activities["Usual"], *workflows} == {pid}


async def test_the_default_agent_may_have_a_queue_too(temporal_server: WorkflowEnvironment, tmp_path: Path) -> None:
    queue = f"default-{time.time_ns()}"
    agents = {"default": AgentEntry(kind=AgentKind.LOCAL, queue=queue)}
    async with running_stack(temporal_server, tmp_path, agents=agents) as stack:
        project_id = await stack.started("- Any: `true` {#any}")
        await handed_out(stack, project_id, "any")
        assert (await stack.project(project_id))["tasks"][0]["status"] == "pending"
        async with gpu_worker(stack, queue):
            assert (await stack.finished(project_id))["status"] == "completed"


async def test_agents_are_listed_with_their_queues_and_workers(
    temporal_server: WorkflowEnvironment, tmp_path: Path
) -> None:
    more = {
        "model": "openai:big",
        "agents": {
            "gpu": AgentEntry(kind=AgentKind.LOCAL, queue=f"gpu-{time.time_ns()}"),
            "writer": AgentEntry(),
            "coder": AgentEntry(model="openai:code", tools=("run_command",), commands=("make",)),  # type: ignore[arg-type]
        },
    }
    async with running_stack(temporal_server, tmp_path, **more) as stack:
        usual, gpu = stack.settings.task_queue, stack.settings.agents["gpu"].queue
        listed = (await stack.http.get("/api/agents")).json()
        shown = [(a["id"], a["kind"], a["queue"], a["model"]) for a in listed["agents"]]
        assert shown == [
            ("default", "model", usual, "openai:big"),
            ("gpu", "local", gpu, None),
            ("writer", "model", usual, "openai:big"),
            ("coder", "model", usual, "openai:code"),
        ]
        tools = {agent["id"]: agent["tools"] for agent in listed["agents"]}
        assert (tools["gpu"], tools["coder"]) == ([], ["run_command"])
        assert "read_file" in tools["writer"]
        assert listed["total"] == 4

        async def counted(expected: int) -> bool:
            workers = await workers_of(stack)
            return workers == {"default": 1, "gpu": expected, "writer": 1, "coder": 1}

        await eventually(lambda: counted(0), what="nobody serves gpu")
        assert gpu is not None
        async with gpu_worker(stack, gpu):
            await eventually(lambda: counted(1), what="one worker serves gpu")


async def test_a_task_that_nobody_takes_blocks_its_project_until_a_worker_comes(
    temporal_server: WorkflowEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stack_with_gpu(temporal_server, tmp_path) as (stack, queue):
        project_id = await stack.started(f"{GPU_TASK}\n- Usual: `true` {{#usual}}")
        await handed_out(stack, project_id, "train")
        project = await stack.project(project_id)
        assert project["blocked"] is None, "not before 30 s"
        monkeypatch.setattr(blocked, "NO_WORKER_SECONDS", SOON)
        project = await is_blocked(stack, project_id)
        assert project["blocked"]["code"] == "no_worker"
        for words in ("'train'", "agent 'gpu'", f"signoff worker --queue {queue}"):
            assert words in project["blocked"]["message"]
        started = project["run"]["started_at"]
        assert started <= project["blocked"]["since"] <= now()
        assert (project["status"], project["live"]) == ("running", True)
        async with gpu_worker(stack, queue):
            project = await stack.finished(project_id)
        assert (project["status"], project["blocked"]) == ("completed", None)


async def test_a_blocked_project_can_be_cancelled(
    temporal_server: WorkflowEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocked, "NO_WORKER_SECONDS", SOON)
    async with stack_with_gpu(temporal_server, tmp_path) as (stack, _):
        project_id = await stack.started(GPU_TASK)
        await is_blocked(stack, project_id)
        answer = await stack.call("POST", f"/{project_id}/cancel")
        assert answer["tasks"]["never_started"] == 1
        assert (await stack.project(project_id))["blocked"] is None


async def test_a_worker_that_is_busy_is_no_missing_worker(
    temporal_server: WorkflowEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocked, "NO_WORKER_SECONDS", SOON)
    # A worker whose only slot is taken has not polled Temporal for this long.
    monkeypatch.setattr(client, "POLL_SECONDS", -60)
    hold = "`until [ -e go ]; do sleep 0.05; done`"
    async with (
        stack_with_gpu(temporal_server, tmp_path, max_concurrent_tasks=1) as (stack, queue),
        gpu_worker(stack, queue),
    ):
        project_id = await stack.started(f"- A: {hold} {{#a agent=gpu}}\n- B: {hold} {{#b agent=gpu}}")

        async def one_waits() -> bool:
            # Either of the two may get the slot.
            tasks = (await stack.project(project_id))["tasks"]
            return sorted(task["status"] for task in tasks) == ["pending", "running"]

        async def for_long() -> bool:
            snapshot = await stack.temporal.get_workflow_handle(project_id).query("snapshot")
            since = [parse_time(task["since"]) for task in snapshot["in_progress"] if task["state"] == "running"]
            return len(since) == 2 and all(blocked._is_long_ago(moment) for moment in since)

        await eventually(one_waits, what="one runs, and the other waits")
        await eventually(for_long, what="it has waited for longer than is usual")

        async def unheard_of() -> bool:
            return (await workers_of(stack))["gpu"] == 0

        await eventually(unheard_of, what="Temporal has not heard of the worker")
        assert await one_waits()
        assert (await stack.project(project_id))["blocked"] is None
        (Path((await stack.project(project_id))["workspace"]) / "go").touch()
        assert (await stack.finished(project_id))["status"] == "completed"


@pytest.mark.usefixtures("soon_recorded")
async def test_a_request_that_no_worker_decides_blocks_its_project(
    temporal_server: WorkflowEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocked, "NO_WORKER_SECONDS", SOON)
    async with stack_with_gpu(temporal_server, tmp_path, worker=False) as (stack, _):
        project_id = await stack.create("- It: `true` {#it}")
        assert (await stack.project(project_id))["blocked"] is None, "nothing is asked of it"
        await stack.call("POST", f"/{project_id}/generate-plan", status=202)
        project = await is_blocked(stack, project_id)
        assert project["blocked"]["code"] == "no_worker"
        assert f"'{stack.settings.task_queue}'" in project["blocked"]["message"]
        assert "Start one: signoff worker" in project["blocked"]["message"]
        assert (project["stage"], project["live"]) == ("draft", False)
        assert project["created_at"] <= project["blocked"]["since"]
        await stack.start_worker()

        async def planned() -> bool:
            project = await stack.project(project_id)
            return project["stage"] == "awaiting_approval" and project["blocked"] is None

        await eventually(planned, what="the plan is made, and nothing blocks it")


async def test_a_run_without_any_worker_is_blocked(
    temporal_server: WorkflowEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocked, "NO_WORKER_SECONDS", SOON)
    async with stack_with_gpu(temporal_server, tmp_path) as (stack, queue):
        async with gpu_worker(stack, queue):
            project_id = await stack.started("- Hold: `until [ -e go ]; do sleep 0.05; done` {#hold agent=gpu}")
            await stack.task_in(project_id, "hold", "running")
            await stack.stop_worker()
            # Its last poll is recent, and nobody else has polled.
            monkeypatch.setattr(client, "POLL_SECONDS", -60)
            assert (await stack.project(project_id))["blocked"] is None, "nothing waits for a worker of workflows"
            (Path((await stack.project(project_id))["workspace"]) / "go").touch()
            await stack.task_in(project_id, "hold", "completed")
        project = await is_blocked(stack, project_id)
        assert "Start one: signoff worker" in project["blocked"]["message"]
        monkeypatch.undo()
        await stack.start_worker()
        project = await stack.finished(project_id)
        assert (project["status"], project["blocked"]) == ("completed", None)
