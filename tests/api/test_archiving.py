"""The archive: finished projects that lists, counts and searches leave out, and that stay readable and verifiable."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.answers import refused
from tests.conftest import Stack

pytestmark = pytest.mark.usefixtures("plans_without_workflow")


async def listed(stack: Stack, **query: Any) -> dict[str, Any]:
    return await stack.call("GET", "", params=query)


async def ids(stack: Stack, **query: Any) -> list[str]:
    return [row["id"] for row in (await listed(stack, **query))["projects"]]


async def done(stack: Stack, name: str, **fields: Any) -> str:
    project_id = await stack.started("- `true`", name=name, **fields)
    await stack.finished(project_id)
    return project_id


async def archive(stack: Stack, *project_ids: str, archived: bool = True) -> dict[str, Any]:
    return await stack.call("POST", "/batch/archive", json={"ids": [*project_ids], "archived": archived})


async def test_an_archived_project_is_left_out_unless_asked_for(signoff: Stack) -> None:
    kept = await done(signoff, "Vintage kept", labels=["vintage"])
    gone = await done(signoff, "Vintage gone", labels=["vintage"])
    everything = (await listed(signoff))["status_counts"]["completed"]
    answer = await archive(signoff, gone)
    assert answer == {"done": [gone], "failed": [], "message": "1 archived."}
    for query in ({"search": "vintage"}, {"label": "vintage"}, {"search": "vintage", "status": "completed"}):
        assert await ids(signoff, **query) == [kept]
        assert (await listed(signoff, **query))["status_counts"]["completed"] == 1
        assert await ids(signoff, **query, archived="true") == [gone]
        assert await ids(signoff, **query, archived="all") == [gone, kept]
        assert await ids(signoff, **query, archived="all", sort_by="name") == [gone, kept]
        assert await ids(signoff, **query, archived="all", sort_by="oldest") == [kept, gone]
    counts = [(await listed(signoff, archived=which))["status_counts"]["completed"] for which in ("false", "all")]
    assert counts == [everything - 1, everything]
    assert gone in await ids(signoff, archived="true", limit=200)
    assert gone not in await ids(signoff, limit=200)
    row = next(row for row in (await listed(signoff, archived="true"))["projects"] if row["id"] == gone)
    assert row["archived_at"] == (await signoff.project(gone))["archived_at"] is not None
    assert (await archive(signoff, gone, archived=False))["message"] == "1 brought back."
    assert await ids(signoff, search="vintage") == [gone, kept]
    assert (await signoff.project(gone))["archived_at"] is None


async def test_pages_of_both_parts_together_skip_and_repeat_nothing(signoff: Stack) -> None:
    made = [await signoff.create(name=f"In the attic {number}") for number in range(6)]
    for project_id in made:
        await signoff.call("POST", f"/{project_id}/cancel")
    await archive(signoff, *made[::2])
    for order, expected in (("newest", made[::-1]), ("name", made), ("oldest", made), ("status", made[::-1])):
        query = {"archived": "all", "sort_by": order, "limit": "4"}
        seen, cursor = list[str](), None
        while cursor is not None or not seen:
            page = await listed(signoff, **query, **({"cursor": cursor} if cursor else {}))
            seen += [row["id"] for row in page["projects"]]
            cursor = page["next_cursor"]
        assert len(seen) == len(set(seen)) == (await listed(signoff, archived="all"))["total"]
        assert [project_id for project_id in seen if project_id in made] == expected


async def test_the_record_says_who_archived_and_stays_valid(signoff: Stack) -> None:
    project_id = await done(signoff, "Archived on record")
    await archive(signoff, project_id)
    await archive(signoff, project_id)
    told = [event for event in await signoff.events(project_id) if event["data"].get("archived") is not None]
    assert [(event["type"], event["actor"], event["data"]["archived"]) for event in told] == [
        ("project.updated", told[0]["actor"], True)
    ]
    assert told[0]["actor"] == (await signoff.project(project_id))["created_by"]
    findings = (await signoff.call("POST", f"/{project_id}/audit"))["results"]["findings"]
    assert {finding["code"] for finding in findings} <= {"approved_by_author", "no_time_limit"}
    exported = await signoff.http.get(f"/api/projects/{project_id}/download")
    assert exported.status_code == 200
    assert exported.content.startswith(b"PK")


async def test_only_finished_projects_are_archived_and_the_rest_is_not_stopped(signoff: Stack) -> None:
    running, finished = await signoff.started("- `sleep 60`"), await done(signoff, "Finished beside")
    answer = await archive(signoff, running, finished, "proj_nothing", finished)
    assert answer["done"] == [finished]
    assert [(each["id"], each["error"]) for each in answer["failed"]] == [
        (running, "not_finished"),
        ("proj_nothing", "project_not_found"),
    ]
    assert answer["message"] == "1 archived, 2 not archived."
    await refused(signoff, "POST", "/batch/archive", 422, json={"ids": []})
    await refused(signoff, "GET", "?archived=maybe", 400)


async def test_a_retry_or_a_new_plan_brings_a_project_back(signoff: Stack) -> None:
    retried, planned = await done(signoff, "Back by retry"), await done(signoff, "Back by plan")
    await archive(signoff, retried, planned)
    await signoff.call("POST", f"/{retried}/retry", json={"tasks": ["true"]})
    await signoff.call("POST", f"/{planned}/regenerate-plan", headers={"Prefer": "wait=60"})
    assert await ids(signoff, search="back by") == [planned, retried]
    await signoff.finished(retried)
