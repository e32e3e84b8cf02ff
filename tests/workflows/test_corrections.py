"""A failed task is corrected, and the project goes on from there: what is done is kept, and runs once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.api.answers import refused
from tests.conftest import Stack, running_stack

PLAN = """
## First

- One: `echo one >> log; echo "n=1" >> "$SIGNOFF_OUTPUT"` {#one}

## Second (sequential) {#second approval=yes}

- Two: `echo two >> log` {#two}
- Three: `ecko three` {#three}
- Four {#four}

  ```inputs
  N: ${{ tasks.one.outputs.n }}
  ```

  ```sh
  echo "four $INPUT_N" >> log
  ```

## Last

- Five: `echo five >> log` {#five}
"""
RIGHT = {"action": {"type": "shell", "command": "echo three >> log"}}


async def failed_at_three(signoff: Stack) -> dict[str, Any]:
    project_id = await signoff.started(PLAN)
    await signoff.at_gate(project_id)
    await signoff.call("POST", f"/{project_id}/approve")
    project = await signoff.finished(project_id)
    assert project["status"] == "failed"
    return project


def statuses(project: dict[str, Any]) -> dict[str, str]:
    return {task["key"]: task["status"] for task in project["tasks"]}


def log_of(project: dict[str, Any]) -> list[str]:
    return (Path(project["workspace"]) / "log").read_text().splitlines()


async def findings(signoff: Stack, project_id: str) -> list[str]:
    """Codes of findings about rows that differ from their events."""
    audit = await signoff.call("POST", f"/{project_id}/audit")
    assert audit["trail"]["intact"]
    return [
        item["code"]
        for item in audit["results"]["findings"]
        if "altered" in item["code"] or item["code"].startswith("decision_")
    ]


async def test_a_corrected_task_goes_on_and_nothing_runs_twice(signoff: Stack) -> None:
    failed = await failed_at_three(signoff)
    project_id = failed["id"]
    tasks = {task["key"]: task for task in failed["tasks"]}
    await signoff.call("PUT", f"/{project_id}/tasks/three", json=RIGHT)

    project = await signoff.project(project_id)
    assert (project["status"], project["stage"]) == ("pending", "awaiting_approval")
    assert statuses(project) == {
        "one": "completed",
        "two": "completed",
        "three": "pending",
        "four": "pending",
        "five": "pending",
    }
    assert [phase["status"] for phase in project["phases"]] == ["completed", "pending", "pending"]
    assert project["tasks"][0] | {"outputs_used_by": []} == tasks["one"]
    plan = await signoff.call("GET", f"/{project_id}/plan")
    assert (plan["version"], plan["kept"]) == (2, [tasks["one"]["id"], tasks["two"]["id"]])
    assert await findings(signoff, project_id) == []

    refusal = await refused(signoff, "POST", f"/{project_id}/retry", 409, "plan_superseded")
    assert refusal["context"] == {"plan_version": 2, "plan_digest": plan["digest"]}
    await refused(signoff, "POST", f"/{project_id}/approve", 409, "plan_superseded", json={"plan_version": 1})

    await signoff.call("POST", f"/{project_id}/approve", json={"plan_digest": plan["digest"]})
    done = await signoff.finished(project_id)
    assert (done["status"], done["run"]["number"]) == ("completed", 2)
    assert log_of(done) == ["one", "two", "three", "four 1", "five"]
    assert {task["key"]: task["attempt"] for task in done["tasks"]} == {
        "one": 1,
        "two": 1,
        "three": 2,
        "four": 1,
        "five": 1,
    }
    assert (await signoff.call("GET", f"/{project_id}/plan"))["kept"] == []
    started = [event["data"] for event in await signoff.events(project_id) if event["type"] == "run.started"]
    assert (started[1]["kept"], started[1]["retry_of"]) == (2, started[0]["run_id"])
    assert started[1]["reset"] == [tasks[key]["id"] for key in ("three", "four", "five")]
    # The gate of the second phase was opened once, and stays open.
    types = [event["type"] for event in await signoff.events(project_id)]
    assert (types.count("phase.approved"), types.count("plan.approved")) == (1, 2)
    assert await findings(signoff, project_id) == []


async def test_several_edits_before_the_approval_keep_the_same(signoff: Stack) -> None:
    project_id = (await failed_at_three(signoff))["id"]
    await signoff.call(
        "PUT", f"/{project_id}/tasks/three", json={"action": {"type": "shell", "command": "still wrong"}}
    )
    await signoff.call("DELETE", f"/{project_id}/tasks/five")
    new = {"title": "Six", "key": "six", "phase_id": "last", "action": {"type": "shell", "command": "echo six >> log"}}
    await signoff.call("POST", f"/{project_id}/tasks", status=201, json=new)
    edits = [{"op": "update_task", "task": "three", **RIGHT}]
    plan = await signoff.call("POST", f"/{project_id}/refine-plan", json={"edits": edits})
    assert len(plan["kept"]) == 2
    await signoff.call("PUT", f"/{project_id}", json={"strategy": "careful"})
    assert await findings(signoff, project_id) == []
    await signoff.call("POST", f"/{project_id}/approve")
    done = await signoff.finished(project_id)
    assert (done["status"], log_of(done)) == ("completed", ["one", "two", "three", "four 1", "six"])
    assert await findings(signoff, project_id) == []


async def test_a_changed_task_that_is_done_runs_again_with_what_depends_on_it(signoff: Stack) -> None:
    project_id = (await failed_at_three(signoff))["id"]
    edits = [
        {"op": "update_task", "task": "three", **RIGHT},
        {"op": "update_task", "task": "two", "title": "Two again"},
    ]
    plan = await signoff.call("POST", f"/{project_id}/refine-plan", json={"edits": edits})
    assert len(plan["kept"]) == 1
    await signoff.call("POST", f"/{project_id}/approve")
    done = await signoff.finished(project_id)
    assert log_of(done) == ["one", "two", "two", "three", "four 1", "five"]


async def test_a_plan_without_the_failed_task_is_done_at_once(signoff: Stack) -> None:
    project_id = await signoff.started("- One: `echo one >> log` {#one}\n- Bad: `ecko` {#bad}")
    await signoff.finished(project_id)
    await signoff.call("DELETE", f"/{project_id}/tasks/bad")
    await signoff.call("POST", f"/{project_id}/approve")
    done = await signoff.finished(project_id)
    assert (done["status"], log_of(done)) == ("completed", ["one"])
    assert await findings(signoff, project_id) == []


async def test_an_edit_after_a_completed_run_makes_a_plan_that_runs_as_a_whole(signoff: Stack) -> None:
    project = await signoff.finished(await signoff.started("- One: `echo one >> log` {#one}"))
    body = {"title": "Two", "key": "two", "action": {"type": "shell", "command": "true"}}
    await signoff.call("POST", f"/{project['id']}/tasks", status=201, json=body)
    assert (await signoff.call("GET", f"/{project['id']}/plan"))["kept"] == []
    await signoff.call("POST", f"/{project['id']}/approve")
    assert log_of(await signoff.finished(project["id"])) == ["one", "one"]


async def test_a_corrected_plan_can_be_cancelled_and_corrected_again(signoff: Stack) -> None:
    project_id = (await failed_at_three(signoff))["id"]
    await signoff.call("PUT", f"/{project_id}/tasks/three", json={"title": "Other"})
    await signoff.call("POST", f"/{project_id}/cancel")
    assert statuses(await signoff.project(project_id))["one"] == "completed"
    assert await findings(signoff, project_id) == []
    await refused(signoff, "POST", f"/{project_id}/retry", 409, "plan_superseded")
    await signoff.call("PUT", f"/{project_id}/tasks/three", json=RIGHT)
    await signoff.call("POST", f"/{project_id}/approve")
    done = await signoff.finished(project_id)
    assert (done["status"], log_of(done)) == ("completed", ["one", "two", "three", "four 1", "five"])


ASKING = """
- One: `echo one >> log` {#one}
- Two: `ecko two` {#two after=one after_failure=ask}
- Three: `echo three >> log` {#three after=two}
- Beside: `while [ ! -e go ]; do sleep 0.05; done` {#beside}
"""


@pytest.mark.parametrize(
    "action",
    [
        {"type": "shell", "command": "echo two >> log"},
        {"type": "http", "url": "${{ signoff.url }}/health"},
    ],
    ids=["same-type", "other-type"],
)
async def test_a_failed_task_that_asks_is_corrected_in_its_run(signoff: Stack, action: dict[str, Any]) -> None:
    project_id = await signoff.started(ASKING)
    asked = await signoff.question(project_id)
    body = {"action": action, "title": "Two, corrected", "retries": 1, "timeout_seconds": 60}
    changed = await signoff.call("PUT", f"/{project_id}/tasks/two", json=body)
    assert (changed["status"], changed["reason"], changed["action"]) == ("waiting", "after_failure", action)
    await signoff.call("POST", f"/{project_id}/approve")
    project = await signoff.project(project_id)
    assert (project["status"], project["plan"]["version"], project["plan"]["status"]) == ("running", 2, "approved")
    await signoff.call("POST", f"/{project_id}/decisions/{asked['id']}", json={"answer": "retry"})
    await signoff.task_in(project_id, "three", "completed")
    (Path(project["workspace"]) / "go").touch()
    done = await signoff.finished(project_id)
    assert (done["status"], done["run"]["number"]) == ("completed", 1)
    assert log_of(done) == ["one", "two", "three"] if action["type"] == "shell" else ["one", "three"]
    assert {task["key"]: task["attempt"] for task in done["tasks"]} == {"one": 1, "two": 2, "three": 1, "beside": 1}
    assert await findings(signoff, project_id) == []


async def test_what_an_attempt_could_not_follow_is_refused(signoff: Stack) -> None:
    project_id = await signoff.started(ASKING)
    asked = await signoff.question(project_id)
    edits: list[tuple[str, dict[str, Any]]] = [
        ("two", {"action": {"type": "manual"}, "after_failure": None}),
        ("two", {"depends_on": ["beside"]}),
        ("one", {"title": "Other"}),
        ("beside", {"title": "Other"}),
    ]
    for key, body in edits:
        await refused(signoff, "PUT", f"/{project_id}/tasks/{key}", 409, "task_started", json=body)
    # Nor is it removed, even if nothing depends on it.
    await signoff.call("PUT", f"/{project_id}/tasks/three", json={"depends_on": []})
    await refused(signoff, "DELETE", f"/{project_id}/tasks/two", 409, "task_started")
    await signoff.call("POST", f"/{project_id}/approve")
    (Path((await signoff.project(project_id))["workspace"]) / "go").touch()
    await signoff.call("POST", f"/{project_id}/decisions/{asked['id']}", json={"answer": "fail"})
    assert (await signoff.finished(project_id))["status"] == "failed"


async def test_a_correction_is_approved_while_no_worker_runs(
    temporal_server: WorkflowEnvironment, tmp_path: Path
) -> None:
    async with running_stack(temporal_server, tmp_path) as stack:
        project_id = (await failed_at_three(stack))["id"]
        await stack.stop_worker()
        await stack.call("PUT", f"/{project_id}/tasks/three", json=RIGHT)
        approval = asyncio.create_task(stack.http.post(f"/api/projects/{project_id}/approve"))
        await stack.start_worker()
        assert (await approval).status_code in {200, 202}
        done = await stack.finished(project_id)
        assert (done["status"], log_of(done)) == ("completed", ["one", "two", "three", "four 1", "five"])
        assert await findings(stack, project_id) == []


async def test_a_plan_that_a_no_has_stopped_asks_again_once_it_was_edited(signoff: Stack) -> None:
    plan = "1. Get: `echo get >> log` {#get}\n2. Ship it? {#ask decision=yes,no}\n3. Ship: `ecko ship` {#ship}"
    project_id = await signoff.started(plan)
    question = await signoff.question(project_id)
    await signoff.call("POST", f"/{project_id}/decisions/{question['id']}", json={"answer": "no"})
    assert (await signoff.finished(project_id))["status"] == "cancelled"

    right = {"action": {"type": "shell", "command": "echo ship >> log"}}
    await signoff.call("PUT", f"/{project_id}/tasks/ship", json=right)
    project = await signoff.project(project_id)
    assert statuses(project) == {"get": "completed", "ask": "pending", "ship": "pending"}
    await signoff.call("POST", f"/{project_id}/approve")
    question = await signoff.question(project_id)
    await signoff.call("POST", f"/{project_id}/decisions/{question['id']}", json={"answer": "yes"})
    done = await signoff.finished(project_id)
    assert (done["status"], log_of(done)) == ("completed", ["get", "ship"])
    assert await findings(signoff, project_id) == []


async def test_a_rollback_is_approved_again_in_the_run_after_a_correction(signoff: Stack) -> None:
    plan = (
        "## Do\n\n1. Get: `echo get >> log` {#get}\n2. Bad: `ecko` {#bad}\n\n"
        "## Undo {#undo on=failure approval=yes}\n\n- Undo: `echo undo >> log` {#back}"
    )
    project_id = await signoff.started(plan)
    await signoff.at_gate(project_id)
    await signoff.call("POST", f"/{project_id}/approve")
    assert (await signoff.finished(project_id))["status"] == "failed"

    wrong = {"action": {"type": "shell", "command": "still wrong"}}
    await signoff.call("PUT", f"/{project_id}/tasks/bad", json=wrong)
    await signoff.call("POST", f"/{project_id}/approve")
    await signoff.at_gate(project_id)
    assert log_of(await signoff.project(project_id)) == ["get", "undo"]
    await signoff.call("POST", f"/{project_id}/approve")
    assert log_of(await signoff.finished(project_id)) == ["get", "undo", "undo"]
