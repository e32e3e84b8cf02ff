"""Runbooks as people write them: what runs of rollbacks, several ways, checkboxes, and steps that are not always done."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Stack
from tests.workflows.test_conditions import answered, intact, states

RUNBOOK = """
# Release

- [ ] Migrate: `echo migrated >> log`

## Install

1. Prepare: `echo prepared >> log`
2. On Debian: `echo debian >> log`
3. On macOS:
   1. get it: `echo mac >> log`
   2. put it there: `echo put >> log`
4. If it is slow, tune it: `echo tuned >> log`
5. Check: `[ -e good ]`

### Option A

1. Start: `echo a >> log`

### Option B, slower

1. Start slowly: `echo b >> log`

## If the cache is full

1. Clear: `echo cleared >> log`

## Announce

1. Post: `echo posted >> log`

## Rollback

1. Take back: `echo back >> log`
"""


async def begun(signoff: Stack, answer: str, *, good: bool) -> str:
    """The project of the runbook, with its first question answered, and its steps before the check released or skipped."""
    project_id = await signoff.started(RUNBOOK)
    workspace = Path((await signoff.project(project_id))["workspace"])
    if good:
        (workspace / "good").touch()
    await signoff.task_in(project_id, "migrate", "waiting")
    assert not (workspace / "log").exists()
    await signoff.call("POST", f"/{project_id}/tasks/migrate/retry", json={})
    await answered(signoff, project_id, answer)
    await signoff.task_in(project_id, "if_it_is_slow_tune_it", "waiting")
    await signoff.call("POST", f"/{project_id}/tasks/if_it_is_slow_tune_it/skip", json={"comment": "fast"})
    return project_id


@pytest.mark.parametrize(
    ("way", "applies", "log"),
    [
        ("On Debian", "no", "migrated prepared debian b posted"),
        ("On macOS", "yes", "migrated prepared mac put b cleared posted"),
    ],
)
async def test_what_applies_runs_and_the_rest_is_skipped(signoff: Stack, way: str, applies: str, log: str) -> None:
    project_id = await begun(signoff, way, good=True)
    question = await signoff.question(project_id)
    assert [(choice["answer"], choice["ends_run"]) for choice in question["follows"]] == [
        ("Option A", False),
        ("Option B, slower", False),
    ]
    await answered(signoff, project_id, "Option B, slower")
    await answered(signoff, project_id, applies)
    project = await signoff.finished(project_id)
    assert project["status"] == "completed"
    assert (Path(project["workspace"]) / "log").read_text().split() == log.split()
    skipped = {key for key, state in states(project).items() if state == "condition_not_met"}
    debian, mac = "on_debian", {"on_macos_get_it", "on_macos_put_it_there"}
    assert skipped == {
        "start",
        "take_back",
        *(mac if way == "On Debian" else {debian}),
        *(["clear"] if applies == "no" else []),
    }
    await intact(signoff, project_id)


async def test_after_a_failure_a_person_has_the_rollback_run(signoff: Stack) -> None:
    project_id = await begun(signoff, "On Debian", good=False)
    project = await signoff.at_gate(project_id, "rollback")
    log = Path(project["workspace"]) / "log"
    assert log.read_text().split() == ["migrated", "prepared", "debian"]
    await signoff.call("POST", f"/{project_id}/approve")
    project = await signoff.finished(project_id)
    assert (project["status"], log.read_text().split()[-1]) == ("failed", "back")
    await intact(signoff, project_id)


async def test_nothing_applies_if_a_person_skips_the_question(signoff: Stack) -> None:
    project_id = await signoff.started(
        "1. On Debian: `echo a >> log`\n2. On macOS: `echo b >> log`\n3. Go: `echo c >> log`\n"
    )
    await signoff.task_in(project_id, "which_one_applies", "waiting")
    await signoff.call("POST", f"/{project_id}/tasks/which_one_applies/skip", json={"comment": "neither"})
    project = await signoff.finished(project_id)
    assert (Path(project["workspace"]) / "log").read_text() == "c\n"
    assert project["status"] == "completed"


async def test_in_a_sequential_phase_what_follows_runs_whichever_way_applies(signoff: Stack) -> None:
    text = "## P (sequential)\n\n- On Debian: `echo a >> log`\n- On macOS: `echo b >> log`\n- Go: `echo c >> log`\n"
    project_id = await signoff.started(text)
    await answered(signoff, project_id, "On Debian")
    project = await signoff.finished(project_id)
    assert (Path(project["workspace"]) / "log").read_text() == "a\nc\n"
