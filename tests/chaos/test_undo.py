"""An approval with time to undo takes effect once, whatever is killed while it can be withdrawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.conftest import Processes
from tests.sse import read_events


async def planned(processes: Processes, undo: str) -> tuple[str, Path]:
    fields = {"description": "- A: `echo a >> ran`", "signing": {"undo": undo}}
    project = await processes.call("POST", "", status=201, json=fields)
    await processes.call("POST", f"/{project['id']}/generate-plan")
    return project["id"], Path(project["workspace"])


@pytest.mark.parametrize("killed", [("app",), ("worker", "app"), ("worker", "app", "temporal")], ids="-".join)
async def test_an_approval_takes_effect_once_after_everything_was_killed(
    processes: Processes, killed: tuple[str, ...]
) -> None:
    project_id, workspace = await planned(processes, "3s")
    answer = await processes.call("POST", f"/{project_id}/approve")
    assert answer["approvals"]["undo_until"] is not None
    processes.kill(*killed)
    processes.start(*killed)
    await processes.ready()
    await processes.until(project_id, status="completed")
    assert (workspace / "ran").read_text() == "a\n"
    events = await read_events(processes.http, project_id, follow=False)
    types = [event["type"] for event in events]
    assert (types.count("plan.approved"), types.count("run.started")) == (1, 1)


async def test_a_withdrawn_approval_stays_withdrawn_after_a_kill(processes: Processes) -> None:
    project_id, workspace = await planned(processes, "5m")
    await processes.call("POST", f"/{project_id}/approve")
    await processes.call("POST", f"/{project_id}/undo-approval")
    processes.kill("worker", "app")
    processes.start("worker", "app")
    await processes.ready()
    project = await processes.project(project_id)
    (gate,) = project["gates"]
    assert (project["status"], gate["undo_until"], gate["approvals"]["given"]) == ("pending", None, 0)
    assert not (workspace / "ran").exists()


async def test_an_approval_whose_time_ends_while_nothing_runs_takes_effect_later(processes: Processes) -> None:
    project_id, workspace = await planned(processes, "1s")
    # The worker that would decide it is gone when its time ends; the app asks until it is decided.
    await processes.call("POST", f"/{project_id}/approve")
    processes.kill("worker")
    other = await processes.call("POST", "", status=201, json={"description": ""})
    assert other["status"] == "pending"
    processes.start("worker")
    await processes.ready()
    await processes.until(project_id, status="completed")
    assert (workspace / "ran").read_text() == "a\n"
