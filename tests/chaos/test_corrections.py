"""kill -9 in the middle of a correction: a failed task is edited, approved and run, and nothing runs twice or is lost."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import httpx

from tests.chaos.conftest import Processes
from tests.conftest import eventually
from tests.sse import read_events

PLAN = """\
1. One: `echo one >> log; echo "n=1" >> "$SIGNOFF_OUTPUT"` {#one}
2. Two: `ecko two` {#two}
3. Three {#three}

   ```inputs
   N: ${{ tasks.one.outputs.n }}
   ```

   ```sh
   echo "three $INPUT_N" >> log
   ```
"""
# It notes each of its beginnings, and has its effect at its end.
RIGHT = "echo begun >> begun; sleep 3; echo two >> log"
VICTIMS = ("app", "worker")


async def killed_during(processes: Processes, request: Any) -> None:
    """Send a request, kill app and worker while it is under way, and start them again."""
    sent = asyncio.ensure_future(request)
    await asyncio.sleep(0.02)  # why: long enough to be sent, short enough that it may not have been answered
    processes.kill(*VICTIMS)
    with contextlib.suppress(httpx.TransportError):
        await sent
    processes.start(*VICTIMS)
    await processes.ready()


async def restarted(processes: Processes) -> None:
    processes.kill(*VICTIMS)
    processes.start(*VICTIMS)
    await processes.ready()


async def test_a_correction_survives_kills_at_every_moment(processes: Processes) -> None:
    project_id, workspace = await processes.started(PLAN)
    failed = await processes.finished(project_id)
    assert [task["status"] for task in failed["tasks"]] == ["completed", "failed", "skipped"]
    path = f"/api/projects/{project_id}"
    body = {"action": {"type": "shell", "command": RIGHT}}

    def edit() -> Any:
        return processes.http.put(f"{path}/tasks/two", json=body)

    # While the edit is under way: it has happened completely, or not at all, and can be repeated.
    await killed_during(processes, edit())
    project = await processes.project(project_id)
    if project["plan"]["version"] == 1:
        assert (await edit()).status_code == 200
    project = await processes.project(project_id)
    assert (project["plan"]["version"], project["status"]) == (2, "pending")

    # Between the edit and the approval.
    await restarted(processes)
    plan = await processes.call("GET", f"/{project_id}/plan")
    assert plan["kept"] == [failed["tasks"][0]["id"]]

    # While the approval is under way. Repeated with its key, it counts once.
    async def approve() -> httpx.Response:
        signed = {"plan_version": 2, "plan_digest": plan["digest"]}
        return await processes.http.post(f"{path}/approve", json=signed, headers={"Idempotency-Key": "sign"})

    await killed_during(processes, approve())

    async def approved() -> bool:
        return (await approve()).status_code in {200, 202}

    await eventually(approved, what="the approval is accepted", seconds=60)

    # While the corrected task runs.
    async def begun() -> bool:
        return (workspace / "begun").exists()

    await eventually(begun, what="the corrected task runs", seconds=60)
    await restarted(processes)

    project = await processes.finished(project_id)
    assert (project["status"], project["failure"]) == ("completed", None)
    assert (workspace / "log").read_text().split("\n") == ["one", "two", "three 1", ""]
    await check_record(processes, project_id, workspace)


async def check_record(processes: Processes, project_id: str, workspace: Path) -> None:
    """Each version was approved once, each task completed once, and the audit finds the record whole."""
    events = await read_events(processes.http, project_id)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    approvals = [event["data"]["plan_version"] for event in events if event["type"] == "plan.approved"]
    assert approvals == [1, 2]
    completed = [event["data"]["key"] for event in events if event["type"] == "task.completed"]
    assert completed == ["one", "two", "three"]
    started = [event["data"]["key"] for event in events if event["type"] == "task.started"]
    assert started.count("one") == 1
    # Its first attempt failed; the corrected one was interrupted and ran again.
    assert started.count("two") == 1 + len((workspace / "begun").read_text().split())
    audit = await processes.call("POST", f"/{project_id}/audit")
    assert audit["trail"]["intact"]
    assert [item for item in audit["results"]["findings"] if "altered" in item["code"]] == []
