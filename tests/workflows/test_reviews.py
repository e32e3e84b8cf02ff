"""Reviewers request changes to a plan, or reject it: the project waits for its author, or is cancelled."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.domain.identity import new_id
from tests.api.answers import check_error, fields_of, refused
from tests.api.test_roles import bearer, key_for
from tests.conftest import Stack
from tests.workflows.test_live_edits import alterations

PLAN = "- Clean: `rm -f old.log` {#clean}"
ASKED = "Not before Friday: ask the DBA first."


async def a_person(signoff: Stack, role: str) -> tuple[str, dict[str, str]]:
    """The name of somebody with this role, and the header that says who it is."""
    name = f"{role} {new_id('key')[-8:]}"
    return name, bearer((await key_for(signoff, name, {"role": role}))["key"])


async def review(signoff: Stack, project_id: str, verdict: str, status: int = 200, **request: Any) -> Any:
    body = {"comment": ASKED, **request.pop("json", {})}
    return await signoff.call("POST", f"/{project_id}/{verdict}", status=status, json=body, **request)


async def types_of(signoff: Stack, project_id: str) -> list[str]:
    return [event["type"] for event in await signoff.events(project_id)]


async def test_a_project_waits_for_its_author_until_the_next_version(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    (reviewer, as_reviewer), (_, as_other) = await a_person(signoff, "approver"), await a_person(signoff, "approver")
    plan = await signoff.call("GET", f"/{project_id}/plan")
    read = {"plan_version": 1, "plan_digest": plan["digest"]}
    answer = await review(signoff, project_id, "request-changes", json=read, headers=as_reviewer)
    assert (answer["status"], answer["stage"]) == ("pending", "changes_requested")
    assert answer["decision_id"].startswith("dec_")
    assert answer["seal"]
    project = await signoff.project(project_id)
    asked = project["changes_requested"]
    assert (asked["version"], asked["by"], asked["comment"]) == (1, reviewer, ASKED)
    assert (project["stage"], project["rejected"], project["plan"]["version"]) == ("changes_requested", None, 1)

    # Nobody else can approve this version, or request changes to it once more.
    for call in ("approve", "request-changes"):
        body = {} if call == "approve" else {"comment": "And me."}
        refusal = await refused(
            signoff, "POST", f"/{project_id}/{call}", 409, "changes_requested", json=body, headers=as_other
        )
        assert reviewer in refusal["message"]
        assert refusal["context"]["plan_version"] == 1
    assert (await signoff.project(project_id))["run"] is None

    # The next version waits for its approval, and still says what it is about.
    await signoff.call("PUT", f"/{project_id}/tasks/clean", json={"title": "Clean on Friday"})
    project = await signoff.project(project_id)
    assert (project["stage"], project["plan"]["version"]) == ("awaiting_approval", 2)
    assert project["changes_requested"] == asked
    await signoff.call("POST", f"/{project_id}/approve", headers=as_other)
    project = await signoff.finished(project_id)
    assert (project["status"], project["changes_requested"]) == ("completed", None)
    (told,) = [event for event in await signoff.events(project_id) if event["type"] == "plan.changes_requested"]
    assert (told["actor"], told["data"]["comment"], told["data"]["plan_digest"]) == (reviewer, ASKED, plan["digest"])
    assert await alterations(signoff, project_id) == []


async def test_whoever_requested_changes_may_approve_the_version_after_all(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    _, as_reviewer = await a_person(signoff, "approver")
    asked = await review(signoff, project_id, "request-changes", headers=as_reviewer)
    await signoff.call("POST", f"/{project_id}/approve", headers=as_reviewer)
    assert (await signoff.finished(project_id))["status"] == "completed"
    (approved,) = [event for event in await signoff.events(project_id) if event["type"] == "plan.approved"]
    assert approved["data"]["withdrawn"] == asked["decision_id"]
    listed = (await signoff.call("GET", f"/{project_id}/decisions"))["decisions"]
    assert {one["kind"]: one["status"] for one in listed}["request_changes"] == "accepted"
    assert await alterations(signoff, project_id) == []


@pytest.mark.parametrize("way", ["edit", "refine", "regenerate", "settings"])
async def test_every_way_to_a_new_version_asks_for_approval_again(signoff: Stack, way: str) -> None:
    project_id = await signoff.planned(PLAN)
    await review(signoff, project_id, "request-changes")
    if way == "edit":
        await signoff.call("POST", f"/{project_id}/tasks", status=201, json={"title": "Another"})
    elif way == "refine":
        edits = [{"op": "add_task", "title": "Another"}]
        await signoff.call("POST", f"/{project_id}/refine-plan", json={"edits": edits})
    elif way == "regenerate":
        await signoff.call("PUT", f"/{project_id}", json={"description": "- New: `true`"})
        await signoff.call("POST", f"/{project_id}/regenerate-plan", headers={"Prefer": "wait=60"})
    else:
        await signoff.call("PUT", f"/{project_id}", json={"strategy": "careful"})
    project = await signoff.project(project_id)
    assert (project["stage"], project["plan"]["version"]) == ("awaiting_approval", 2)
    await review(signoff, project_id, "request-changes", json={"plan_version": 2, "comment": "Still not."})
    project = await signoff.project(project_id)
    assert (project["stage"], project["changes_requested"]["comment"]) == ("changes_requested", "Still not.")
    assert await alterations(signoff, project_id) == []


async def test_planning_that_fails_leaves_the_request(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    await review(signoff, project_id, "request-changes")
    await signoff.call("PUT", f"/{project_id}", json={"description": "- A {#a after=nothing}"})
    await signoff.call("POST", f"/{project_id}/regenerate-plan", status=422, headers={"Prefer": "wait=60"})
    project = await signoff.project(project_id)
    assert (project["stage"], project["changes_requested"]["version"]) == ("changes_requested", 1)
    assert project["failure"]["code"] == "plan_invalid"
    assert await alterations(signoff, project_id) == []


async def test_a_version_that_answers_a_request_does_not_approve_itself(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    await review(signoff, project_id, "request-changes")
    await signoff.call("PUT", f"/{project_id}", json={"auto_approve_plan": True})
    await signoff.call("POST", f"/{project_id}/regenerate-plan", headers={"Prefer": "wait=60"})
    edits = [{"op": "add_task", "title": "Another", "action": {"type": "milestone"}}]
    await signoff.call("POST", f"/{project_id}/refine-plan", json={"edits": edits})
    project = await signoff.project(project_id)
    assert (project["status"], project["stage"], project["run"]) == ("pending", "awaiting_approval", None)
    await signoff.call("POST", f"/{project_id}/approve")
    assert (await signoff.finished(project_id))["status"] == "completed"


async def test_a_rejection_cancels_the_project_and_says_who_and_why(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    reviewer, as_reviewer = await a_person(signoff, "approver")
    answer = await review(signoff, project_id, "reject", json={"plan_version": 1}, headers=as_reviewer)
    assert (answer["status"], answer["stage"]) == ("cancelled", "finished")
    project = await signoff.project(project_id)
    assert (project["status"], project["outcome"], project["changes_requested"]) == ("cancelled", "rejected", None)
    said = project["rejected"]
    assert (said["version"], said["by"], said["comment"]) == (1, reviewer, ASKED)
    assert {task["status"] for task in project["tasks"]} == {"cancelled"}
    listed = await signoff.call("GET", "?status=cancelled&limit=200")
    assert {row["id"]: row["outcome"] for row in listed["projects"]}[project_id] == "rejected"
    events = {event["type"]: event for event in await signoff.events(project_id)}
    assert events["plan.rejected"]["data"]["comment"] == ASKED
    assert events["project.cancelled"]["data"]["outcome"] == "rejected"
    assert events["project.cancelled"]["actor"] == reviewer
    await refused(signoff, "POST", f"/{project_id}/approve", 409, "not_pending")
    await refused(signoff, "POST", f"/{project_id}/reject", 409, "plan_not_waiting", json={"comment": "Again."})

    # A new version may be reviewed again. The rejection remains only in the record.
    await signoff.call("POST", f"/{project_id}/tasks", status=201, json={"title": "Another"})
    project = await signoff.project(project_id)
    assert (project["status"], project["stage"]) == ("pending", "awaiting_approval")
    assert (project["outcome"], project["rejected"]) == (None, None)
    assert await alterations(signoff, project_id) == []


async def test_a_cancel_is_no_rejection(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    await review(signoff, project_id, "request-changes")
    await signoff.call("POST", f"/{project_id}/cancel", json={"reason": "No time."})
    project = await signoff.project(project_id)
    assert (project["status"], project["outcome"], project["rejected"]) == ("cancelled", None, None)
    assert "plan.rejected" not in await types_of(signoff, project_id)


async def test_changes_that_were_requested_can_end_in_a_rejection(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    await review(signoff, project_id, "request-changes")
    await review(signoff, project_id, "reject", json={"comment": "It never came."})
    project = await signoff.project(project_id)
    assert (project["outcome"], project["rejected"]["comment"]) == ("rejected", "It never came.")
    assert await alterations(signoff, project_id) == []


@pytest.mark.parametrize("verdict", ["request-changes", "reject"])
async def test_a_verdict_covers_the_version_that_was_read(signoff: Stack, verdict: str) -> None:
    project_id = await signoff.planned(PLAN)
    old = await signoff.call("GET", f"/{project_id}/plan")
    await signoff.call("PUT", f"/{project_id}", json={"strategy": "careful"})
    new = await signoff.call("GET", f"/{project_id}/plan")
    for read in ({"plan_version": 1}, {"plan_digest": old["digest"]}):
        body = await refused(
            signoff, "POST", f"/{project_id}/{verdict}", 409, "plan_superseded", json={"comment": "No.", **read}
        )
        assert body["context"] == {"plan_version": new["version"], "plan_digest": new["digest"]}
    assert (await signoff.project(project_id))["stage"] == "awaiting_approval"


async def test_a_verdict_needs_words(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    bodies: list[dict[str, Any]] = [{"comment": text} for text in (None, "", "  \n", "x" * 10_001, "\x00", 1)]
    for verdict in ("request-changes", "reject"):
        for body in (*bodies, {}):
            assert fields_of(await refused(signoff, "POST", f"/{project_id}/{verdict}", 422, json=body)) == ["comment"]
    assert (await signoff.project(project_id))["stage"] == "awaiting_approval"


async def test_a_verdict_that_is_repeated_with_its_key_counts_once(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    key = {"Idempotency-Key": new_id("key")}
    first = await review(signoff, project_id, "request-changes", headers=key)
    assert await review(signoff, project_id, "request-changes", headers=key) == first
    assert (await types_of(signoff, project_id)).count("plan.changes_requested") == 1


async def test_of_an_approval_and_a_request_at_the_same_moment_one_wins(signoff: Stack) -> None:
    project_id = await signoff.planned("- [ ] Look {#look}")
    _, as_reviewer = await a_person(signoff, "approver")
    path = f"/api/projects/{project_id}"
    answers = await asyncio.gather(
        signoff.http.post(f"{path}/approve"),
        signoff.http.post(f"{path}/request-changes", json={"comment": ASKED}, headers=as_reviewer),
    )
    statuses = [answer.status_code for answer in answers]
    assert sorted(statuses) == [200, 409], [answer.text for answer in answers]
    lost = check_error(answers[statuses.index(409)])
    project = await signoff.project(project_id)
    if statuses[0] == 200:
        assert (lost["code"], project["status"], project["changes_requested"]) == ("plan_not_waiting", "running", None)
        await signoff.call("POST", f"/{project_id}/cancel")
    else:
        assert (lost["code"], project["status"], project["run"]) == ("changes_requested", "pending", None)


async def test_a_signal_sent_directly_to_temporal_reviews_nothing(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    handle = signoff.temporal.get_workflow_handle(project_id)
    for signal in ("reject", "request_changes"):
        before = (await signoff.project(project_id))["last_seq"]
        await handle.signal(signal, {"comment": "No."})
        project = await signoff.until(project_id, lambda project, before=before: project["last_seq"] > before)
        assert (project["status"], project["stage"]) == ("pending", "awaiting_approval")
    made = [event["data"] for event in await signoff.events(project_id) if event["type"] == "decision.made"]
    assert [(one["kind"], one["code"]) for one in made] == [
        ("reject", "signal_not_authenticated"),
        ("request_changes", "signal_not_authenticated"),
    ]


async def test_where_signals_may_decide_they_need_words_too(signoff_by_hand: Stack) -> None:
    project_id = await signoff_by_hand.planned(PLAN)
    handle = signoff_by_hand.temporal.get_workflow_handle(project_id)
    await handle.signal("reject", {})
    await handle.signal("request_changes", {"comment": ASKED})
    project = await signoff_by_hand.until(project_id, stage="changes_requested")
    assert project["changes_requested"]["comment"] == ASKED
    # Nobody knows who has sent the request, so nobody can withdraw it.
    await handle.signal("approve", {})
    await refused(signoff_by_hand, "POST", f"/{project_id}/approve", 409, "changes_requested")
    await handle.signal("reject", {"comment": "No."})
    assert (await signoff_by_hand.finished(project_id))["outcome"] == "rejected"
