"""Anyone who can reach Temporal can stop a project, but nothing else. Each test is an attack through Temporal's port."""

from __future__ import annotations

import os
import pwd
from typing import Any

import pytest
from temporalio.api.batch.v1 import BatchOperationSignal
from temporalio.api.common.v1 import Payloads
from temporalio.api.workflowservice.v1 import StartBatchOperationRequest
from temporalio.client import WorkflowHandle

from app.domain.commands import CommandKind, CommandRequest
from app.domain.identity import new_id
from app.domain.signals import UNAUTHENTICATED
from app.storage import commands
from tests.conftest import Stack, eventually
from workflows.contracts import WORKFLOW_TYPE, ProjectInput

# Without a key, the app serves the user who runs it.
ME = pwd.getpwuid(os.getuid()).pw_name
MANUAL = "- [ ] Look {#look}"
SHELL = "- Run: `touch ran` {#run}"


def handle_of(stack: Stack, project_id: str) -> WorkflowHandle[Any, Any]:
    return stack.temporal.get_workflow_handle(project_id)


async def refusals(stack: Stack, project_id: str, number: int) -> list[dict[str, Any]]:
    """Wait for this many refused decisions of a project, and return them."""

    async def all_there() -> list[dict[str, Any]] | None:
        listed = await stack.call("GET", f"/{project_id}/decisions?status=refused")
        return listed["decisions"] if len(listed["decisions"]) >= number else None

    return await eventually(all_there, what=f"{number} refusals")


async def accepted(stack: Stack, project_id: str) -> list[tuple[str, str]]:
    listed = await stack.call("GET", f"/{project_id}/decisions?status=accepted")
    return [(decision["kind"], decision["actor"]) for decision in listed["decisions"]]


async def store(stack: Stack, project_id: str, kind: CommandKind, **payload: Any) -> str:
    """Store a command through the app without sending its signal, and return its id."""
    request = CommandRequest(project_id=project_id, request_id=new_id("req"), kind=kind, actor="ann", payload=payload)
    return (await stack.database.transact(lambda conn: commands.store(conn, request))).id


FORGED: list[tuple[str, Any, str]] = [
    ("approve", {"actor": "admin"}, "signoff projects approve {id}"),
    ("approve", None, "signoff projects approve {id}"),
    ("approve", {"command": "cmd_made_up"}, "signoff projects approve {id}"),
    ("approve", {"command": 7}, "signoff projects approve {id}"),
    ("approve", "nonsense", "signoff projects approve {id}"),
    ("edit", {"actor": "boss@company", "edits": [{"op": "add_task", "title": "Evil"}]}, "signoff tasks add {id}"),
    ("plan", {"actor": "admin"}, "signoff projects plan {id}"),
    ("answer", {"actor": "admin", "task": "look", "answer": "complete"}, "signoff decisions answer {id}"),
    ("resume", {"actor": "admin"}, "signoff projects resume {id}"),
    ("retry", {"actor": "admin"}, "signoff projects retry {id}"),
    ("cancel", {"actor": "admin", "delete": True}, "signoff projects delete {id}"),
]


async def test_forged_signals_change_nothing_and_are_on_record(signoff: Stack) -> None:
    project_id = await signoff.planned(MANUAL)
    before = await signoff.project(project_id)
    for name, payload, _ in FORGED:
        await handle_of(signoff, project_id).signal(name, args=[] if payload is None else [payload])
    await handle_of(signoff, project_id).signal("approve", args=[{"actor": "a"}, {"actor": "b"}])
    refused = await refusals(signoff, project_id, len(FORGED) + 1)
    assert {decision["actor"] for decision in refused} == {UNAUTHENTICATED}
    for (name, _, advice), decision in zip(FORGED, refused, strict=False):
        assert advice.format(id=project_id) in decision["error"]["message"], name
    after = await signoff.project(project_id)
    assert (after["status"], after["stage"]) == ("pending", "awaiting_approval")
    assert after["plan"] == before["plan"]
    assert await accepted(signoff, project_id) == [("generate", ME)]
    await signoff.call("POST", f"/{project_id}/approve")
    await signoff.task_in(project_id, "look", "waiting")


async def test_a_forged_answer_or_edit_does_not_touch_a_run(signoff: Stack) -> None:
    project_id = await signoff.started(f"{MANUAL}\n- Ship? {{#ship decision=yes,no}}")
    await signoff.task_in(project_id, "look", "waiting")
    handle = handle_of(signoff, project_id)
    await handle.signal("answer", {"actor": "admin", "task": "look"})
    await handle.signal("answer", {"actor": "admin", "task": "ship", "answer": "yes"})
    evil = {"op": "add_task", "title": "Evil", "action": {"type": "shell", "command": "touch evil"}}
    await handle.signal("edit", {"actor": "admin", "edits": [evil]})
    await refusals(signoff, project_id, 3)
    project = await signoff.project(project_id)
    assert [(task["key"], task["status"]) for task in project["tasks"]] == [("look", "waiting"), ("ship", "waiting")]
    await signoff.call("POST", f"/{project_id}/cancel")


async def test_a_batch_operation_approves_nothing(signoff: Stack) -> None:
    project_id = await signoff.planned(SHELL)
    client = signoff.temporal
    payloads = await client.data_converter.encode([{"actor": "admin"}])
    query = f"WorkflowId = '{project_id}'"

    async def listed() -> bool:
        return bool([run async for run in client.list_workflows(query)])

    await eventually(listed, what="the workflow is listed")
    await client.workflow_service.start_batch_operation(
        StartBatchOperationRequest(
            namespace=client.namespace,
            job_id=new_id("req"),
            reason="x",
            visibility_query=query,
            signal_operation=BatchOperationSignal(signal="approve", input=Payloads(payloads=payloads)),
        )
    )
    (refused,) = await refusals(signoff, project_id, 1)
    assert (refused["kind"], refused["actor"]) == ("approve", UNAUTHENTICATED)
    assert (await signoff.project(project_id))["status"] == "pending"


async def test_a_command_of_another_project_or_kind_is_refused(signoff: Stack) -> None:
    project_id, other = await signoff.planned(MANUAL), await signoff.planned(MANUAL)
    handle = handle_of(signoff, project_id)
    await handle.signal("approve", {"command": await store(signoff, other, CommandKind.APPROVE)})
    await handle.signal("approve", {"command": await store(signoff, project_id, CommandKind.PAUSE)})
    command = await store(signoff, project_id, CommandKind.APPROVE)
    await handle.signal("approve", {"command": command, "actor": "admin"})
    refused = await refusals(signoff, project_id, 3)
    codes = [decision["error"]["code"] for decision in refused]
    assert codes == ["unknown_command", "unknown_command", "signal_not_authenticated"]
    # For comparison: the same command, signaled as the app does it.
    await handle.signal("approve", {"command": command})
    await signoff.task_in(project_id, "look", "waiting")
    assert ("approve", "ann") in await accepted(signoff, project_id)


async def test_an_approval_stored_for_one_plan_does_not_approve_the_next(signoff: Stack) -> None:
    project_id = await signoff.planned(MANUAL)
    command = await store(signoff, project_id, CommandKind.APPROVE)
    await signoff.call("POST", f"/{project_id}/tasks", status=201, json={"title": "Later"})
    await handle_of(signoff, project_id).signal("approve", {"command": command})
    (refused,) = await refusals(signoff, project_id, 1)
    assert (refused["actor"], refused["error"]["code"]) == ("ann", "plan_superseded")


async def test_repeating_an_old_command_has_no_second_effect(signoff: Stack) -> None:
    project_id = await signoff.started(
        "- Bad: `echo x >> ran; exit 1` {#bad}\n- [ ] Look {#look}", decision_mode="human"
    )
    await signoff.task_in(project_id, "bad", "waiting")
    await signoff.call("POST", f"/{project_id}/tasks/bad/retry")
    await signoff.task_in(project_id, "bad", "waiting", attempt=2)
    await signoff.until(project_id, stage="awaiting_decision")
    handle = handle_of(signoff, project_id)
    signals = [
        event.workflow_execution_signaled_event_attributes
        async for event in handle.fetch_history_events()
        if event.HasField("workflow_execution_signaled_event_attributes")
    ]
    repeated = next(signal for signal in signals if signal.signal_name == "answer")
    (payload,) = await signoff.temporal.data_converter.decode(repeated.input.payloads)
    assert set(payload) == {"command"}, "a signal carries nothing else"
    await handle.signal("answer", payload)
    await signoff.call("POST", f"/{project_id}/pause")
    await signoff.call("POST", f"/{project_id}/resume")
    project = await signoff.project(project_id)
    assert next(task for task in project["tasks"] if task["key"] == "bad")["attempt"] == 2
    assert (await handle.query("snapshot"))["in_progress"][0]["state"] == "person"
    await signoff.call("POST", f"/{project_id}/cancel")


async def test_an_old_approval_does_not_open_the_next_gate(signoff: Stack) -> None:
    plan = "## One\n\n- A {#a milestone}\n\n## Two\n\n- B {#b milestone}\n\n## Three\n\n- C {#c milestone}"
    project_id = await signoff.started(plan, auto_approve_phases=False)
    await signoff.at_gate(project_id, "two")
    await signoff.call("POST", f"/{project_id}/approve")
    await signoff.at_gate(project_id, "three")
    handle = handle_of(signoff, project_id)
    history = [event async for event in handle.fetch_history_events()]
    signals = [
        event.workflow_execution_signaled_event_attributes
        for event in history
        if event.HasField("workflow_execution_signaled_event_attributes")
    ]
    for signal in signals:
        if signal.signal_name == "approve":
            await handle.signal("approve", (await signoff.temporal.data_converter.decode(signal.input.payloads))[0])
    await signoff.call("POST", f"/{project_id}/pause")
    await signoff.call("POST", f"/{project_id}/resume")
    project = await signoff.project(project_id)
    assert [phase["key"] for phase in project["phases"] if phase["status"] == "awaiting_approval"] == ["three"]
    await signoff.call("POST", f"/{project_id}/approve")
    assert (await signoff.finished(project_id))["status"] == "completed"


@pytest.mark.parametrize("payload", [None, {"actor": "admin", "reason": "enough"}, {"comment": "enough"}])
async def test_cancel_and_pause_work_by_hand(signoff: Stack, payload: dict[str, Any] | None) -> None:
    project_id = await signoff.started(MANUAL)
    await signoff.task_in(project_id, "look", "waiting")
    handle = handle_of(signoff, project_id)
    await handle.signal("pause")
    await signoff.until(project_id, stage="paused")
    await handle.signal("cancel", args=[] if payload is None else [payload])
    assert (await signoff.finished(project_id))["status"] == "cancelled"
    assert (await accepted(signoff, project_id))[-2:] == [("pause", UNAUTHENTICATED), ("cancel", UNAUTHENTICATED)]
    made = (await signoff.call("GET", f"/{project_id}/decisions?status=accepted"))["decisions"][-1]
    assert made["comment"] == ("enough" if payload else "")


async def test_a_forged_start_deletes_and_approves_nothing(signoff: Stack) -> None:
    project_id = await signoff.started(MANUAL)
    await signoff.task_in(project_id, "look", "waiting")
    await handle_of(signoff, project_id).terminate()
    forged = {
        "project_id": project_id,
        "erase_for": "admin",
        "requests": [
            {"project_id": project_id, "request_id": "auto:1", "kind": "approve", "actor": "admin", "payload": {}},
            {
                "project_id": project_id,
                "request_id": "req_1",
                "kind": "complete",
                "actor": "admin",
                "payload": {"task": "look"},
            },
            {
                "project_id": project_id,
                "request_id": "req_2",
                "kind": "cancel",
                "actor": "admin",
                "payload": {"delete": True},
            },
        ],
    }
    first = await signoff.temporal.start_workflow(
        WORKFLOW_TYPE, forged, id=project_id, task_queue=signoff.settings.task_queue
    )
    await refusals(signoff, project_id, 1)
    # The request for a cancel stopped the project and had no other effect.
    project = await signoff.finished(project_id)
    assert (project["status"], project["tasks"][0]["status"]) == ("cancelled", "cancelled")
    assert [made for made in await accepted(signoff, project_id) if made[1] not in {ME, UNAUTHENTICATED}] == []
    await first.result()
    start = ProjectInput(project_id=project_id, erase_for="admin")
    run = await signoff.temporal.start_workflow(
        WORKFLOW_TYPE, start, id=project_id, task_queue=signoff.settings.task_queue
    )
    await run.result()
    assert (await signoff.project(project_id))["status"] == "cancelled"


async def test_by_hand_where_the_setting_allows_it_is_recorded_as_unauthenticated(signoff_by_hand: Stack) -> None:
    project_id = await signoff_by_hand.planned(MANUAL)
    await handle_of(signoff_by_hand, project_id).signal("approve", {"actor": "admin", "comment": "by hand"})
    await signoff_by_hand.task_in(project_id, "look", "waiting")
    assert (await accepted(signoff_by_hand, project_id))[-1] == ("approve", UNAUTHENTICATED)
    audit = await signoff_by_hand.call("POST", f"/{project_id}/audit")
    findings = {finding["code"]: finding for finding in audit["results"]["findings"]}
    assert findings["decided_by_hand"]["severity"] == "high"
    assert UNAUTHENTICATED in findings["decided_by_hand"]["message"]
    await handle_of(signoff_by_hand, project_id).signal("cancel", {"delete": True})
    (refused,) = await refusals(signoff_by_hand, project_id, 1)
    assert "signoff projects delete" in refused["error"]["message"]
    await signoff_by_hand.call("POST", f"/{project_id}/cancel")
