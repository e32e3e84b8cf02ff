"""Reading and deleting one project."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.api.answers import refused
from tests.api.conftest import begin_planning
from tests.conftest import Stack

ODD_IDS = {
    "word": "nope",
    "well formed": "proj_00000000000000000000000000",
    "NUL": "%00",
    "NUL inside": "proj_%00x",
    "dots": "%2e%2e",
    "line break": "a%0d%0aSet-Cookie:%20x",
    "not UTF-8": "%ff%fe",
    "emoji": "%F0%9F%92%A9",
    "SQL": "'%20OR%20'1'='1",
    "long": "x" * 8000,
    "space": "%20",
    "wildcard": "%25",
    "batch": "batch",
}
CALLS = [
    ("GET", ""),
    ("PUT", ""),
    ("DELETE", ""),
    ("GET", "/plan"),
    ("POST", "/generate-plan"),
    ("POST", "/regenerate-plan"),
    ("POST", "/approve"),
    ("POST", "/cancel"),
    ("GET", "/tasks"),
    ("POST", "/tasks"),
    ("GET", "/events"),
    ("POST", "/tasks/x/complete"),
    ("POST", "/tasks/x/skip"),
    ("POST", "/tasks/x/retry"),
    ("POST", "/tasks/x/fail"),
]


# What a call needs for its body to be valid.
_NEEDED: dict[str, dict[str, object]] = {"/tasks": {"title": "x"}, "/tasks/x/fail": {"comment": "x"}}


def body_for(method: str, path: str) -> dict[str, object]:
    if method not in {"POST", "PUT"}:
        return {}
    return {"json": _NEEDED.get(path, {"path": None} if method == "PUT" else {})}


@pytest.mark.parametrize("odd", ODD_IDS.values(), ids=ODD_IDS)
async def test_no_call_finds_a_project_of_an_odd_id(signoff: Stack, odd: str) -> None:
    before = sorted(path.name for path in signoff.settings.workspaces_dir.iterdir())
    for method, path in CALLS:
        body = await refused(signoff, method, f"/{odd}{path}", 404, "project_not_found", **body_for(method, path))
        assert len(body["message"]) < 200
    assert sorted(path.name for path in signoff.settings.workspaces_dir.iterdir()) == before


async def test_a_slash_in_an_id_is_another_address(signoff: Stack) -> None:
    project_id = await signoff.create("")
    await refused(signoff, "GET", f"/x%2f{project_id}", 404, "not_found")
    await refused(signoff, "GET", f"/{project_id}%2fnothing", 404, "not_found")
    assert (await signoff.call("GET", f"/{project_id}/"))["id"] == project_id


async def test_ids_are_exact(signoff: Stack) -> None:
    project_id = await signoff.create("")
    for other in (project_id.upper(), f"{project_id}%20", f"%20{project_id}", project_id[:-1], f"{project_id}%00"):
        await refused(signoff, "GET", f"/{other}", 404, "project_not_found")


async def test_links_lead_to_what_they_name(signoff: Stack) -> None:
    project_id = await signoff.planned("- A: `true`")
    project = await signoff.project(project_id)
    for name in ("self", "plan", "tasks"):
        assert (await signoff.http.get(project["links"][name])).status_code == 200
    assert project["links"]["self"] == f"/api/projects/{project_id}"


async def test_after_a_delete_every_call_says_so(signoff: Stack) -> None:
    project_id = await signoff.planned("- A: `true`")
    workspace = Path((await signoff.project(project_id))["workspace"])
    (workspace / "file").write_text("x")
    assert await signoff.call("DELETE", f"/{project_id}") == {"deleted": True, "deleting": False, "id": project_id}
    assert not workspace.exists()
    for method, path in CALLS:
        if path != "/events":
            await refused(signoff, method, f"/{project_id}{path}", 404, "project_deleted", **body_for(method, path))
    assert not workspace.exists()
    assert project_id not in (await signoff.http.get("/api/projects?limit=200")).text


async def test_a_named_path_outlives_its_project(signoff: Stack) -> None:
    folder = signoff.root / "outlives"
    folder.mkdir()
    (folder / "file").write_text("x")
    project_id = await signoff.planned("- A: `touch made`", path=str(folder))
    await signoff.call("POST", f"/{project_id}/approve")
    await signoff.finished(project_id)
    await signoff.call("DELETE", f"/{project_id}")
    assert sorted(path.name for path in folder.iterdir() if path.name != ".signoff") == ["file", "made"]


@pytest.mark.parametrize("state", ["draft", "cancelled", "completed", "failed", "waiting"])
async def test_projects_of_every_state_can_be_deleted(signoff: Stack, state: str) -> None:
    if state in {"draft", "cancelled"}:
        project_id = await signoff.create("- A: `true`")
        if state == "cancelled":
            await signoff.call("POST", f"/{project_id}/cancel")
    elif state == "waiting":
        project_id = await signoff.started("- [ ] Look {#look}")
        await signoff.task_in(project_id, "look", "waiting")
    else:
        project_id = await signoff.started(f"- A: `{'true' if state == 'completed' else 'false'}`")
        assert (await signoff.finished(project_id))["status"] == state
    await signoff.call("DELETE", f"/{project_id}")
    await refused(signoff, "GET", f"/{project_id}", 404, "project_deleted")


async def test_a_delete_straight_after_a_cancelled_planning(patient: Stack) -> None:
    """The workflow is still open then, but there is nothing left to cancel."""

    async def one() -> None:
        project_id = await patient.create("- A: `true`")
        await begin_planning(patient, project_id)
        await patient.call("POST", f"/{project_id}/cancel")
        await patient.call("DELETE", f"/{project_id}")
        await refused(patient, "GET", f"/{project_id}", 404, "project_deleted")

    await asyncio.gather(*(one() for _ in range(5)))


async def test_a_link_in_a_workspace_is_not_followed_by_the_delete(signoff: Stack, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    project_id = await signoff.create("")
    (Path((await signoff.project(project_id))["workspace"]) / "link").symlink_to(tmp_path)
    await signoff.call("DELETE", f"/{project_id}")
    assert (tmp_path / "precious").exists()
