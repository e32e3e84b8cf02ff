"""What happens to a run when one of its tasks fails."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Stack


def statuses(project: dict) -> dict[str, tuple[str, str | None]]:
    return {task["key"]: (task["status"], task["reason"]) for task in project["tasks"]}


async def test_retries_then_failure_skips_dependents_and_finishes_independent_branches(signoff: Stack) -> None:
    plan = """
## Work

- Bad: `echo x >> tries; exit 3` {#bad retries=2}
- Child: `true` {#child after=bad}
- Grandchild: `true` {#grandchild after=child}
- Other: `sleep 0.5; echo other > other` {#other}
- Beside: `cat other` {#beside after=other}

## Later

- Never: `touch never` {#never}
"""
    project = await signoff.finished(await signoff.started(plan))
    assert project["status"] == "failed"
    workspace = Path(project["workspace"])
    assert (workspace / "tries").read_text().split() == ["x", "x", "x"]
    assert not (workspace / "never").exists()
    assert statuses(project) == {
        "bad": ("failed", None),
        "child": ("skipped", "dependency_failed"),
        "grandchild": ("skipped", "dependency_failed"),
        "other": ("completed", None),
        "beside": ("completed", None),
        "never": ("skipped", "phase_failed"),
    }
    assert [phase["status"] for phase in project["phases"]] == ["failed", "skipped"]
    bad = project["tasks"][0]
    assert (bad["attempt"], bad["exit_code"]) == (3, 3)
    assert project["failure"]["code"] == "task_failed"
    assert project["failure"]["task_id"] == bad["id"]
    assert "exit code 3" in project["failure"]["message"]
    types = [event["type"] for event in await signoff.events(project["id"])]
    assert types.count("task.retrying") == 2
    assert types.count("task.failed") == 1
    assert types[-1] == "project.failed"


async def test_a_task_over_its_time_fails_and_leaves_no_process(signoff: Stack) -> None:
    project = await signoff.finished(await signoff.started("- Slow: `echo $$ > pid; sleep 600` {#slow timeout=3}"))
    slow = project["tasks"][0]
    assert (slow["status"], slow["error"]["type"]) == ("failed", "timeout")
    pid = (Path(project["workspace"]) / "pid").read_text().strip()
    assert not Path(f"/proc/{pid}").exists()


async def test_a_missing_output_is_a_clear_failure(signoff: Stack) -> None:
    plan = """
- A: `true` {#a}
- B {#b after=a}

  ```inputs
  x: ${{ tasks.a.outputs.nothing }}
  ```

  ```sh
  true
  ```
"""
    project = await signoff.finished(await signoff.started(plan))
    error = next(t for t in project["tasks"] if t["key"] == "b")["error"]
    assert error["type"] == "missing_output"
    assert "no output 'nothing'" in error["message"]


async def test_a_skipped_manual_task_counts_as_done(signoff: Stack) -> None:
    project_id = await signoff.started("- [ ] Ask {#ask}\n- Go on: `true` {#go after=ask}")
    ask = await signoff.task_in(project_id, "ask", "waiting")
    await signoff.call("POST", f"/{project_id}/tasks/{ask['id']}/skip")
    project = await signoff.finished(project_id)
    assert project["status"] == "completed"
    assert statuses(project) == {"ask": ("skipped", "skipped_by_person"), "go": ("completed", None)}


async def test_careful_fails_at_once_though_a_person_is_waited_for(signoff: Stack) -> None:
    plan = "- [ ] Ask {#ask}\n- Bad: `exit 1` {#bad}"
    project = await signoff.finished(await signoff.started(plan, strategy="careful"))
    assert project["status"] == "failed"
    assert statuses(project) == {"ask": ("skipped", "phase_failed"), "bad": ("failed", None)}


async def test_a_command_whose_time_is_over_keeps_its_outputs(signoff: Stack) -> None:
    command = 'echo partial; echo x=1 >> "$SIGNOFF_OUTPUT"; sleep 60'
    project = await signoff.finished(await signoff.started(f"- Slow: `{command}` {{#slow timeout=2}}"))
    [task] = project["tasks"]
    assert (task["status"], task["error"]["type"]) == ("failed", "timeout")
    assert task["outputs"] == {"stdout": "partial", "x": "1"}
