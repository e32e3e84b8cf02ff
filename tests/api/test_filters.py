"""Saved filters: each person has their own, and who signs in as nobody shares those of the installation."""

from __future__ import annotations

from typing import Any

import pytest

from app.storage import filters
from app.storage.filters import MAX_FILTERS
from tests.api.answers import check_error
from tests.api.test_roles import bearer, key_for, locked  # noqa: F401 - a fixture
from tests.conftest import Stack

FAILED = {"name": "Failures", "conditions": {"status": "failed", "label": "ops"}}


async def names(stack: Stack, **headers: Any) -> list[str]:
    answer = await stack.http.get("/api/filters", **headers)
    return [one["name"] for one in answer.raise_for_status().json()["filters"]]


async def test_a_filter_is_saved_listed_changed_and_deleted(signoff: Stack) -> None:
    made = await signoff.http.post("/api/filters", json=FAILED)
    assert made.status_code == 201, made.text
    saved = made.json()
    assert made.headers["location"] == f"/api/filters/{saved['id']}"
    assert (saved["name"], saved["conditions"]["status"], saved["conditions"]["label"]) == ("Failures", "failed", "ops")
    listed = (await signoff.http.get("/api/filters")).json()
    assert saved in listed["filters"]
    changed = await signoff.http.put(
        f"/api/filters/{saved['id']}",
        json={"name": " FAILURES of ops ", "conditions": {"archived": "all", "created_after": "2026-11-01"}},
    )
    assert changed.status_code == 200, changed.text
    assert changed.json()["name"] == "FAILURES of ops"
    kept = {name: value for name, value in changed.json()["conditions"].items() if value is not None}
    assert kept == {"archived": "all", "created_after": "2026-11-01"}
    assert (await signoff.http.delete(f"/api/filters/{saved['id']}")).json() == changed.json()
    assert "FAILURES of ops" not in await names(signoff)
    for method, body in (("PUT", FAILED), ("DELETE", None)):
        gone = await signoff.http.request(method, f"/api/filters/{saved['id']}", json=body)
        assert (gone.status_code, check_error(gone)["code"]) == (404, "filter_not_found")


async def test_conditions_are_what_the_list_of_projects_takes(signoff: Stack) -> None:
    await signoff.create("- A", name="Filtered by name", labels=["filtered"])
    made = await signoff.http.post(
        "/api/filters",
        json={
            "name": "All of them",
            "conditions": {
                "status": "pending",
                "search": "filtered by",
                "label": "filtered",
                "archived": "all",
                "created_after": "2020-01-01",
                "created_before": "2999-01-01T00:00:00Z",
            },
        },
    )
    conditions = {name: value for name, value in made.json()["conditions"].items() if value is not None}
    found = await signoff.http.get("/api/projects", params=conditions)
    assert [row["name"] for row in found.json()["projects"]] == ["Filtered by name"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"conditions": {"status": "failed"}}, "name"),
        ({"name": " ", "conditions": {"status": "failed"}}, "name"),
        ({"name": "x" * 41, "conditions": {"status": "failed"}}, "name"),
        ({"name": "a"}, "conditions"),
        ({"name": "a", "conditions": {}}, "conditions"),
        ({"name": "a", "conditions": {"status": None, "search": ""}}, "conditions"),
        ({"name": "a", "conditions": {"status": "broken"}}, "conditions.status"),
        ({"name": "a", "conditions": {"search": "x" * 1001}}, "conditions.search"),
        ({"name": "a", "conditions": {"label": "x" * 65}}, "conditions.label"),
        ({"name": "a", "conditions": {"archived": "maybe"}}, "conditions.archived"),
        ({"name": "a", "conditions": {"created_after": "yesterday"}}, "conditions.created_after"),
        ({"name": "a", "conditions": {"sort_by": "name"}}, "conditions.sort_by"),
        ({"name": "a", "conditions": {"created_after": "2026-11-01", "updated_before": "2026-11-02"}}, "conditions"),
    ],
)
async def test_what_is_no_filter_is_refused(signoff: Stack, body: dict[str, Any], field: str) -> None:
    answer = await signoff.http.post("/api/filters", json=body)
    assert answer.status_code == 422, answer.text
    assert field in {problem["field"] for problem in check_error(answer)["details"]}


async def test_a_name_is_taken_once_whatever_its_case(signoff: Stack) -> None:
    one = {"name": "Twice", "conditions": {"label": "twice"}}
    first = (await signoff.http.post("/api/filters", json=one)).json()
    again = await signoff.http.post("/api/filters", json={**one, "name": "TWICE "})
    assert (again.status_code, check_error(again)["code"]) == (409, "filter_exists")
    other = (await signoff.http.post("/api/filters", json={**one, "name": "Once"})).json()
    taken = await signoff.http.put(f"/api/filters/{other['id']}", json={**one, "name": "twice"})
    assert (taken.status_code, check_error(taken)["code"]) == (409, "filter_exists")
    own = await signoff.http.put(f"/api/filters/{first['id']}", json={**one, "name": "twice"})
    assert own.json()["name"] == "twice"


async def test_a_repeat_saves_once(signoff: Stack) -> None:
    body = {"name": "Sent twice", "conditions": {"label": "repeat"}}
    sent = [await signoff.http.post("/api/filters", json=body, headers={"Idempotency-Key": "f"}) for _ in range(2)]
    assert sent[0].json() == sent[1].json()
    assert (await names(signoff)).count("Sent twice") == 1


async def test_there_is_room_for_a_number_of_filters(locked: Stack) -> None:  # noqa: F811
    key = (await key_for(locked, "saves many", {"role": "viewer"}))["key"]
    for number in range(MAX_FILTERS):
        body = {"name": f"{number}", "conditions": {"label": "many"}}
        assert (await locked.http.post("/api/filters", json=body, headers=bearer(key))).status_code == 201
    one_more = {"name": "one more", "conditions": {"label": "many"}}
    full = await locked.http.post("/api/filters", json=one_more, headers=bearer(key))
    assert (full.status_code, check_error(full)["code"]) == (409, "too_many_filters")
    assert str(MAX_FILTERS) in full.json()["message"]


async def test_each_person_has_filters_of_their_own(locked: Stack) -> None:  # noqa: F811
    body = {"name": "Mine", "conditions": {"label": "own"}}
    shared = (await locked.http.post("/api/filters", json=body)).json()
    keys = [(await key_for(locked, name, {"role": "viewer"}))["key"] for name in ("one", "another")]
    own = [(await locked.http.post("/api/filters", json=body, headers=bearer(key))).json() for key in keys]
    assert len({shared["id"], *(one["id"] for one in own)}) == 3
    for key in keys:
        assert await names(locked, headers=bearer(key)) == ["Mine"]
        for other in (shared["id"], *(one["id"] for one, theirs in zip(own, keys, strict=True) if theirs != key)):
            gone = await locked.http.delete(f"/api/filters/{other}", headers=bearer(key))
            assert gone.status_code == 404
    assert "Mine" in await names(locked)


async def test_the_filters_of_a_revoked_key_are_deleted(locked: Stack) -> None:  # noqa: F811
    made = await key_for(locked, "leaves", {"role": "viewer"})
    body = {"name": "Left behind", "conditions": {"label": "left"}}
    for headers in (bearer(made["key"]), {}):
        assert (await locked.http.post("/api/filters", json=body, headers=headers)).status_code == 201
    assert (await locked.http.delete(f"/api/keys/{made['id']}")).status_code == 200
    assert await locked.database.read(lambda conn: filters.all_of(conn, made["id"])) == []
    assert "Left behind" in await names(locked)
