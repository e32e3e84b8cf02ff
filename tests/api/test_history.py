"""Plan versions, their differences, and runs."""

from __future__ import annotations

import pytest

from tests.api.answers import refused
from tests.conftest import OWNER, Stack

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

PLAN = "## One\n\n- A: `true` {#a}\n- B: `true` {#b after=a}"


async def test_every_version_is_kept_with_who_and_when(signoff: Stack) -> None:
    project_id = await signoff.create(PLAN)
    assert await signoff.call("GET", f"/{project_id}/plans") == {"plans": [], "total": 0, "current": None}
    await signoff.call("POST", f"/{project_id}/generate-plan")
    await signoff.call("POST", f"/{project_id}/tasks", status=201, json={"title": "More"})
    await signoff.call("PUT", f"/{project_id}", json={"description": "- A {#a after=nothing}"})
    await signoff.call("POST", f"/{project_id}/regenerate-plan", status=422)
    listed = await signoff.call("GET", f"/{project_id}/plans")
    found = [(plan["version"], plan["status"], plan["planner"]) for plan in listed["plans"]]
    assert found == [(3, "failed", "outline"), (2, "ready", "hand"), (1, "superseded", "outline")]
    assert (listed["total"], listed["current"]) == (3, 2)
    assert listed["plans"][1]["created_by"] == OWNER
    assert listed["plans"][0]["digest"] is None


async def test_differences_name_what_was_added_removed_and_changed(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    edits = [
        {"op": "add_phase", "name": "Two"},
        {"op": "add_task", "title": "New", "phase": "two"},
        {"op": "update_task", "task": "b", "title": "Better", "retries": 2},
        {"op": "move_task", "task": "b", "phase": "two"},
        {"op": "update_phase", "phase": "one", "name": "First"},
    ]
    await signoff.call("POST", f"/{project_id}/refine-plan", json={"edits": edits})
    await signoff.call("PUT", f"/{project_id}", json={"strategy": "careful"})
    found = await signoff.call("GET", f"/{project_id}/plan/diff?from=1&to=3")
    assert (found["before"], found["after"]) == (1, 3)
    assert (found["phases"]["added"], found["phases"]["removed"]) == (["two"], [])
    name = {"field": "name", "before": "One", "after": "First"}
    assert found["phases"]["changed"] == [{"key": "one", "changes": [name]}]
    assert found["tasks"]["added"] == ["new"]
    (changed,) = found["tasks"]["changed"]
    assert changed["key"] == "b"
    assert {change["field"]: (change["before"], change["after"]) for change in changed["changes"]} == {
        "title": ("B", "Better"),
        "retries": (None, 2),
        "phase": ("one", "two"),
    }
    assert found["settings"] == [{"field": "strategy", "before": "performance", "after": "careful"}]
    last = await signoff.call("GET", f"/{project_id}/plan/diff")
    assert (last["before"], last["after"], last["tasks"]["changed"]) == (2, 3, [])
    back = await signoff.call("GET", f"/{project_id}/plan/diff?from=3&to=1")
    assert back["tasks"]["removed"] == ["new"]


async def test_differences_of_versions_that_are_not_there(signoff: Stack) -> None:
    draft = await signoff.create(PLAN)
    await refused(signoff, "GET", f"/{draft}/plan/diff", 404, "no_plan")
    project_id = await signoff.planned(PLAN)
    await refused(signoff, "GET", f"/{project_id}/plan/diff", 404, "plan_not_found")
    await refused(signoff, "GET", f"/{project_id}/plan/diff?from=1&to=9", 404, "plan_not_found")
    await refused(signoff, "GET", f"/{project_id}/plan/diff?from=0", 400)


async def test_runs_are_listed_newest_first(signoff: Stack) -> None:
    project_id = await signoff.started("- Bad: `false`")
    await signoff.finished(project_id)
    await signoff.call("POST", f"/{project_id}/retry")
    await signoff.finished(project_id)
    listed = await signoff.call("GET", f"/{project_id}/runs")
    found = [(run["number"], run["status"], run["plan_version"]) for run in listed["runs"]]
    assert found == [(2, "failed", 1), (1, "failed", 1)]
    assert all(run["started_at"] <= run["completed_at"] for run in listed["runs"])
    await refused(signoff, "GET", "/proj_nothing/runs", 404)
