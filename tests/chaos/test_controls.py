"""People's decisions survive kill -9 of everything."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from app.database.database import Database
from app.domain.commands import CommandKind
from app.storage.tables import commands
from tests.chaos.conftest import Processes
from tests.conftest import eventually

EVERYTHING = ("worker", "app", "temporal")


async def test_a_paused_project_survives_a_restart_of_everything_and_resumes(processes: Processes) -> None:
    plan = "1. First: `echo first >> ran; while [ ! -e go ]; do sleep 0.05; done` {#first}\n2. Second: `echo second >> ran`"
    project_id, workspace = await processes.started(plan)
    await processes.task_in(project_id, "first", "running")
    await processes.call("POST", f"/{project_id}/pause", json={"comment": "maintenance"})
    (workspace / "go").touch()
    await processes.task_in(project_id, "first", "completed")
    processes.kill(*EVERYTHING)
    processes.start(*EVERYTHING)
    await processes.ready()
    project = await processes.call("GET", f"/{project_id}")
    assert (project["status"], project["stage"]) == ("running", "paused")
    await processes.until(project_id, live=True)
    assert (workspace / "ran").read_text().split() == ["first"]
    await processes.call("POST", f"/{project_id}/resume")
    project = await processes.finished(project_id)
    assert project["status"] == "completed"
    assert (workspace / "ran").read_text().split() == ["first", "second"]


async def test_an_open_decision_survives_a_restart_of_everything(processes: Processes) -> None:
    plan = "- Ship? {#ship decision=yes,no}\n- After: `true` {#after after=ship}"
    project_id, _ = await processes.started(plan)
    await processes.task_in(project_id, "ship", "waiting")
    processes.kill(*EVERYTHING)
    processes.start(*EVERYTHING)
    await processes.ready()
    listed = await processes.call("GET", f"/{project_id}/decisions?status=open")
    path = f"/{project_id}/decisions/{listed['decisions'][0]['id']}"
    # 202 if the workflow has not come back yet: the request is recorded, and decided as soon as it has.
    answer = await processes.http.post(f"/api/projects{path}", json={"answer": "yes"})
    assert answer.status_code in {200, 202}, answer.text
    assert (await processes.finished(project_id))["status"] == "completed"


async def test_a_retry_and_an_edit_are_carried_out_whatever_is_killed(processes: Processes) -> None:
    plan = "- Good: `echo good >> ran` {#good}\n- Bad: `[ -e fixed ]` {#bad after=good}"
    project_id, workspace = await processes.started(plan)
    assert (await processes.finished(project_id))["status"] == "failed"
    (workspace / "fixed").touch()
    processes.kill("worker")
    recorded = await processes.call("POST", f"/{project_id}/retry", status=202)
    assert recorded["recorded"]
    processes.kill("app", "temporal")
    processes.start(*EVERYTHING)
    project = await processes.finished(project_id)
    while project["run"]["number"] == 1:
        project = await processes.finished(project_id)
    assert project["status"] == "completed"
    assert (workspace / "ran").read_text().split() == ["good"], "what was done is not done again"


async def test_a_request_whose_app_is_killed_before_its_signal_is_carried_out_once_when_it_is_repeated(
    processes: Processes,
) -> None:
    project = await processes.call("POST", "", status=201, json={"description": "- A: `echo a >> ran`"})
    path, workspace = f"/{project['id']}", Path(project["workspace"])
    await processes.call("POST", f"{path}/generate-plan")
    key = {"Idempotency-Key": "approve-once"}
    database = Database(processes.settings.effective_database_url)
    await database.start()

    async def approvals() -> int:
        mine = (commands.c.project_id == project["id"], commands.c.kind == CommandKind.APPROVE)
        count = select(func.count()).select_from(commands).where(*mine)
        return await database.read(lambda conn: conn.execute(count).scalar_one())

    # Temporal accepts the connection but does not answer, so the app stops between the command and its signal.
    processes.running["temporal"].send_signal(signal.SIGSTOP)
    sent = asyncio.create_task(processes.http.post(f"/api/projects{path}/approve", headers=key))
    await eventually(approvals, what="the command is stored")
    processes.kill("app")
    with pytest.raises(httpx.TransportError):
        await sent
    processes.running["temporal"].send_signal(signal.SIGCONT)
    processes.start("app")
    await processes.ready()

    async def repeated() -> bool:
        answer = await processes.http.post(f"/api/projects{path}/approve", headers=key)
        # The app that was killed still holds the key for a while.
        assert answer.status_code in {200, 409}, answer.text
        return answer.status_code == 200

    await eventually(repeated, what="the repeated request is carried out", seconds=90)
    assert (await processes.finished(project["id"]))["status"] == "completed"
    assert (workspace / "ran").read_text().split() == ["a"]
    assert await approvals() == 1
    await database.close()
