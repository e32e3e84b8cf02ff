"""People sign in under their own name, and the record says who they were."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from app.api.http import session_streams
from app.storage.tables import idempotency
from tests.api.test_roles import OUTLINE, bearer, key_for, locked  # noqa: F401 - a fixture
from tests.conftest import DEADLINE, Stack
from tests.sse import messages

PASSWORD = "correct horse battery"


async def test_a_person_signs_in_and_the_record_names_them(locked: Stack) -> None:  # noqa: F811
    body = {"name": "Dana", "email": "dana@example.com", "roles": [{"role": "author"}], "password": PASSWORD}
    person = (await locked.http.post("/api/people", json=body)).json()
    async with httpx.AsyncClient(base_url=locked.url, timeout=90) as browser:
        wrong = await browser.post("/api/session", json={"name": "Dana", "password": "something else"})
        nobody = await browser.post("/api/session", json={"name": "Nobody", "password": PASSWORD})
        assert [wrong.status_code, nobody.status_code] == [401, 401]
        assert wrong.json()["message"] == nobody.json()["message"]
        answer = await browser.post("/api/session", json={"name": "dana@example.com", "password": PASSWORD})
        assert (answer.status_code, answer.json()["actor"]) == (200, "Dana")
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "samesite=strict" in cookie.lower()
        made = await browser.post("/api/projects", json={"description": OUTLINE})
        assert made.status_code == 201, made.text
        project_id = made.json()["id"]
        events = (await browser.get(f"/api/projects/{project_id}/events?follow=false")).text
        (session,) = (await browser.get("/api/sessions")).json()["sessions"]
        origin = (
            f'"actor_id": "{person["id"]}", "via": "session", "address": "127.0.0.1", "session_id": "{session["id"]}"'
        )
        assert origin in events
        refused = await browser.post(f"/api/projects/{project_id}/approve")
        assert (refused.status_code, refused.json()["context"]["needs"]) == (403, ["approver"])
        automatic = await browser.post("/api/projects", json={"auto_approve_plan": True})
        assert automatic.status_code == 403
        await locked.http.put(f"/api/people/{person['id']}", json={"disabled": True})
        ended = await browser.get("/api/projects")
        assert (ended.status_code, ended.json()["code"]) == (401, "session_ended")


async def test_a_name_is_taken_once_and_not_by_what_the_record_uses(locked: Stack) -> None:  # noqa: F811
    roles = [{"role": "viewer"}]
    assert (await locked.http.post("/api/people", json={"name": "Kim", "roles": roles})).status_code == 201
    again = await locked.http.post("/api/keys", json={"name": " kim", "roles": roles})
    assert (again.status_code, again.json()["code"]) == (409, "name_taken")
    for name in ("signoff", "Worker", "model:x", "temporal", "a\u202eb"):
        assert (await locked.http.post("/api/people", json={"name": name, "roles": roles})).status_code == 422


@pytest.mark.parametrize("change", [{"disabled": True}, {"roles": [{"role": "viewer", "labels": ["reports"]}]}])
async def test_the_stream_of_somebody_who_may_read_less_ends(
    locked: Stack,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, Any],
) -> None:
    monkeypatch.setattr(session_streams, "CHECK_SECONDS", 0.0)
    name = f"Reader who is changed by {next(iter(change))}"
    body = {"name": name, "roles": [{"role": "viewer"}], "password": PASSWORD}
    person = (await locked.http.post("/api/people", json=body)).json()
    async with httpx.AsyncClient(base_url=locked.url, timeout=90) as browser:
        assert (await browser.post("/api/session", json={"name": name, "password": PASSWORD})).status_code == 200
        async with asyncio.timeout(DEADLINE), browser.stream("GET", "/api/events") as stream:
            pieces = stream.aiter_bytes()
            assert await anext(pieces)
            (await locked.http.put(f"/api/people/{person['id']}", json=change)).raise_for_status()
            made = (await locked.http.post("/api/projects", json={"name": "not for them"})).json()
            assert made["id"].encode() not in b"".join([piece async for piece in pieces])


async def test_a_reader_of_a_label_learns_that_its_project_is_gone(locked: Stack) -> None:  # noqa: F811
    key = (await key_for(locked, "listens to payments", {"role": "viewer", "labels": ["payments"]}))["key"]
    ids = [await locked.create(OUTLINE, labels=labels) for labels in (["reports"], [], ["payments"])]
    async with asyncio.timeout(DEADLINE), locked.http.stream("GET", "/api/events", headers=bearer(key)) as stream:
        lines = stream.aiter_lines()
        assert await anext(lines) == ": signoff"
        for project_id in ids:
            (await locked.http.delete(f"/api/projects/{project_id}")).raise_for_status()
        told = await anext(messages(lines))
        assert (told["event"], json.loads(told["data"])["project_id"]) == ("project.deleted", ids[2])


async def test_a_repeat_gets_the_same_key_again_and_the_database_does_not_have_it(locked: Stack) -> None:  # noqa: F811
    roles = [{"role": "viewer"}]
    made: list[dict[str, Any]] = []
    added = {"name": "Sent twice", "roles": roles}
    for _ in range(2):
        answer = await locked.http.post("/api/keys", json=added, headers={"Idempotency-Key": "add"})
        assert answer.status_code == 201, answer.text
        made.append(answer.json())
    assert made[0] == made[1]
    path = f"/api/keys/{made[0]['id']}/rotate"
    rotated = [(await locked.http.post(path, json={}, headers={"Idempotency-Key": "new"})).json() for _ in range(2)]
    assert rotated[0] == rotated[1]
    assert rotated[0]["key"] != made[0]["key"]
    assert (await locked.http.get("/api/me", headers=bearer(rotated[0]["key"]))).status_code == 200
    stored = await locked.database.read(lambda conn: conn.execute(select(idempotency)).all())
    texts = [repr(tuple(row)) for row in stored if row.path.startswith("/api/keys")]
    assert len(texts) == 2
    assert not any(made[0]["key"] in text or rotated[0]["key"] in text for text in texts)


async def test_a_key_is_changed_without_another_text_and_gets_no_further_role(locked: Stack) -> None:  # noqa: F811
    bound = {"name": "Changed", "roles": [{"role": "author", "labels": ["imports"]}, {"role": "viewer"}], "days": 30}
    made = (await locked.http.post("/api/keys", json=bound)).json()
    path = f"/api/keys/{made['id']}"
    for roles in (
        [{"role": "approver", "labels": ["imports"]}],
        [{"role": "author"}],
        [{"role": "admin"}],
    ):
        refused = await locked.http.put(path, json={"name": "Not this", "roles": roles})
        assert (refused.status_code, refused.json()["code"]) == (409, "key_scope_grows"), refused.text
    fewer = [{"role": "author", "labels": ["imports", "reports"]}]
    changed = (await locked.http.put(path, json={"name": "Renamed", "roles": fewer})).json()
    assert (changed["name"], changed["roles"], changed["expires_at"]) == ("Renamed", fewer, made["expires_at"])
    assert (await locked.http.put(path, json={"days": None})).json()["expires_at"] is None
    later = (await locked.http.put(path, json={"days": 60})).json()
    assert later["expires_at"] > made["expires_at"]
    me = (await locked.http.get("/api/me", headers=bearer(made["key"]))).json()
    assert (me["id"], me["name"], me["roles"]) == (made["id"], "Renamed", fewer)
    taken = await locked.http.put(path, json={"name": "admin"})
    assert taken.status_code == 422, taken.text
    await locked.http.put(path, json={"days": 1e-9})
    expired = await locked.http.put(path, json={"days": 60})
    assert (expired.status_code, expired.json()["code"]) == (409, "key_expired"), expired.text
    await locked.http.delete(path)
    revoked = await locked.http.put(path, json={"days": 60})
    assert (revoked.status_code, revoked.json()["code"]) == (409, "key_revoked")
    unknown = await locked.http.put("/api/keys/key_none", json={"days": 60})
    assert unknown.status_code == 404


async def test_a_password_is_part_of_what_a_repeat_must_send_again(locked: Stack) -> None:  # noqa: F811
    body = {"name": "Added twice", "roles": [{"role": "viewer"}], "password": PASSWORD}
    once = {"Idempotency-Key": "person"}
    people = [(await locked.http.post("/api/people", json=body, headers=once)).json() for _ in range(2)]
    assert people[0] == people[1]
    other = await locked.http.post("/api/people", json={**body, "password": PASSWORD[::-1]}, headers=once)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_stored_answer_that_was_changed_is_not_sent(locked: Stack) -> None:  # noqa: F811
    body, once = {"name": "Changed behind our back", "roles": [{"role": "viewer"}]}, {"Idempotency-Key": "changed"}
    assert (await locked.http.post("/api/keys", json=body, headers=once)).status_code == 201
    change = update(idempotency).where(idempotency.c.key == "changed").values(body=b'{"key": "another"}')
    await locked.database.transact(lambda conn: conn.execute(change))
    again = await locked.http.post("/api/keys", json=body, headers=once)
    assert (again.status_code, again.json()["code"]) == (409, "answer_changed")


async def test_a_wrong_current_password_does_not_say_that_the_session_has_ended(locked: Stack) -> None:  # noqa: F811
    body = {"name": "Mistypes", "roles": [{"role": "viewer"}], "password": PASSWORD}
    await locked.http.post("/api/people", json=body)
    async with httpx.AsyncClient(base_url=locked.url, timeout=90) as browser:
        await browser.post("/api/session", json={"name": "Mistypes", "password": PASSWORD})
        change = {"password": "something else", "new_password": PASSWORD[::-1]}
        refused = await browser.put("/api/me/password", json=change)
        assert (refused.status_code, refused.json()["code"]) == (422, "wrong_password")
        assert [problem["field"] for problem in refused.json()["details"]] == ["password"]
        assert (await browser.get("/api/me")).status_code == 200
        changed = await browser.put("/api/me/password", json={**change, "password": PASSWORD})
        assert changed.status_code == 200, changed.text
