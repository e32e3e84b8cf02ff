"""Nothing that Temporal is told about a project can cause anything that the record does not allow."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import ActivityFailureError
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from app.domain.agents import AgentEntry, AgentKind
from app.temporal import devserver
from tests.conftest import Stack, running_stack
from tests.temporal_server import started_server
from worker import build_worker
from workflows.contracts import WORKFLOW_TYPE

EVIL = "evil"
CHASM = "history.enableChasm=true"
GATED = """
## One

- [ ] Look {#look}
- Ship? {#ship decision=yes,no expires=1d}
- Rest {#rest wait=1d}

## Two

- Run: `touch ran` {#run}
"""


@workflow.defn(name=WORKFLOW_TYPE)
class Impostor:
    """A workflow with Signoff's type and, if wanted, a project's id. It runs activities on Signoff's task queue."""

    @workflow.run
    async def run(self, queue: str, calls: list[tuple[str, dict[str, Any]]]) -> list[Any]:
        answers: list[Any] = []
        for name, argument in calls:
            try:
                answers.append(
                    await workflow.execute_activity(
                        name,
                        argument,
                        task_queue=queue,
                        start_to_close_timeout=timedelta(seconds=20),
                        retry_policy=RetryPolicy(maximum_attempts=1),
                    )
                )
            except ActivityError as error:
                answers.append(error.cause.type if isinstance(error.cause, ApplicationError) else repr(error.cause))
        return answers


@asynccontextmanager
async def impostors(stack: Stack) -> AsyncIterator[None]:
    async with Worker(
        stack.temporal, task_queue=EVIL, workflows=[Impostor], workflow_runner=UnsandboxedWorkflowRunner()
    ):
        yield


async def forged(
    stack: Stack, workflow_id: str, *calls: tuple[str, dict[str, Any]], queue: str | None = None
) -> list[Any]:
    """What activities on a task queue, by default the usual one, answer to a foreign workflow."""
    async with impostors(stack):
        return await stack.temporal.execute_workflow(
            WORKFLOW_TYPE, args=[queue or stack.settings.task_queue, list(calls)], id=workflow_id, task_queue=EVIL
        )


async def test_a_standalone_activity_is_refused(tmp_path: Path) -> None:
    # The dev server disables them by default, but another server may not.
    switched_on = ["--dynamic-config-value", "activity.enableStandalone=true", "--dynamic-config-value", CHASM]
    environment = await started_server([*devserver.tuning_args(), *switched_on])
    try:
        async with running_stack(environment, tmp_path) as stack:
            project_id = await stack.planned("- Run: `touch ran` {#run}")
            argument = {"project_id": project_id, "run_id": "run_1", "task": "run", "name": "cancel", "id": "x"}
            for name in ("shell", "decide", "erase_project", "finish_run", "load_project"):
                with pytest.raises(ActivityFailureError) as failure:
                    await stack.temporal.execute_activity(
                        name,
                        argument | {"status": "completed"},
                        id=f"standalone-{name}",
                        task_queue=stack.settings.task_queue,
                        start_to_close_timeout=timedelta(seconds=20),
                        retry_policy=RetryPolicy(maximum_attempts=1),
                    )
                assert isinstance(failure.value.cause, ApplicationError)
                assert failure.value.cause.type == "NotAdmitted"
            assert (await stack.project(project_id))["status"] == "pending"
    finally:
        await environment.shutdown()


async def test_a_workflow_of_another_id_or_about_another_project_is_refused(signoff: Stack) -> None:
    project_id = await signoff.planned("- Run: `touch ran` {#run}")
    cancel = {"project_id": project_id, "name": "cancel", "id": "x"}
    refused = await forged(signoff, f"not-{project_id}", ("decide", cancel), ("load_project", cancel))
    assert refused == ["NotAdmitted", "NotAdmitted"]
    other = await signoff.create("")
    assert await forged(signoff, other, ("decide", cancel)) == ["NotAdmitted"]
    assert (await signoff.project(project_id))["stage"] == "awaiting_approval"


async def test_an_impostor_of_the_workflow_itself_gets_nothing_done(temporal_server, tmp_path) -> None:
    async with running_stack(temporal_server, tmp_path) as stack:
        project_id = await stack.started(GATED, auto_approve_phases=False, decision_mode="human")
        for key in ("look", "ship", "rest"):
            await stack.task_in(project_id, key, "waiting")
        project = await stack.project(project_id)
        await stack.temporal.get_workflow_handle(project_id).terminate()
        about = {"project_id": project_id, "run_id": project["run"]["id"]}
        plan = {"plan_version": project["plan"]["version"], "plan_digest": project["plan"]["digest"]}
        one = project["phases"][0]["id"]
        attacks: dict[str, tuple[str, dict[str, Any], Any]] = {
            "begin the gated phase": ("begin_phase", {**about, **plan, "position": 1}, "phase_order"),
            "run a gated command": ("shell", {**about, "task": "run"}, "Fenced"),
            "run a manual task as a command": ("shell", {**about, "task": "look"}, "Fenced"),
            "complete a manual task": ("close_task", {**about, "task": "look"}, "plan_altered"),
            "end a timer early": ("close_task", {**about, "task": "rest"}, "NotDue"),
            "end the phase": ("end_phase", {**about, "phase_id": one, "failed": True}, "phase_outcome"),
            "skip a task": ("skip_tasks", {**about, "tasks": ["run"], "reason": "x"}, "dependencies_met"),
            "open a gated task": ("open_task", {**about, "task": "run", "reason": "manual"}, "plan_altered"),
            "cancel without a word": ("finish_run", {**about, "status": "cancelled"}, "run_outcome"),
            "delete": ("erase_project", {**about, "command": "cmd_made_up"}, "unknown_command"),
            "time out a question": (
                "decide",
                {**about, "origin": "time_up", "name": "expire", "id": "x", "task": "ship"},
                "NotDue",
            ),
        }
        answers = await forged(stack, project_id, *((name, argument) for name, argument, _ in attacks.values()))
        assert dict(zip(attacks, answers, strict=True)) == {name: wanted for name, (_, _, wanted) in attacks.items()}
        ends = (
            ("end_phase", {**about, "phase_id": one, "failed": False}),
            ("finish_run", {**about, "status": "completed"}),
        )
        advised = ("advise", {**about, "task": "ship"})
        auto = ("decide", {**about, "origin": "plan_ready", "name": "approve", "id": "auto:1"})
        ended, finished, answered, approved = await forged(stack, project_id, *ends, advised, auto)
        assert (ended["ended"], finished["status"]) == (False, "running")
        assert (answered["accepted"], approved["accepted"]) == (False, False)
        after = await stack.project(project_id)
        assert [task["status"] for task in after["tasks"]] == ["waiting", "waiting", "waiting", "pending"]
        assert [phase["status"] for phase in after["phases"]] == ["running", "pending"]


async def test_a_task_does_not_run_on_the_queue_of_another_agent(temporal_server, tmp_path) -> None:
    own = f"own-{tmp_path.name}-{time.time_ns()}"
    agents = {"own": AgentEntry(kind=AgentKind.LOCAL, queue=own)}
    async with running_stack(temporal_server, tmp_path, agents=agents) as stack:
        own_worker = build_worker(stack.temporal, stack.settings, stack.database, queue=own)
        async with own_worker:
            # Each is delayed, so that the workflow is gone before it could begin.
            here = "- Here: `touch here` {#here after=look}"
            there = "- There: `touch there` {#there after=look agent=own}"
            project_id = await stack.started(f"- [ ] Look {{#look}}\n{here}\n{there}")
            await stack.task_in(project_id, "look", "waiting")
            project = await stack.project(project_id)
            await stack.call("POST", f"/{project_id}/pause")
            await stack.call("POST", f"/{project_id}/tasks/look/complete")
            await stack.temporal.get_workflow_handle(project_id).terminate()
            about = {"project_id": project_id, "run_id": project["run"]["id"]}
            on_usual, on_own = (("shell", {**about, "task": key}) for key in ("here", "there"))
            assert await forged(stack, project_id, on_usual, queue=own) == ["Fenced"]
            assert await forged(stack, project_id, on_own) == ["Fenced"]
            assert not any((Path(project["workspace"]) / key).exists() for key in ("here", "there"))
            # The record allows each of them on its own queue.
            assert [answer["status"] for answer in await forged(stack, project_id, on_own, queue=own)] == ["completed"]
            assert [answer["status"] for answer in await forged(stack, project_id, on_usual)] == ["completed"]


async def test_a_plan_edited_by_hand_is_not_approved_by_itself(signoff: Stack) -> None:
    project_id = await signoff.planned("- [ ] Look {#look}")
    await signoff.call("POST", f"/{project_id}/tasks", status=201, json={"title": "By hand"})
    await signoff.call("PUT", f"/{project_id}", json={"auto_approve_plan": True})
    await signoff.temporal.get_workflow_handle(project_id).terminate()
    auto = {"project_id": project_id, "origin": "plan_ready", "name": "approve", "id": "auto:2"}
    (answer,) = await forged(signoff, project_id, ("decide", auto))
    assert not answer["accepted"]
    assert (await signoff.project(project_id))["status"] == "pending"
