"""Pages of lists by cursor: complete, stable, and refused where they mean nothing."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.api.answers import fields_of, refused
from tests.conftest import Stack

pytestmark = pytest.mark.usefixtures("plans_without_workflow")


async def pages(stack: Stack, path: str, name: str, **query: Any) -> list[list[dict[str, Any]]]:
    """Every page of a list."""
    found, cursor = list[list[dict[str, Any]]](), {}
    while True:
        answer = await stack.call("GET", path, params=query | cursor)
        found.append(answer[name])
        if answer["next_cursor"] is None:
            return found
        cursor = {"cursor": answer["next_cursor"]}


async def test_projects_come_once_each_while_others_come_and_go(signoff: Stack) -> None:
    made = [await signoff.create("", name=f"turned {number}") for number in range(5)]
    first = await signoff.call("GET", "", params={"search": "turned", "limit": 2})
    assert [row["id"] for row in first["projects"]] == [made[4], made[3]]
    await signoff.create("", name="turned later")
    await signoff.call("DELETE", f"/{made[4]}")
    query = {"search": "turned", "limit": 2, "cursor": first["next_cursor"]}
    second = await signoff.call("GET", "", params=query)
    assert [row["id"] for row in second["projects"]] == [made[2], made[1]]
    assert second["total"] == 5
    query["cursor"] = second["next_cursor"]
    third = await signoff.call("GET", "", params=query)
    assert [row["id"] for row in third["projects"]] == [made[0]]
    assert third["next_cursor"] is None
    # A cursor continues where a page by offset has ended.
    by_offset = await signoff.call("GET", "", params={"search": "turned", "limit": 2, "offset": 1})
    following = await signoff.call("GET", "", params=query | {"cursor": by_offset["next_cursor"]})
    assert [row["id"] for row in following["projects"]] == [made[1], made[0]]


async def test_tasks_come_in_plan_order(signoff: Stack) -> None:
    project_id = await signoff.planned("\n".join(f"- [ ] Step {number}" for number in range(5)))
    found = await pages(signoff, f"/{project_id}/tasks", "tasks", limit=2)
    assert [[task["title"] for task in page] for page in found] == [
        ["Step 0", "Step 1"],
        ["Step 2", "Step 3"],
        ["Step 4"],
    ]
    assert await pages(signoff, f"/{project_id}/tasks", "tasks") == [[task for page in found for task in page]]


@pytest.mark.parametrize(
    "values",
    [
        "not base64!",
        "AAAA",
        base64.b64encode(b"[1,").decode(),
        base64.b64encode(b'{"a": 1}').decode(),
        base64.b64encode(b"[" * 2000).decode(),
        ["", 1, 2],
        ["", "a"],
        ["", "a", "b", "c"],
        ["", "a", "\x00"],
        ["", "a", "\ud800"],
        ["", "a", None],
    ],
)
async def test_a_bad_cursor_says_what_to_do(signoff: Stack, values: str | list[object]) -> None:
    if isinstance(values, list):
        values = base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")
    body = await refused(signoff, "GET", f"?cursor={values}", 422, "bad_cursor")
    assert fields_of(body) == ["cursor"]
    assert "next_cursor of the page before" in body["message"]


async def test_a_cursor_belongs_to_filters_and_order(signoff: Stack) -> None:
    for number in range(3):
        await signoff.create("", name=f"bound {number}")
    answer = await signoff.call("GET", "", params={"search": "bound", "limit": 1})
    cursor = answer["next_cursor"]
    for others in (
        "search=other",
        "search=bound&sort_by=oldest",
        "search=bound&status=pending",
        "search=bound&label=x",
    ):
        body = await refused(signoff, "GET", f"?{others}&cursor={cursor}", 422, "cursor_of_another_list")
        assert fields_of(body) == ["cursor"]
    body = await refused(signoff, "GET", f"?search=bound&offset=1&cursor={cursor}", 422, "cursor_with_offset")
    assert "Send one of them" in body["message"]
    # The size of a page is free, and so is saying what is the default.
    same = await signoff.call("GET", "", params={"search": "bound", "limit": 5, "status": "all", "cursor": cursor})
    assert [row["name"] for row in same["projects"]] == ["bound 1", "bound 0"]
