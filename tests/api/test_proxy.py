"""A reverse proxy that has signed people in names them in header fields."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.domain.sign_in import ProxyEntry
from tests.api.device import Device
from tests.api.test_roles import ADMIN, SERVER_KEY
from tests.conftest import Stack, running_stack

FIELDS = {"user": "X-Forwarded-User", "name": "X-Forwarded-Name", "email": "X-Forwarded-Email"}


def sent(user: str, **others: str) -> dict[str, str]:
    return {FIELDS["user"]: user, **{f"X-Forwarded-{name.title()}": value for name, value in others.items()}}


async def behind_proxy(environment: Any, folder: Any, **changes: Any) -> AsyncIterator[Stack]:
    entry = {
        "addresses": ["127.0.0.1"],
        **FIELDS,
        "groups_field": "X-Forwarded-Groups",
        "groups": {"staff": ["author"]},
    }
    values = {
        "api_key": SERVER_KEY,
        "proxy": ProxyEntry.model_validate({**entry, **changes.pop("proxy", {})}),
        **changes,
    }
    async with running_stack(environment, folder, worker=False, **values) as stack:
        yield stack


@pytest.fixture(scope="module")
async def proxied(temporal_server: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async for stack in behind_proxy(temporal_server, tmp_path_factory.mktemp("proxied")):
        yield stack


@pytest.fixture(scope="module")
async def elsewhere(temporal_server: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """The proxy of this server has another address than the tests."""
    changes = {"proxy": {"addresses": ["10.9.8.0/24"]}, "api_key": ""}
    async for stack in behind_proxy(temporal_server, tmp_path_factory.mktemp("elsewhere"), **changes):
        yield stack


async def test_the_proxy_names_a_person_whose_name_may_change(proxied: Stack) -> None:
    dana = sent("u-17", name="Dana", email="dana@example.com", groups="visitors, staff")
    me = (await proxied.http.get("/api/me", headers=dana)).json()
    assert (me["name"], me["via"], me["roles"]) == ("Dana", "proxy", [{"role": "author", "labels": []}])
    made = await proxied.http.post("/api/projects", json={"name": "by Dana"}, headers=dana)
    events = (await proxied.http.get(f"/api/projects/{made.json()['id']}/events?follow=false", headers=ADMIN)).text
    assert f'"actor_id": "{me["id"]}", "via": "proxy", "address": "127.0.0.1"' in events
    renamed = sent("u-17", name="Dana Smith", email="dana@example.com", groups="staff")
    later = (await proxied.http.get("/api/me", headers=renamed)).json()
    assert (later["id"], later["name"]) == (me["id"], "Dana Smith")


async def test_roles_and_being_disabled_take_effect_at_once(proxied: Stack) -> None:
    kim = sent("u-18", name="Kim", groups="staff")
    me = (await proxied.http.get("/api/me", headers=kim)).json()
    path = f"/api/people/{me['id']}"
    (await proxied.http.put(path, json={"disabled": True}, headers=ADMIN)).raise_for_status()
    refused = await proxied.http.get("/api/me", headers=kim)
    assert (refused.status_code, refused.json()["code"]) == (403, "person_disabled")
    nobody = await proxied.http.get("/api/me", headers=sent("u-19", groups="visitors"))
    assert (nobody.status_code, nobody.json()["code"]) == (403, "no_role")
    assert (await proxied.http.get("/api/me", headers=sent("u-20"))).json()["code"] == "no_role"


async def test_who_has_a_key_uses_it_through_the_proxy_too(proxied: Stack) -> None:
    me = (await proxied.http.get("/api/me", headers={**sent("u-17", groups="staff"), **ADMIN})).json()
    assert me["id"] == "admin"


async def test_two_fields_are_refused_because_a_client_may_have_sent_one(proxied: Stack) -> None:
    twice = [*sent("u-17", groups="staff").items(), ("x-forwarded-user", "u-1")]
    answer = await proxied.http.get("/api/me", headers=twice)
    assert answer.status_code == 400
    assert "x-forwarded-user was sent 2 times" in answer.json()["message"]


async def test_nobody_else_may_name_a_person(elsewhere: Stack) -> None:
    answer = await elsewhere.http.get("/api/me", headers=sent("u-17", groups="staff"))
    assert (answer.status_code, answer.json()["code"]) == (401, "untrusted_proxy")
    # Without the field, the user who runs the server works as before.
    assert (await elsewhere.http.get("/api/me")).json()["id"] == "local"


async def test_what_comes_through_a_proxy_of_the_same_user_is_not_that_user(
    temporal_server: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async for stack in behind_proxy(temporal_server, tmp_path_factory.mktemp("same-user"), api_key=""):
        answer = await stack.http.get("/api/me")
        assert answer.status_code == 401
        assert (await stack.http.get("/api/me", headers=sent("u-1", groups="staff"))).status_code == 200


async def test_a_person_whom_the_proxy_names_adds_a_passkey_without_a_password(proxied: Stack) -> None:
    origin = f"http://localhost:{proxied.settings.port}"
    dana = {**sent("u-99", name="Robin", groups="staff"), "Host": origin.removeprefix("http://"), "Origin": origin}
    with_password = await proxied.http.post("/api/me/passkeys/challenge", headers=dana, json={"password": "none"})
    assert (with_password.status_code, "You have no password here" in with_password.text) == (422, True)
    asked = await proxied.http.post("/api/me/passkeys/challenge", headers=dana, json={})
    assert asked.status_code == 200, asked.text
    made = {"name": "Laptop", **Device(origin).register(asked.json())}
    added = await proxied.http.post("/api/me/passkeys", headers=dana, json=made)
    assert added.status_code == 201, added.text
    listed = (await proxied.http.get("/api/me/passkeys", headers=dana)).json()
    assert ([each["name"] for each in listed["passkeys"]], listed["needs_password"]) == (["Laptop"], False)
