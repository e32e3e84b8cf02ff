"""Records histories to replay: `python -m tests.replay.record [NAME …]`.

Never record a history again just to make a test pass: it stands for runs that are in progress when a new version is deployed.
Put a change of the workflow's commands behind `workflow.patched`, and record a separate history for it.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from temporalio.testing import WorkflowEnvironment

from tests.conftest import Stack, eventually, running_stack
from tests.model_server import Answer, Json, ModelServer, Request, Text, ToolCalls, model_server
from tests.temporal_server import started_server
from workflows.contracts import Thresholds

FOLDER = Path(__file__).with_name("histories")

FULL = """
## Gather (parallel)

- One: `echo x=1 >> $SIGNOFF_OUTPUT` {#one}
- Two: `true` {#two}

## Decide (sequential)

- [ ] Look at it {#look}
- Pause {#pause wait=1}
- Reached {#reached milestone}

## Report

- Write: `true` {#write after=one}
- Flaky: `[ -e again ] || { touch again; exit 1; }` {#flaky retries=1}
"""


async def full_run(stack: Stack) -> str:
    project_id = await stack.started(FULL)
    look = await stack.task_in(project_id, "look", "waiting")
    await stack.call("POST", f"/{project_id}/tasks/{look['id']}/complete", json={"comment": "fine"})
    return project_id


async def cancelled(stack: Stack) -> str:
    project_id = await stack.started(
        "- Quick: `true` {#quick}\n- Slow: `sleep 600` {#slow after=quick}\n- [ ] Ask {#ask}"
    )
    await stack.task_in(project_id, "slow", "running")
    await stack.task_in(project_id, "ask", "waiting")
    await stack.call("POST", f"/{project_id}/cancel")
    return project_id


async def failed_with_retries(stack: Stack) -> str:
    first = "## One\n\n- Bad: `exit 1` {#bad retries=2}\n- Child: `true` {#child after=bad}\n- Free: `true` {#free}"
    return await stack.started(f"{first}\n\n## Two\n\n- Never: `true` {{#never}}")


async def phase_gates(stack: Stack) -> str:
    plan = "## One\n\n- A: `true` {#a}\n\n## Two\n\n- B: `true` {#b}"
    project_id = await stack.planned(plan, auto_approve_phases=False)
    await stack.http.post(f"/api/projects/{project_id}/approve", json={"plan_version": 99})
    await stack.call("POST", f"/{project_id}/approve")
    await stack.at_gate(project_id)
    await stack.call("POST", f"/{project_id}/approve")
    return project_id


async def continued(stack: Stack) -> str:
    chain = "\n".join(f"{i}. Step {i}: `true` {{#s{i}}}" for i in range(1, 16))
    return await stack.started(chain)


async def drained(stack: Stack) -> str:
    """Tasks in progress keep others from starting until they end, and one that takes long keeps them only for a while."""
    wide = "\n".join(f"- W{i}: `true` {{#w{i}}}" for i in range(24))
    chain = "\n".join(f"{i}. Step {i}: `true` {{#s{i}}}" for i in range(1, 16))
    plan = f"## Wide (parallel)\n\n- Long: `sleep 3` {{#long}}\n{wide}\n\n## Chain (sequential)\n\n{chain}"
    return await stack.started(plan, strategy="balanced")


async def planned_twice(stack: Stack) -> str:
    project_id = await stack.create("- A {#a after=nothing}")
    await stack.call("POST", f"/{project_id}/generate-plan", status=422)
    await stack.call("PUT", f"/{project_id}", json={"description": "- A: `true` {#a}"})
    await stack.call("POST", f"/{project_id}/generate-plan")
    await stack.call("POST", f"/{project_id}/regenerate-plan")
    await stack.call("POST", f"/{project_id}/cancel")
    return project_id


async def reviewed(stack: Stack) -> str:
    """Changes are requested, planning fails, a version is approved; a later one is rejected."""
    said = {"comment": "Not like this."}
    project_id = await stack.planned("- A: `true` {#a}")
    await stack.call("POST", f"/{project_id}/request-changes", json=said)
    await stack.http.post(f"/api/projects/{project_id}/request-changes", json=said)
    await stack.call("PUT", f"/{project_id}", json={"description": "- A {#a after=nothing}"})
    await stack.call("POST", f"/{project_id}/regenerate-plan", status=422)
    await stack.call("PUT", f"/{project_id}/tasks/a", json={"title": "Better"})
    await stack.call("POST", f"/{project_id}/request-changes", json=said)
    await stack.call("POST", f"/{project_id}/approve")
    await stack.finished(project_id)
    await stack.call("PUT", f"/{project_id}", json={"description": "- B: `true` {#b}"})
    await stack.call("POST", f"/{project_id}/regenerate-plan")
    await stack.call("POST", f"/{project_id}/request-changes", json=said)
    await stack.call("POST", f"/{project_id}/reject", json=said)
    return project_id


async def paused_and_retried(stack: Stack) -> str:
    plan = "## One\n\n1. First: `sleep 0.5` {#first}\n2. Second: `true` {#second}\n\n## Two\n\n- Bad: `[ -e fixed ]` {#bad}"
    project_id = await stack.started(plan)
    await stack.task_in(project_id, "first", "running")
    await stack.call("POST", f"/{project_id}/pause")
    await stack.task_in(project_id, "first", "completed")
    await stack.call("POST", f"/{project_id}/resume")
    project = await stack.finished(project_id)
    (Path(project["workspace"]) / "fixed").touch()
    await stack.call("POST", f"/{project_id}/retry")
    return project_id


async def asked(stack: Stack) -> str:
    late = "- Late? {#late decision=yes,no default=no expires=1s}\n- Rest {#rest wait=1h}"
    plan = f"- Ship? {{#ship decision=yes,no}}\n{late}\n- Bad: `[ -e fixed ]` {{#bad}}"
    project_id = await stack.started(plan, decision_mode="human")
    await stack.task_in(project_id, "late", "completed")
    await stack.task_in(project_id, "bad", "waiting")
    (Path((await stack.project(project_id))["workspace"]) / "fixed").touch()
    answers = {"decision": "yes", "task_failed": "retry"}
    for question in (await stack.call("GET", f"/{project_id}/decisions?status=open"))["decisions"]:
        answer = {"answer": answers[question["kind"]]}
        await stack.call("POST", f"/{project_id}/decisions/{question['id']}", json=answer)
    await stack.call("POST", f"/{project_id}/tasks/rest/complete")
    return project_id


async def corrected(stack: Stack) -> str:
    """A failed task is corrected while it asks, also by another action; the rest is corrected after the run, as a new run."""
    plan = "- One: `true` {#one}\n- Two: `ecko` {#two after=one after_failure=ask}\n- Three: `ecko` {#three after=two}"
    project_id = await stack.started(plan)
    asked = await stack.question(project_id)
    request = {"type": "http", "url": "${{ signoff.url }}/health"}
    await stack.call("PUT", f"/{project_id}/tasks/two", json={"action": request, "retries": 1, "timeout_seconds": 30})
    await stack.call("POST", f"/{project_id}/decisions/{asked['id']}", json={"answer": "retry"})
    await stack.finished(project_id)
    right = {"action": {"type": "shell", "command": "true"}}
    await stack.call("PUT", f"/{project_id}/tasks/three", json=right)
    await stack.call("POST", f"/{project_id}/approve")
    return project_id


async def conditional(stack: Stack) -> str:
    plan = (
        "- Ship? {#ask decision=yes,no}\n- Ship: `true` {#ship if=ask:yes approval=yes}\n- Tell: `true` {#tell if=ask:no}\n\n"
        "## Two {approval=yes}\n\n- Gone: `true` {#gone}\n\n"
        "## Three\n\n- Bad: `false` {#bad}\n- Alert: `true` {#alert if=bad:failed}\n\n"
        "## Undo {on=failure approval=yes}\n\n- Undo: `true` {#undo}\n\n## Clean {on=always}\n\n- Clean: `true` {#clean}"
    )
    project_id = await stack.started(plan)
    question = await stack.question(project_id)
    await stack.call("POST", f"/{project_id}/decisions/{question['id']}", json={"answer": "yes"})
    await stack.task_in(project_id, "ship", "waiting")
    await stack.call("POST", f"/{project_id}/tasks/ship/retry")
    await stack.at_gate(project_id, "two")
    await stack.call("POST", f"/{project_id}/tasks/gone/skip")
    await stack.at_gate(project_id, "undo")
    await stack.call("POST", f"/{project_id}/approve")
    return project_id


async def cleaned_up(stack: Stack) -> str:
    plan = "- Hang: `sleep 60` {#hang}\n\n## Clean {on=always}\n\n- Clean: `true` {#clean}"
    project_id = await stack.started(plan)
    await stack.task_in(project_id, "hang", "running")
    await stack.http.post(f"/api/projects/{project_id}/cancel", json={})
    return project_id


async def edited(stack: Stack) -> str:
    plan = "## One\n\n- Hold: `sleep 1` {#hold}\n- Gone: `true` {#gone after=hold}\n\n## Two\n\n- Skip: `true` {#skip}"
    project_id = await stack.started(plan)
    await stack.task_in(project_id, "hold", "running")
    await stack.call("DELETE", f"/{project_id}/tasks/gone")
    added = {
        "title": "Added",
        "phase_id": "one",
        "depends_on": ["hold"],
        "action": {"type": "shell", "command": "true"},
    }
    await stack.call("POST", f"/{project_id}/tasks", status=201, json=added)
    await stack.call("POST", f"/{project_id}/phases", status=201, json={"name": "Three"})
    await stack.call("POST", f"/{project_id}/tasks", status=201, json=added | {"title": "Last", "phase_id": "three"})
    await stack.call("POST", f"/{project_id}/tasks/skip/skip")
    return project_id


async def edited_and_decided(stack: Stack) -> str:
    """One edit of the run is discarded, and the next one is approved; a last one is discarded when only it keeps the run open."""
    plan = "## One\n\n- [ ] Ask {#ask}\n- Next: `true` {#next after=ask}\n\n## Two\n\n- [ ] Last {#last}"
    project_id = await stack.started(plan)
    await stack.task_in(project_id, "ask", "waiting")
    await stack.call("PUT", f"/{project_id}/tasks/next", json={"action": {"type": "shell", "command": "false"}})
    await stack.call("POST", f"/{project_id}/tasks/ask/complete")
    await stack.call("POST", f"/{project_id}/discard-edit", json={"comment": "not now"})
    await stack.task_in(project_id, "last", "waiting")
    added = {"title": "Added", "phase_id": "two", "action": {"type": "shell", "command": "true"}}
    await stack.call("POST", f"/{project_id}/tasks", status=201, json=added)
    await stack.call("POST", f"/{project_id}/approve")
    await stack.task_in(project_id, "added", "completed")
    await stack.call("POST", f"/{project_id}/phases", status=201, json={"name": "Three"})
    await stack.call("POST", f"/{project_id}/tasks/last/complete")
    await stack.call("POST", f"/{project_id}/discard-edit")
    return project_id


async def advised(stack: Stack) -> str:
    """Run a project in which the model decides and an agent asks a person."""
    project_id = await stack.started(
        "- Check: `echo passed=7 >> $SIGNOFF_OUTPUT` {#check}\n- Ship? {#ship after=check decision=yes,no by=model}\n"
        "- Write {#write after=ship}\n\n  ```prompt\n  Write it.\n  ```\n"
    )
    await stack.task_in(project_id, "write", "waiting")
    (question,) = (await stack.call("GET", f"/{project_id}/decisions?status=open"))["decisions"]
    await stack.call("POST", f"/{project_id}/decisions/{question['id']}", json={"answer": "blue"})
    return project_id


def model_says(request: Request) -> Answer:
    """Return the model's answer in the scenarios that use a model."""
    if "Ship?" in request.texts:
        return Json({"answer": "yes", "sure": True, "reason": "It is ready."})
    if "blue" in request.texts:
        return Text("It is blue.")
    return ToolCalls(("ask_person", {"question": "Which color?"}))


WITH_MODEL = frozenset({"advised"})
SCENES: dict[str, tuple[Callable[[Stack], Awaitable[str]], Thresholds]] = {
    "full_run": (full_run, Thresholds()),
    "cancelled": (cancelled, Thresholds()),
    "failed_with_retries": (failed_with_retries, Thresholds()),
    "phase_gates": (phase_gates, Thresholds()),
    "continued": (continued, Thresholds(rest=40, drain=60)),
    "drained": (drained, Thresholds(rest=50, drain=10_000, patience=0.5)),
    "planned_twice": (planned_twice, Thresholds()),
    "reviewed": (reviewed, Thresholds()),
    "paused_and_retried": (paused_and_retried, Thresholds()),
    "asked": (asked, Thresholds()),
    "edited": (edited, Thresholds()),
    "edited_and_decided": (edited_and_decided, Thresholds()),
    "corrected": (corrected, Thresholds()),
    "advised": (advised, Thresholds()),
    "conditional": (conditional, Thresholds()),
    "cleaned_up": (cleaned_up, Thresholds()),
    # Records are made within the workflow task.
    "run_in_place": (full_run, Thresholds()),
    "gates_in_place": (phase_gates, Thresholds()),
    "reviewed_in_place": (reviewed, Thresholds()),
    "continued_in_place": (continued, Thresholds(rest=40, drain=60)),
}


async def record(names: list[str]) -> None:
    environment = await started_server()
    for name in names:
        scene, thresholds = SCENES[name]
        with tempfile.TemporaryDirectory() as folder:
            async with model_server() as model, _stack(environment, folder, thresholds, name, model) as stack:
                project_id = await scene(stack)
                await stack.finished(project_id)
                await save(stack, name, project_id)
    await environment.shutdown()


def _stack(
    environment: WorkflowEnvironment, folder: str, thresholds: Thresholds, name: str, model: ModelServer
) -> AbstractAsyncContextManager[Stack]:
    model.answer_with(model_says)
    settings = {"model": "openai-chat:test-model", "model_base_url": f"{model.url}/v1"} if name in WITH_MODEL else {}
    return running_stack(environment, Path(folder), thresholds=thresholds, **settings)


async def save(stack: Stack, name: str, project_id: str) -> None:
    """Save the histories of all of the project's workflow runs, oldest first."""

    async def closed() -> list[str] | None:
        runs = [run async for run in stack.temporal.list_workflows(f"WorkflowId = '{project_id}'")]
        runs.sort(key=lambda run: run.start_time)
        return [run.run_id for run in runs] if runs and all(run.close_time for run in runs) else None

    for number, run_id in enumerate(await eventually(closed, what="all runs are closed and listed"), 1):
        history = await stack.temporal.get_workflow_handle(project_id, run_id=run_id).fetch_history()
        text = json.dumps(_impersonal(json.loads(history.to_json())), indent=1, sort_keys=True)
        (FOLDER / f"{name}_{number}.json").write_text(text + "\n")


def _impersonal(value: Any) -> Any:
    """Remove what identifies the recording machine from a history. Replay does not use it."""
    if isinstance(value, dict):
        return {name: _impersonal(item) for name, item in value.items() if name != "stackTrace"}
    if isinstance(value, list):
        return [_impersonal(item) for item in value]
    # The worker's process and host, as the SDK puts them into the identity and the sticky queue.
    return re.sub(r"\d+@[\w.-]+", "worker", value) if isinstance(value, str) else value


if __name__ == "__main__":
    asyncio.run(record(sys.argv[1:] or list(SCENES)))
