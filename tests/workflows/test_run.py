"""Runs from approval to end, on a real Temporal server with a real worker."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import OWNER, Stack, running_stack

TWO_PHASES = """
# Two phases

## Gather {#gather}

- First {#first}

  ```sh
  echo hello > first.txt; echo "word=hello" >> "$SIGNOFF_OUTPUT"
  ```

- Second: `echo second` {#second}

## Report (sequential) {#report}

- Write {#write after=first}

  ```inputs
  word: ${{ tasks.first.outputs.word }}
  ```

  ```sh
  echo "$INPUT_WORD world" > report.txt
  ```
- Done {#done milestone}
"""


async def test_a_run_completes_with_every_event_in_order(signoff: Stack) -> None:
    project_id = await signoff.started(TWO_PHASES)
    project = await signoff.finished(project_id)

    assert project["status"] == "completed", project["failure"]
    keys = ["first", "second", "write", "done"]
    assert {task["key"]: task["status"] for task in project["tasks"]} == dict.fromkeys(keys, "completed")
    assert (Path(project["workspace"]) / "report.txt").read_text() == "hello world\n"
    assert [phase["status"] for phase in project["phases"]] == ["completed", "completed"]
    assert project["progress"]["percent"] == 100
    assert project["run"]["number"] == 1
    assert project["run"]["completed_at"] is not None

    events = await signoff.events(project_id)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    types = [event["type"] for event in events]
    assert types[:5] == ["project.created", "plan.generating", "plan.ready", "plan.approved", "run.started"]
    assert types[-3:] == ["task.completed", "phase.completed", "project.completed"]
    assert types.count("task.started") == 3
    write = next(i for i, event in enumerate(events) if event["data"].get("key") == "write")
    first_done = next(i for i, e in enumerate(events) if e["type"] == "task.completed" and e["data"]["key"] == "first")
    assert first_done < write


async def test_the_approval_is_on_record_with_who_and_what(signoff: Stack) -> None:
    project_id = await signoff.planned(TWO_PHASES)
    plan = await signoff.call("GET", f"/{project_id}/plan")
    body = {"plan_version": plan["version"], "plan_digest": plan["digest"], "comment": "looks right"}
    answer = await signoff.call("POST", f"/{project_id}/approve", json=body)
    assert answer["status"] == "running"
    await signoff.finished(project_id)

    approved = next(e for e in await signoff.events(project_id) if e["type"] == "plan.approved")
    assert approved["actor"] == OWNER
    assert approved["data"]["plan_digest"] == plan["digest"]
    assert approved["data"]["comment"] == "looks right"
    assert approved["data"]["decision_id"] == answer["decision_id"]


async def test_auto_approve_plan_starts_the_run_by_itself(signoff: Stack) -> None:
    project_id = await signoff.create("- One: `true`", auto_approve_plan=True)
    await signoff.call("POST", f"/{project_id}/generate-plan")
    project = await signoff.finished(project_id)
    assert project["status"] == "completed"
    approved = next(e for e in await signoff.events(project_id) if e["type"] == "plan.approved")
    assert approved["actor"] == "signoff"


async def test_a_sequential_phase_runs_in_order_and_a_parallel_one_at_once(signoff: Stack) -> None:
    # Each parallel task waits for the other's file, so they can finish only together.
    meet = "touch $SIGNOFF_TASK_KEY; for i in $(seq 200); do [ -e {other} ] && exit 0; sleep 0.05; done; exit 1"
    plan = f"""
## Together (parallel)

- A: `{meet.format(other="b")}` {{#a}}
- B: `{meet.format(other="a")}` {{#b}}

## In order (sequential)

- One: `echo one >> order` {{#one}}
- Two: `echo two >> order` {{#two}}
- Three: `echo three >> order` {{#three}}
"""
    project = await signoff.finished(await signoff.started(plan))
    assert project["status"] == "completed", project["failure"]
    assert (Path(project["workspace"]) / "order").read_text().split() == ["one", "two", "three"]


async def test_economy_runs_two_tasks_at_once_at_most(signoff: Stack) -> None:
    # A task waits for a second one, so that a slow machine cannot run them one after the other.
    alone = "[ $(ls -d r* | wc -l) -lt 2 ] && [ $n -lt 30 ]"
    count = (
        f"mkdir r$$; n=0; while {alone}; do n=$((n+1)); sleep 0.1; done; sleep 0.2; ls -d r* | wc -l >> most; rmdir r$$"
    )
    plan = "## P (parallel)\n\n" + "\n".join(f"- T{i}: `{count}`" for i in range(8))
    project = await signoff.finished(await signoff.started(plan, strategy="economy"))
    assert project["status"] == "completed", project["failure"]
    assert max(int(line) for line in (Path(project["workspace"]) / "most").read_text().split()) == 2


async def test_a_hand_made_plan_runs_without_a_planner(signoff: Stack) -> None:
    project_id = await signoff.create("")
    action = {"type": "shell", "command": "echo by hand"}
    await signoff.call("POST", f"/{project_id}/tasks", status=201, json={"title": "One", "action": action})
    await signoff.call("POST", f"/{project_id}/approve")
    project = await signoff.finished(project_id)
    assert project["status"] == "completed"
    assert project["tasks"][0]["outputs"]["stdout"] == "by hand"


async def test_a_wait_holds_its_dependents_for_its_time(signoff: Stack) -> None:
    plan = """
- Before: `date +%s%N > before` {#before}
- Pause {#pause wait=1 after=before}
- After: `date +%s%N > after` {#late after=pause}
"""
    project = await signoff.finished(await signoff.started(plan))
    assert project["status"] == "completed", project["failure"]
    workspace = Path(project["workspace"])
    elapsed = int((workspace / "after").read_text()) - int((workspace / "before").read_text())
    assert elapsed >= 1_000_000_000


async def test_a_manual_task_waits_for_a_person_and_takes_outputs(signoff: Stack) -> None:
    plan = """
- [ ] Ask around {#ask}
- Use it {#use after=ask}

  ```inputs
  answer: ${{ tasks.ask.outputs.answer }}
  ```

  ```sh
  echo "got $INPUT_ANSWER"
  ```
"""
    project_id = await signoff.started(plan)
    waiting = await signoff.task_in(project_id, "ask", "waiting")
    assert waiting["reason"] == "manual"
    done = await signoff.call(
        "POST", f"/{project_id}/tasks/{waiting['id']}/complete", json={"outputs": {"answer": "42"}, "comment": "asked"}
    )
    assert done["status"] == "completed"
    await signoff.call("POST", f"/{project_id}/tasks/{waiting['id']}/complete", status=409)
    project = await signoff.finished(project_id)
    assert project["status"] == "completed", project["failure"]
    assert next(t for t in project["tasks"] if t["key"] == "use")["outputs"]["stdout"] == "got 42"


@pytest.mark.usefixtures("soon_recorded")
async def test_a_project_without_a_worker_runs_once_one_comes(temporal_server, tmp_path: Path) -> None:
    async with running_stack(temporal_server, tmp_path, worker=False) as stack:
        project_id = await stack.create("")
        action = {"type": "shell", "command": "echo late"}
        await stack.call("POST", f"/{project_id}/tasks", status=201, json={"title": "One", "action": action})
        recorded = await stack.call("POST", f"/{project_id}/approve", status=202)
        assert recorded["recorded"] is True
        assert recorded["status"] == "pending"
        reading = await stack.project(project_id)
        assert reading["live"] is False
        await stack.start_worker()
        project = await stack.finished(project_id)
        assert project["status"] == "completed"


async def test_a_running_project_is_live_and_says_what_is_in_progress(signoff: Stack) -> None:
    project_id = await signoff.started("- [ ] Look {#look}")
    await signoff.task_in(project_id, "look", "waiting")
    assert (await signoff.project(project_id))["live"] is True
    snapshot = await signoff.temporal.get_workflow_handle(project_id).query("snapshot")
    assert [task["key"] for task in snapshot["in_progress"]] == ["look"]
    assert snapshot["in_progress"][0]["state"] == "person"
    await signoff.call("POST", f"/{project_id}/cancel")


async def test_the_run_is_found_by_its_search_attributes_and_shows_titles(signoff: Stack) -> None:
    project_id = await signoff.started("# My report\n\n- Gather the numbers: `true`", name="My report")
    await signoff.finished(project_id)
    handle = signoff.temporal.get_workflow_handle(project_id)
    await handle.result()
    description = await handle.describe()
    attributes = {pair.key.name: pair.value for pair in description.typed_search_attributes}
    assert attributes["SignoffStatus"] == "completed"
    assert attributes["SignoffStrategy"] == "performance"
    assert await description.static_summary() == "My report"
    summaries = []
    async for event in handle.fetch_history_events():
        if event.HasField("user_metadata") and event.HasField("activity_task_scheduled_event_attributes"):
            kind = event.activity_task_scheduled_event_attributes.activity_type.name
            summaries.append((kind, event.user_metadata.summary.data.decode()))
    assert ("shell", '"Gather the numbers"') in summaries
