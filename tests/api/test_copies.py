"""Duplicating projects, and deleting many at once."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.api.answers import refused
from tests.conftest import Stack, eventually, running_stack

PLAN = "## One\n\n- A: `echo a > made` {#a}\n\n## Two\n\n- [ ] B {#b after=a}"


async def test_a_copy_has_the_plan_and_nothing_of_the_run(signoff: Stack) -> None:
    project_id = await signoff.started(PLAN, name="Report", strategy="balanced", auto_approve_plan=False)
    await signoff.task_in(project_id, "b", "waiting")
    source = await signoff.project(project_id)
    copy = await signoff.call("POST", f"/{project_id}/duplicate", status=201)
    assert (copy["name"], copy["status"], copy["stage"]) == ("Report (Copy)", "pending", "awaiting_approval")
    assert (copy["strategy"], copy["plan"]["version"], copy["run"], copy["path"]) == ("balanced", 1, None, None)
    assert {task["status"] for task in copy["tasks"]} == {"pending"}
    assert [task["key"] for task in copy["tasks"]] == [task["key"] for task in source["tasks"]]
    assert not {task["id"] for task in copy["tasks"]} & {task["id"] for task in source["tasks"]}
    # The same plan with the same settings has the same digest.
    assert copy["plan"]["digest"] == source["plan"]["digest"]
    assert copy["workspace"] != source["workspace"]
    assert list(Path(copy["workspace"]).iterdir()) == []
    created = (await signoff.events(copy["id"]))[0]
    assert created["data"]["duplicated_from"] == project_id
    await signoff.call("POST", f"/{copy['id']}/approve")
    await signoff.task_in(copy["id"], "b", "waiting")
    for name in (project_id, copy["id"]):
        await signoff.call("POST", f"/{name}/cancel")


async def test_files_come_along_where_they_are_wanted(signoff: Stack) -> None:
    project_id = await signoff.started("- A: `mkdir sub; echo a > sub/made; ln -s /etc/passwd link` {#a}")
    await signoff.finished(project_id)
    copy = await signoff.call(
        "POST", f"/{project_id}/duplicate", status=201, json={"include_files": True, "name": "With files"}
    )
    workspace = Path(copy["workspace"])
    assert copy["name"] == "With files"
    assert (workspace / "sub" / "made").read_text() == "a\n"
    assert sorted(path.name for path in workspace.iterdir()) == ["sub"], "no links, nothing of Signoff's own"


async def test_copies_of_drafts_long_names_and_what_is_not_there(signoff: Stack) -> None:
    project_id = await signoff.create("", name="x" * 200)
    copy = await signoff.call("POST", f"/{project_id}/duplicate", status=201)
    assert copy["name"] == "x" * 193 + " (Copy)"
    assert (copy["stage"], copy["plan"]) == ("draft", None)
    await refused(signoff, "POST", "/proj_nothing/duplicate", 404, "project_not_found")
    folders = {path.name for path in signoff.settings.workspaces_dir.iterdir() if path.name.startswith("proj_")}
    listed = await signoff.call("GET", "?limit=200&archived=all")
    assert listed["total"] > 200 or folders <= {project["id"] for project in listed["projects"]}, (
        "no folder is left over"
    )


async def test_many_are_deleted_and_one_bad_id_stops_nothing(signoff: Stack) -> None:
    draft = await signoff.create()
    running = await signoff.started("- Slow: `sleep 600` {#slow}")
    await signoff.task_in(running, "slow", "running")
    ids = [draft, running, "proj_nothing", draft]
    answer = await signoff.call("POST", "/batch/delete", json={"ids": ids})
    assert (answer["deleted"], answer["deleting"]) == ([draft, running], [])
    assert [(item["id"], item["error"]) for item in answer["failed"]] == [("proj_nothing", "project_not_found")]
    assert answer["message"] == "2 deleted, 1 not deleted."
    for project_id in (draft, running):
        await refused(signoff, "GET", f"/{project_id}", 404, "project_deleted")
    again = await signoff.call("POST", "/batch/delete", json={"ids": [draft]})
    assert again["failed"][0]["error"] == "project_deleted"


async def test_many_live_projects_are_stopped_together(signoff: Stack) -> None:
    stubborn = "- Stubborn: `trap '' TERM; sleep 600 & wait; sleep 600` {#stubborn}"
    ids = [await signoff.started(stubborn) for _ in range(4)]
    for project_id in ids:
        await signoff.task_in(project_id, "stubborn", "running")
    answer = await signoff.call("POST", "/batch/delete", json={"ids": ids})
    assert sorted(answer["deleted"]) == sorted(ids)


@pytest.mark.usefixtures("sqlite_only", "soon_recorded")  # waits for a real timeout
async def test_many_that_do_not_stop_share_one_wait(temporal_server: WorkflowEnvironment, tmp_path: Path) -> None:
    """Nobody processes the cancellations: all are recorded, and the answer comes after 10 s in total, not 10 s for each."""
    async with running_stack(temporal_server, tmp_path, worker=False) as stack:
        ids = [await stack.create("- [ ] Look {#look}") for _ in range(8)]
        await asyncio.gather(*(stack.call("POST", f"/{each}/generate-plan", status=202) for each in ids))
        began = time.monotonic()
        answer = await stack.call("POST", "/batch/delete", json={"ids": ids})
        assert time.monotonic() - began < 30
        assert (answer["deleted"], sorted(answer["deleting"]), answer["failed"]) == ([], sorted(ids), [])
        await stack.start_worker()

        async def gone() -> bool:
            return (await stack.call("GET", ""))["total"] == 0

        await eventually(gone, what="every project is deleted once a worker is there")


async def test_bad_lists_are_refused(signoff: Stack) -> None:
    for body in ({}, {"ids": []}, {"ids": ["x"] * 201}, {"ids": "proj"}, {"ids": [1]}, {"ids": ["a\x00"]}):
        await refused(signoff, "POST", "/batch/delete", 422, json=body)


async def test_the_catalog_says_what_may_be_named(signoff: Stack) -> None:
    async def get(path: str) -> dict:
        answer = await signoff.http.get(path)
        assert answer.status_code == 200
        return answer.json()

    (agent,) = (await get("/api/agents"))["agents"]
    assert (agent["id"], agent["kind"], agent["queue"]) == ("default", "local", signoff.settings.task_queue)
    assert agent["workers"] >= 1
    named = {"name": "Named", "agent_id": agent["id"]}
    assert (await signoff.http.post("/api/projects", json=named)).status_code == 201
    strategies = (await get("/api/strategies"))["strategies"]
    assert [(s["id"], s["max_parallel"]) for s in strategies] == [
        ("performance", 50),
        ("balanced", 8),
        ("economy", 2),
        ("careful", 1),
    ]
    archetypes = await get("/api/archetypes")
    assert archetypes["total"] == len(archetypes["archetypes"]) > 0
