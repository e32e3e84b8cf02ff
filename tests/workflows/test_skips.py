"""What a person who skips a task sees before, and what the later tasks get of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.answers import refused
from tests.conftest import Stack

PLAN = """
- [ ] Get the number {#n}
- Use it {#u}

  ```inputs
  A: ${{ tasks.n.outputs.value }}
  B: ${{ tasks.n.outputs.unit }}
  ```

  ```sh
  echo "$INPUT_A $INPUT_B"
  ```
- Go on: `true` {#go after=n}
"""
FAILING = """
- Make: `echo value=7 >> "$SIGNOFF_OUTPUT"; exit 1` {#n after_failure=ask}
- Use it {#u}

  ```inputs
  A: ${{ tasks.n.outputs.value }}
  B: ${{ tasks.n.outputs.unit }}
  ```

  ```sh
  echo "$INPUT_A $INPUT_B"
  ```
"""


def by_key(project: dict[str, Any]) -> dict[str, Any]:
    return {task["key"]: task for task in project["tasks"]}


async def test_a_skip_hands_on_what_the_person_gives(signoff: Stack) -> None:
    project_id = await signoff.started(PLAN)
    await signoff.task_in(project_id, "n", "waiting")
    before = await signoff.call("GET", f"/{project_id}/tasks/n")
    user = await signoff.call("GET", f"/{project_id}/tasks/u")
    assert before["outputs_used_by"] == [
        {"task_id": user["id"], "key": "u", "title": "Use it", "outputs": ["value", "unit"]}
    ]
    assert user["outputs_used_by"] == []
    assert by_key(await signoff.project(project_id))["n"]["outputs_used_by"] == before["outputs_used_by"]
    body = {"outputs": {"value": 7, "unit": "km"}, "comment": "estimated"}
    skipped = await signoff.call("POST", f"/{project_id}/tasks/n/skip", json=body)
    assert (skipped["status"], skipped["reason"]) == ("skipped", "skipped_by_person")
    assert skipped["outputs"] == {"value": 7, "unit": "km"}
    project = await signoff.finished(project_id)
    assert (project["status"], by_key(project)["u"]["outputs"]["stdout"]) == ("completed", "7 km")
    made = (await signoff.call("GET", f"/{project_id}/decisions"))["decisions"]
    assert [(item["kind"], item["comment"]) for item in made if item["kind"] == "skip"] == [("skip", "estimated")]
    audit = await signoff.call("POST", f"/{project_id}/audit")
    assert audit["trail"]["intact"]


async def test_a_task_that_lacks_an_output_of_a_skipped_one_says_so(signoff: Stack) -> None:
    project_id = await signoff.started(PLAN)
    await signoff.task_in(project_id, "n", "waiting")
    await signoff.call("POST", f"/{project_id}/tasks/n/skip", json={"outputs": {"value": 7}})
    project = await signoff.finished(project_id)
    tasks = by_key(project)
    assert (project["status"], tasks["go"]["status"], tasks["u"]["status"]) == ("failed", "completed", "failed")
    assert tasks["u"]["error"]["type"] == "missing_output"
    assert "Task 'n' was skipped, so its output 'unit' is missing." in tasks["u"]["error"]["message"]


@pytest.mark.parametrize("through_the_decision", [True, False])
async def test_a_failed_task_that_is_skipped_keeps_its_outputs(signoff: Stack, through_the_decision: bool) -> None:
    project_id = await signoff.started(FAILING)
    task = await signoff.task_in(project_id, "n", "waiting")
    if through_the_decision:
        [asked] = (await signoff.call("GET", f"/{project_id}/decisions?status=open"))["decisions"]
        path, body = f"/{project_id}/decisions/{asked['id']}", {"answer": "skip"}
        await refused(signoff, "POST", path, 422, "validation_error", json={**body, "outputs": {"unit": "km"}})
        await signoff.call("POST", path, json=body)
    else:
        outputs = {"unit": "km"}
        await signoff.call("POST", f"/{project_id}/tasks/{task['id']}/skip", json={"outputs": outputs})
    tasks = by_key(await signoff.finished(project_id))
    made = {"stdout": "", "value": "7"}
    assert tasks["n"]["outputs"] == (made if through_the_decision else {**made, "unit": "km"})
    assert tasks["u"]["outputs"].get("stdout") == (None if through_the_decision else "7 km")


async def test_a_decision_that_is_skipped_can_be_given_an_answer(signoff: Stack) -> None:
    plan = (
        "- Which? {#ask decision=a,b}\n- Use {#u}\n\n  ```inputs\n  A: ${{ tasks.ask.outputs.answer }}\n  ```\n\n"
        '  ```sh\n  echo "$INPUT_A"\n  ```\n'
    )
    project_id = await signoff.started(plan)
    await signoff.task_in(project_id, "ask", "waiting")
    await signoff.call("POST", f"/{project_id}/tasks/ask/skip", json={"outputs": {"answer": "c"}})
    project = await signoff.finished(project_id)
    assert by_key(project)["u"]["outputs"]["stdout"] == "c"
