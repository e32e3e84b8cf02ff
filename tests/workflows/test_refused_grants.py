"""A plan that grants a task access to Signoff's own data is refused when it is made, not only when the task starts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Stack

pytestmark = pytest.mark.usefixtures("plans_without_workflow")


def task(key: str, **fields: object) -> dict[str, object]:
    return {"op": "add_task", "title": key, "key": key, "action": {"type": "shell", "command": "true"}, **fields}


@pytest.fixture
def place(signoff: Stack, tmp_path: Path) -> Path:
    """A file of Signoff's own data, behind a link. tests/unit/test_granted_places.py has the other ways to reach the data."""
    link = tmp_path / "link"
    link.symlink_to(signoff.settings.data_dir)
    return link / "signoff.db"


@pytest.mark.parametrize("name", ["reads", "writes"])
async def test_an_outline_is_refused_with_its_line(signoff: Stack, place: Path, name: str) -> None:
    outline = f"- A: `true` {{#a}}\n- B: `true` {{#b {name}=/usr/share,{place}}}"
    project_id = await signoff.create(outline)
    error = await signoff.call("POST", f"/{project_id}/generate-plan", status=422)
    assert error["code"] == "plan_invalid"
    (problem,) = error["details"]
    assert problem["field"].startswith("line 2, column ")
    assert str(place) in problem["message"]
    assert "Signoff's own data" in problem["message"]
    preview = (await signoff.http.post("/api/outline", json={"description": outline})).json()
    assert (preview["valid"], preview["problems"]) == (False, [problem])


async def test_a_task_as_json_is_refused(signoff: Stack, place: Path) -> None:
    fields = {"key": "a", "title": "A", "action": {"type": "shell", "command": "true"}, "writes": [str(place)]}
    project_id = await signoff.create(f"- ```task\n  {json.dumps(fields)}\n  ```")
    error = await signoff.call("POST", f"/{project_id}/generate-plan", status=422)
    assert (error["code"], "Signoff's own data" in error["message"]) == ("plan_invalid", True)


async def test_edits_are_refused(signoff: Stack, place: Path) -> None:
    project_id = await signoff.planned("- [ ] Look {#a}")
    edits = [task("b"), task("c", reads=[str(place)])]
    for status in ("pending", "running"):
        assert (await signoff.project(project_id))["status"] == status
        error = await signoff.call("POST", f"/{project_id}/refine-plan", status=422, json={"edits": edits})
        assert [problem["field"] for problem in error["details"]] == ["edits.1.reads"]
        body = {"title": "d", "action": {"type": "shell", "command": "true"}, "writes": [str(place)]}
        error = await signoff.call("POST", f"/{project_id}/tasks", status=422, json=body)
        assert [problem["field"] for problem in error["details"]] == ["writes"]
        if status == "pending":
            await signoff.call("POST", f"/{project_id}/approve")
    assert [entry["key"] for entry in (await signoff.project(project_id))["tasks"]] == ["a"]


async def test_what_lies_elsewhere_can_be_granted(signoff: Stack, tmp_path: Path) -> None:
    other = tmp_path / "exports"
    other.mkdir()
    (other / "rows").write_text("3")
    project_id = await signoff.started(f"- Copy: `cp {other}/rows rows` {{#copy reads={other}}}")
    assert (await signoff.finished(project_id))["status"] == "completed"
