"""What people have said outlives kill -9 of everything."""

from __future__ import annotations

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

    async def back() -> bool:
        return (await processes.call("GET", f"/{project_id}"))["live"]

    await eventually(back, what="the workflow answers again")
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
    # 202 where the workflow has not come back yet: recorded, and decided as soon as it has.
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
