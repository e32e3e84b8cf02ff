"""A person reports that a task did not work: it fails with who and why, and the plan's handling of failures applies."""

from __future__ import annotations

from tests.conftest import OWNER, Stack
from tests.workflows.test_conditions import intact, states

PLAN = """
## Work

- [ ] Call the customer {#call}
- Send: `true` {#send after=call}
- Note: `echo noted > noted` {#note if=call:failed}

## Undo {on=failure}

- Undo: `true` {#undo}
"""


async def test_it_fails_with_who_and_why(signoff: Stack) -> None:
    project_id = await signoff.started(PLAN)
    await signoff.task_in(project_id, "call", "waiting")
    silent = await signoff.call("POST", f"/{project_id}/tasks/call/fail", status=422, json={"comment": " "})
    assert silent["details"][0]["field"] == "comment"
    await signoff.call("POST", f"/{project_id}/tasks/call/fail", json={"comment": "Nobody answered."})
    project = await signoff.finished(project_id)
    assert project["status"] == "failed"
    message = f"{OWNER} reported that it did not work: Nobody answered."
    assert project["tasks"][0]["error"] == {"type": "failed_by_person", "message": message}
    assert states(project) == {
        "call": "failed",
        "send": "dependency_failed",
        "note": "completed",
        "undo": "completed",
    }
    made = (await signoff.call("GET", f"/{project_id}/decisions"))["decisions"]
    assert [(item["kind"], item["comment"]) for item in made if item["kind"] == "fail"] == [
        ("fail", "Nobody answered.")
    ]
    await intact(signoff, project_id)


async def test_what_does_not_wait_for_a_person_cannot_be_reported(signoff: Stack) -> None:
    project_id = await signoff.started(PLAN)
    await signoff.task_in(project_id, "call", "waiting")
    refused = await signoff.call("POST", f"/{project_id}/tasks/send/fail", status=409, json={"comment": "No."})
    assert refused["code"] == "task_not_waiting"
    await signoff.call("POST", f"/{project_id}/cancel")
