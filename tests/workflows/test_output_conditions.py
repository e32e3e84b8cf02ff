"""Conditions on outputs in runs: what is started, what is skipped and why, and what fails because an output is missing."""

from __future__ import annotations

from typing import Any

from tests.conftest import Stack
from tests.workflows.test_conditions import intact, states

CHECK = """
## Check

- Look: `printf '%s\\n' {outputs} >> "$SIGNOFF_OUTPUT"` {{#look}}
- Repair: `true` {{#repair if=look.due:yes}}
- Test: `true` {{#test after=repair}}

## Publish {{#publish if=look.count!=0}}

- Post: `true` {{#post}}
"""


async def ended(signoff: Stack, plan: str, **fields: Any) -> dict[str, Any]:
    return await signoff.finished(await signoff.started(plan, **fields))


async def test_what_is_due_is_done(signoff: Stack) -> None:
    project = await ended(signoff, CHECK.format(outputs="due=yes count=3"))
    assert project["status"] == "completed"
    assert states(project) == dict.fromkeys(("look", "repair", "test", "post"), "completed")
    await intact(signoff, project["id"])


async def test_what_is_not_due_is_skipped(signoff: Stack) -> None:
    project = await ended(signoff, CHECK.format(outputs="due=no count=0"))
    assert project["status"] == "completed"
    unmet = "condition_not_met"
    assert states(project) == {"look": "completed", "repair": unmet, "test": "dependency_skipped", "post": unmet}
    assert [phase["status"] for phase in project["phases"]] == ["completed", "skipped"]
    repair = project["tasks"][1]
    assert repair["condition"] == {"task": "look", "output": "due", "is": ["yes"], "is_not": []}
    assert project["phases"][1]["condition"] == {"task": "look", "output": "count", "is": [], "is_not": ["0"]}
    await intact(signoff, project["id"])


async def test_a_task_without_the_output_fails_and_says_who_reads_it(signoff: Stack) -> None:
    project = await ended(signoff, CHECK.format(outputs="Due=yes"))
    assert project["status"] == "failed"
    look = project["tasks"][0]
    assert (look["status"], look["error"]["type"]) == ("failed", "output_missing")
    message = look["error"]["message"]
    assert "'due' (a condition of repair)" in message
    assert "'count' (a condition of publish)" in message
    assert "Its outputs: stdout, Due" in message
    assert look["outputs"]["Due"] == "yes"
    assert states(project) == {
        "look": "failed",
        "repair": "dependency_failed",
        "test": "dependency_failed",
        "post": "phase_failed",
    }
    await intact(signoff, project["id"])


async def test_a_retry_evaluates_it_again(signoff: Stack) -> None:
    command = 'echo "due=$(test -e again && echo yes || echo no)" >> "$SIGNOFF_OUTPUT"; touch again'
    plan = (
        f"- Look: `{command}` {{#look}}\n- Repair: `true` {{#repair if=look.due:yes}}\n- End: `test -e ready` {{#end}}"
    )
    project = await ended(signoff, plan)
    assert states(project) == {"look": "completed", "repair": "condition_not_met", "end": "failed"}
    look = project["tasks"][0]["id"]
    await signoff.call("POST", f"/{project['id']}/retry", json={"tasks": [look]})
    project = await signoff.finished(project["id"])
    assert states(project) == {"look": "completed", "repair": "completed", "end": "failed"}
    await intact(signoff, project["id"])


async def test_done_by_hand_without_the_output_skips_with_its_own_reason(signoff: Stack) -> None:
    plan = (
        '- Look: `echo due=yes >> "$SIGNOFF_OUTPUT"` {#look approval=yes}\n'
        "- Repair: `true` {#repair if=look.due:yes}\n- Test: `true` {#test after=repair}"
    )
    project_id = await signoff.started(plan)
    await signoff.task_in(project_id, "look", "waiting")
    await signoff.call("POST", f"/{project_id}/tasks/look/complete", json={"comment": "by hand"})
    project = await signoff.finished(project_id)
    assert project["status"] == "completed"
    assert states(project) == {"look": "completed", "repair": "output_missing", "test": "dependency_skipped"}
    await intact(signoff, project_id)
