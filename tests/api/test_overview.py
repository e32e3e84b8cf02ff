"""The overview: what runs and waits, and figures by template and week, over the projects that the reader may see."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from signoff import AsyncSignoff
from tests.api.answers import check_error
from tests.api.test_roles import ADMIN, SERVER_KEY, bearer, key_for
from tests.conftest import Stack, eventually, running_stack

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

GOOD, BAD = "- Import: `echo done` {#import}\n", "- Import: `false` {#import}\n"
WAITS = "- [ ] Read it {#read}\n"


@pytest.fixture(scope="module")
async def locked(
    temporal_server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stack]:
    async with running_stack(temporal_server, tmp_path_factory.mktemp("overview"), api_key=SERVER_KEY) as stack:
        stack.http.headers.update(ADMIN)
        yield stack


async def overview(stack: Stack, headers: dict[str, str] | None = None, **query: Any) -> dict[str, Any]:
    answer = await stack.http.get("/api/overview", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def finished(stack: Stack, outline: str, status: str, **fields: Any) -> str:
    project_id = await stack.started(outline, **fields)

    async def has_ended() -> bool:
        return (await stack.call("GET", f"/{project_id}"))["status"] == status

    await eventually(has_ended, what=f"{project_id} is {status}")
    return project_id


async def test_figures_cover_what_the_reader_may_see(locked: Stack) -> None:
    await finished(locked, GOOD, "completed", template="Nightly import", labels=["imports"])
    await finished(locked, BAD, "failed", template="Nightly import", labels=["imports"])
    await finished(locked, GOOD, "completed", labels=["reports"])
    waits = await locked.started(WAITS, name="Waits here", template="Checks", labels=["reports"])
    await locked.task_in(waits, "read", "waiting")
    planned = await locked.planned(GOOD, name="Planned", labels=["imports"])

    everything = await overview(locked)
    assert everything["status_counts"] == {"pending": 1, "running": 1, "completed": 2, "failed": 1, "cancelled": 0}
    figures = {row["template"]: row for row in everything["templates"]}
    assert set(figures) == {"Nightly import", None}
    nightly = figures["Nightly import"]
    assert (nightly["completed"], nightly["failed"], nightly["success_rate"]) == (1, 1, 0.5)
    assert nightly["mean_ms"] > 0
    assert [row["project_id"] for row in everything["running"]] == [waits]
    assert everything["running"][0]["template"] == "Checks"
    kinds = {kind: waiting["count"] for kind, waiting in everything["waiting_counts"].items()}
    assert kinds == {"manual": 1, "plan": 1}
    assert {row["project_id"] for row in everything["waiting"]} == {waits, planned}
    # A step of the template is listed once, although it has run twice.
    assert sorted(row["template"] or "" for row in everything["slowest"]) == ["", "Nightly import"]
    assert sum(week["completed"] for week in everything["weeks"]) == 2

    key = bearer((await key_for(locked, "Reads reports", {"role": "viewer", "labels": ["reports"]}))["key"])
    some = await overview(locked, key)
    listed = (await locked.http.get("/api/projects", headers=key)).json()
    assert some["status_counts"] == listed["status_counts"]
    assert [row["template"] for row in some["templates"]] == [None]
    assert [row["template"] for row in some["slowest"]] == [None]
    assert {row["project_id"] for row in some["waiting"]} == {row["project_id"] for row in some["running"]} == {waits}
    assert {kind: waiting["count"] for kind, waiting in some["waiting_counts"].items()} == {"manual": 1}
    nobody = bearer((await key_for(locked, "Reads others", {"role": "viewer", "labels": ["others"]}))["key"])
    nothing = await overview(locked, nobody)
    assert not any(nothing[name] for name in ("running", "waiting", "waiting_counts", "templates", "slowest"))

    # With its label, a project's figures move to other readers.
    await locked.call("PUT", f"/{waits}", json={"labels": ["others"]})
    assert [row["project_id"] for row in (await overview(locked, nobody))["running"]] == [waits]
    assert (await overview(locked, key))["running"] == []


async def test_weeks_go_back_as_far_as_asked(locked: Stack) -> None:
    today = datetime.now(UTC).date()
    for number in (1, 52):
        found = await overview(locked, weeks=number)
        mondays = [date.fromisoformat(week["week"]) for week in found["weeks"]]
        assert len(mondays) == number
        assert found["since"] == mondays[0].isoformat()
        assert mondays[-1].weekday() == 0
        assert timedelta(0) <= today - mondays[-1] < timedelta(days=8)
    async with AsyncSignoff(locked.url, api_key=SERVER_KEY) as client:
        assert len((await client.overview()).weeks) == 13
        assert len((await client.overview(weeks=2)).weeks) == 2
    for wrong in ("0", "53", "many"):
        answer = await locked.http.get("/api/overview", params={"weeks": wrong})
        assert check_error(answer)["error"] == "bad_request"


async def test_a_project_keeps_the_template_that_it_started_from(locked: Stack) -> None:
    project_id = await locked.create(GOOD, template="Nightly import")
    copy = await locked.call("POST", f"/{project_id}/duplicate", status=201)
    assert copy["template"] == "Nightly import"
    assert (await locked.call("PUT", f"/{project_id}", json={"template": None}))["template"] is None
    refused = await locked.http.post("/api/projects", json={"template": "x" * 201})
    assert check_error(refused)["details"][0]["field"] == "template"
