"""kill -9 during a run: recorded steps happen once, interrupted steps run again, and nothing is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.chaos.conftest import Processes
from tests.conftest import eventually
from tests.processes import with_environment
from tests.sse import read_events

# Less than the heartbeat timeout, after which Temporal starts another attempt.
GONE_SECONDS = 4.0

# The tasks below look for a file before they say that they run, so that a test can make the file as soon as they do.

# Logs its start and end, and detects whether an earlier attempt is still alive.
STEP = (
    "[ -e pid_{n} ] && kill -0 $(cat pid_{n}) 2>/dev/null && touch overlap; "
    "echo $$ > pid_{n}; echo {n} >> started; sleep {seconds}; echo {n} >> ended"
)


def written(file: Path) -> bool:
    """Whether a command has written to the file. A shell creates the file of `>>` first, and may be killed in between."""
    return file.exists() and file.read_text().endswith("\n")


def ten_tasks(fifth_seconds: float = 0.4) -> str:
    """Ten commands in order. One that is to be killed must be long enough for that on a busy machine."""
    steps = (STEP.format(n=n, seconds=fifth_seconds if n == 5 else 0.4) for n in range(1, 11))
    return "\n".join(f"{n}. Step {n}: `{step}` {{#s{n}}}" for n, step in enumerate(steps, start=1))


async def check_outcome(processes: Processes, project_id: str, workspace: Path, in_flight: str) -> None:
    project = await processes.finished(project_id)
    assert project["status"] == "completed", project["failure"]
    started = (workspace / "started").read_text().split()
    ended = (workspace / "ended").read_text().split()
    numbers = [str(n) for n in range(1, 11)]
    assert ended == numbers, "each task has happened once, in order"
    assert not (workspace / "overlap").exists(), "no two attempts ran at the same time"
    for task in project["tasks"]:
        number = task["key"].removeprefix("s")
        assert started.count(number) == task["attempt"]
        assert task["attempt"] <= (2 if task["key"] == in_flight else 1)
    events = await read_events(processes.http, project_id)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    completed = [e["data"]["key"] for e in events if e["type"] == "task.completed"]
    assert completed == [f"s{n}" for n in numbers]
    attempts = [e["data"]["attempt"] for e in events if e["type"] == "task.started" and e["data"]["key"] == in_flight]
    assert attempts == list(range(1, len(attempts) + 1))
    assert {e["data"]["try"] for e in events if e["type"] == "task.started"} == {1}, "no retry of its own was spent"


@pytest.mark.parametrize(
    "victims",
    [("worker",), ("app",), ("temporal",), ("worker", "app", "temporal")],
    ids=["worker", "app", "temporal", "all-three"],
)
async def test_kill_in_the_middle_of_ten_tasks(processes: Processes, victims: tuple[str, ...]) -> None:
    project_id, workspace = await processes.started(ten_tasks(fifth_seconds=3))

    async def in_flight() -> bool:
        started = workspace / "started"
        return started.exists() and "5" in started.read_text().split()

    await eventually(in_flight, what="the fifth task is under way")
    processes.kill(*victims)
    if "worker" in victims:

        async def gone() -> bool:
            return not with_environment("SIGNOFF_PROJECT_ID", project_id)

        await eventually(gone, what="the killed worker's task processes are gone", seconds=GONE_SECONDS)
    processes.start(*victims)
    await check_outcome(processes, project_id, workspace, "s5")


async def test_a_task_that_must_not_be_repeated_asks_first(processes: Processes) -> None:
    plan = "- Mail: `echo sent >> mails; sleep 600` {#mail on_crash=ask retries=3}\n- After: `true` {#after after=mail}"
    project_id, workspace = await processes.started(plan)

    async def sent() -> bool:
        return written(workspace / "mails")

    await eventually(sent, what="the mail is sent")
    processes.kill("worker")
    processes.start("worker")
    mail = await processes.task_in(project_id, "mail", "waiting")
    assert mail["reason"] == "worker_lost"
    assert (workspace / "mails").read_text().split() == ["sent"]
    done = await processes.call("POST", f"/{project_id}/tasks/{mail['id']}/complete", json={"comment": "it went out"})
    assert done["status"] == "completed"
    project = await processes.finished(project_id)
    assert project["status"] == "completed"
    assert (workspace / "mails").read_text().split() == ["sent"]


async def test_a_person_may_have_it_repeated(processes: Processes) -> None:
    plan = "- Mail: `test -e again; absent=$?; echo sent >> mails; [ $absent = 0 ] || sleep 600` {#mail on_crash=ask}"
    project_id, workspace = await processes.started(plan)
    await processes.task_in(project_id, "mail", "running")

    async def sent() -> bool:
        return written(workspace / "mails")

    await eventually(sent, what="the mail is sent")
    processes.kill("worker")
    processes.start("worker")
    mail = await processes.task_in(project_id, "mail", "waiting")
    (workspace / "again").touch()
    await processes.call("POST", f"/{project_id}/tasks/{mail['id']}/retry")
    project = await processes.finished(project_id)
    assert (project["status"], project["tasks"][0]["attempt"]) == ("completed", 2)
    assert (workspace / "mails").read_text().split() == ["sent", "sent"]


async def test_an_event_stream_goes_on_where_it_was_after_the_app_restarts(processes: Processes) -> None:
    project_id, _ = await processes.started(ten_tasks())
    seen: list[dict[str, Any]] = []
    await processes.task_in(project_id, "s3", "running")
    seen += await read_events(processes.http, project_id, follow=False)
    processes.kill("app")
    processes.start("app")
    await processes.ready()
    seen += await read_events(processes.http, project_id, last_event_id=seen[-1]["seq"])
    assert [event["seq"] for event in seen] == list(range(1, len(seen) + 1))
    assert seen[-1]["type"] == "project.completed"
    again = await processes.http.get(
        f"/api/projects/{project_id}/events", headers={"Last-Event-ID": str(seen[-1]["seq"])}
    )
    assert again.status_code == 204


async def test_a_deploy_hands_running_tasks_over(processes: Processes) -> None:
    """SIGTERM: the worker lets short tasks finish and gives up on long ones, which run again elsewhere."""
    plan = "- Long: `test -e quick; absent=$?; echo x >> runs; [ $absent = 0 ] || sleep 600` {#long}"
    project_id, workspace = await processes.started(plan)

    async def runs() -> bool:
        return written(workspace / "runs")

    await eventually(runs, what="the task runs")
    (workspace / "quick").touch()
    processes.running["worker"].terminate()
    assert processes.running.pop("worker").wait(30) == 0
    assert with_environment("SIGNOFF_PROJECT_ID", project_id) == []
    processes.start("worker")
    project = await processes.finished(project_id)
    assert (project["status"], project["tasks"][0]["attempt"]) == ("completed", 2)


async def test_a_worker_that_hears_nothing_from_temporal_stops_its_tasks(processes: Processes) -> None:
    """The server may give up on attempts after the heartbeat timeout. Nothing of them may be running by then."""
    # It ignores SIGTERM, and is gone in time anyway.
    command = "trap '' TERM; test -e quick; absent=$?; echo x >> runs; [ $absent = 0 ] || while :; do sleep 1; done"
    plan = f"- Long: `{command}` {{#long}}"
    project_id, workspace = await processes.started(plan)

    async def runs() -> bool:
        return written(workspace / "runs") and bool(with_environment("SIGNOFF_PROJECT_ID", project_id))

    await eventually(runs, what="the task runs")
    processes.kill("temporal")

    async def stopped() -> bool:
        return not with_environment("SIGNOFF_PROJECT_ID", project_id)

    await eventually(stopped, what="the task is stopped within the heartbeat time-out", seconds=5)
    (workspace / "quick").touch()
    processes.start("temporal")
    project = await processes.finished(project_id)
    assert (project["status"], project["tasks"][0]["attempt"]) == ("completed", 2)
    assert (workspace / "runs").read_text().split() == ["x", "x"]


async def test_the_app_serves_and_answers_honestly_while_temporal_is_away(processes: Processes) -> None:
    project = await processes.call("POST", "", status=201, json={"description": "- A: `true`"})
    processes.kill("temporal")
    path = f"/{project['id']}"
    assert (await processes.call("GET", path))["live"] is False
    refused = await processes.http.post(f"/api/projects{path}/generate-plan")
    assert (refused.status_code, refused.json()["code"]) == (503, "temporal_unavailable")
    assert "Retry-After" in refused.headers
    assert (await processes.http.get("/ready")).status_code == 503
    processes.start("temporal")
    await processes.ready()
    await processes.call("POST", f"{path}/generate-plan")
    await processes.call("POST", f"{path}/approve")
    assert (await processes.finished(project["id"]))["status"] == "completed"


async def test_a_task_that_gives_up_with_its_worker_fails(processes: Processes) -> None:
    plan = "- Once: `touch began; sleep 600` {#once on_crash=fail retries=3}\n- After: `true` {#after after=once}"
    project_id, workspace = await processes.started(plan)

    async def began() -> bool:
        return (workspace / "began").exists()

    await eventually(began, what="the task is under way")
    processes.kill("worker")
    processes.start("worker")
    project = await processes.finished(project_id)
    assert (project["status"], project["failure"]["code"]) == ("failed", "task_failed")
    once, after = project["tasks"]
    assert (once["status"], once["attempt"], once["error"]["type"]) == ("failed", 1, "worker_lost")
    assert (after["status"], after["reason"]) == ("skipped", "dependency_failed")


async def test_a_run_whose_temporal_data_is_gone_is_recorded_as_lost_and_can_run_again(processes: Processes) -> None:
    running, _ = await processes.started("- [ ] Ask {#ask}")
    await processes.task_in(running, "ask", "waiting")
    waiting = (await processes.call("POST", "", status=201, json={"description": "- A: `true`"}))["id"]
    await processes.call("POST", f"/{waiting}/generate-plan")
    processes.kill("temporal", "worker", "app")
    for file in processes.folder.glob("temporal.db*"):
        file.unlink()
    processes.start("temporal", "worker", "app")
    await processes.ready()
    lost = await processes.finished(running)
    assert (lost["status"], lost["failure"]["code"]) == ("failed", "run_lost")
    assert lost["tasks"][0]["status"] == "cancelled"
    # A project that was only waiting for its approval has lost nothing.
    await processes.call("POST", f"/{waiting}/approve")
    assert (await processes.finished(waiting))["status"] == "completed"
    await processes.call("PUT", f"/{running}", json={"description": "- A: `true`"})
    await processes.call("POST", f"/{running}/regenerate-plan")
    await processes.call("POST", f"/{running}/approve")
    assert (await processes.finished(running))["status"] == "completed"
