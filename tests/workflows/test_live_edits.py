"""Edits of a plan during its run: each needs an approval, and nothing that has started changes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.conftest import Stack, eventually
from tests.databases import tries

HOLD = "while [ ! -e go ]; do sleep 0.05; done"


def release(project: dict[str, Any], name: str = "go") -> None:
    (Path(project["workspace"]) / name).touch()


def shell(title: str, command: str, **fields: Any) -> dict[str, Any]:
    return {"title": title, "action": {"type": "shell", "command": command}, **fields}


async def alterations(signoff: Stack, project_id: str) -> list[dict[str, Any]]:
    """What an audit finds wrong with the record."""
    found = (await signoff.call("POST", f"/{project_id}/audit"))["results"]["findings"]
    return [finding for finding in found if finding["severity"] == "critical"]


async def approve(signoff: Stack, project_id: str) -> dict[str, Any]:
    """Approve what the newest edit has made, as it was read. Returns the plan that was read."""
    plan = await signoff.call("GET", f"/{project_id}/plan")
    assert plan["status"] == "ready"
    read = {"plan_version": plan["version"], "plan_digest": plan["digest"], "frozen_digest": plan["frozen"]["digest"]}
    await signoff.call("POST", f"/{project_id}/approve", json=read)
    return plan


async def test_an_edit_waits_for_its_approval_and_the_run_starts_nothing_meanwhile(signoff: Stack) -> None:
    plan = (
        f"1. Hold: `{HOLD}` {{#hold}}\n2. Next: `echo signed >> ran` {{#next}}\n\n## Two\n\n- Last: `echo last >> ran`"
    )
    project_id = await signoff.started(plan)
    await signoff.task_in(project_id, "hold", "running")
    before = await signoff.project(project_id)
    changed = {"action": {"type": "shell", "command": "echo changed >> ran"}}
    task = await signoff.call("PUT", f"/{project_id}/tasks/next", json=changed)
    assert task["action"]["command"] == "echo changed >> ran"
    project = await signoff.project(project_id)
    assert (project["status"], project["stage"]) == ("running", "awaiting_approval")
    assert (project["plan"], project["edited_plan"]["version"]) == (before["plan"], before["plan"]["version"] + 1)
    assert project["edited_plan"]["status"] == "ready"
    in_force = await signoff.call("GET", f"/{project_id}/tasks/next")
    assert in_force["action"]["command"] == "echo signed >> ran"
    assert await alterations(signoff, project_id) == []
    release(project)
    await signoff.task_in(project_id, "hold", "completed")
    await asyncio.sleep(1)  # why: nothing may start, and only time can show that nothing does
    project = await signoff.project(project_id)
    assert {task["key"]: task["status"] for task in project["tasks"]}["next"] == "pending"
    assert not (Path(project["workspace"]) / "ran").exists()

    stale = {"plan_version": before["plan"]["version"], "plan_digest": before["plan"]["digest"]}
    answer = await signoff.call("POST", f"/{project_id}/approve", status=409, json=stale)
    assert answer["code"] == "plan_superseded"
    read = await approve(signoff, project_id)
    project = await signoff.finished(project_id)
    assert (project["status"], project["edited_plan"]) == ("completed", None), project["failure"]
    assert (Path(project["workspace"]) / "ran").read_text().split() == ["changed", "last"]
    approvals = [event["data"] for event in await signoff.events(project_id) if event["type"] == "plan.approved"]
    assert [data["plan_digest"] for data in approvals] == [before["plan"]["digest"], read["digest"]]
    decisions = (await signoff.call("GET", f"/{project_id}/decisions"))["decisions"]
    assert ("approve", "accepted", read["version"]) in [(d["kind"], d["status"], d["plan_version"]) for d in decisions]
    assert await alterations(signoff, project_id) == []


async def test_an_edit_of_the_last_phase_keeps_the_run_open_until_its_approval(signoff: Stack) -> None:
    project_id = await signoff.started(f"- Hold: `{HOLD}` {{#hold}}")
    await signoff.task_in(project_id, "hold", "running")
    for number in (1, 2):
        body = shell(f"Added {number}", f"echo {number} >> ran", key=f"added{number}")
        added = await signoff.call("POST", f"/{project_id}/tasks", status=201, json=body)
    changed = {"title": "Other"}
    assert (await signoff.call("PUT", f"/{project_id}/tasks/{added['id']}", json=changed))["title"] == "Other"
    await signoff.call("DELETE", f"/{project_id}/tasks/added1")
    release(await signoff.project(project_id))
    await signoff.task_in(project_id, "hold", "completed")
    await asyncio.sleep(1)  # why: the run must not end, and only time can show that it does not
    assert (await signoff.project(project_id))["status"] == "running"
    await approve(signoff, project_id)
    project = await signoff.finished(project_id)
    assert project["status"] == "completed", project["failure"]
    assert (Path(project["workspace"]) / "ran").read_text().split() == ["2"]
    versions = (await signoff.call("GET", f"/{project_id}/plans"))["plans"]
    assert [version["status"] for version in versions] == ["approved", *["superseded"] * 4]
    assert await alterations(signoff, project_id) == []


async def test_a_cancel_does_not_wait_for_the_approval_of_an_edit(signoff: Stack) -> None:
    project_id = await signoff.started(
        f"- Hold: `{HOLD}` {{#hold}}\n\n## Clean {{on=always}}\n\n- Tidy: `touch tidied`"
    )
    await signoff.task_in(project_id, "hold", "running")
    await signoff.call("POST", f"/{project_id}/tasks", status=201, json=shell("Added", "touch added"))
    await signoff.call("POST", f"/{project_id}/cancel")
    project = await signoff.finished(project_id)
    assert (project["status"], project["edited_plan"]) == ("cancelled", None)
    workspace = Path(project["workspace"])
    assert (workspace / "tidied").exists()
    assert not (workspace / "added").exists()
    assert await alterations(signoff, project_id) == []
    await signoff.call("POST", f"/{project_id}/retry")
    await signoff.call("POST", f"/{project_id}/cancel")


async def test_an_edit_whose_task_has_started_meanwhile_is_not_approved(signoff: Stack) -> None:
    """A person can end and release tasks while an edit waits, so a task that it changes may start before its approval."""
    project_id = await signoff.started("1. [ ] Ask {#ask}\n2. [ ] Tell {#tell}")
    await signoff.task_in(project_id, "ask", "waiting")
    await signoff.call("PUT", f"/{project_id}/tasks/tell", json={"title": "Tell everybody"})
    await signoff.call("POST", f"/{project_id}/tasks/tell/skip")
    answer = await signoff.call("POST", f"/{project_id}/approve", status=409)
    assert answer["code"] == "task_started"
    await signoff.call("PUT", f"/{project_id}/tasks/tell", json={"title": "Tell"})
    await approve(signoff, project_id)
    await signoff.call("POST", f"/{project_id}/tasks/ask/complete")
    assert (await signoff.finished(project_id))["status"] == "completed"


async def test_a_project_that_approves_its_plans_approves_its_edits_too(signoff: Stack) -> None:
    project_id = await signoff.create(f"- Hold: `{HOLD}` {{#hold}}", auto_approve_plan=True)
    await signoff.call("POST", f"/{project_id}/generate-plan")
    await signoff.task_in(project_id, "hold", "running")
    await signoff.call("POST", f"/{project_id}/tasks", status=201, json=shell("Added", "touch added"))
    project = await signoff.project(project_id)
    assert (project["plan"]["status"], project["edited_plan"]) == ("approved", None)
    release(project)
    project = await signoff.finished(project_id)
    assert (Path(project["workspace"]) / "added").exists()
    assert await alterations(signoff, project_id) == []


async def test_a_task_added_to_the_phase_under_way_runs_in_it(signoff: Stack) -> None:
    project_id = await signoff.started(
        f"## One\n\n- Hold: `{HOLD}` {{#hold}}\n\n## Two\n\n- Last: `echo last >> order` {{#last}}"
    )
    await signoff.task_in(project_id, "hold", "running")
    before = await signoff.project(project_id)
    phase = before["phases"][0]["id"]
    body = shell("Added", "echo added >> order", phase_id=phase, depends_on=["hold"])
    task = await signoff.call("POST", f"/{project_id}/tasks", status=201, json=body)
    assert (task["key"], task["status"], task["phase_id"]) == ("added", "pending", phase)
    await approve(signoff, project_id)
    project = await signoff.project(project_id)
    assert project["plan"]["version"] == before["plan"]["version"] + 1
    assert project["plan"]["status"] == "approved"
    # The running task is still the same, and keeps running.
    held = await signoff.call("GET", f"/{project_id}/tasks/hold")
    assert (held["status"], held["attempt"]) == ("running", 1)
    release(project)
    project = await signoff.finished(project_id)
    assert project["status"] == "completed", project["failure"]
    assert (Path(project["workspace"]) / "order").read_text().split() == ["added", "last"]
    kinds = [
        (d["kind"], d["status"], d["plan_version"])
        for d in (await signoff.call("GET", f"/{project_id}/decisions"))["decisions"]
    ]
    assert ("approve", "accepted", project["plan"]["version"]) in kinds
    events = [event["type"] for event in await signoff.events(project_id)]
    assert events.count("plan.approved") == 2
    assert events.count("task.created") == 1


async def test_phases_and_tasks_ahead_can_be_added_changed_and_removed(signoff: Stack) -> None:
    two = "- Old: `echo old >> order` {#old}\n- Gone: `echo gone >> order` {#gone}"
    plan = f"## One\n\n- Hold: `{HOLD}` {{#hold}}\n\n## Two\n\n{two}"
    project_id = await signoff.started(plan)
    await signoff.task_in(project_id, "hold", "running")
    await signoff.call("DELETE", f"/{project_id}/tasks/gone")
    changed = await signoff.call(
        "PUT",
        f"/{project_id}/tasks/old",
        json={"title": "New", "action": {"type": "shell", "command": "echo new >> order"}},
    )
    assert (changed["title"], changed["key"]) == ("New", "old")
    phase = await signoff.call("POST", f"/{project_id}/phases", status=201, json={"name": "Three"})
    assert phase["position"] == 2
    await signoff.call("POST", f"/{project_id}/tasks", status=201, json=shell("End", "echo end >> order"))
    between = await signoff.call("POST", f"/{project_id}/phases", status=201, json={"name": "Between", "position": 1})
    await signoff.call(
        "POST", f"/{project_id}/tasks", status=201, json=shell("Mid", "echo mid >> order", phase_id=between["id"])
    )
    await approve(signoff, project_id)
    release(await signoff.project(project_id))
    project = await signoff.finished(project_id)
    assert project["status"] == "completed", project["failure"]
    assert (Path(project["workspace"]) / "order").read_text().split() == ["mid", "new", "end"]
    assert [phase["name"] for phase in project["phases"]] == ["One", "Between", "Two", "Three"]
    assert {phase["status"] for phase in project["phases"]} == {"completed"}


async def test_what_has_started_or_finished_cannot_be_changed(signoff: Stack) -> None:
    plan = f"## One\n\n- Quick: `true` {{#quick}}\n\n## Two\n\n- Hold: `{HOLD}` {{#hold}}\n- Next: `true` {{#next after=hold}}"
    project_id = await signoff.started(plan)
    await signoff.task_in(project_id, "hold", "running")
    project = await signoff.project(project_id)
    one = project["phases"][0]["id"]
    version = project["plan"]["version"]

    async def refused(method: str, path: str, code: str, status: int = 409, **body: Any) -> None:
        answer = await signoff.call(method, f"/{project_id}{path}", status=status, **({"json": body} if body else {}))
        assert answer["code"] == code, answer

    await refused("PUT", "/tasks/hold", "task_started", title="Other")
    await refused("DELETE", "/tasks/quick", "phase_finished")
    await refused("PUT", "/tasks/next", "phase_finished", phase_id=one, depends_on=[])
    await refused("POST", "/tasks", "phase_finished", **shell("Late", "true", phase_id=one))
    await refused("POST", "/phases", "phase_finished", name="Before", position=0)
    await refused("DELETE", "/tasks/hold", "plan_invalid", status=422)
    await refused("POST", "/refine-plan", "project_running", edits=[{"op": "remove_task", "task": "next"}])
    await refused("POST", "/tasks", "plan_invalid", status=422, **shell("Circle", "true", depends_on=["nothing"]))
    project = await signoff.project(project_id)
    assert project["plan"]["version"] == version
    release(project)
    assert (await signoff.finished(project_id))["status"] == "completed"


async def test_without_a_phase_ahead_a_new_one_is_made(signoff: Stack) -> None:
    project_id = await signoff.started(f"- Hold: `{HOLD}` {{#hold}}")
    await signoff.task_in(project_id, "hold", "running")
    task = await signoff.call("POST", f"/{project_id}/tasks", status=201, json=shell("More", "echo more >> order"))
    await approve(signoff, project_id)
    project = await signoff.project(project_id)
    assert [phase["name"] for phase in project["phases"]] == ["Tasks", "Tasks"]
    assert task["phase_id"] == project["phases"][1]["id"]
    release(project)
    assert (await signoff.finished(project_id))["status"] == "completed"


async def test_tasks_added_while_phases_and_the_run_come_to_their_end_are_run_or_refused(signoff: Stack) -> None:
    """If an edit coincides with the end of something, an accepted edit has run, and a refused one has not."""
    quick = "\n\n".join(f"## P{i}\n\n- T{i}: `true` {{#t{i}}}" for i in range(6))
    for _ in range(tries(2, 4)):
        project_id = await signoff.started(quick)

        async def add(number: int, project_id: str = project_id) -> tuple[str, int]:
            key = f"x{number}"
            body = shell(f"X {number}", f"echo {key} >> ran", key=key)
            answer = await signoff.http.post(f"/api/projects/{project_id}/tasks", json=body)
            return key, answer.status_code

        answers = dict(await asyncio.gather(*(add(number) for number in range(8))))
        assert set(answers.values()) <= {201, 409}, answers

        async def settled(project_id: str = project_id) -> dict[str, Any] | None:
            project = await signoff.project(project_id)
            if project["edited_plan"] is not None:
                await signoff.http.post(f"/api/projects/{project_id}/approve")
            return project if project["status"] != "running" else None

        project = await eventually(settled, what="the run has ended")
        file = Path(project["workspace"]) / "ran"
        ran = file.read_text().split() if file.exists() else []
        accepted = [key for key, status in answers.items() if status == 201]
        known = {task["key"]: task["status"] for task in project["tasks"]}
        if project["status"] == "pending":
            # An edit that arrived after the project had finished made a plan that waits for approval.
            assert set(accepted) <= set(known)
            continue
        assert sorted(ran) == sorted(accepted)
        assert {known[key] for key in accepted} <= {"completed"}


async def test_an_edit_that_rewires_what_a_failure_would_skip_saves_it(signoff: Stack) -> None:
    plan = f"- Hold: `{HOLD}; exit 1` {{#hold}}\n- Child: `echo child >> ran` {{#child after=hold}}"
    project_id = await signoff.started(plan)
    await signoff.task_in(project_id, "hold", "running")
    await signoff.call("PUT", f"/{project_id}/tasks/child", json={"depends_on": []})
    await approve(signoff, project_id)
    await signoff.task_in(project_id, "child", "completed")
    release(await signoff.project(project_id))
    project = await signoff.finished(project_id)
    assert (project["status"], project["failure"]["code"]) == ("failed", "task_failed")


async def test_edits_sent_by_hand_are_decided_alike(signoff_by_hand: Stack) -> None:
    project_id = await signoff_by_hand.started("- [ ] Ask {#ask}")
    await signoff_by_hand.task_in(project_id, "ask", "waiting")
    handle = signoff_by_hand.temporal.get_workflow_handle(project_id)
    await handle.signal("edit", {"edits": [{"op": "add_task", "title": "By hand", "phase": "tasks"}]})
    await handle.signal("edit", {"edits": [{"op": "add_task"}]})
    await handle.signal("edit", {"edits": "nonsense"})
    await signoff_by_hand.until(project_id, stage="awaiting_approval")
    await signoff_by_hand.call("POST", f"/{project_id}/approve")
    await signoff_by_hand.task_in(project_id, "by_hand", "waiting")

    async def refusals() -> bool:
        listed = await signoff_by_hand.call("GET", f"/{project_id}/decisions?status=refused")
        return [d["kind"] for d in listed["decisions"]] == ["edit", "edit"]

    await eventually(refusals, what="the other two are refused")
    await signoff_by_hand.call("POST", f"/{project_id}/cancel")


async def test_an_approval_that_may_mean_the_edit_or_the_phase_is_refused(signoff: Stack) -> None:
    project_id = await signoff.started("## One\n\n- A: `true`\n\n## Two {approval=yes}\n\n- B: `true` {#b}")
    gate = (await signoff.at_gate(project_id))["gate"]
    await signoff.call("POST", f"/{project_id}/tasks", status=201, json=shell("C", "echo c >> ran", key="c"))
    answer = await signoff.call("POST", f"/{project_id}/approve", status=409)
    assert answer["code"] == "approval_ambiguous"
    assert "plan_version" in answer["message"]
    assert "phase_id" in answer["message"]
    # Each of them can be approved by name.
    await approve(signoff, project_id)
    await signoff.call("POST", f"/{project_id}/approve", json={"phase_id": gate["phase_id"]})
    project = await signoff.finished(project_id)
    assert (Path(project["workspace"]) / "ran").read_text().split() == ["c"]
