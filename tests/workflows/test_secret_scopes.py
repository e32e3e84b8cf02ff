"""A secret that is limited to some projects and agents. A plan that may not use it is refused, and so is a task."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from app.domain.agents import AgentEntry, AgentKind
from app.domain.secret_scopes import SecretEntry
from tests.conftest import Stack, running_stack

PLAN = """\
- Use {#use}

  ```inputs
  T: ${{ secrets.TOKEN }}
  ```

  ```sh
  printf %s "$INPUT_T" | wc -c
  ```
"""
TOKEN = "t0p-s3cret-value"


@pytest.fixture
async def stack(
    temporal_server: WorkflowEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stack]:
    monkeypatch.setenv("SIGNOFF_SECRET_TOKEN", TOKEN)
    agents = {"deployer": AgentEntry(kind=AgentKind.LOCAL)}
    async with running_stack(temporal_server, tmp_path, agents=agents) as running:
        yield running


async def plan_error(stack: Stack, description: str = PLAN, **fields: Any) -> str:
    project_id = await stack.create(description, **fields)
    await stack.call("POST", f"/{project_id}/generate-plan", headers={"Prefer": "wait=60"}, status=422)
    return json.dumps(await stack.project(project_id))


async def test_a_secret_without_an_entry_is_open_and_the_plan_says_so(stack: Stack) -> None:
    project_id = await stack.planned(PLAN)
    plan = await stack.call("GET", f"/{project_id}/plan")
    assert "The secret TOKEN is used by 'use'; any project may use it." in plan["warnings"]
    await stack.call("POST", f"/{project_id}/approve")
    project = await stack.finished(project_id)
    assert project["tasks"][0]["outputs"]["stdout"] == str(len(TOKEN))


async def test_a_secret_of_one_project_is_for_no_other(stack: Stack) -> None:
    mine = await stack.create(PLAN, name="release")
    # An operator writes the id into signoff.toml.
    stack.settings.secrets["TOKEN"] = SecretEntry(projects=(mine,))
    assert "this project may not use the secret TOKEN" in await plan_error(stack, name="release")
    await stack.call("POST", f"/{mine}/generate-plan", headers={"Prefer": "wait=60"})
    plan = await stack.call("GET", f"/{mine}/plan")
    assert "The secret TOKEN is used by 'use'; it is restricted to this project." in plan["warnings"]
    await stack.call("POST", f"/{mine}/approve")
    assert (await stack.finished(mine))["status"] == "completed"


async def test_a_secret_of_an_agent_is_for_its_tasks_alone(stack: Stack) -> None:
    stack.settings.secrets["TOKEN"] = SecretEntry(agents=("deployer",))
    assert "may not use the secret TOKEN; allowed agents: deployer" in await plan_error(stack)
    for description, fields in ((PLAN.replace("{#use", "{#use agent=deployer"), {}), (PLAN, {"agent_id": "deployer"})):
        project = await stack.finished(await stack.started(description, **fields))
        assert project["status"] == "completed", project["failure"]


async def test_a_task_is_refused_where_its_plan_was_made_before(stack: Stack) -> None:
    project_id = await stack.planned(PLAN)
    stack.settings.secrets["TOKEN"] = SecretEntry(projects=())
    await stack.call("POST", f"/{project_id}/approve")
    project = await stack.finished(project_id)
    assert project["tasks"][0]["error"]["type"] == "secret_refused"
    assert project_id in project["tasks"][0]["error"]["message"]


async def test_a_use_that_an_edit_adds_is_refused_when_it_runs(stack: Stack) -> None:
    stack.settings.secrets["TOKEN"] = SecretEntry(projects=())
    project_id = await stack.create("")
    action = {"type": "shell", "command": 'echo "$INPUT_T"'}
    task = {"title": "Use", "action": action, "inputs": {"T": "${{ secrets.TOKEN }}"}}
    await stack.call("POST", f"/{project_id}/tasks", status=201, json=task)
    await stack.call("POST", f"/{project_id}/approve")
    assert (await stack.finished(project_id))["tasks"][0]["error"]["type"] == "secret_refused"


async def test_where_secrets_must_have_entries_others_are_for_nobody(
    temporal_server: WorkflowEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNOFF_SECRET_TOKEN", TOKEN)
    async with running_stack(temporal_server, tmp_path, secrets_scoped=True) as stack:
        assert "add [secrets.TOKEN] to signoff.toml" in await plan_error(stack)


def test_an_entry_binds_to_something() -> None:
    with pytest.raises(ValueError, match="set projects, agents or both"):
        SecretEntry()
