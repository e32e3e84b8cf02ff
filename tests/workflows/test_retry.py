"""Retries of a finished run: from what failed, and from tasks that a person names."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.conftest import Stack
from tests.databases import tries

PLAN = """
## Gather

- Count: `echo count >> ran; echo n=42 >> $SIGNOFF_OUTPUT` {#count}
- Other: `echo other >> ran` {#other}

## Report

- Check: `echo check >> ran; [ -e fixed ]` {#check}
- Write: `echo write >> ran; echo "$INPUT_N" > report.txt` {#write after=check}

  ```inputs
  n: ${{ tasks.count.outputs.n }}
  ```
"""


def ran(project: dict) -> list[str]:
    return (Path(project["workspace"]) / "ran").read_text().split()


async def failed_at_check(stack: Stack, **fields: object) -> dict:
    project_id = await stack.started(PLAN, **fields)
    if fields.get("auto_approve_phases") is False:
        await approve_gate(stack, project_id)
    project = await stack.finished(project_id)
    assert project["status"] == "failed"
    return project


async def approve_gate(stack: Stack, project_id: str) -> None:
    await stack.at_gate(project_id)
    await stack.call("POST", f"/{project_id}/approve")


async def test_retry_goes_on_from_what_failed_and_runs_nothing_done_again(signoff: Stack) -> None:
    project = await failed_at_check(signoff)
    project_id = project["id"]
    assert ran(project) == ["count", "other", "check"] or ran(project) == ["other", "count", "check"]
    (Path(project["workspace"]) / "fixed").touch()
    answer = await signoff.call("POST", f"/{project_id}/retry", json={"comment": "the disk is back"})
    assert answer["status"] == "running"
    again = await signoff.finished(project_id)
    assert again["status"] == "completed", again["failure"]
    # Checked by side effects: finished tasks did not run again, and their outputs were available to later ones.
    assert sorted(ran(again)) == ["check", "check", "count", "other", "write"]
    assert (Path(project["workspace"]) / "report.txt").read_text() == "42\n"
    assert {task["key"]: task["attempt"] for task in again["tasks"]} == {"count": 1, "other": 1, "check": 2, "write": 1}
    assert again["run"]["number"] == 2
    assert again["failure"] is None
    assert again["plan"]["version"] == project["plan"]["version"]
    started = [event for event in await signoff.events(project_id) if event["type"] == "run.started"][-1]["data"]
    assert started["retry_of"] == project["run"]["id"]
    assert started["kept"] == 2
    decisions = (await signoff.call("GET", f"/{project_id}/decisions"))["decisions"]
    assert ("retry_run", "accepted", "the disk is back") in [(d["kind"], d["status"], d["comment"]) for d in decisions]


async def test_named_tasks_run_again_with_all_that_depend_on_them(signoff: Stack) -> None:
    project = await failed_at_check(signoff)
    project_id = project["id"]
    (Path(project["workspace"]) / "fixed").touch()
    await signoff.call("POST", f"/{project_id}/retry")
    project = await signoff.finished(project_id)
    assert project["status"] == "completed"
    before = ran(project)
    count = next(task for task in project["tasks"] if task["key"] == "count")
    await signoff.call("POST", f"/{project_id}/retry", json={"tasks": [count["id"]]})
    project = await signoff.finished(project_id)
    assert project["status"] == "completed", project["failure"]
    # `write` uses what `count` counts. `other` and `check` do not.
    assert ran(project)[len(before) :] == ["count", "write"]
    assert project["run"]["number"] == 3
    await signoff.call("POST", f"/{project_id}/retry", status=404, json={"tasks": ["nothing"]})


async def test_an_approved_phase_is_not_held_again(signoff: Stack) -> None:
    project = await failed_at_check(signoff, auto_approve_phases=False)
    (Path(project["workspace"]) / "fixed").touch()
    await signoff.call("POST", f"/{project['id']}/retry")
    again = await signoff.finished(project["id"])
    assert again["status"] == "completed"
    gates = [event for event in await signoff.events(project["id"]) if event["type"] == "phase.awaiting_approval"]
    assert len(gates) == 1


async def test_what_a_person_skipped_stays_skipped_and_a_cancelled_run_goes_on(signoff: Stack) -> None:
    plan = "- [ ] Ask {#ask}\n- Slow: `while [ ! -e go ]; do sleep 0.05; done` {#slow after=ask}"
    project_id = await signoff.started(plan)
    ask = await signoff.task_in(project_id, "ask", "waiting")
    await signoff.call("POST", f"/{project_id}/tasks/{ask['id']}/skip")
    await signoff.task_in(project_id, "slow", "running")
    await signoff.call("POST", f"/{project_id}/cancel")
    project = await signoff.project(project_id)
    (Path(project["workspace"]) / "go").touch()
    await signoff.call("POST", f"/{project_id}/retry")
    project = await signoff.finished(project_id)
    assert project["status"] == "completed", project["failure"]
    statuses = {task["key"]: (task["status"], task["attempt"]) for task in project["tasks"]}
    assert statuses == {"ask": ("skipped", 0), "slow": ("completed", 2)}


async def test_retry_needs_the_approved_plan(signoff: Stack) -> None:
    project = await failed_at_check(signoff)
    project_id = project["id"]
    await signoff.call("PUT", f"/{project_id}", json={"strategy": "careful"})
    refused = await signoff.call("POST", f"/{project_id}/retry", status=409)
    assert refused["code"] == "plan_superseded"
    await signoff.call("POST", f"/{project_id}/cancel")
    refused = await signoff.call("POST", f"/{project_id}/retry", status=409)
    assert refused["code"] == "plan_superseded"
    assert refused["context"]["plan_version"] == 2


async def test_of_two_retries_one_starts_a_run(signoff: Stack) -> None:
    project = await failed_at_check(signoff)
    answers = await asyncio.gather(*(signoff.http.post(f"/api/projects/{project['id']}/retry") for _ in range(10)))
    codes = sorted(answer.status_code for answer in answers)
    assert codes.count(200) >= 1
    again = await signoff.finished(project["id"])
    started = [event for event in await signoff.events(project["id"]) if event["type"] == "run.started"]
    # Each accepted retry found a finished run. None ran beside another.
    assert len(started) == 1 + codes.count(200)
    assert again["run"]["number"] == len(started)


async def test_a_request_that_meets_the_end_of_a_run_is_carried_out(signoff: Stack) -> None:
    """A retry or a new plan that is decided while the previous run is closing is what the project continues with."""

    async def one(number: int) -> None:
        call = "retry" if number % 2 else "regenerate-plan"
        project_id = await signoff.started("- Bad: `false` {#bad}")
        while (await signoff.http.post(f"/api/projects/{project_id}/{call}")).status_code == 409:
            pass
        project = await signoff.until(project_id, lambda project: project["stage"] in {"finished", "awaiting_approval"})
        if call == "retry":
            project = await signoff.finished(project_id)
            assert (project["run"]["number"], project["failure"]["code"]) == (2, "task_failed")
        else:
            assert (project["status"], project["plan"]["version"]) == ("pending", 2)

    await asyncio.gather(*(one(number) for number in range(tries(6, 20))))


async def test_a_retry_sent_by_hand_does_the_same(signoff_by_hand: Stack) -> None:
    project_id = await signoff_by_hand.started("- [ ] Ask {#ask}\n- Bad: `[ -e fixed ]` {#bad}")
    ask = await signoff_by_hand.task_in(project_id, "ask", "waiting")
    await signoff_by_hand.task_in(project_id, "bad", "failed")
    handle = signoff_by_hand.temporal.get_workflow_handle(project_id)
    await handle.signal("retry", {"comment": "too early"})
    await signoff_by_hand.call("POST", f"/{project_id}/tasks/{ask['id']}/complete")
    project = await signoff_by_hand.finished(project_id)
    assert project["status"] == "failed"
    decisions = (await signoff_by_hand.call("GET", f"/{project_id}/decisions?status=refused"))["decisions"]
    assert [(d["kind"], d["actor"], d["error"]["code"]) for d in decisions] == [
        ("retry_run", "temporal (unauthenticated)", "project_running")
    ]
