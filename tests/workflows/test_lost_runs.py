"""Runs that Temporal has lost are found and recorded."""

from __future__ import annotations

from pathlib import Path

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

from app.temporal import lost
from tests.conftest import Stack, eventually, running_stack
from tests.processes import with_environment


async def test_a_terminated_run_is_found_by_a_call(signoff: Stack) -> None:
    project_id = await signoff.started("- Slow: `sleep 600` {#slow}\n- Later: `true` {#later after=slow}")
    await signoff.task_in(project_id, "slow", "running")
    await signoff.temporal.get_workflow_handle(project_id).terminate(reason="in the Web UI")
    refused = await signoff.call("POST", f"/{project_id}/cancel", status=409)
    assert refused["code"] == "already_finished"
    project = await signoff.project(project_id)
    assert (project["status"], project["failure"]["code"]) == ("failed", "run_terminated")
    assert {t["status"] for t in project["tasks"]} == {"cancelled"}
    types = [event["type"] for event in await signoff.events(project_id)]
    assert "run.lost" in types
    assert types[-1] == "project.failed"

    # A lost project can be planned and run again, once what was left of it has stopped.
    await signoff.call("PUT", f"/{project_id}", json={"description": "- Quick: `true`"})
    await signoff.call("POST", f"/{project_id}/regenerate-plan")
    await signoff.once_stopped(f"/{project_id}/approve")
    assert not with_environment("SIGNOFF_PROJECT_ID", project_id)
    assert (await signoff.finished(project_id))["status"] == "completed"


async def test_a_lost_run_can_be_retried_once_what_was_left_of_it_has_stopped(signoff: Stack) -> None:
    slow = "[ -e go ] && seconds=0 || seconds=600; echo slow >> ran; sleep $seconds"
    plan = f"- Done: `echo done >> ran` {{#done}}\n- Slow: `{slow}` {{#slow after=done}}"
    project_id = await signoff.started(plan)
    workspace = Path((await signoff.project(project_id))["workspace"])
    await signoff.task_in(project_id, "slow", "running")

    async def looked() -> bool:
        return "slow" in (workspace / "ran").read_text()

    # The record says running before the command exists. Only the second attempt finds `go`.
    await eventually(looked, what="the command has seen that there is no `go`")
    await signoff.temporal.get_workflow_handle(project_id).terminate()
    (workspace / "go").touch()
    await signoff.once_stopped(f"/{project_id}/retry")
    assert (await signoff.finished(project_id))["status"] == "completed"
    assert (workspace / "ran").read_text().split() == ["done", "slow", "slow"]


async def test_the_sweep_finds_a_terminated_run(temporal_server, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(lost, "SWEEP_SECONDS", 0.2)
    async with running_stack(temporal_server, tmp_path) as stack:
        project_id = await stack.started("- [ ] Wait {#wait}")
        await stack.task_in(project_id, "wait", "waiting")
        await stack.temporal.get_workflow_handle(project_id).terminate()
        project = await stack.finished(project_id)
        assert project["failure"]["code"] == "run_terminated"


async def test_a_waiting_plan_outlives_its_workflow(signoff: Stack) -> None:
    project_id = await signoff.planned("- A: `true`")
    await signoff.temporal.get_workflow_handle(project_id).terminate()
    await signoff.call("POST", f"/{project_id}/approve")
    assert (await signoff.finished(project_id))["status"] == "completed"


async def reset(signoff: Stack, project_id: str) -> None:
    """Reset the run to its first workflow task, as the Web UI does."""
    handle = signoff.temporal.get_workflow_handle(project_id)
    history = await handle.fetch_history()
    first_task = next(e.event_id for e in history.events if e.HasField("workflow_task_completed_event_attributes"))
    execution = WorkflowExecution(workflow_id=project_id, run_id=(await handle.describe()).run_id)
    request = ResetWorkflowExecutionRequest(
        namespace=signoff.temporal.namespace,
        workflow_execution=execution,
        workflow_task_finish_event_id=first_task,
        request_id="reset",
        reason="test",
    )
    await signoff.temporal.workflow_service.reset_workflow_execution(request)


async def test_a_reset_run_repeats_nothing_that_is_recorded(signoff: Stack) -> None:
    project_id = await signoff.started("1. A: `echo a >> log` {#a}\n2. B: `echo b >> log` {#b}\n3. [ ] Ask {#ask}")
    await signoff.task_in(project_id, "ask", "waiting")
    await reset(signoff, project_id)
    ask = await signoff.task_in(project_id, "ask", "waiting")
    await signoff.call("POST", f"/{project_id}/tasks/{ask['id']}/complete")
    project = await signoff.finished(project_id)
    assert project["status"] == "completed", project["failure"]
    assert (Path(project["workspace"]) / "log").read_text().split() == ["a", "b"]


async def test_a_task_that_ran_when_its_run_was_reset_runs_again_once_it_has_stopped(signoff: Stack) -> None:
    # It looks for the file before it says that it runs, so that the test can make the file as soon as it does.
    command = (
        "[ -e pid ] && kill -0 $(cat pid) 2>/dev/null && touch overlap; test -e quick; absent=$?; echo $$ > pid; "
        "[ $absent = 0 ] || sleep 600"
    )
    project_id = await signoff.started(f"- Slow: `{command}` {{#slow}}")
    workspace = Path((await signoff.project(project_id))["workspace"])

    async def runs() -> bool:
        return (workspace / "pid").exists()

    await eventually(runs, what="the task runs")
    (workspace / "quick").touch()
    await reset(signoff, project_id)
    project = await signoff.finished(project_id)
    assert (project["status"], project["tasks"][0]["attempt"]) == ("completed", 2)
    assert not (workspace / "overlap").exists()
