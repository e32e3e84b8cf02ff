"""A command or a request that does not make the files that the plan expects from it has failed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select, update
from temporalio.testing import WorkflowEnvironment

from app.storage.tables import plans
from tests.conftest import Stack, running_stack
from tests.recording_server import recording


async def ended(stack: Stack, plan: str) -> dict[str, Any]:
    """Run a plan with one task that matters, its last one."""
    project_id = await stack.planned(plan)
    await stack.call("POST", f"/{project_id}/approve")
    project = await stack.finished(project_id)
    return {**project["tasks"][-1], "project": project}


async def test_a_command_that_does_not_make_its_file_has_failed(signoff: Stack) -> None:
    task = await ended(signoff, "- Make: `echo x=1 >> $SIGNOFF_OUTPUT; echo b > b.txt` {#make files=a.txt,b.txt}")
    assert (task["status"], task["error"]["type"]) == ("failed", "file_missing")
    assert task["error"]["message"] == "The task ended without making a.txt, which the plan expects from it."
    assert (task["outputs"]["x"], task["exit_code"]) == ("1", 0)
    assert task["project"]["status"] == "failed"


async def test_a_retry_may_make_the_file(signoff: Stack) -> None:
    task = await ended(signoff, "- Make: `[ -e once ] && touch a.txt; touch once` {#make files=a.txt retries=1}")
    assert (task["status"], task["attempt"]) == ("completed", 2)


async def test_what_counts_as_the_file(signoff: Stack) -> None:
    empty = "- Make: `touch a.txt` {#empty files=a.txt}"
    folder = "- Make: `mkdir b.txt` {#folder files=b.txt}"
    link = "- Make: `echo made > other; ln -s other c.txt` {#link files=c.txt}"
    project = (await ended(signoff, f"{empty}\n{folder}\n{link}"))["project"]
    assert {task["key"]: task["status"] for task in project["tasks"]} == dict.fromkeys(
        ("empty", "folder", "link"), "completed"
    )


async def test_a_link_out_of_the_workspace_is_not_the_file(signoff: Stack) -> None:
    task = await ended(signoff, "- Make: `ln -s /etc/hostname a.txt` {#make files=a.txt}")
    assert task["error"]["type"] == "file_missing"


async def test_a_failed_command_says_why_it_failed_and_not_that_its_file_is_missing(signoff: Stack) -> None:
    task = await ended(signoff, "- Make: `exit 3` {#make files=a.txt}")
    assert (task["error"]["type"], task["exit_code"]) == ("exit_code", 3)


async def test_a_request_that_saves_elsewhere_has_failed(
    temporal_server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("requests")
    with recording() as server:
        async with running_stack(temporal_server, folder, http_allow=["127.0.0.1"]) as stack:
            request = f"```http save=b.json\n  GET http://{server.address}/report\n  ```"
            task = await ended(stack, f"- Fetch {{#fetch files=a.json retries=0}}\n\n  {request}")
    assert task["error"]["type"] == "file_missing", task["error"]


async def test_a_plan_that_was_approved_before_tasks_failed_for_this_keeps_its_behavior(signoff: Stack) -> None:
    project_id = await signoff.planned("- [ ] Look {#look}\n- Make: `true` {#make after=look files=a.txt}")
    await signoff.call("POST", f"/{project_id}/approve")
    await signoff.task_in(project_id, "look", "waiting")

    def forget(conn: Any) -> None:
        (frozen,) = conn.execute(select(plans.c.frozen).where(plans.c.project_id == project_id)).scalars()
        assert frozen.pop("products") is True
        conn.execute(
            update(plans).where(plans.c.project_id == project_id).values(frozen=json.loads(json.dumps(frozen)))
        )

    await signoff.database.transact(forget)
    await signoff.call("POST", f"/{project_id}/tasks/look/complete", json={})
    assert (await signoff.finished(project_id))["status"] == "completed"
