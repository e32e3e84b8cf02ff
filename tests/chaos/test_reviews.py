"""What reviewers say about a plan survives kill -9 of everything between the call and its effect, and takes effect once."""

from __future__ import annotations

import asyncio
import signal

import httpx
import pytest
from sqlalchemy import func, select

from app.database.database import Database
from app.storage.tables import commands
from tests.chaos.conftest import Processes
from tests.conftest import eventually
from tests.sse import read_events

EVERYTHING = ("worker", "app", "temporal")
SAID = {"comment": "Not before Friday."}
# What each verdict leads to: the stage, and the event that says so.
VERDICTS = {"request-changes": ("changes_requested", "plan.changes_requested"), "reject": ("finished", "plan.rejected")}


async def planned(processes: Processes) -> str:
    project = await processes.call("POST", "", status=201, json={"description": "- A: `echo a >> ran`"})
    await processes.call("POST", f"/{project['id']}/generate-plan")
    return project["id"]


async def check_said_once(processes: Processes, project_id: str, verdict: str) -> None:
    stage, event_type = VERDICTS[verdict]
    project = await processes.until(project_id, stage=stage)
    said = project["changes_requested"] or project["rejected"]
    assert (said["version"], said["comment"], project["run"]) == (1, SAID["comment"], None)
    events = await read_events(processes.http, project_id, follow=False)
    assert [event["type"] for event in events].count(event_type) == 1


@pytest.mark.parametrize("verdict", VERDICTS)
async def test_a_verdict_is_carried_out_whatever_is_killed(processes: Processes, verdict: str) -> None:
    project_id = await planned(processes)
    processes.kill("worker")
    recorded = await processes.call("POST", f"/{project_id}/{verdict}", status=202, json=SAID)
    assert recorded["recorded"]
    processes.kill("app", "temporal")
    processes.start(*EVERYTHING)
    await processes.ready()
    await check_said_once(processes, project_id, verdict)
    if verdict == "request-changes":
        # The workflow has stayed open: the next version and its approval go on from here.
        await processes.call("PUT", f"/{project_id}/tasks/a", json={"title": "On Friday"})
        await processes.until(project_id, stage="awaiting_approval")
        answer = await processes.http.post(f"/api/projects/{project_id}/approve")
        assert answer.status_code in {200, 202}, answer.text
        await processes.until(project_id, status="completed")


@pytest.mark.parametrize("verdict", VERDICTS)
async def test_a_verdict_whose_app_is_killed_before_its_signal_is_carried_out_once(
    processes: Processes, verdict: str
) -> None:
    project_id = await planned(processes)
    path, key = f"/api/projects/{project_id}/{verdict}", {"Idempotency-Key": "say-it-once"}
    database = Database(processes.settings.effective_database_url)
    await database.start()

    async def stored() -> int:
        mine = (commands.c.project_id == project_id, commands.c.kind == verdict.replace("-", "_"))
        count = select(func.count()).select_from(commands).where(*mine)
        return await database.read(lambda conn: conn.execute(count).scalar_one())

    # Temporal accepts the connection but does not answer, so the app stops between the command and its signal.
    processes.running["temporal"].send_signal(signal.SIGSTOP)
    sent = asyncio.create_task(processes.http.post(path, json=SAID, headers=key))
    await eventually(stored, what="the command is stored")
    processes.kill("app")
    with pytest.raises(httpx.TransportError):
        await sent
    processes.running["temporal"].send_signal(signal.SIGCONT)
    processes.start("app")
    await processes.ready()

    async def repeated() -> bool:
        answer = await processes.http.post(path, json=SAID, headers=key)
        # The app that was killed still holds the key for a while.
        assert answer.status_code in {200, 202, 409}, answer.text
        return answer.status_code in {200, 202}

    await eventually(repeated, what="the repeated request is carried out", seconds=90)
    await check_said_once(processes, project_id, verdict)
    assert await stored() == 1
    await database.close()
