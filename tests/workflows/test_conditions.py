"""Conditions, answers that end the run, phases after a failure or a cancel, and tasks that a person releases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import OWNER, Stack


async def answered(signoff: Stack, project_id: str, answer: str, comment: str = "") -> None:
    question = await signoff.question(project_id)
    body = {"answer": answer, "comment": comment}
    await signoff.call("POST", f"/{project_id}/decisions/{question['id']}", json=body)


def states(project: dict[str, Any]) -> dict[str, str]:
    """How each task ended: the reason of a skipped one, the status of any other."""
    return {task["key"]: task["reason"] or task["status"] for task in project["tasks"]}


async def intact(signoff: Stack, project_id: str) -> None:
    """The audit finds no contradiction between the record, its events and what was signed."""
    found = (await signoff.call("POST", f"/{project_id}/audit"))["results"]["findings"]
    assert [item["message"] for item in found if item["severity"] == "critical"] == []


SHIP = """
## Ship

- Ship it? {#ask decision=yes,no}
- Ship: `echo shipped > shipped` {#ship after=ask}
- Check: `true` {#check after=ship}
- Tell: `echo off > told` {#tell if=ask:no}
- Log: `true` {#log}

## Announce

- Post: `echo posted > posted` {#post}
- Apologize: `echo sorry > sorry` {#sorry if=ask:no}
- Sign: `true` {#sign after=sorry}

## Clean up {on=always}

- Clean: `echo clean > clean` {#clean}
"""


async def test_no_means_no(signoff: Stack) -> None:
    project_id = await signoff.started(SHIP)
    question = await signoff.question(project_id)
    assert question["follows"] == [
        {"answer": "yes", "ends_run": False, "starts": [], "skips": ["tell", "sorry"]},
        {"answer": "no", "ends_run": True, "starts": ["tell", "sorry"], "skips": []},
    ]
    await answered(signoff, project_id, "no", "too early")
    project = await signoff.finished(project_id)
    stopped = "stopped_by_answer"
    assert states(project) == {
        "ask": "completed",
        "ship": stopped,
        "check": stopped,
        "tell": "completed",
        "log": "completed",
        "post": stopped,
        "sorry": "completed",
        "sign": "completed",
        "clean": "completed",
    }
    assert (project["status"], project["stage"]) == ("cancelled", "finished")
    ask = next(task for task in project["tasks"] if task["key"] == "ask")
    message = f"{OWNER} answered 'no' to 'Ship it?': too early"
    assert project["failure"] == {"code": stopped, "message": message, "task_id": ask["id"]}
    files = {path.name for path in Path(project["workspace"]).iterdir() if path.is_file()}
    assert files == {"told", "sorry", "clean"}
    last = (await signoff.events(project_id))[-1]
    assert (last["type"], last["data"]["failure"]["code"]) == ("project.cancelled", stopped)
    await intact(signoff, project_id)


async def test_yes_goes_on(signoff: Stack) -> None:
    project_id = await signoff.started(SHIP)
    await answered(signoff, project_id, "yes")
    project = await signoff.finished(project_id)
    assert project["status"] == "completed"
    assert states(project) == {
        "ask": "completed",
        "ship": "completed",
        "check": "completed",
        "tell": "condition_not_met",
        "log": "completed",
        "post": "completed",
        "sorry": "condition_not_met",
        "sign": "dependency_skipped",
        "clean": "completed",
    }
    await intact(signoff, project_id)


@pytest.mark.parametrize("answer", ["later", "no"])
async def test_the_plan_says_which_answers_end_the_run(signoff: Stack, answer: str) -> None:
    plan = "- Ship? {#ask decision=yes,no,later stop=later}\n- Ship: `true` {#ship after=ask}"
    project_id = await signoff.started(plan)
    await answered(signoff, project_id, answer)
    project = await signoff.finished(project_id)
    assert project["status"] == ("cancelled" if answer == "later" else "completed")
    assert states(project)["ship"] == ("stopped_by_answer" if answer == "later" else "completed")


async def test_a_retry_after_a_no_asks_again(signoff: Stack) -> None:
    plan = "- First: `echo x >> runs` {#first}\n- Ship? {#ask after=first decision=yes,no}\n- Ship: `true` {#ship after=ask}"
    project_id = await signoff.started(plan)
    await answered(signoff, project_id, "no")
    assert (await signoff.finished(project_id))["status"] == "cancelled"
    await signoff.call("POST", f"/{project_id}/retry")
    await answered(signoff, project_id, "yes")
    project = await signoff.finished(project_id)
    assert (project["status"], project["failure"], states(project)["ship"]) == ("completed", None, "completed")
    assert (Path(project["workspace"]) / "runs").read_text() == "x\n"
    await intact(signoff, project_id)


async def test_a_default_is_taken_only_when_its_time_is_up(signoff: Stack) -> None:
    plan = "- Ship? {#ask decision=yes,no default=no expires=2s}\n- Ship: `true` {#ship after=ask}"
    project_id = await signoff.started(plan)
    question = await signoff.question(project_id)
    assert (question["status"], question["default"]) == ("open", "no")
    project = await signoff.finished(project_id)
    assert (project["status"], project["failure"]["code"]) == ("cancelled", "stopped_by_answer")
    assert states(project)["ship"] == "stopped_by_answer"


async def test_what_depends_on_a_skipped_task(signoff: Stack) -> None:
    plan = """
- Which? {#ask decision=a,b}
- Do A: `true` {#a if=ask:a}
- Do B: `true` {#b if=ask:b}
- After B: `true` {#after_b after=b}
- After both: `true` {#both after=a,b}
- Then: `true` {#then after=after_b}

## B only {if=ask:b}

- More of B: `true` {#more}

## After {#after}

- End: `true` {#end after=b}
- Also: `true` {#also after=b,a}
"""
    project_id = await signoff.started(plan)
    await answered(signoff, project_id, "a")
    project = await signoff.finished(project_id)
    assert project["status"] == "completed"
    assert states(project) == {
        "ask": "completed",
        "a": "completed",
        "b": "condition_not_met",
        "after_b": "dependency_skipped",
        "both": "completed",
        "then": "dependency_skipped",
        "more": "condition_not_met",
        "end": "dependency_skipped",
        "also": "completed",
    }
    assert [phase["status"] for phase in project["phases"]] == ["completed", "skipped", "completed"]
    await intact(signoff, project_id)


AFTER_A_FAILURE = """
## Deploy

- Deploy: `[ -e good ]` {#deploy}
- Alert: `true` {#alert if=deploy:failed}
- Check: `true` {#check after=deploy}

## Announce

- Post: `true` {#post}

## Rollback {on=failure approval=yes}

- Roll back: `echo x >> rolled` {#roll}

## Clean up {on=always}

- Clean: `echo x >> clean` {#clean}
"""


async def test_phases_after_a_failure(signoff: Stack) -> None:
    project_id = await signoff.started(AFTER_A_FAILURE)
    project = await signoff.at_gate(project_id, "rollback")
    assert [phase["status"] for phase in project["phases"]] == ["failed", "skipped", "awaiting_approval", "pending"]
    await signoff.call("POST", f"/{project_id}/approve")
    project = await signoff.finished(project_id)
    assert states(project) == {
        "deploy": "failed",
        "alert": "completed",
        "check": "dependency_failed",
        "post": "phase_failed",
        "roll": "completed",
        "clean": "completed",
    }
    assert (project["status"], project["failure"]["code"]) == ("failed", "task_failed")
    await intact(signoff, project_id)
    # Another run cleans up again, and a rollback that was approved once is not approved for ever.
    await signoff.call("POST", f"/{project_id}/retry")
    await signoff.at_gate(project_id, "rollback")
    await signoff.call("POST", f"/{project_id}/approve")
    await signoff.finished(project_id)
    workspace = Path(project["workspace"])
    assert (workspace / "clean").read_text() == (workspace / "rolled").read_text() == "x\nx\n"
    (workspace / "good").touch()
    await signoff.call("POST", f"/{project_id}/retry")
    project = await signoff.finished(project_id)
    assert states(project) == {
        "deploy": "completed",
        "alert": "condition_not_met",
        "check": "completed",
        "post": "completed",
        "roll": "condition_not_met",
        "clean": "completed",
    }
    assert project["status"] == "completed"
    await intact(signoff, project_id)


@pytest.mark.usefixtures("soon_answered")
async def test_a_cancel_cleans_up(signoff: Stack) -> None:
    plan = (
        "- Hang: `sleep 600` {#hang}\n## Next\n- Next: `true` {#next}\n## Undo {on=failure}\n- Undo: `true` {#undo}\n"
        "## Clean {on=always}\n- Clean: `echo clean > clean` {#clean}\n- [ ] Look {#look}"
    )
    project_id = await signoff.started(plan)
    await signoff.task_in(project_id, "hang", "running")
    await signoff.http.post(f"/api/projects/{project_id}/cancel", json={"reason": "wrong host"})
    await signoff.task_in(project_id, "clean", "completed")
    project = await signoff.project(project_id)
    assert (project["status"], project["stage"]) == ("running", "cancelling")
    await signoff.task_in(project_id, "look", "waiting")
    await signoff.call("POST", f"/{project_id}/tasks/look/complete")
    project = await signoff.finished(project_id)
    assert project["status"] == "cancelled"
    assert {key: value for key, value in states(project).items() if key in {"clean", "look"}} == {
        "clean": "completed",
        "look": "completed",
    }
    statuses = {task["key"]: task["status"] for task in project["tasks"]}
    assert (statuses["hang"], statuses["next"], statuses["undo"]) == ("cancelled", "cancelled", "cancelled")
    await intact(signoff, project_id)


@pytest.mark.usefixtures("soon_answered")
async def test_a_second_cancel_ends_the_clean_up(signoff: Stack) -> None:
    plan = "- Hang: `sleep 600` {#hang}\n## Clean {on=always}\n- Clean: `sleep 600` {#clean}"
    project_id = await signoff.started(plan)
    await signoff.task_in(project_id, "hang", "running")
    await signoff.http.post(f"/api/projects/{project_id}/cancel", json={})
    await signoff.task_in(project_id, "clean", "running")
    await signoff.http.post(f"/api/projects/{project_id}/cancel", json={})
    project = await signoff.finished(project_id)
    assert project["status"] == "cancelled"
    await intact(signoff, project_id)


@pytest.mark.parametrize(
    ("command", "status", "made"),
    [("retry", "completed", True), ("complete", "completed", False), ("skip", "skipped", False)],
)
async def test_a_person_releases_a_task(signoff: Stack, command: str, status: str, made: bool) -> None:
    plan = "- Deploy: `echo x >> made` {#deploy approval=yes}\n- After: `true` {#after after=deploy}"
    project_id = await signoff.started(plan)
    task = await signoff.task_in(project_id, "deploy", "waiting")
    assert (task["reason"], task["requires_approval"], task["attempt"]) == ("release", True, 0)
    await signoff.call("POST", f"/{project_id}/tasks/deploy/{command}", json={"comment": "go"})
    project = await signoff.finished(project_id)
    assert {task["key"]: task["status"] for task in project["tasks"]} == {"deploy": status, "after": "completed"}
    assert (project["status"], project["outcome"]) == ("completed", None)
    assert (Path(project["workspace"]) / "made").exists() == made
    await intact(signoff, project_id)


async def test_green_means_done(signoff: Stack) -> None:
    plan = "- Bad: `false` {#bad after_failure=ask}\n- After: `true` {#after after=bad}"
    project_id = await signoff.started(plan, decision_mode="human")
    await answered(signoff, project_id, "skip")
    project = await signoff.finished(project_id)
    assert (project["status"], project["outcome"]) == ("completed", "completed_with_skipped_failures")
    listed = (await signoff.call("GET", ""))["projects"]
    assert [item["outcome"] for item in listed if item["id"] == project_id] == ["completed_with_skipped_failures"]
    last = (await signoff.events(project_id))[-1]["data"]
    bad = next(task for task in project["tasks"] if task["key"] == "bad")
    assert (last["outcome"], last["skipped_failures"]) == ("completed_with_skipped_failures", [bad["id"]])
    await intact(signoff, project_id)


async def test_a_gate_without_tasks_left_does_not_ask(signoff: Stack) -> None:
    plan = "- [ ] Wait {#wait}\n## Two {approval=yes}\n- B: `true` {#b}\n- C: `true` {#c}\n## Three\n- D: `true` {#d}"
    project_id = await signoff.started(plan)
    await signoff.task_in(project_id, "wait", "waiting")
    for key in ("b", "c"):
        await signoff.call("POST", f"/{project_id}/tasks/{key}/skip")
    await signoff.call("POST", f"/{project_id}/tasks/wait/complete")
    assert (await signoff.finished(project_id))["status"] == "completed"
    await intact(signoff, project_id)


async def test_a_gate_opens_when_its_last_task_is_skipped(signoff: Stack) -> None:
    plan = "- A: `true` {#a}\n## Two {approval=yes}\n- B: `true` {#b}\n- C: `true` {#c}\n## Three\n- D: `true` {#d}"
    project_id = await signoff.started(plan)
    await signoff.at_gate(project_id, "two")
    await signoff.call("POST", f"/{project_id}/tasks/b/skip")
    assert (await signoff.project(project_id))["gate"] is not None
    await signoff.call("POST", f"/{project_id}/tasks/c/skip")
    project = await signoff.finished(project_id)
    assert (project["status"], states(project)["d"]) == ("completed", "completed")
    await intact(signoff, project_id)
