"""Policies say who must approve: how many people, who, and not those who wrote it. Three people, over HTTP."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import Connection, update
from temporalio.testing import WorkflowEnvironment

from app.domain.commands import CommandRequest
from app.domain.errors import Unavailable
from app.domain.identity import now
from app.domain.policies import Policies
from app.storage import gates
from app.storage.gates import GateRow
from app.storage.policy_table import policies_in_force
from app.temporal import expiry
from app.temporal.commands import Commands
from tests.conftest import Stack, eventually, running_stack
from tests.signers import SERVER_KEY, Signer, people_of

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

POLICIES: list[dict[str, Any]] = [
    {
        "name": "Production changes",
        "match": {"labels": ["production"]},
        "approvals": 2,
        "from": ["role:approver"],
        "four_eyes": True,
        "expires": "3d",
    },
    {"name": "Changes in a hurry", "match": {"labels": ["hurry"]}, "approvals": 2, "expires": "1m"},
    {"name": "Payments", "match": {"labels": ["payments"]}, "from": ["person:kim"]},
]
ROLES: dict[str, list[str]] = {
    "dana": ["author", "approver", "operator"],
    "kim": ["approver", "operator"],
    "lee": ["approver", "author", "operator"],
    "max": ["viewer"],
}
WORDS = "Production changes: two approvers, not the author, within 3 days."


@pytest.fixture(scope="module")
async def stack(temporal_server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    folder = tmp_path_factory.mktemp("policies")
    policies = Policies.model_validate({"policy": POLICIES})
    monkeypatch = pytest.MonkeyPatch()
    # What is not approved in time ends at its time, and waits for no sweep.
    monkeypatch.setattr(expiry, "SWEEP_SECONDS", 3600.0)
    async with running_stack(temporal_server, folder, api_key=SERVER_KEY, signoff=policies) as running:
        running.http.headers.update({"Authorization": f"Bearer {SERVER_KEY}"})
        yield running
    monkeypatch.undo()


@pytest.fixture(scope="module")
async def people(stack: Stack) -> AsyncIterator[dict[str, Signer]]:
    async with people_of(stack, **ROLES) as found:
        yield found


def one_second(_: str) -> float:
    """In place of the time that a policy gives."""
    return 1.0


def gate_of(project: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(gate for gate in project["gates"] if gate["kind"] == kind)


async def test_a_plan_runs_once_two_people_approved_who_did_not_write_it(
    stack: Stack, people: dict[str, Signer]
) -> None:
    dana, kim, lee = people["dana"], people["kim"], people["lee"]
    project_id = await dana.planned("- A: `true`", by_workflow=True, labels=["production"])
    project = await dana.call("GET", f"/{project_id}")
    gate = gate_of(project, "plan")
    assert (gate["approvals"]["given"], gate["approvals"]["needed"], gate["may_approve"]) == (0, 2, False)
    assert gate["why_not"] == "You worked on this plan, so somebody else must approve it."
    assert gate["demands"] == [WORDS]
    assert gate["expires_at"] is not None
    refused = await dana.call("POST", f"/{project_id}/approve", status=403)
    assert refused["code"] == "four_eyes"
    first = await kim.call("POST", f"/{project_id}/approve", json={"comment": "Looks right."})
    assert (first["status"], first["stage"]) == ("pending", "awaiting_approval")
    assert (first["approvals"]["opens"], first["approvals"]["given"], first["approvals"]["needed"]) == (False, 1, 2)
    again = await kim.call("POST", f"/{project_id}/approve", status=409)
    assert again["code"] == "already_approved"
    gate = gate_of(await lee.call("GET", f"/{project_id}"), "plan")
    assert [(one["name"], one["id"]) for one in gate["approvals"]["by"]] == [("kim", kim.id)]
    assert (gate["approvals"]["given"], gate["approvals"]["needed"], gate["may_approve"]) == (1, 2, True)
    assert gate["approvals"]["missing"] == [
        "one more approval from somebody with the role approver, but not from the author"
    ]
    second = await lee.call("POST", f"/{project_id}/approve")
    assert (second["status"], second["approvals"]["opens"]) == ("running", True)
    assert (await stack.finished(project_id))["status"] == "completed"
    audit = await kim.call("POST", f"/{project_id}/audit")
    assert audit["trail"]["intact"], audit
    events = await stack.events(project_id)
    assert [
        event["actor_id"] for event in events if event["data"].get("kind") == "approve" and "gate" in event["data"]
    ] == [kim.id]


async def test_a_new_version_starts_from_zero(stack: Stack, people: dict[str, Signer]) -> None:
    dana, kim, lee = people["dana"], people["kim"], people["lee"]
    project_id = await dana.planned("- A: `true`", labels=["production"])
    await kim.call("POST", f"/{project_id}/approve")
    await lee.call("POST", f"/{project_id}/regenerate-plan", headers={"Prefer": "wait=60"})
    gate = gate_of(await kim.call("GET", f"/{project_id}"), "plan")
    assert (gate["plan_version"], gate["approvals"]["given"]) == (2, 0)
    refused = await lee.call("POST", f"/{project_id}/approve", status=403)
    assert refused["code"] == "four_eyes"
    assert (await kim.call("POST", f"/{project_id}/approve"))["approvals"]["given"] == 1
    await stack.call("POST", f"/{project_id}/cancel")


async def test_only_who_a_policy_names_may_approve(stack: Stack, people: dict[str, Signer]) -> None:
    project_id = await people["dana"].planned("- A: `true`", labels=["payments"])
    refused = await people["lee"].call("POST", f"/{project_id}/approve", status=403)
    assert refused["code"] == "not_a_signer"
    assert "one more approval from kim" in refused["message"]
    assert (await people["max"].call("POST", f"/{project_id}/approve", status=403))["code"] == "role_needed"
    assert (await people["kim"].call("POST", f"/{project_id}/approve"))["status"] == "running"
    await stack.finished(project_id)


async def test_without_a_policy_one_approval_is_enough(stack: Stack, people: dict[str, Signer]) -> None:
    project_id = await people["dana"].planned("- A: `true`")
    gate = gate_of(await people["dana"].call("GET", f"/{project_id}"), "plan")
    assert (gate["id"], gate["approvals"]["needed"], gate["may_approve"]) == (None, 1, True)
    answer = await people["dana"].call("POST", f"/{project_id}/approve")
    assert (answer["status"], answer["approvals"]) == ("running", None)
    await stack.finished(project_id)
    assert "gate.opened" not in [event["type"] for event in await stack.events(project_id)]


async def test_automatic_approval_does_not_stand_for_two_people(stack: Stack, people: dict[str, Signer]) -> None:
    project_id = await people["dana"].planned("- A: `true`", labels=["production"], auto_approve_plan=True)
    project = await people["dana"].call("GET", f"/{project_id}")
    assert (project["status"], project["stage"]) == ("pending", "awaiting_approval")
    await stack.call("POST", f"/{project_id}/cancel")


async def test_who_uploads_a_file_after_approving_no_longer_counts(stack: Stack, people: dict[str, Signer]) -> None:
    dana, kim, lee = people["dana"], people["kim"], people["lee"]
    project_id = await dana.planned("- A: `sh a.sh`", labels=["production"])
    await lee.call("POST", f"/{project_id}/approve")
    await lee.call("POST", f"/{project_id}/files/upload", files={"file": ("a.sh", b"true\n")})
    answer = await kim.call("POST", f"/{project_id}/approve")
    assert (answer["status"], answer["approvals"]["given"]) == ("pending", 1)
    assert (await lee.call("POST", f"/{project_id}/approve", status=403))["code"] == "four_eyes"
    await stack.call("POST", f"/{project_id}/cancel")


async def approved_by(project_id: str, *signers: Signer) -> Any:
    """Let people approve what waits, one after the other. Returns the last answer."""
    answer: Any = None
    for signer in signers:
        answer = await signer.call("POST", f"/{project_id}/approve")
    return answer


async def test_a_phase_waits_for_two_people_too(stack: Stack, people: dict[str, Signer]) -> None:
    dana, kim, lee = people["dana"], people["kim"], people["lee"]
    plan = "- A: `true` {#a}\n## Two {approval=yes}\n- B: `true` {#b}"
    project_id = await dana.planned(plan, labels=["production"])
    await approved_by(project_id, kim, lee)
    await stack.at_gate(project_id, "two")
    gate = (await kim.call("GET", f"/{project_id}"))["gate"]
    assert (gate["kind"], gate["approvals"]["needed"], gate["may_approve"]) == ("phase", 2, True)
    phase = {"phase_id": gate["phase_id"]}
    assert (await dana.call("POST", f"/{project_id}/approve", status=403, json=phase))["code"] == "four_eyes"
    first = await kim.call("POST", f"/{project_id}/approve", json=phase)
    assert (first["status"], first["stage"], first["approvals"]["opens"]) == (
        "running",
        "awaiting_phase_approval",
        False,
    )
    assert (await kim.call("POST", f"/{project_id}/approve", status=409, json=phase))["code"] == "already_approved"
    assert (await lee.call("POST", f"/{project_id}/approve", json=phase))["approvals"]["opens"]
    assert (await stack.finished(project_id))["status"] == "completed"
    assert (await kim.call("POST", f"/{project_id}/audit"))["trail"]["intact"]


async def test_a_task_is_released_by_two_people(stack: Stack, people: dict[str, Signer]) -> None:
    dana, kim, lee = people["dana"], people["kim"], people["lee"]
    project_id = await dana.planned("- Deploy: `true` {#deploy approval=yes}", labels=["production"])
    await approved_by(project_id, kim, lee)
    task = await stack.task_in(project_id, "deploy", "waiting")
    path = f"/{project_id}/tasks/deploy/retry"
    assert (await dana.call("POST", path, status=403))["code"] == "four_eyes"
    await kim.call("POST", path)
    gate = gate_of(await kim.call("GET", f"/{project_id}"), "task")
    assert (gate["task_id"], gate["approvals"]["given"], gate["approvals"]["needed"]) == (task["id"], 1, 2)
    assert (await stack.task_in(project_id, "deploy", "waiting"))["reason"] == "release"
    # To skip it is another decision, which needs two people as well.
    await kim.call("POST", f"/{project_id}/tasks/deploy/skip")
    assert (await stack.task_in(project_id, "deploy", "waiting"))["reason"] == "release"
    await lee.call("POST", path)
    assert (await stack.finished(project_id))["status"] == "completed"
    assert (await kim.call("POST", f"/{project_id}/audit"))["trail"]["intact"]


async def test_an_edit_of_a_run_is_approved_by_two_people(stack: Stack, people: dict[str, Signer]) -> None:
    dana, kim, lee = people["dana"], people["kim"], people["lee"]
    plan = "- [ ] Wait {#wait}\n- B: `true` {#b after=wait}"
    project_id = await dana.planned(plan, labels=["production"])
    await approved_by(project_id, kim, lee)
    await stack.task_in(project_id, "wait", "waiting")
    body = {"action": {"type": "shell", "command": "echo changed"}}
    await dana.call("PUT", f"/{project_id}/tasks/b", json=body)
    gate = gate_of(await kim.call("GET", f"/{project_id}"), "edit")
    assert (gate["plan_version"], gate["approvals"]["needed"], gate["may_approve"]) == (2, 2, True)
    first = await kim.call("POST", f"/{project_id}/approve")
    assert (first["stage"], first["approvals"]["given"]) == ("awaiting_approval", 1)
    assert (await stack.project(project_id))["plan"]["version"] == 1
    await lee.call("POST", f"/{project_id}/approve")
    project = await stack.project(project_id)
    assert (project["plan"]["version"], project["edited_plan"]) == (2, None)
    await kim.call("POST", f"/{project_id}/tasks/wait/complete")
    assert (await stack.finished(project_id))["status"] == "completed"
    assert (await kim.call("POST", f"/{project_id}/audit"))["trail"]["intact"]


async def test_a_retry_is_asked_for_by_two_people(stack: Stack, people: dict[str, Signer]) -> None:
    dana, kim, lee = people["dana"], people["kim"], people["lee"]
    project_id = await dana.planned("- A: `test -e there || { touch there; false; }`", labels=["production"])
    await approved_by(project_id, kim, lee)
    assert (await stack.finished(project_id))["status"] == "failed"
    assert (await dana.call("POST", f"/{project_id}/retry", status=403))["code"] == "four_eyes"
    first = await kim.call("POST", f"/{project_id}/retry")
    assert (first["status"], first["approvals"]["missing"]) == (
        "failed",
        ["one more approval from somebody with the role approver, but not from the author"],
    )
    assert (await kim.call("POST", f"/{project_id}/retry", status=409))["code"] == "already_approved"
    assert gate_of(await lee.call("GET", f"/{project_id}"), "retry")["approvals"]["given"] == 1
    assert (await lee.call("POST", f"/{project_id}/retry"))["status"] == "running"
    assert (await stack.finished(project_id))["status"] == "completed"
    assert (await kim.call("POST", f"/{project_id}/audit"))["trail"]["intact"]


async def test_what_nobody_signed_runs_only_if_two_people_accept_it(stack: Stack, people: dict[str, Signer]) -> None:
    dana, kim, lee = people["dana"], people["kim"], people["lee"]
    made = await dana.call("POST", "", status=201, json={"labels": ["production"]})
    project_id = made["id"]
    upload = f"/{project_id}/files/upload"
    await dana.call("POST", upload, files={"file": ("a.sh", b"true\n")})
    await dana.call(
        "PUT", f"/{project_id}", json={"description": "- [ ] Look {#wait}\n- Run: `sh a.sh` {#run after=wait}"}
    )
    await dana.call("POST", f"/{project_id}/generate-plan", headers={"Prefer": "wait=60"})
    await approved_by(project_id, kim, lee)
    await stack.task_in(project_id, "wait", "waiting")
    other = {"file": ("a.sh", b"echo other\n")}
    await dana.call("POST", upload, files=other, data={"overwrite": "true"})
    await kim.call("POST", f"/{project_id}/tasks/wait/complete")
    await stack.task_in(project_id, "run", "waiting")
    open_ones = (await kim.call("GET", f"/{project_id}/decisions?status=open"))["decisions"]
    path = f"/{project_id}/decisions/{open_ones[0]['id']}"
    assert (await dana.call("POST", path, status=403, json={"answer": "run"}))["code"] == "four_eyes"
    await kim.call("POST", path, json={"answer": "run"})
    assert gate_of(await kim.call("GET", f"/{project_id}"), "change")["approvals"]["given"] == 1
    assert (await stack.task_in(project_id, "run", "waiting"))["reason"] == "signed_changed"
    await lee.call("POST", path, json={"answer": "run"})
    assert (await stack.finished(project_id))["status"] == "completed"
    assert (await kim.call("POST", f"/{project_id}/audit"))["trail"]["intact"]


async def test_what_is_not_approved_in_time_is_cancelled(
    stack: Stack, people: dict[str, Signer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gates, "seconds_in", one_second)
    kim, lee = people["kim"], people["lee"]
    project_id = await people["dana"].planned("- A: `true`", labels=["hurry"])
    project = await stack.finished(project_id)
    assert (project["status"], project["outcome"]) == ("cancelled", "expired")
    late = await lee.call("POST", f"/{project_id}/approve", status=409)
    assert late["code"] == "approval_expired"
    assert late["message"].startswith("The time to approve this ended at ")
    ended = (await stack.events(project_id))[-2:]
    reason = next(event["data"]["reason"] for event in ended if event["type"] == "project.cancelled")
    assert reason.startswith("Not enough people approved the plan before ")
    assert "Changes in a hurry: two approvers, within 1 minute" in reason
    audit = await kim.call("POST", f"/{project_id}/audit")
    assert audit["trail"]["intact"], audit["results"]
    assert [found["code"] for found in audit["results"]["findings"] if found["severity"] == "critical"] == []


async def test_an_approval_after_the_end_is_refused_even_if_nothing_has_ended_the_project_yet(
    stack: Stack, people: dict[str, Signer], monkeypatch: pytest.MonkeyPatch
) -> None:
    kim, lee = people["kim"], people["lee"]
    due, looked = gates.due, threading.Event()

    def too_late(conn: Connection, limit: int) -> list[GateRow]:
        # The app is too busy to look.
        return due(conn, limit) if looked.is_set() else []

    monkeypatch.setattr(gates, "due", too_late)
    monkeypatch.setattr(gates, "seconds_in", one_second)
    project_id = await people["dana"].planned("- A: `true`", labels=["hurry"])
    ends_at = gate_of(await kim.call("GET", f"/{project_id}"), "plan")["expires_at"]

    async def over() -> bool:
        return now() >= ends_at

    await eventually(over, what="the time is up")
    late = await lee.call("POST", f"/{project_id}/approve", status=409)
    assert (late["code"], late["context"]["expires_at"]) == ("approval_expired", ends_at)
    assert (await kim.call("GET", f"/{project_id}"))["status"] == "pending"
    looked.set()
    # Any change makes the app look again.
    await kim.call("POST", f"/{project_id}/plan/comments", status=201, json={"text": "Too late."})
    project = await stack.finished(project_id)
    assert (project["status"], project["outcome"]) == ("cancelled", "expired")


async def test_a_phase_that_is_not_approved_in_time_ends_the_run(
    stack: Stack, people: dict[str, Signer], monkeypatch: pytest.MonkeyPatch
) -> None:
    kim, lee = people["kim"], people["lee"]
    plan = "- A: `true` {#a}\n## Two {approval=yes}\n- B: `true` {#b}"
    project_id = await people["dana"].planned(plan, labels=["hurry"])
    await kim.call("POST", f"/{project_id}/approve")
    monkeypatch.setattr(gates, "seconds_in", one_second)
    await lee.call("POST", f"/{project_id}/approve")
    project = await stack.finished(project_id)
    assert (project["status"], [task["status"] for task in project["tasks"]]) == (
        "cancelled",
        ["completed", "cancelled"],
    )
    assert project["outcome"] == "expired"
    assert (await lee.call("POST", f"/{project_id}/approve", status=409))["code"] == "approval_expired"
    audit = await kim.call("POST", f"/{project_id}/audit")
    assert audit["trail"]["intact"], audit["results"]


async def test_a_time_that_is_up_while_temporal_does_not_answer_ends_the_project_soon_afterwards(
    stack: Stack, people: dict[str, Signer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next sweep is an hour away in these tests."""
    submit, refused = Commands.submit, list[str]()

    async def submit_later(commands: Commands, request: CommandRequest, *more: Any, **named: Any) -> Any:
        if request.request_id.startswith("expire:") and not refused:
            refused.append(request.request_id)
            raise Unavailable("Temporal does not answer.")
        return await submit(commands, request, *more, **named)

    monkeypatch.setattr(Commands, "submit", submit_later)
    monkeypatch.setattr(gates, "seconds_in", one_second)
    project = await stack.finished(await people["dana"].planned("- A: `true`", labels=["hurry"]))
    assert (project["outcome"], len(refused)) == ("expired", 1)


async def test_an_approval_that_withdraws_a_request_for_changes_leaves_the_plan_to_the_others(
    stack: Stack, people: dict[str, Signer]
) -> None:
    dana, kim, lee = people["dana"], people["kim"], people["lee"]
    project_id = await dana.planned("- A: `true`", labels=["production"])
    await kim.call("POST", f"/{project_id}/request-changes", json={"comment": "Not on Friday."})
    refused = await lee.call("POST", f"/{project_id}/approve", status=409)
    assert refused["code"] == "changes_requested"
    first = await kim.call("POST", f"/{project_id}/approve")
    assert (first["stage"], first["approvals"]["given"]) == ("awaiting_approval", 1)
    project = await lee.call("GET", f"/{project_id}")
    assert (project["stage"], project["changes_requested"]) == ("awaiting_approval", None)
    assert (await lee.call("POST", f"/{project_id}/approve"))["approvals"]["opens"] is True
    assert (await stack.finished(project_id))["status"] == "completed"
    assert (await kim.call("POST", f"/{project_id}/audit"))["trail"]["intact"]


async def test_a_process_with_other_policies_lets_nothing_through(stack: Stack, people: dict[str, Signer]) -> None:
    other = update(policies_in_force).values(digest="0" * 64)
    await stack.database.transact(lambda conn: conn.execute(other))
    made = await people["dana"].call(
        "POST", "", status=201, json={"description": "- A: `true`", "auto_approve_plan": True}
    )
    waiting = await people["dana"].http.post(f"/api/projects/{made['id']}/generate-plan", headers={"Prefer": "wait=2"})
    assert waiting.status_code == 202, waiting.text
    assert (await people["dana"].call("GET", f"/{made['id']}"))["stage"] == "planning"
    # The worker's own connection has the same policies as the app; it continues when the row says so again.
    await stack.database.transact(gates.publish)
    assert (await stack.finished(made["id"]))["status"] == "completed"
