"""Checks of a command: what its output must contain, and how it is repeated until it succeeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Stack, eventually


async def workspace_of(stack: Stack, project_id: str) -> Path:
    return Path((await stack.project(project_id))["workspace"])


def of_task(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event["data"] for event in events if event["type"] == kind]


@pytest.mark.parametrize("expect", ["2.1", "/^v2\\.[0-9]+$/"])
async def test_an_output_as_expected_completes(signoff: Stack, expect: str) -> None:
    project_id = await signoff.started(f"- Version: `echo v2.1` {{expect={expect}}}")
    assert (await signoff.finished(project_id))["status"] == "completed"


async def test_another_output_fails_and_shows_both(signoff: Stack) -> None:
    project_id = await signoff.started('- Version: `echo v2.2` {expect="v2.1"}')
    project = await signoff.finished(project_id)
    (task,) = project["tasks"]
    assert (project["status"], task["status"], task["exit_code"]) == ("failed", "failed", 0)
    assert task["error"] == {
        "type": "unexpected_output",
        "message": "The command succeeded, but its output is not as expected. Expected: 'v2.1'. Found: v2.2",
    }
    assert task["outputs"]["stdout"] == "v2.2"


async def test_a_command_is_repeated_until_it_succeeds(signoff: Stack) -> None:
    plan = '- Wait: `echo look; cat go` {#wait every=1 until=50 expect="now"}\n- Then: `true` {after=wait}'
    project_id = await signoff.started(plan)
    workspace = await workspace_of(signoff, project_id)

    async def waits() -> bool:
        task = (await signoff.project(project_id))["tasks"][0]
        return task["attempt"] >= 2 and task["status"] == "waiting" and task["due_at"] is not None

    await eventually(waits, what="the command waits for its next attempt")
    (workspace / "go").write_text("later\n")
    attempts = (await signoff.project(project_id))["tasks"][0]["attempt"]
    await eventually(lambda: _attempted(signoff, project_id, attempts + 2), what="it is tried again")
    (workspace / "go").write_text("now\n")
    project = await signoff.finished(project_id)
    assert project["status"] == "completed"
    task = project["tasks"][0]
    retrying = of_task(await signoff.events(project_id), "task.retrying")
    assert len(retrying) == task["attempt"] - 1
    assert {data["next_try_in"] for data in retrying} == {1.0}
    first = await signoff.http.get(f"/api/projects/{project_id}/tasks/wait/logs", params={"attempt": 1})
    assert "look" in first.text


async def _attempted(stack: Stack, project_id: str, attempt: int) -> bool:
    return (await stack.project(project_id))["tasks"][0]["attempt"] >= attempt


async def test_a_command_that_never_succeeds_fails_when_its_time_is_up(signoff: Stack) -> None:
    project_id = await signoff.started("- Wait: `false` {every=1 until=3}")
    project = await signoff.finished(project_id)
    (task,) = project["tasks"]
    assert (project["status"], task["error"]["type"]) == ("failed", "exit_code")
    assert 2 <= task["attempt"] <= 4


async def test_an_attempt_that_takes_long_counts_against_the_time(signoff: Stack) -> None:
    project_id = await signoff.started("- Wait: `sleep 1.5; false` {every=1 until=3}")
    (task,) = (await signoff.finished(project_id))["tasks"]
    assert (task["status"], task["attempt"]) == ("failed", 2)


async def test_what_cannot_succeed_is_not_repeated(signoff: Stack) -> None:
    plan = '- Wait\n  ```action\n  {"type": "shell", "argv": ["no-such-program"], "every_seconds": 1, "until_seconds": 60}\n  ```'
    project_id = await signoff.started(plan)
    (task,) = (await signoff.finished(project_id))["tasks"]
    assert (task["error"]["type"], task["attempt"]) == ("command_not_found", 1)
