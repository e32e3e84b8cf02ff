"""Updating a project: partial updates, read-only fields, and the effect on an approval."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.api.answers import fields_of, refused
from tests.conftest import Stack

pytestmark = pytest.mark.usefixtures("plans_without_workflow")


async def put(stack: Stack, project_id: str, **fields: Any) -> dict[str, Any]:
    return await stack.call("PUT", f"/{project_id}", json=fields)


async def test_what_is_omitted_stays(signoff: Stack) -> None:
    project_id = await signoff.create("the text", name="the name", strategy="careful", auto_approve_plan=True)
    before = await signoff.project(project_id)
    after = await put(signoff, project_id, description="another text")
    moved = {"updated_at": after["updated_at"], "last_seq": before["last_seq"] + 1}
    assert after == before | {"description": "another text"} | moved
    assert after["updated_at"] >= before["updated_at"]
    assert after == await signoff.project(project_id)


@pytest.mark.parametrize("request_", [{"json": {}}, {"content": b""}, {"json": {"name": "same"}}])
async def test_a_put_that_changes_nothing_leaves_no_trace(signoff: Stack, request_: dict[str, Any]) -> None:
    project_id = await signoff.create("", name="same")
    before = await signoff.project(project_id)
    assert await signoff.call("PUT", f"/{project_id}", **request_) == before
    assert len(await signoff.events(project_id)) == 1


@pytest.mark.parametrize("plan", ["", "- A: `true`\n- [ ] B"], ids=["draft", "planned"])
async def test_get_change_put_works(signoff: Stack, plan: str) -> None:
    project_id = await (signoff.planned(plan) if plan else signoff.create(""))
    project = await signoff.project(project_id)
    assert (await put(signoff, project_id, **project | {"name": "changed"}))["name"] == "changed"


async def test_what_was_read_may_be_sent_back_after_events_that_change_nothing_of_it(signoff: Stack) -> None:
    project_id = await signoff.create("")
    project = await signoff.project(project_id)
    await put(signoff, project_id, name="changed")
    assert (await put(signoff, project_id, **project | {"name": "again"}))["name"] == "again"


async def test_get_change_put_works_where_the_folder_is_gone(signoff: Stack) -> None:
    folder = signoff.root / "soon_gone"
    folder.mkdir()
    project_id = await signoff.create("", path=str(folder))
    project = await signoff.project(project_id)
    folder.rmdir()
    assert (await put(signoff, project_id, **project | {"name": "changed"}))["name"] == "changed"


async def test_get_change_put_works_on_a_running_project(signoff: Stack) -> None:
    project_id = await signoff.started("- [ ] Look {#look}")
    await signoff.task_in(project_id, "look", "waiting")
    project = await signoff.project(project_id)
    changed = await put(signoff, project_id, **project | {"name": "renamed", "description": "new"})
    assert (changed["name"], changed["description"], changed["status"]) == ("renamed", "new", "running")
    await signoff.call("POST", f"/{project_id}/cancel")


READ_ONLY = {
    "id": "proj_other",
    "status": "completed",
    "stage": "finished",
    "created_at": "2000-01-01T00:00:00.000Z",
    "created_by": "somebody",
    "workspace": "/",
    "plan": {"version": 1},
    "run": {},
    "gate": {},
    "failure": {"code": "x"},
    "links": {},
}


@pytest.mark.parametrize("field", READ_ONLY)
async def test_a_read_only_field_takes_its_own_value_only(signoff: Stack, field: str) -> None:
    project_id = await signoff.create("")
    project = await signoff.project(project_id)
    await put(signoff, project_id, **{field: project[field]})
    body = await refused(
        signoff, "PUT", f"/{project_id}", 422, "read_only", json={field: READ_ONLY[field], "name": "not taken"}
    )
    assert fields_of(body) == [field]
    assert await signoff.project(project_id) == project


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", None),
        ("name", ""),
        ("name", "x" * 201),
        ("description", None),
        ("description", 1),
        ("strategy", "x"),
        ("auto_approve_plan", None),
        ("auto_approve_plan", "true"),
        ("auto_approve_phases", 1),
        ("decision_mode", ""),
        ("path", "relative"),
        ("path", "/etc"),
        ("path", ""),
        ("agent_id", "nobody"),
        ("sme_archetype", ""),
        ("unknown", None),
        ("constructor", {}),
        ("__class__", "x"),
        ("model_config", {}),
        ("\x00", 1),
    ],
)
async def test_a_bad_value_is_refused_and_changes_nothing(signoff: Stack, field: str, value: Any) -> None:
    project_id = await signoff.create("")
    before = await signoff.project(project_id)
    body = await refused(signoff, "PUT", f"/{project_id}", 422, json={"auto_approve_plan": True, field: value})
    assert fields_of(body) == [field]
    assert await signoff.project(project_id) == before


async def test_read_only_and_unknown_fields_are_told_together(signoff: Stack) -> None:
    project_id = await signoff.create("")
    given = {"status": "running", "unknown": 1}
    body = await refused(signoff, "PUT", f"/{project_id}", 422, "validation_error", json=given)
    assert sorted(fields_of(body)) == sorted(given)


@pytest.mark.parametrize(
    ("field", "value"),
    [("strategy", "careful"), ("decision_mode", "human"), ("auto_approve_phases", False), ("path", "PATH")],
)
async def test_a_field_of_the_digest_makes_a_new_version(signoff: Stack, field: str, value: Any) -> None:
    project_id = await signoff.planned("## One\n\n- A: `true`\n\n## Two\n\n- B: `true`")
    old = await signoff.call("GET", f"/{project_id}/plan")
    if value == "PATH":
        folder = signoff.root / f"put_{project_id}"
        folder.mkdir()
        value = str(folder)
    await put(signoff, project_id, **{field: value})
    new = await signoff.call("GET", f"/{project_id}/plan")
    assert new["version"] == old["version"] + 1
    assert new["digest"] != old["digest"]
    assert [task["id"] for phase in new["phases"] for task in phase["tasks"]] == [
        task["id"] for phase in old["phases"] for task in phase["tasks"]
    ]
    assert (await signoff.call("GET", f"/{project_id}/plan", params={"version": 1}))["status"] == "superseded"
    body = {"plan_version": old["version"], "plan_digest": old["digest"]}
    refusal = await refused(signoff, "POST", f"/{project_id}/approve", 409, "plan_superseded", json=body)
    assert refusal["context"] == {"plan_version": new["version"], "plan_digest": new["digest"]}


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "x"), ("description", "x"), ("auto_approve_plan", True)],
    ids=["name", "description", "auto"],
)
async def test_other_fields_leave_the_plan_alone(signoff: Stack, field: str, value: Any) -> None:
    project_id = await signoff.planned("- A: `true`")
    old = await signoff.project(project_id)
    assert (await put(signoff, project_id, **{field: value}))["plan"] == old["plan"]


async def test_a_field_of_the_digest_brings_a_finished_project_back(signoff: Stack) -> None:
    project_id = await signoff.started("- A: `true`")
    await signoff.finished(project_id)
    project = await put(signoff, project_id, strategy="economy")
    assert (project["status"], project["stage"], project["plan"]["version"]) == ("pending", "awaiting_approval", 2)
    assert {task["status"] for task in project["tasks"]} == {"pending"}


async def test_a_path_may_be_taken_back(signoff: Stack) -> None:
    folder = signoff.root / "taken_back"
    folder.mkdir()
    project_id = await signoff.create("", path=str(folder))
    assert (await signoff.project(project_id))["workspace"] == str(folder)
    project = await put(signoff, project_id, path=None)
    assert project["path"] is None
    assert project["workspace"] != str(folder)
    assert Path(project["workspace"]).is_dir()
