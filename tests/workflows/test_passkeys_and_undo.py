"""A device signs an approval that can be withdrawn for a while: it is withdrawn in time, and signed again."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from app.domain.commands import CommandRecord
from app.domain.policies import Policies
from app.storage import decisions
from app.temporal import opening
from tests.api.test_passkeys import Approver, approver_of
from tests.conftest import Stack, running_stack
from tests.e2e.test_verify import ROWS, Ended, Export, download, lines, verify, zip_of
from tests.signers import SERVER_KEY
from tests.workflows.test_undo import assert_intact, end_time_to_undo

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

POLICIES = [{"name": "By device, with second thoughts", "passkey": True, "undo": "5m", "gates": ["plan"]}]


@pytest.fixture(scope="module")
async def stack(temporal_server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    policies = Policies.model_validate({"policy": POLICIES})
    monkeypatch = pytest.MonkeyPatch()
    # The test moves the end of the time to undo, which no event tells the app.
    monkeypatch.setattr(opening, "SWEEP_SECONDS", 0.2)
    folder = tmp_path_factory.mktemp("second_thoughts")
    async with running_stack(temporal_server, folder, api_key=SERVER_KEY, signoff=policies) as running:
        running.http.headers.update({"Authorization": f"Bearer {SERVER_KEY}"})
        yield running
    monkeypatch.undo()


@pytest.fixture
async def kim(stack: Stack) -> AsyncIterator[Approver]:
    found = await approver_of(stack)
    assert (await found.add()).status_code == 201
    yield found
    await found.browser.aclose()


async def signed(kim: Approver, project_id: str) -> dict[str, Any]:
    answer = await kim.approve(project_id, kim.device.sign(await kim.asked(project_id)))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def plan_gate(kim: Approver, project_id: str) -> dict[str, Any]:
    (gate,) = (await kim.browser.get(f"/api/projects/{project_id}")).json()["gates"]
    return gate


async def verified(stack: Stack, project_id: str, folder: Path) -> Ended:
    """What `signoff verify` says about the export and the certificate, with nothing but the server's key."""
    certificate = await stack.http.get(f"/api/projects/{project_id}/certificate")
    assert certificate.status_code == 200, certificate.text
    (folder / "project.zip").write_bytes(await download(stack, project_id))
    (folder / "certificate.json").write_bytes(certificate.content)
    (folder / "server.pub").write_text((stack.settings.keys_dir / "seal.pub").read_text())
    return await verify("project.zip", "certificate.json", "--public-key", "server.pub", "--json", folder=folder)


async def test_a_signature_by_a_device_is_withdrawn_in_time_and_given_again(
    stack: Stack, kim: Approver, tmp_path: Path
) -> None:
    project_id = await stack.planned("- Say: `echo signed twice`")
    first = await signed(kim, project_id)
    assert (first["approvals"]["opens"], first["approvals"]["missing"]) == (False, [])
    assert first["approvals"]["undo_until"] is not None
    undone = await kim.browser.post(f"/api/projects/{project_id}/undo-approval", json={"comment": "Wrong window."})
    assert undone.status_code == 200, undone.text
    gate = await plan_gate(kim, project_id)
    assert (gate["approvals"]["given"], gate["undo_until"], gate["may_approve"]) == (0, None, True)
    await assert_intact(stack, project_id)
    # The withdrawn signature is used up, and without a new one nothing is approved.
    again = await kim.browser.post(f"/api/projects/{project_id}/approve", json={})
    assert (again.status_code, again.json()["code"]) == (403, "passkey_needed")
    second = await signed(kim, project_id)
    assert second["approvals"]["undo_until"] is not None
    await end_time_to_undo(stack, project_id)
    assert (await stack.finished(project_id))["status"] == "completed"
    await assert_intact(stack, project_id)

    stored = await stack.database.read(lambda conn: decisions.all_of(conn, project_id))
    made = [one for one in stored if one.kind in {"approve", "withdraw"} and not _is_opening(one) and one.error is None]
    assert [(one.kind, "passkey" in one.payload) for one in made] == [
        ("approve", True),
        ("withdraw", False),
        ("approve", True),
    ]
    assert made[1].payload.get("withdrawn") == made[0].id
    assert made[0].payload.get("passkey") != made[2].payload.get("passkey")

    ended = await verified(stack, project_id, tmp_path)
    assert ended.code == 0, ended
    result = json.loads(ended.out)
    assert (result["intact"], result["trusted_key"]) == (True, True)
    # The certificate counts the second approval, and tells of the first one that it was withdrawn.
    envelope = json.loads((tmp_path / "certificate.json").read_bytes())
    before = json.loads(base64.b64decode(envelope["payload"]))["predicate"]["requests"]
    assert [one["decision"]["id"] for one in before] == [made[0].id, made[1].id]
    page = (await stack.http.get(f"/api/projects/{project_id}/certificate?format=html")).text
    assert "approved, but withdrew the approval in time" in page
    assert "Wrong window." in page
    (approval,) = result["certificate"]["approved_by"]
    assert approval["at"] == made[2].at
    for change, codes in ((_without_withdrawal, {"decision_missing"}), (_first_signature_altered, {"passkey_invalid"})):
        content = Export((tmp_path / "project.zip").read_bytes(), "").content
        lines(content, ROWS, change)
        (tmp_path / "altered.zip").write_bytes(zip_of(content))
        altered = await verify("altered.zip", "--public-key", "server.pub", "--json", folder=tmp_path)
        assert altered.code == 1, altered
        assert codes <= altered.codes, altered


def _is_opening(decision: CommandRecord) -> bool:
    """Whether it only opens the gate, after the time to undo an earlier decision."""
    return "completed_by" in decision.payload.get("gate", {})


def _without_withdrawal(rows: list[Any]) -> list[Any]:
    return [one for one in rows if one["row"].get("kind") != "withdraw"]


def _first_signature_altered(rows: list[Any]) -> list[Any]:
    first = next(one for one in rows if one["table"] == "decisions" and "passkey" in one["row"]["payload"])
    first["row"]["payload"]["passkey"]["signature"] = "AAAA"
    return rows
