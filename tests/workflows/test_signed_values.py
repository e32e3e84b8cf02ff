"""A task reads the approved values of its project, even if the project has been renamed since."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Stack

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

READS_NAME = """
- Wait for it: `while [ ! -e go ]; do sleep 0.02; done` {#wait}
- Say it {#say after=wait}

  ```inputs
  N: ${{ project.name }}
  D: ${{ project.description }}
  ```

  ```sh
  printf '%s' "$INPUT_N"
  ```
"""


async def put(stack: Stack, project_id: str, **fields: Any) -> dict[str, Any]:
    return await stack.call("PUT", f"/{project_id}", json=fields)


async def go(stack: Stack, project_id: str) -> None:
    await stack.call("POST", f"/{project_id}/files/upload", files={"file": ("go", b"now")})


async def said(stack: Stack, project_id: str) -> str:
    project = await stack.finished(project_id)
    assert project["status"] == "completed", project["failure"]
    return next(task for task in project["tasks"] if task["key"] == "say")["outputs"]["stdout"]


@pytest.mark.parametrize("field", ["name", "description"])
async def test_a_new_name_makes_a_new_version_of_a_plan_that_reads_it(signoff: Stack, field: str) -> None:
    project_id = await signoff.planned(READS_NAME, name="staging")
    signed = await signoff.call("GET", f"/{project_id}/plan")
    await put(signoff, project_id, **{field: "production"})
    plan = await signoff.call("GET", f"/{project_id}/plan")
    assert (plan["version"], plan["digest"] != signed["digest"]) == (2, True)
    seen = {"plan_digest": signed["digest"]}
    refusal = await signoff.call("POST", f"/{project_id}/approve", json=seen, status=409)
    assert refusal["code"] == "plan_superseded"


async def test_a_project_that_is_renamed_in_the_middle_of_its_run(signoff: Stack) -> None:
    project_id = await signoff.started(READS_NAME, name="staging")
    await signoff.task_in(project_id, "wait", "running")
    assert (await put(signoff, project_id, name="production"))["name"] == "production"
    # Anything that an edit does not mention stays as it was approved.
    edit = {"title": "More", "action": {"type": "shell", "command": "true"}, "depends_on": ["say"]}
    await signoff.call("POST", f"/{project_id}/tasks", json=edit, status=201)
    await signoff.call("POST", f"/{project_id}/approve")
    await go(signoff, project_id)
    assert await said(signoff, project_id) == "staging"
    audit = await signoff.call("POST", f"/{project_id}/audit")
    assert audit["trail"]["intact"], audit


async def test_a_retry_runs_with_the_name_that_was_signed(signoff: Stack) -> None:
    project_id = await signoff.started(READS_NAME, name="staging")
    await go(signoff, project_id)
    assert await said(signoff, project_id) == "staging"
    renamed = await put(signoff, project_id, name="production")
    assert (renamed["status"], renamed["plan"]["version"]) == ("completed", 1)
    await signoff.call("POST", f"/{project_id}/retry", json={"tasks": ["say"]})
    assert await said(signoff, project_id) == "staging"


async def test_a_plan_that_does_not_read_the_name_stays_the_same(signoff: Stack) -> None:
    project_id = await signoff.planned("- A: `true`", name="staging")
    before = await signoff.call("GET", f"/{project_id}/plan")
    await put(signoff, project_id, name="production")
    assert await signoff.call("GET", f"/{project_id}/plan") == before
