"""The list of projects: filter, search, order, pages, counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import Connection, event, update

from app.storage import tasks
from app.storage.tables import projects
from tests.api.answers import fields_of, refused
from tests.conftest import Stack, eventually, running_stack

STATUSES = ("pending", "running", "completed", "failed", "cancelled")


async def listed(stack: Stack, **query: Any) -> dict[str, Any]:
    return await stack.call("GET", "", params=query)


async def names(stack: Stack, **query: Any) -> list[str]:
    return [row["name"] for row in (await listed(stack, **query))["projects"]]


async def test_an_empty_list_has_the_whole_envelope(temporal_server, tmp_path: Path) -> None:
    async with running_stack(temporal_server, tmp_path, worker=False) as stack:
        assert await listed(stack) == {
            "projects": [],
            "total": 0,
            "limit": 20,
            "offset": 0,
            "status_counts": dict.fromkeys(STATUSES, 0),
            "next_cursor": None,
        }


async def test_a_row_has_what_clients_rely_on(signoff: Stack) -> None:
    project_id = await signoff.create("About it", name="List row of its own")
    [row] = (await listed(signoff, search="List row of its own"))["projects"]
    project = await signoff.project(project_id)
    fields = ("id", "name", "description", "status", "created_at", "updated_at")
    assert {name: row[name] for name in fields} == {name: project[name] for name in fields}


async def test_a_row_counts_the_tasks_that_wait_for_a_person(signoff: Stack) -> None:
    project_id = await signoff.started("- [ ] Look\n- [ ] Sign\n- `sleep 60`", name="Counts what waits")

    async def waiting() -> int:
        [row] = (await listed(signoff, search="Counts what waits"))["projects"]
        return row["manual_waiting"]

    async def both() -> bool:
        return await waiting() == 2

    await eventually(both, what="two tasks wait")
    await signoff.call("POST", f"/{project_id}/tasks/look/complete", json={})
    assert await waiting() == 1
    await signoff.call("POST", f"/{project_id}/cancel")
    assert await waiting() == 0


@pytest.mark.usefixtures("sqlite_only")  # PostgreSQL estimates the number of rows and chooses the faster method
async def test_what_waits_is_found_without_reading_every_task(signoff: Stack) -> None:
    def steps(conn: Connection) -> list[str]:
        sent: list[tuple[str, Any]] = []
        event.listen(conn, "before_cursor_execute", lambda *arguments: sent.append((arguments[2], arguments[3])))
        tasks.manual_waiting(conn, ["proj_1", "proj_2"])
        statement, parameters = sent[-1]  # the earlier statements begin the transaction
        return [str(row) for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]

    assert "ix_tasks_manual" in (await signoff.database.read(steps))[0]


async def test_newest_come_first_and_pages_neither_repeat_nor_miss_any(signoff: Stack) -> None:
    made = [await signoff.create("", name=f"paged {number}") for number in range(7)]
    pages = [await listed(signoff, search="paged", limit=3, offset=offset) for offset in (0, 3, 6, 9)]
    found = [row["id"] for page in pages for row in page["projects"]]
    assert found == list(reversed(made))
    assert [len(page["projects"]) for page in pages] == [3, 3, 1, 0]
    assert {(page["total"], page["limit"]) for page in pages} == {(7, 3)}


async def test_ties_have_an_order_too(signoff: Stack) -> None:
    made = [await signoff.create("", name=f"tied {number}") for number in range(5)]
    at = {"created_at": "2026-01-01T00:00:00.000Z"}
    await signoff.database.transact(
        lambda conn: conn.execute(projects.update().where(projects.c.id.in_(made)).values(at))
    )
    pages = [await listed(signoff, search="tied", limit=1, offset=offset) for offset in range(5)]
    assert [page["projects"][0]["id"] for page in pages] == sorted(made, reverse=True)


async def test_orders(signoff: Stack) -> None:
    made = {name: await signoff.create("", name=f"ordered {name}") for name in ("b", "Ä", "A", "c")}
    await signoff.call("POST", f"/{made['b']}/cancel")
    # `updated` sorts by the last change, not by creation.
    await signoff.call("PUT", f"/{made['A']}", json={"description": "changed"})

    async def order(sort_by: str) -> list[str]:
        return [name.removeprefix("ordered ") for name in await names(signoff, search="ordered", sort_by=sort_by)]

    assert await order("newest") == ["c", "A", "Ä", "b"]
    assert await order("oldest") == ["b", "Ä", "A", "c"]
    assert await order("updated") == ["A", "b", "c", "Ä"]
    # Names are ordered without case and accents, and equal ones by age.
    assert await order("name") == ["Ä", "A", "b", "c"]
    assert await order("status") == ["b", "c", "A", "Ä"]


async def test_a_reference_finds_a_project_by_id_or_name(signoff: Stack) -> None:
    first = await signoff.create("", name="Réf one")
    second = await signoff.create("", name="Réf one, and more")

    async def found(ref: str) -> list[str]:
        return [row["id"] for row in (await listed(signoff, ref=ref))["projects"]]

    for ref in (first, first[-12:], first.removeprefix("proj_")[:20], "REF one"):
        assert first in await found(ref), ref
    assert await found(first) == [first]
    assert second not in await found("Réf one"), "only whole names count"
    assert {first, second} <= set(await found("proj_"))
    for ref in ("%", "_", "one", "no such project"):
        assert await found(ref) == [], ref


async def test_status_filters_and_counts_stay_whole_under_it(signoff: Stack) -> None:
    kept = await signoff.create("", name="counted one")
    await signoff.call("POST", f"/{await signoff.create('', name='counted two')}/cancel")
    counts = dict.fromkeys(STATUSES, 0) | {"pending": 1, "cancelled": 1}
    pending = await listed(signoff, search="counted", status="pending")
    assert [row["id"] for row in pending["projects"]] == [kept]
    assert (pending["total"], pending["status_counts"]) == (1, counts)
    none = await listed(signoff, search="counted", status="failed")
    assert (none["projects"], none["total"], none["status_counts"]) == ([], 0, counts)
    for query in ({"status": "all"}, {}):
        everything = await listed(signoff, search="counted", **query)
        assert (everything["total"], everything["status_counts"]) == (2, counts)


@pytest.mark.parametrize(
    ("name", "description", "term"),
    [
        ("Ärger mit ÖL 1", "", "ärger MIT öl 1"),
        ("Δοκιμή 2", "", "ΔΟΚΙΜΉ 2"),
        ("by text 3", "see Привет there", "пРИВЕТ"),
        ("100%_sure 4", "", "100%_SURE"),
        (r"back\slash 5", "", r"BACK\SLASH"),
        ("quote ' and \" 6", "", "' and \" 6"),
    ],
)
async def test_search_ignores_case_and_knows_no_wildcards(
    signoff: Stack, name: str, description: str, term: str
) -> None:
    await signoff.create(description, name=name)
    assert name in await names(signoff, search=term)


@pytest.mark.parametrize("term", ["%", "_", "w%d", "w_ld", "wil\\"])
async def test_wildcards_of_sql_find_only_themselves(signoff: Stack, term: str) -> None:
    await signoff.create("", name="wild card")
    assert "wild card" not in await names(signoff, search=term)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("offset=-1", "offset"),
        ("offset=2147483648", "offset"),
        ("offset=x", "offset"),
        ("status=unknown", "status"),
        ("status=PENDING", "status"),
        ("sort_by=created", "sort_by"),
        ("search=" + "x" * 1001, "search"),
    ],
)
async def test_a_bad_query_is_named(signoff: Stack, query: str, field: str) -> None:
    body = await refused(signoff, "GET", f"?{query}", 400, "bad_request")
    assert fields_of(body) == [field]
    assert body["message"].startswith(field)


async def test_bounds_of_the_query_are_taken(signoff: Stack) -> None:
    for query in ({"limit": 1}, {"limit": 200}, {"offset": 2147483647}, {"search": "%" * 1000}, {"search": ""}):
        answer = await listed(signoff, **query)
        assert {key: answer[key] for key in query if key != "search"} == {
            k: v for k, v in query.items() if k != "search"
        }


@pytest.mark.parametrize(
    "term", ["\x00", "a\x00b", "\ud800".encode("utf-8", "surrogatepass"), b"\xff\xfe", "💩", "' OR 1=1 --"]
)
async def test_odd_search_terms_are_only_text(signoff: Stack, term: str | bytes) -> None:
    await signoff.call("GET", f"?search={quote(term)}")


async def test_lists_are_limited_to_a_time(signoff: Stack) -> None:
    """Those of another time, in any order and with other filters, are neither listed nor counted."""
    made = [await signoff.create("", name=f"timeframe {number}") for number in range(4)]
    ids = list(reversed(made))
    days = [
        "2020-01-01T00:00:00.000Z",
        "2020-01-02T00:00:00.000Z",
        "2020-01-02T12:00:00.000Z",
        "2020-01-03T00:00:00.000Z",
    ]

    def age(conn: Connection) -> None:
        for project_id, at in zip(made, days, strict=True):
            later = at.replace("2020", "2021")
            conn.execute(update(projects).where(projects.c.id == project_id).values(created_at=at, updated_at=later))

    await signoff.database.transact(age)

    async def found(**query: Any) -> list[str]:
        answer = await listed(signoff, **query)
        assert answer["total"] == len(answer["projects"]) == answer["status_counts"]["pending"]
        return [row["id"] for row in answer["projects"]]

    year = {"created_after": "2020-01-01", "created_before": "2021-01-01"}
    for order in ("newest", "updated"):
        assert await found(**year, sort_by=order) == ids
    assert await found(**year, sort_by="name", archived="all") == made
    assert await found(**year, search="timeframe 1") == [made[1]]
    assert await found(**year, status="pending", limit=200) == ids
    assert await found(created_after="2020-01-02", created_before="2020-01-03") == [made[2], made[1]]
    assert await found(created_after="2020-01-02T13:00:00+01:00", created_before="2020-01-02T12:00:00.001Z") == [
        made[2]
    ]
    assert await found(updated_after="2021-01-03", updated_before="2021-02-01") == [made[3]]
    assert await found(**year, updated_before="2021-01-02") == [made[0]]
    assert await found(**year | {"created_before": "2020-01-01"}) == []
    first = await listed(signoff, **year, limit=3)
    rest = await listed(signoff, **year, limit=3, cursor=first["next_cursor"])
    assert [row["id"] for row in rest["projects"]] == [made[0]]
    refusal = await refused(
        signoff, "GET", "", 422, params={"created_after": "2019-01-01", "cursor": first["next_cursor"]}
    )
    assert refusal["code"] == "cursor_of_another_list"
    assert (await listed(signoff, created_after="", search="timeframe"))["total"] == 4
    for wrong in ("yesterday", "2020-13-01", "0001-01-01T00:00:00+14:00"):
        refusal = await refused(signoff, "GET", "", 400, params={"updated_before": wrong})
        assert refusal["code"] == "bad_time"
        assert fields_of(refusal) == ["updated_before"]
