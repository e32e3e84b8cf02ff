"""Passkeys at the gates of phases, tasks and retries: what is accepted, what is refused, and what the record shows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update
from temporalio.testing import WorkflowEnvironment

from app.domain.policies import Policies
from app.storage import decisions, tables
from app.storage.people_tables import passkey_challenges
from tests.api.answers import check_error
from tests.api.test_passkeys import Approver, approver_of
from tests.conftest import Stack, running_stack
from tests.signers import SERVER_KEY

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

PLAN = (
    "## Prepare\n- Do it: `true` {#do}\n\n## Ship {approval=yes}\n- Ship: `test -e ok` {#ship approval=yes}\n"
    "- Check: `true` {#check approval=yes}"
)


@pytest.fixture(scope="module")
async def stack(temporal_server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    policies = Policies.model_validate({"policy": [{"name": "By device", "passkey": True}]})
    folder = tmp_path_factory.mktemp("gates")
    async with running_stack(temporal_server, folder, api_key=SERVER_KEY, signoff=policies) as running:
        running.http.headers.update({"Authorization": f"Bearer {SERVER_KEY}"})
        yield running


async def somebody(stack: Stack) -> Approver:
    found = await approver_of(stack)
    listed = (await stack.http.get("/api/people")).json()["people"]
    body = {"roles": [{"role": role} for role in ("approver", "author", "operator")]}
    assert (await stack.http.put(f"/api/people/{listed[-1]['id']}", json=body)).status_code == 200
    assert (await found.add()).status_code == 201
    return found


@pytest.fixture(scope="module")
async def dana(stack: Stack) -> AsyncIterator[Approver]:
    found = await somebody(stack)
    yield found
    await found.browser.aclose()


async def signed_for(dana: Approver, project_id: str, **named: Any) -> dict[str, str]:
    return dana.device.sign(await dana.asked(project_id, frozen_digest=None, **named))


def refused(answer: httpx.Response, status: int, code: str, words: str) -> None:
    assert (answer.status_code, check_error(answer)["code"]) == (status, code), answer.text
    assert words in answer.json()["message"]


async def at_phase(stack: Stack, dana: Approver) -> tuple[str, str]:
    """A project that waits at its second phase, and the id of that."""
    project_id = await stack.planned(PLAN)
    approved = await dana.approve(project_id, dana.device.sign(await dana.asked(project_id)))
    assert approved.status_code == 200, approved.text
    project = await stack.until(project_id, lambda found: found["gate"] is not None)
    return project_id, project["gate"]["phase_id"]


async def released(stack: Stack, dana: Approver, project_id: str, key: str, answer: str = "retry") -> None:
    project = await stack.until(
        project_id, lambda found: any(task["key"] == key and task["status"] == "waiting" for task in found["tasks"])
    )
    task_id = next(task["id"] for task in project["tasks"] if task["key"] == key)
    path = f"/api/projects/{project_id}/tasks/{task_id}/{answer}"
    refused(await dana.browser.post(path, json={}), 403, "passkey_needed", "Approve with a passkey")
    signed = await signed_for(dana, project_id, task_id=task_id, answer=answer)
    other = "skip" if answer == "retry" else "retry"
    wrong = await dana.browser.post(f"/api/projects/{project_id}/tasks/{task_id}/{other}", json={"passkey": signed})
    refused(wrong, 422, "passkey_invalid", "another answer")
    signed = await signed_for(dana, project_id, task_id=task_id, answer=answer)
    done = await dana.browser.post(path, json={"passkey": signed})
    assert done.status_code == 200, done.text


async def signed_decisions(stack: Stack, project_id: str) -> list[Any]:
    found = await stack.database.read(lambda conn: decisions.all_of(conn, project_id))
    return [one for one in found if one.payload.get("passkey") is not None and one.outcome == "accepted"]


async def test_a_device_signs_at_every_gate_and_the_record_is_checked(stack: Stack, dana: Approver) -> None:
    project_id, phase_id = await at_phase(stack, dana)
    approve = f"/api/projects/{project_id}/approve"
    refused(await dana.browser.post(approve, json={}), 403, "passkey_needed", "passkey")
    signed = await signed_for(dana, project_id, phase_id=phase_id)
    answer = await dana.browser.post(approve, json={"phase_id": phase_id, "passkey": signed})
    assert answer.status_code == 200, answer.text
    await released(stack, dana, project_id, "ship")
    # It has failed, so nothing about it waits for approval.
    await stack.until(
        project_id,
        lambda found: any(
            task["key"] == "ship" and task["status"] in {"failed", "waiting"} and task["exit_code"]
            for task in found["tasks"]
        ),
    )
    await released(stack, dana, project_id, "check", "skip")
    open_ones = (await stack.call("GET", f"/{project_id}/decisions?status=open"))["decisions"]
    for one in open_ones:
        body = {"answer": "fail"}
        assert (await dana.browser.post(f"/api/projects/{project_id}/decisions/{one['id']}", json=body)).is_success
    assert (await stack.finished(project_id))["status"] == "failed"
    retry = f"/api/projects/{project_id}/retry"
    refused(await dana.browser.post(retry, json={}), 403, "passkey_needed", "passkey")
    signed = await signed_for(dana, project_id, tasks=["do"])
    refused(await dana.browser.post(retry, json={"passkey": signed}), 422, "passkey_invalid", "something else")
    signed = await signed_for(dana, project_id, tasks=[])
    again = await dana.browser.post(retry, json={"passkey": signed})
    assert again.status_code == 200, again.text
    made = await signed_decisions(stack, project_id)
    kinds = [(one.payload["passkey"].get("gate") or {}).get("kind") for one in made]
    assert kinds == [None, "phase", "task", "task", "retry"]
    assert (await stack.call("POST", f"/{project_id}/audit"))["trail"]["intact"]
    for number, change in ((1, "phase_id"), (2, "assertion"), (3, "gate"), (4, "nothing")):
        await check_found(stack, project_id, made[number], change)


async def test_a_device_signs_that_a_changed_task_may_run(stack: Stack, dana: Approver) -> None:
    project_id = await stack.create("- [ ] Wait {#wait}\n- Run: `sh step.sh` {#run after=wait}")
    await stack.call("POST", f"/{project_id}/files/upload", files={"file": ("step.sh", b"true\n")})
    await stack.call("POST", f"/{project_id}/generate-plan")
    project = await stack.project(project_id)
    approved = await dana.approve(project_id, dana.device.sign(await dana.asked(project_id)))
    assert approved.status_code == 200, approved.text
    await stack.task_in(project_id, "wait", "waiting")
    (Path(project["workspace"]) / "step.sh").write_text("echo changed\n")
    await stack.call("POST", f"/{project_id}/tasks/wait/complete")
    task = await stack.task_in(project_id, "run", "waiting", "completed", "failed")
    assert (task["status"], task["reason"]) == ("waiting", "signed_changed")
    (question,) = (await stack.call("GET", f"/{project_id}/decisions?status=open"))["decisions"]
    path = f"/api/projects/{project_id}/decisions/{question['id']}"
    refused(await dana.browser.post(path, json={"answer": "run"}), 403, "passkey_needed", "Approve with a passkey")
    signed = await signed_for(dana, project_id, decision_id=question["id"])
    answered = await dana.browser.post(path, json={"answer": "run", "passkey": signed})
    assert answered.status_code == 200, answered.text
    assert (await stack.finished(project_id))["status"] == "completed"
    made = await signed_decisions(stack, project_id)
    assert [(one.payload["passkey"].get("gate") or {}).get("kind") for one in made][1:] == ["change"]
    assert (await stack.call("POST", f"/{project_id}/audit"))["trail"]["intact"]
    await check_found(stack, project_id, made[1], "assertion")


async def check_found(stack: Stack, project_id: str, decision: Any, what: str) -> None:
    """Whoever changes what was signed, or removes the signature, is found."""
    payload = dict(decision.payload)
    kept = dict(payload["passkey"])
    if what == "phase_id":
        payload["phase_id"] = "phase_00000000000000000000000000"
    elif what == "assertion":
        payload["passkey"] = {**kept, "signature": "A" * len(kept["signature"])}
    elif what == "gate":
        payload["passkey"] = {**kept, "gate": {**kept["gate"], "opening": 2}}
    else:
        del payload["passkey"]
    codes = await audited_with(stack, project_id, decision, payload)
    assert ("passkey_invalid" if what != "nothing" else "approvals_missing") in codes, (what, codes)
    assert "decision_altered" in codes
    restored = await audited_with(stack, project_id, decision, decision.payload)
    assert restored.isdisjoint({"passkey_invalid", "decision_altered", "approvals_missing"})


async def audited_with(stack: Stack, project_id: str, decision: Any, payload: Any) -> set[str]:
    change = update(tables.decisions).where(tables.decisions.c.id == decision.id).values(payload=payload)
    await stack.database.transact(lambda conn: conn.execute(change).rowcount)
    findings = (await stack.call("POST", f"/{project_id}/audit"))["results"]["findings"]
    return {finding["code"] for finding in findings}


async def test_what_a_device_has_not_signed_is_refused(stack: Stack, dana: Approver) -> None:
    project_id, phase_id = await at_phase(stack, dana)
    other_id, other_phase = await at_phase(stack, dana)
    approve = f"/api/projects/{project_id}/approve"
    tell = {"phase_id": phase_id}

    async def sent(signed: dict[str, str], who: Approver = dana, **body: Any) -> httpx.Response:
        return await who.browser.post(approve, json={**tell, "passkey": signed, **body})

    for_plan = dana.device.sign(await dana.asked(project_id))
    refused(await sent(for_plan), 422, "passkey_invalid", "the plan, not this phase")
    # Without the id of a phase, it is not the plan that waits either.
    for_plan = dana.device.sign(await dana.asked(project_id))
    answer = await sent(for_plan, phase_id=None, **dana.frozen)
    refused(answer, 422, "passkey_invalid", "not for what this decision lets run")
    signed = await signed_for(dana, project_id, phase_id=phase_id)
    refused(await sent(signed, phase_id="phase_00000000000000000000000000"), 422, "passkey_invalid", "another phase")
    signed = await signed_for(dana, other_id, phase_id=other_phase)
    refused(await sent(signed), 409, "challenge_ended", "something else")
    other = {"phase_id": other_phase, "passkey": signed}
    assert (await dana.browser.post(f"/api/projects/{other_id}/approve", json=other)).status_code == 200
    again = await dana.browser.post(f"/api/projects/{other_id}/approve", json=other)
    refused(again, 409, "challenge_ended", "used already")
    robin = await somebody(stack)
    signed = await signed_for(dana, project_id, phase_id=phase_id)
    refused(await sent(signed, robin), 409, "challenge_ended", "somebody else")
    await robin.browser.aclose()
    past = update(passkey_challenges).values(expires_at="2020-01-01T00:00:00.000Z")
    await stack.database.transact(lambda conn: conn.execute(past).rowcount)
    refused(await sent(signed), 409, "challenge_ended", "longer than 5 minutes")
    challenge = f"/api/projects/{project_id}/passkey-challenge"
    plan = {"plan_version": 1, "plan_digest": "0" * 64}
    task_id = (await stack.project(project_id))["tasks"][0]["id"]
    for named, status, code in (
        ({"phase_id": "phase_00000000000000000000000000"}, 409, "phase_not_waiting"),
        ({"task_id": task_id}, 409, "task_not_waiting"),
        ({"tasks": []}, 409, "project_running"),
        ({"answer": "skip"}, 422, "validation_error"),
        ({"phase_id": phase_id, "tasks": []}, 422, "validation_error"),
    ):
        answer = await dana.browser.post(challenge, json={**plan, **named})
        assert answer.status_code == status, (named, answer.text)
        assert check_error(answer)["code"] == code, named
