"""The answer to every decision has a signature over the record, which anyone with the public key can check."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from app.domain.seals import Seal
from app.domain.signing import KeyRing
from app.sealing.keys import public_key_in
from tests.conftest import Stack, running_stack
from tests.sse import messages

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

PLAN = """
## One

- Ask? {#ask decision=yes,no}
- [ ] Look {#look}
- [ ] Other {#other}

## Two

- [ ] Rest {#rest}
"""
SEAL = "Signoff-Seal"


def ring(stack: Stack) -> KeyRing:
    return KeyRing([public_key_in((stack.settings.keys_dir / "seal.pub").read_text())])


async def check(stack: Stack, project_id: str, seal: dict[str, Any], decision_type: str) -> None:
    """The seal is the app's, and covers the newest decision of the record."""
    made = Seal.model_validate(seal)
    assert made.is_signed_by(ring(stack))
    told = [event for event in await stack.events(project_id) if "decision_id" in event["data"]]
    newest = [event["seq"] for event in told if event["type"] == decision_type]
    assert newest, {event["type"] for event in told}
    assert (made.project_id, made.seq >= newest[-1]) == (project_id, True)
    made.seq += 1
    assert not made.is_signed_by(ring(stack))


async def test_every_call_that_decides_is_answered_with_a_seal(signoff: Stack) -> None:
    project_id = await signoff.create(PLAN)

    async def decide(method: str, path: str, decision_type: str, body: Any = None) -> dict[str, Any]:
        answer = await signoff.http.request(
            method, f"/api/projects/{project_id}{path}", json=body, headers={"Prefer": "wait=60"}
        )
        assert answer.status_code in {200, 201}, answer.text
        seal = json.loads(answer.headers[SEAL])
        await check(signoff, project_id, seal, decision_type)
        told = answer.json()
        assert told.get("seal", seal) == seal
        return told

    await decide("POST", "/generate-plan", "plan.generating")
    said = {"comment": "Not like this."}
    assert (await decide("POST", "/reject", "plan.rejected", said))["seal"]
    await decide("POST", "/regenerate-plan", "plan.generating")
    assert (await decide("POST", "/request-changes", "plan.changes_requested", said))["seal"]
    assert (await decide("POST", "/approve", "plan.approved"))["seal"]
    await signoff.task_in(project_id, "ask", "waiting")
    await decide("POST", "/tasks", "plan.approved", {"title": "Added", "phase_id": "two"})
    assert (await decide("POST", "/pause", "run.paused"))["seal"]
    assert (await decide("POST", "/resume", "run.resumed"))["seal"]
    listed = await signoff.call("GET", f"/{project_id}/decisions?status=open")
    assert (await decide("POST", f"/decisions/{listed['decisions'][0]['id']}", "task.completed", {"answer": "yes"}))[
        "seal"
    ]
    await signoff.task_in(project_id, "look", "waiting")
    await decide("POST", "/tasks/look/complete", "task.completed")
    await decide("POST", "/tasks/other/skip", "task.skipped")
    assert (await decide("POST", "/cancel", "run.cancelling"))["seal"]
    assert (await decide("POST", "/retry", "run.started"))["seal"]
    assert (await decide("POST", "/cancel", "run.cancelling"))["seal"]
    await decide("POST", "/regenerate-plan", "plan.generating")


async def test_a_decision_stands_where_it_cannot_be_sealed(
    temporal_server: WorkflowEnvironment, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The file of heads cannot be written: the call is decided, the answer has no seal, and the seal follows later."""
    async with running_stack(temporal_server, tmp_path) as stack:
        project_id = await stack.planned("- [ ] Look {#look}")
        folder = stack.settings.effective_heads_file.parent
        kept = folder.rename(folder.with_name("moved"))
        folder.write_text("no folder")
        answer = await stack.http.post(f"/api/projects/{project_id}/approve")
        assert (answer.status_code, answer.json()["seal"]) == (200, None), answer.text
        assert SEAL not in answer.headers
        assert "could not be sealed" in capfd.readouterr().err
        folder.unlink()
        kept.rename(folder)
        assert stat.S_ISDIR(folder.stat().st_mode)
        answer = await stack.http.post(f"/api/projects/{project_id}/pause")
        await check(stack, project_id, answer.json()["seal"], "run.paused")
        audit = await stack.call("POST", f"/{project_id}/audit")
        assert (audit["trail"]["intact"], audit["trail"]["unsealed"]) == (True, 0)


async def read_stream(stack: Stack, project_id: str, types: str) -> list[dict[str, str]]:
    path = f"/api/projects/{project_id}/events"
    async with stack.http.stream("GET", path, params={"types": types}) as answer:
        return [message async for message in messages(answer.aiter_lines())]


async def test_the_stream_has_the_seal_of_the_whole_record_at_its_end(signoff: Stack) -> None:
    project_id = await signoff.started("- Make: `true` {#make timeout=60}")
    read = await read_stream(signoff, project_id, "*,record.sealed")
    assert [message["event"] for message in read[-2:]] == ["record.sealed", "end"]
    assert "id" not in read[-2]
    seal = Seal.model_validate_json(read[-2]["data"])
    assert seal.is_signed_by(ring(signoff))
    numbers = [int(message["id"]) for message in read if "id" in message]
    assert seal.seq == numbers[-1]
    # Each seal comes after the events that it covers.
    seen = 0
    for message in read:
        if "id" in message:
            seen = int(message["id"])
        elif message["event"] == "record.sealed":
            assert json.loads(message["data"])["seq"] <= seen
    await check(signoff, project_id, json.loads(read[-2]["data"]), "plan.approved")
    # A reader that asks for all events gets only events.
    plain = await read_stream(signoff, project_id, "*")
    assert [message["event"] for message in plain] == [
        message["event"] for message in read if message["event"] != "record.sealed"
    ]
