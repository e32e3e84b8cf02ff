"""Policies say who must approve: how many people, who, and not those who wrote it. Three people, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from app.domain.policies import Policies
from tests.conftest import Stack, running_stack
from tests.signers import SERVER_KEY, Signer, people_of

POLICIES: list[dict[str, Any]] = [
    {
        "name": "Production changes",
        "match": {"labels": ["production"]},
        "approvals": 2,
        "from": ["role:approver"],
        "four_eyes": True,
        "expires": "3d",
    },
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
    async with running_stack(temporal_server, folder, api_key=SERVER_KEY, signoff=policies) as running:
        running.http.headers.update({"Authorization": f"Bearer {SERVER_KEY}"})
        yield running


@pytest.fixture(scope="module")
async def people(stack: Stack) -> AsyncIterator[dict[str, Signer]]:
    async with people_of(stack, **ROLES) as found:
        yield found


def gate_of(project: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(gate for gate in project["gates"] if gate["kind"] == kind)


async def test_a_plan_runs_once_two_people_approved_who_did_not_write_it(
    stack: Stack, people: dict[str, Signer]
) -> None:
    dana, kim, lee = people["dana"], people["kim"], people["lee"]
    project_id = await dana.planned("- A: `true`", labels=["production"])
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
    assert gate["approvals"]["missing"] == ["one more approval by somebody with the role approver"]
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
    assert "one more approval by kim" in refused["message"]
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
