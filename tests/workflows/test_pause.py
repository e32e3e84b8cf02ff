"""Pause and resume: nothing new starts, tasks in progress end, and a pause survives everything."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Stack, eventually, running_stack
from workflows.contracts import Thresholds


async def started_by(stack: Stack, project_id: str) -> list[str]:
    return [event["data"]["key"] for event in await stack.events(project_id) if event["type"] == "task.started"]


async def test_paused_run_starts_nothing_and_lets_what_runs_finish(signoff: Stack) -> None:
    plan = "1. First: `while [ ! -e go ]; do sleep 0.05; done` {#first}\n2. Second: `true` {#second}"
    project_id = await signoff.started(plan)
    await signoff.task_in(project_id, "first", "running")
    answer = await signoff.call("POST", f"/{project_id}/pause", json={"comment": "lunch"})
    assert (answer["status"], answer["stage"]) == ("running", "paused")
    workspace = Path((await signoff.project(project_id))["workspace"])
    (workspace / "go").touch()
    await signoff.task_in(project_id, "first", "completed")
    # If the workflow decides another request after that, it has seen the end of the task and started nothing.
    refused = await signoff.call("POST", f"/{project_id}/pause", status=409)
    assert refused["code"] == "already_paused"
    project = await signoff.project(project_id)
    assert project["stage"] == "paused"
    assert await started_by(signoff, project_id) == ["first"]
    resumed = await signoff.call("POST", f"/{project_id}/resume")
    assert (resumed["status"], resumed["stage"]) == ("running", "executing")
    assert (await signoff.finished(project_id))["status"] == "completed"
    told = [event["type"] for event in await signoff.events(project_id) if event["type"].startswith("run.")]
    assert told == ["run.started", "run.paused", "run.resumed"]
    kinds = [(d["kind"], d["status"]) for d in (await signoff.call("GET", f"/{project_id}/decisions"))["decisions"]]
    assert ("pause", "accepted") in kinds
    assert ("pause", "refused") in kinds
    assert ("resume", "accepted") in kinds


async def test_next_try_waits_for_the_resume(signoff: Stack) -> None:
    plan = (
        "- Flaky: `[ -e again ] || { touch again; while [ ! -e go ]; do sleep 0.05; done; exit 1; }` {#flaky retries=1}"
    )
    project_id = await signoff.started(plan)
    await signoff.task_in(project_id, "flaky", "running")
    await signoff.call("POST", f"/{project_id}/pause")
    workspace = Path((await signoff.project(project_id))["workspace"])
    (workspace / "go").touch()
    await signoff.task_in(project_id, "flaky", "waiting")

    async def held() -> bool:
        snapshot = await signoff.temporal.get_workflow_handle(project_id).query("snapshot")
        return [task["state"] for task in snapshot["in_progress"]] == ["paused"]

    await eventually(held, what="the next try is held")
    assert await started_by(signoff, project_id) == ["flaky"]
    await signoff.call("POST", f"/{project_id}/resume")
    assert (await signoff.finished(project_id))["status"] == "completed"


async def test_paused_project_can_be_cancelled_and_answers_count(signoff: Stack) -> None:
    project_id = await signoff.started("- [ ] Ask {#ask}\n- After: `true` {#after after=ask}")
    ask = await signoff.task_in(project_id, "ask", "waiting")
    await signoff.call("POST", f"/{project_id}/pause")
    await signoff.call("POST", f"/{project_id}/tasks/{ask['id']}/complete")
    assert (await signoff.project(project_id))["stage"] == "paused"
    assert (await signoff.task_in(project_id, "after", "pending"))["attempt"] == 0
    cancelled = await signoff.call("POST", f"/{project_id}/cancel")
    assert cancelled["status"] == "cancelled"
    assert await started_by(signoff, project_id) == []


async def test_a_pause_outlives_a_fresh_history_and_a_new_worker(temporal_server, tmp_path: Path) -> None:
    chain = "\n".join(f"{i}. Step {i}: `echo {i} >> order; sleep 0.1` {{#s{i}}}" for i in range(1, 16))
    async with running_stack(temporal_server, tmp_path, thresholds=Thresholds(rest=30, drain=40)) as stack:
        project_id = await stack.started(chain)
        await stack.task_in(project_id, "s3", "completed")
        await stack.call("POST", f"/{project_id}/pause")
        await stack.stop_worker()
        await stack.start_worker()

        async def quiet() -> bool:
            return not any(t["status"] == "running" for t in (await stack.project(project_id))["tasks"])

        await eventually(quiet, what="nothing runs")
        project = await stack.project(project_id)
        assert (project["status"], project["stage"]) == ("running", "paused")
        assert any(t["status"] == "pending" for t in project["tasks"])
        # 202 if the new worker takes longer than the app waits for the decision.
        assert (await stack.http.post(f"/api/projects/{project_id}/resume")).status_code in {200, 202}
        project = await stack.finished(project_id)
        assert project["status"] == "completed", project["failure"]
        order = (Path(project["workspace"]) / "order").read_text().split()
        assert sorted(set(order), key=int) == [str(i) for i in range(1, 16)]
