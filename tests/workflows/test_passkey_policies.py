"""Policies that demand passkeys: who is refused without one, and that the record shows which approvals had one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import update
from temporalio.testing import WorkflowEnvironment

from app.domain.policies import Policies
from app.storage import decisions, tables
from tests.api.test_passkeys import Approver, approver_of
from tests.conftest import Stack, running_stack
from tests.signers import SERVER_KEY
from tests.workflows.test_signing_links import Guest

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

POLICIES = [{"name": "By device", "passkey": True, "gates": ["plan", "edit"]}]
PLAN = "## Prepare\n- Do it: `true` {#do}\n\n## Ship {approval=yes}\n- Ship: `true` {#ship}"


@pytest.fixture(scope="module")
async def stack(temporal_server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    policies = Policies.model_validate({"policy": POLICIES})
    folder = tmp_path_factory.mktemp("devices")
    async with running_stack(temporal_server, folder, api_key=SERVER_KEY, signoff=policies) as running:
        running.http.headers.update({"Authorization": f"Bearer {SERVER_KEY}"})
        yield running


@pytest.fixture(scope="module")
async def dana(stack: Stack) -> AsyncIterator[Approver]:
    found = await approver_of(stack)
    assert (await found.add()).status_code == 201
    yield found
    await found.browser.aclose()


async def plan_gate(reader: httpx.AsyncClient, project_id: str) -> dict[str, Any]:
    (gate,) = (await reader.get(f"/api/projects/{project_id}")).json()["gates"]
    return gate


async def test_a_plan_needs_a_passkey_and_a_phase_does_not(stack: Stack, dana: Approver) -> None:
    project_id = await stack.planned(PLAN, auto_approve_plan=True)
    gate = await plan_gate(dana.browser, project_id)
    assert (gate["passkey"], gate["demands"]) == (True, ["By device: one approver, with a passkey."])
    assert (gate["may_approve"], gate["why_not"]) == (True, None)
    refused = await dana.browser.post(f"/api/projects/{project_id}/approve", json={})
    assert (refused.status_code, refused.json()["code"]) == (403, "passkey_needed")
    assert "Choose 'Approve with a passkey'" in refused.json()["message"]
    approved = await dana.approve(project_id, dana.device.sign(await dana.asked(project_id)))
    assert approved.status_code == 200, approved.text
    await stack.until(project_id, lambda project: bool(project["gates"]))
    gate = await plan_gate(dana.browser, project_id)
    assert (gate["kind"], gate["passkey"], gate["demands"]) == ("phase", False, [])
    assert (await dana.browser.post(f"/api/projects/{project_id}/approve", json={})).status_code == 200
    assert (await stack.finished(project_id))["status"] == "completed"
    stored = await stack.database.read(lambda conn: decisions.all_of(conn, project_id))
    (first, _) = [one for one in stored if one.kind == "approve" and one.outcome == "accepted"]
    assert first.payload.get("gate", {}).get("rules", {}).get("passkey") is True
    assert (await stack.call("POST", f"/{project_id}/audit"))["trail"]["intact"]


async def test_those_who_have_no_passkeys_are_told_so(stack: Stack, dana: Approver) -> None:
    project_id = await stack.planned(PLAN)
    refused = await stack.http.post(f"/api/projects/{project_id}/approve", json={})
    assert (refused.status_code, refused.json()["code"]) == (403, "passkey_needed")
    assert "Only people who sign in" in refused.json()["message"]
    gate = await plan_gate(stack.http, project_id)
    assert (gate["may_approve"], "Only people who sign in" in gate["why_not"]) == (False, True)
    body = {"name": "Somebody without a device"}
    link = (await dana.browser.post(f"/api/projects/{project_id}/signing-links", json=body)).json()
    guest = Guest(stack, link)
    gate = (await guest.read())["gate"]
    assert (gate["may_approve"], "A link has none" in gate["why_not"]) == (False, True)
    refused = await guest.sign()
    assert (refused.status_code, refused.json()["code"]) == (403, "passkey_needed")


async def test_an_approval_whose_signature_was_removed_is_found(stack: Stack, dana: Approver) -> None:
    project_id = await stack.planned(PLAN)
    await dana.approve(project_id, dana.device.sign(await dana.asked(project_id)))
    await stack.until(project_id, lambda project: bool(project["gates"]))
    stored = await stack.database.read(lambda conn: decisions.all_of(conn, project_id))
    approval = next(decision for decision in stored if decision.kind == "approve")
    payload = {name: value for name, value in approval.payload.items() if name != "passkey"}
    change = update(tables.decisions).where(tables.decisions.c.id == approval.id).values(payload=payload)
    await stack.database.transact(lambda conn: conn.execute(change))
    findings = (await stack.call("POST", f"/{project_id}/audit"))["results"]["findings"]
    assert {"approvals_missing", "decision_altered"} <= {finding["code"] for finding in findings}
