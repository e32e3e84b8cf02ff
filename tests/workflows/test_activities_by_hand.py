"""An operator pauses, unpauses, resets or completes a task's activity in Temporal. No run is cancelled or hangs as a result."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from app.domain.agents import AgentEntry, AgentKind
from app.domain.errors import Conflict
from app.storage import attempts
from app.storage.attempt_values import AttemptKey
from tests.conftest import Stack, eventually, running_stack
from tests.processes import with_environment
from tests.workflows.by_hand import Operator
from worker import build_worker

# Runs until a file `quick` exists, and logs each start.
# It looks for the file before it says that it runs, so that a test can make the file as soon as it does.
SLOW = "test -e quick; absent=$?; echo x >> runs; [ $absent = 0 ] || sleep 600"


async def began(signoff: Stack, plan: str) -> tuple[str, Path, Operator]:
    """A project whose first task is running its command."""
    project_id = await signoff.started(plan)
    workspace = Path((await signoff.project(project_id))["workspace"])

    async def runs() -> bool:
        return (workspace / "runs").exists()

    await eventually(runs, what="the task runs")
    return project_id, workspace, Operator(signoff.temporal, project_id)


async def stopped(project_id: str) -> None:
    async def gone() -> bool:
        return not with_environment("SIGNOFF_PROJECT_ID", project_id)

    await eventually(gone, what="the processes of the task have stopped")


async def test_a_paused_task_stops_and_runs_again_once_it_is_unpaused(signoff: Stack) -> None:
    project_id, workspace, operator = await began(
        signoff, f"- Slow: `{SLOW}` {{#slow}}\n- After: `true` {{#b after=slow}}"
    )
    await operator.pause()
    await operator.stopped_and_paused()
    await stopped(project_id)
    slow = await signoff.task_in(project_id, "slow", "waiting")
    assert (slow["reason"], slow["error"]["type"]) == ("worker_lost", "worker_lost")
    assert "paused in Temporal" in slow["error"]["message"]
    project = await signoff.project(project_id)
    assert project["status"] == "running"
    assert project["blocked"]["code"] == "activity_paused", project["blocked"]
    assert f"temporal activity unpause --workflow-id {project_id}" in project["blocked"]["message"]
    (workspace / "quick").touch()
    await operator.unpause()
    done = await signoff.finished(project_id)
    assert done["status"] == "completed", done["failure"]
    assert (done["tasks"][0]["attempt"], done["blocked"]) == (2, None)
    assert (workspace / "runs").read_text().split() == ["x", "x"]
    types = [event["type"] for event in await signoff.events(project_id)]
    assert "task.cancelled" not in types
    assert (await signoff.call("POST", f"/{project_id}/audit"))["trail"]["intact"]


async def test_a_reset_task_stops_and_runs_again(signoff: Stack) -> None:
    project_id, workspace, operator = await began(
        signoff, f"- Slow: `{SLOW}` {{#slow}}\n- After: `true` {{#b after=slow}}"
    )
    (workspace / "quick").touch()
    await operator.reset()
    done = await signoff.finished(project_id)
    assert (done["status"], done["tasks"][0]["attempt"]) == ("completed", 2)
    assert (workspace / "runs").read_text().split() == ["x", "x"]
    assert "task.cancelled" not in [event["type"] for event in await signoff.events(project_id)]


@pytest.mark.parametrize("command", ["pause", "reset"])
async def test_a_task_that_must_not_be_repeated_asks_at_once(signoff: Stack, command: str) -> None:
    project_id, workspace, operator = await began(signoff, f"- Slow: `{SLOW}` {{#slow on_crash=ask}}")
    await getattr(operator, command)()
    slow = await signoff.task_in(project_id, "slow", "waiting")
    assert slow["reason"] == "worker_lost"
    await stopped(project_id)
    assert (await signoff.call("GET", f"/{project_id}/decisions?status=open"))["open"] == 1
    await signoff.call("POST", f"/{project_id}/tasks/{slow['id']}/complete")
    assert (await signoff.finished(project_id))["status"] == "completed"
    assert (workspace / "runs").read_text().split() == ["x"]


async def test_a_task_that_gives_up_when_it_is_interrupted_fails(signoff: Stack) -> None:
    project_id, _, operator = await began(signoff, f"- Slow: `{SLOW}` {{#slow on_crash=fail}}")
    await operator.pause()
    done = await signoff.finished(project_id)
    assert (done["status"], done["tasks"][0]["error"]["type"]) == ("failed", "worker_lost")
    assert "paused in Temporal" in done["tasks"][0]["error"]["message"]


async def test_a_paused_task_can_be_cancelled(signoff: Stack) -> None:
    project_id, _, operator = await began(signoff, f"- Slow: `{SLOW}` {{#slow}}")
    await operator.pause()
    await operator.stopped_and_paused()
    assert (await signoff.call("POST", f"/{project_id}/cancel"))["status"] == "cancelled"
    assert (await signoff.project(project_id))["tasks"][0]["status"] == "cancelled"


@pytest.mark.parametrize(
    "result",
    [{"x": 1}, None, "done", {"status": "running"}, {"status": "failed"}, {"status": "completed"}],
    ids=["foreign", "null", "text", "running", "failed", "forged"],
)
async def test_a_task_that_is_completed_by_hand_runs_again(signoff: Stack, result: object) -> None:
    plan = f"- Slow: `{SLOW}; echo slow >> order` {{#slow}}\n- After: `echo after >> order` {{#b after=slow}}"
    project_id, workspace, operator = await began(signoff, plan)
    (workspace / "quick").touch()
    await operator.complete(result)
    done = await signoff.finished(project_id)
    assert done["status"] == "completed", done["failure"]
    assert done["tasks"][0]["attempt"] == 2
    assert (workspace / "order").read_text().split() == ["slow", "after"], "what depends on it has waited for it"


@pytest.mark.usefixtures("soon_recorded", "sqlite_only")
async def test_a_record_that_is_completed_by_hand_is_made_again(
    temporal_server: WorkflowEnvironment, tmp_path: Path
) -> None:
    async with running_stack(temporal_server, tmp_path, worker=False) as stack:
        project_id = await stack.create("- A: `true` {#a}")
        await stack.call("POST", f"/{project_id}/generate-plan", status=202)
        # Nobody else can write, so that an operator can complete the decision, which is an activity then.
        writing = sqlite3.connect(stack.settings.data_dir / "signoff.db", isolation_level=None)
        try:
            writing.execute("BEGIN IMMEDIATE")
            await stack.start_worker()
            await Operator(stack.temporal, project_id, "decide").complete({"x": 1})
            await Operator(stack.temporal, project_id, "decide").pending()
        finally:
            writing.close()
        await stack.until(project_id, stage="awaiting_approval")
        # Apps of this test answer 202 if a worker takes more than a second, as a new one may.
        answer = await stack.http.post(f"/api/projects/{project_id}/cancel")
        assert answer.status_code in {200, 202}, answer.text
        assert (await stack.finished(project_id))["status"] == "cancelled"


async def test_a_phase_that_is_opened_by_hand_waits_for_its_approval_all_the_same(signoff: Stack) -> None:
    """A forged answer about a phase decides nothing: the record does not let its tasks start."""
    plan = "## One\n- A: `true` {#a}\n## Two\n- B: `touch b` {#b}"
    project_id = await signoff.started(plan, auto_approve_phases=False)
    await signoff.at_gate(project_id)
    key = AttemptKey(
        project_id=project_id,
        run_id=(await signoff.project(project_id))["run"]["id"],
        task_id="b",
        try_number=1,
        token="t",
    )
    with pytest.raises(Conflict, match="phase has not started"):
        await signoff.database.transact(lambda conn: attempts.start(conn, key))


@pytest.mark.parametrize("first", ["pending", "failed"])
async def test_a_skipped_task_that_no_worker_takes_holds_nothing_up(
    temporal_server: WorkflowEnvironment, tmp_path: Path, first: str
) -> None:
    """The task, or its next attempt, waits on a queue that nobody serves, and a person skips it."""
    queue = f"gpu-{time.time_ns()}"
    agents = {"gpu": AgentEntry(kind=AgentKind.LOCAL, queue=queue)}
    async with running_stack(temporal_server, tmp_path, agents=agents) as stack:
        project_id = await stack.started("- Train: `exit 1` {#train agent=gpu retries=1}\n- B: `true` {#b after=train}")
        if first == "failed":
            async with build_worker(stack.temporal, stack.settings, stack.database, queue=queue):
                await stack.task_in(project_id, "train", "waiting")
        operator = Operator(stack.temporal, project_id)
        await operator.pending()
        task = (await stack.project(project_id))["tasks"][0]
        assert task["status"] == ("pending" if first == "pending" else "waiting")
        await stack.call("POST", f"/{project_id}/tasks/{task['id']}/skip")
        done = await stack.finished(project_id)
        assert (done["status"], done["tasks"][0]["status"]) == ("completed", "skipped")
