"""The last approval can be withdrawn for a while, before it takes effect. Over HTTP, with people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select, update
from temporalio.testing import WorkflowEnvironment

from app.domain.policies import Policies
from app.storage.tables import decisions, gates
from app.temporal import expiry, opening
from tests.conftest import Stack, running_stack
from tests.signers import SERVER_KEY, Signer, people_of
from tests.workflows.test_signing_links import Guest, made

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

POLICIES: list[dict[str, Any]] = [
    {"name": "Think again", "match": {"labels": ["long"]}, "undo": "5m"},
    {"name": "Think briefly", "match": {"labels": ["brief"]}, "undo": "1s"},
    {"name": "Two of us", "match": {"labels": ["two"]}, "approvals": 2},
    {"name": "In time", "match": {"labels": ["timed"]}, "expires": "1m"},
]
ROLES: dict[str, list[str]] = {
    "dana": ["author", "approver", "operator"],
    "kim": ["approver", "operator"],
    "lee": ["approver", "author", "operator"],
}
PHASES = "- A: `true` {#a}\n## Two {approval=yes}\n- B: `true` {#b}"


@pytest.fixture(scope="module")
async def stack(temporal_server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    policies = Policies.model_validate({"policy": POLICIES})
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(expiry, "SWEEP_SECONDS", 0.2)
    # The tests move the end of the time to undo, which no event tells the app.
    monkeypatch.setattr(opening, "SWEEP_SECONDS", 0.2)
    folder = tmp_path_factory.mktemp("undo")
    async with running_stack(temporal_server, folder, api_key=SERVER_KEY, signoff=policies) as running:
        running.http.headers.update({"Authorization": f"Bearer {SERVER_KEY}"})
        yield running
    monkeypatch.undo()


@pytest.fixture(scope="module")
async def people(stack: Stack) -> AsyncIterator[dict[str, Signer]]:
    async with people_of(stack, **ROLES) as found:
        yield found


def gate_of(project: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(gate for gate in project["gates"] if gate["kind"] == kind)


async def end_time_to_undo(stack: Stack, project_id: str) -> None:
    """Move the end of the time to undo into the past, as if it were over."""
    over = update(gates).where(gates.c.project_id == project_id, gates.c.undo_until.is_not(None))
    await stack.database.transact(lambda conn: conn.execute(over.values(undo_until="2020-01-01T00:00:00.000Z")))


async def listed(who: Signer, project_id: str) -> dict[str, Any]:
    """A project as the list of projects shows it."""
    return next(row for row in (await who.call("GET", ""))["projects"] if row["id"] == project_id)


async def kinds_decided(stack: Stack, project_id: str) -> list[tuple[str, str, str]]:
    query = select(decisions.c.kind, decisions.c.actor, decisions.c.outcome).where(
        decisions.c.project_id == project_id, decisions.c.kind.in_(("approve", "retry", "retry_run", "withdraw"))
    )
    rows = await stack.database.read(lambda conn: conn.execute(query.order_by(decisions.c.position)).all())
    return [(row.kind, row.actor, row.outcome) for row in rows]


async def approver_of(stack: Stack, project_id: str) -> str:
    return next(event["actor"] for event in await stack.events(project_id) if event["type"] == "plan.approved")


async def assert_intact(stack: Stack, project_id: str) -> None:
    audit = await stack.call("POST", f"/{project_id}/audit")
    assert audit["trail"]["intact"], audit["results"]
    assert [one["code"] for one in audit["results"]["findings"] if one["severity"] == "critical"] == []


async def test_an_approval_takes_effect_when_its_time_to_undo_is_over(stack: Stack, people: dict[str, Signer]) -> None:
    kim = people["kim"]
    project_id = await people["dana"].planned("- A: `true`", by_workflow=True, labels=["brief"])
    answer = await kim.call("POST", f"/{project_id}/approve", json={"comment": "Fine."})
    approvals = answer["approvals"]
    assert (answer["status"], approvals["opens"], approvals["missing"]) == ("pending", False, [])
    project = await stack.finished(project_id)
    assert (project["status"], await approver_of(stack, project_id)) == ("completed", "kim")
    assert await kinds_decided(stack, project_id) == [("approve", "kim", "accepted")] * 2
    events = await stack.events(project_id)
    made_at = next(event for event in events if event["data"].get("kind") == "approve")
    assert made_at["data"]["gate"]["undo_until"] == approvals["undo_until"]
    approved = next(event for event in events if event["type"] == "plan.approved")
    assert (approved["actor_id"], approved["data"]["comment"]) == (kim.id, "Fine.")
    assert approved["at"] >= approvals["undo_until"]
    late = await kim.call("POST", f"/{project_id}/undo-approval", status=409)
    assert late["code"] == "nothing_to_undo"
    await assert_intact(stack, project_id)


async def test_only_who_approved_withdraws_and_can_approve_again(stack: Stack, people: dict[str, Signer]) -> None:
    kim, lee = people["kim"], people["lee"]
    project_id = await people["dana"].planned("- A: `true`", by_workflow=True, labels=["long"])
    assert (await kim.call("POST", f"/{project_id}/undo-approval", status=409))["code"] == "nothing_to_undo"
    await kim.call("POST", f"/{project_id}/approve")
    gate = gate_of(await kim.call("GET", f"/{project_id}"), "plan")
    assert (gate["may_undo"], gate["may_approve"], gate["approvals"]["missing"]) == (True, False, [])
    assert gate["undo_until"] is not None
    assert (await listed(lee, project_id))["undo_until"] == gate["undo_until"]
    other = gate_of(await lee.call("GET", f"/{project_id}"), "plan")
    assert (other["may_undo"], other["undo_until"]) == (False, gate["undo_until"])
    assert (await lee.call("POST", f"/{project_id}/undo-approval", status=403))["code"] == "not_your_approval"
    assert (await lee.call("POST", f"/{project_id}/approve", status=409))["code"] == "already_approved"
    inbox = (await lee.http.get("/api/inbox")).json()
    assert project_id not in [item["project_id"] for item in inbox["items"]]
    undone = await kim.call("POST", f"/{project_id}/undo-approval", json={"comment": "Wrong plan."})
    assert (undone["status"], undone["stage"]) == ("pending", "awaiting_approval")
    gate = gate_of(await kim.call("GET", f"/{project_id}"), "plan")
    assert (gate["approvals"]["given"], gate["undo_until"], gate["may_approve"]) == (0, None, True)
    inbox = (await lee.http.get("/api/inbox")).json()
    assert project_id in [item["project_id"] for item in inbox["items"]]
    event = (await stack.events(project_id))[-1]
    assert (event["type"], event["data"]["kind"], event["data"]["comment"]) == (
        "decision.made",
        "withdraw",
        "Wrong plan.",
    )
    await lee.call("POST", f"/{project_id}/approve")
    await end_time_to_undo(stack, project_id)
    project = await stack.finished(project_id)
    assert (project["status"], await approver_of(stack, project_id)) == ("completed", "lee")
    await assert_intact(stack, project_id)
    certificate = await stack.http.get(f"/api/projects/{project_id}/certificate")
    assert certificate.status_code == 200, certificate.text


async def test_only_the_last_approval_waits(stack: Stack, people: dict[str, Signer]) -> None:
    kim, lee = people["kim"], people["lee"]
    project_id = await people["dana"].planned("- A: `true`", by_workflow=True, labels=["two", "long"])
    first = await kim.call("POST", f"/{project_id}/approve")
    assert first["approvals"]["undo_until"] is None
    second = await lee.call("POST", f"/{project_id}/approve")
    assert second["approvals"]["undo_until"] is not None
    assert (await kim.call("POST", f"/{project_id}/undo-approval", status=403))["code"] == "not_your_approval"
    await lee.call("POST", f"/{project_id}/undo-approval")
    gate = gate_of(await kim.call("GET", f"/{project_id}"), "plan")
    assert [one["name"] for one in gate["approvals"]["by"]] == ["kim"]
    await people["dana"].call("POST", f"/{project_id}/approve")
    await end_time_to_undo(stack, project_id)
    assert (await stack.finished(project_id))["status"] == "completed"
    await assert_intact(stack, project_id)


async def test_phase_task_edit_and_retry_can_be_undone_too(stack: Stack, people: dict[str, Signer]) -> None:
    dana, kim = people["dana"], people["kim"]
    plan = (
        "- [ ] Wait {#wait}\n"
        "## Two {approval=yes}\n- Release: `test -e there || { touch there; false; }` {#release approval=yes}"
    )
    project_id = await dana.planned(plan, labels=["long"])

    async def twice(kind: str, path: str, **values: Any) -> None:
        """Approve, withdraw, and approve again, which takes effect."""
        await kim.call("POST", path, **values)
        assert gate_of(await kim.call("GET", f"/{project_id}"), kind)["may_undo"]
        await kim.call("POST", f"/{project_id}/undo-approval")
        await kim.call("POST", path, **values)
        assert gate_of(await kim.call("GET", f"/{project_id}"), kind)["approvals"]["given"] == 1
        await end_time_to_undo(stack, project_id)

    await twice("plan", f"/{project_id}/approve")
    await stack.task_in(project_id, "wait", "waiting")
    body = {"action": {"type": "shell", "command": "test -e again || { touch again; false; }"}}
    await dana.call("PUT", f"/{project_id}/tasks/release", json=body)
    await twice("edit", f"/{project_id}/approve")
    await stack.until(project_id, lambda project: project["plan"]["version"] == 2)
    await kim.call("POST", f"/{project_id}/tasks/wait/complete")
    await stack.at_gate(project_id, "two")
    await twice("phase", f"/{project_id}/approve")
    await stack.task_in(project_id, "release", "waiting")
    await twice("task", f"/{project_id}/tasks/release/retry")
    assert (await stack.finished(project_id))["status"] == "failed"
    await twice("retry", f"/{project_id}/retry")
    await stack.task_in(project_id, "release", "waiting")
    await twice("task", f"/{project_id}/tasks/release/retry")
    assert (await stack.finished(project_id))["status"] == "completed"
    await assert_intact(stack, project_id)


async def test_request_for_changes_withdraws_the_approval(stack: Stack, people: dict[str, Signer]) -> None:
    kim, lee = people["kim"], people["lee"]
    project_id = await people["dana"].planned("- A: `true`", labels=["long"])
    await kim.call("POST", f"/{project_id}/approve")
    await lee.call("POST", f"/{project_id}/request-changes", json={"comment": "Not on Friday."})
    gate = gate_of(await kim.call("GET", f"/{project_id}"), "plan")
    assert (gate["approvals"]["given"], gate["undo_until"]) == (0, None)
    assert (await kim.call("POST", f"/{project_id}/undo-approval", status=409))["code"] == "nothing_to_undo"
    await lee.call("POST", f"/{project_id}/approve")
    await end_time_to_undo(stack, project_id)
    assert (await stack.finished(project_id))["status"] == "completed"
    await assert_intact(stack, project_id)


@pytest.mark.parametrize("ending", ["reject", "cancel"])
async def test_what_ended_within_the_time_never_runs(stack: Stack, people: dict[str, Signer], ending: str) -> None:
    kim, lee = people["kim"], people["lee"]
    project_id = await people["dana"].planned("- A: `true`", labels=["long"])
    await kim.call("POST", f"/{project_id}/approve")
    body = {"comment": "No."} if ending == "reject" else {"reason": "No."}
    await lee.call("POST", f"/{project_id}/{ending}", json=body)
    await end_time_to_undo(stack, project_id)
    assert (await kim.call("POST", f"/{project_id}/undo-approval", status=409))["code"] == "nothing_to_undo"
    project = await stack.finished(project_id)
    assert (project["status"], project["run"]) == ("cancelled", None)
    assert await kinds_decided(stack, project_id) == [("approve", "kim", "accepted"), ("withdraw", "kim", "refused")]
    await assert_intact(stack, project_id)


async def test_cancel_of_a_run_ends_the_approval_of_its_phase(stack: Stack, people: dict[str, Signer]) -> None:
    kim = people["kim"]
    project_id = await people["dana"].planned(PHASES, labels=["long"])
    await kim.call("POST", f"/{project_id}/approve")
    await end_time_to_undo(stack, project_id)
    await stack.at_gate(project_id, "two")
    await kim.call("POST", f"/{project_id}/approve")
    await kim.call("POST", f"/{project_id}/cancel")
    await end_time_to_undo(stack, project_id)
    project = await stack.finished(project_id)
    assert (project["status"], [task["status"] for task in project["tasks"]]) == (
        "cancelled",
        ["completed", "cancelled"],
    )
    await assert_intact(stack, project_id)


async def test_a_new_version_needs_its_own_approval(stack: Stack, people: dict[str, Signer]) -> None:
    dana, kim = people["dana"], people["kim"]
    project_id = await dana.planned("- A: `true` {#a}", labels=["long"])
    await kim.call("POST", f"/{project_id}/approve")
    body = {"action": {"type": "shell", "command": "echo changed"}}
    await dana.call("PUT", f"/{project_id}/tasks/a", json=body)
    gate = gate_of(await kim.call("GET", f"/{project_id}"), "plan")
    assert (gate["plan_version"], gate["approvals"]["given"], gate["undo_until"]) == (2, 0, None)
    assert (await kim.call("POST", f"/{project_id}/undo-approval", status=409))["code"] == "nothing_to_undo"
    await stack.call("DELETE", f"/{project_id}")


async def test_what_changed_after_the_approval_is_approved_again(stack: Stack, people: dict[str, Signer]) -> None:
    dana, kim = people["dana"], people["kim"]
    created = await dana.call("POST", "", status=201, json={"labels": ["long"]})
    project_id = created["id"]
    upload = f"/{project_id}/files/upload"
    await dana.call("POST", upload, files={"file": ("a.sh", b"true\n")})
    await dana.call("PUT", f"/{project_id}", json={"description": "- Run: `sh a.sh`"})
    await dana.call("POST", f"/{project_id}/generate-plan", headers={"Prefer": "wait=60"})
    await kim.call("POST", f"/{project_id}/approve")
    await dana.call("POST", upload, files={"file": ("a.sh", b"echo other\n")}, data={"overwrite": "true"})
    await end_time_to_undo(stack, project_id)
    project = await stack.until(project_id, lambda found: gate_of(found, "plan")["undo_until"] is None)
    assert (project["status"], gate_of(project, "plan")["approvals"]["given"]) == ("pending", 0)
    event = (await stack.events(project_id))[-1]
    assert (event["actor"], event["data"]["kind"]) == ("signoff", "withdraw")
    assert event["data"]["comment"].startswith("The approval could not take effect. A file that the plan names")
    await kim.call("POST", f"/{project_id}/approve")
    await end_time_to_undo(stack, project_id)
    assert (await stack.finished(project_id))["status"] == "completed"
    await assert_intact(stack, project_id)


async def test_a_deleted_project_takes_its_approval_along(stack: Stack, people: dict[str, Signer]) -> None:
    project_id = await people["dana"].planned("- A: `true`", labels=["long"])
    await people["kim"].call("POST", f"/{project_id}/approve")
    await stack.call("DELETE", f"/{project_id}")
    left = await stack.database.read(
        lambda conn: conn.execute(select(gates.c.id).where(gates.c.project_id == project_id)).all()
    )
    assert left == []


async def test_an_approval_in_time_takes_effect_after_the_time_to_approve(
    stack: Stack, people: dict[str, Signer]
) -> None:
    kim = people["kim"]
    project_id = await people["dana"].planned("- A: `true`", labels=["timed", "long"])
    await kim.call("POST", f"/{project_id}/approve")
    late = update(gates).where(gates.c.project_id == project_id).values(expires_at="2020-01-01T00:00:00.000Z")
    await stack.database.transact(lambda conn: conn.execute(late))
    await end_time_to_undo(stack, project_id)
    assert (await stack.finished(project_id))["status"] == "completed"


async def test_a_guest_withdraws_and_signs_again(stack: Stack, people: dict[str, Signer]) -> None:
    dana, kim = people["dana"], people["kim"]
    project_id = await dana.planned("- A: `true`", labels=["long"])
    guest = Guest(stack, await made(kim, project_id, name="Sam"))
    signed = await guest.sign()
    assert (signed.status_code, signed.json()["opens"]) == (200, False), signed.text
    assert signed.json()["undo_until"] is not None
    # Whoever opens the link again sees how long there is time.
    again = (await guest.http.get("/api/signing")).json()
    assert (again["plan"], again["undo_until"]) == (None, signed.json()["undo_until"])
    undone = await guest.http.post("/api/signing/undo-approval", json={})
    assert (undone.status_code, undone.json()["status"]) == (200, "open"), undone.text
    assert (await kim.call("POST", f"/{project_id}/undo-approval", status=409))["code"] == "nothing_to_undo"
    assert (await guest.sign()).json()["opens"] is False
    await end_time_to_undo(stack, project_id)
    project = await stack.finished(project_id)
    assert (await guest.http.get("/api/signing")).json()["undo_until"] is None
    assert (project["status"], await approver_of(stack, project_id)) == ("completed", "Sam")
    await assert_intact(stack, project_id)


async def test_a_project_asks_for_time_to_undo_itself(stack: Stack, people: dict[str, Signer]) -> None:
    dana, kim = people["dana"], people["kim"]
    project_id = await dana.planned("- A: `true`", signing={"undo": "2m"})
    gate = gate_of(await kim.call("GET", f"/{project_id}"), "plan")
    assert gate["demands"] == ["This project's own rule: one approver, with 2 minutes to undo."]
    assert (await kim.call("POST", f"/{project_id}/approve"))["approvals"]["undo_until"] is not None
    await stack.call("DELETE", f"/{project_id}")


async def test_an_undone_approval_leaves_the_request_for_changes_standing(
    stack: Stack, people: dict[str, Signer]
) -> None:
    kim, lee = people["kim"], people["lee"]
    project_id = await people["dana"].planned("- A: `true`", labels=["long"])
    await kim.call("POST", f"/{project_id}/request-changes", json={"comment": "Not on Friday."})
    await kim.call("POST", f"/{project_id}/approve")
    undone = await kim.call("POST", f"/{project_id}/undo-approval")
    assert undone["stage"] == "changes_requested"
    assert (await lee.call("POST", f"/{project_id}/approve", status=409))["code"] == "changes_requested"
    await assert_intact(stack, project_id)
    await kim.call("POST", f"/{project_id}/approve")
    await end_time_to_undo(stack, project_id)
    assert (await stack.finished(project_id))["status"] == "completed"
    await assert_intact(stack, project_id)


async def test_an_edited_phase_does_not_start_with_an_earlier_approval(stack: Stack, people: dict[str, Signer]) -> None:
    dana, kim, lee = people["dana"], people["kim"], people["lee"]
    project_id = await dana.planned(PHASES, labels=["long"])
    await kim.call("POST", f"/{project_id}/approve")
    await end_time_to_undo(stack, project_id)
    await stack.at_gate(project_id, "two")
    phase = next(one for one in (await stack.project(project_id))["phases"] if one["key"] == "two")
    await kim.call("POST", f"/{project_id}/approve", json={"phase_id": phase["id"]})
    body = {"action": {"type": "shell", "command": "echo other"}}
    await dana.call("PUT", f"/{project_id}/tasks/b", json=body)
    edited = gate_of(await lee.call("GET", f"/{project_id}"), "edit")
    await lee.call("POST", f"/{project_id}/approve", json={"plan_version": 2})
    over = update(gates).where(gates.c.id == edited["id"]).values(undo_until="2020-01-01T00:00:00.000Z")
    await stack.database.transact(lambda conn: conn.execute(over))
    await stack.until(project_id, lambda project: project["plan"]["version"] == 2)
    await end_time_to_undo(stack, project_id)

    def is_withdrawn(project: dict[str, Any]) -> bool:
        return any(gate["kind"] == "phase" and gate["undo_until"] is None for gate in project["gates"])

    await stack.until(project_id, is_withdrawn)
    project = await stack.project(project_id)
    assert next(one for one in project["phases"] if one["key"] == "two")["status"] == "awaiting_approval"
    await assert_intact(stack, project_id)
    await kim.call("POST", f"/{project_id}/approve", json={"phase_id": phase["id"]})
    await end_time_to_undo(stack, project_id)
    assert (await stack.finished(project_id))["tasks"][1]["outputs"]["stdout"] == "other"


async def test_the_time_for_approvals_ends_after_an_undo(stack: Stack, people: dict[str, Signer]) -> None:
    kim = people["kim"]
    project_id = await people["dana"].planned("- A: `true`", labels=["timed", "long"])
    await kim.call("POST", f"/{project_id}/approve")
    late = update(gates).where(gates.c.project_id == project_id).values(expires_at="2020-01-01T00:00:00.000Z")
    await stack.database.transact(lambda conn: conn.execute(late))
    await kim.call("POST", f"/{project_id}/undo-approval")
    project = await stack.finished(project_id)
    assert (project["status"], project["outcome"]) == ("cancelled", "expired")


async def test_a_revoked_link_is_not_good_again_after_an_undo(stack: Stack, people: dict[str, Signer]) -> None:
    dana, kim = people["dana"], people["kim"]
    project_id = await dana.planned("- A: `true`", labels=["long"])
    link = await made(kim, project_id, name="Una")
    guest = Guest(stack, link)
    assert (await guest.sign()).status_code == 200
    await kim.call("DELETE", f"/{project_id}/signing-links/{link['id']}")
    undone = await guest.http.post("/api/signing/undo-approval", json={})
    assert undone.status_code == 200, undone.text
    assert "revoked" in (await guest.read())["closed"]
