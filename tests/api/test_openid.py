"""People sign in with a real OpenID Connect provider, and get the roles of their groups."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from app.domain.sign_in import OidcEntry
from app.storage.people_tables import sessions
from tests.api.device import Device
from tests.api.test_roles import ADMIN, OUTLINE, SERVER_KEY
from tests.conftest import Stack, running_stack
from tests.identity_provider import CLIENT_ID, CLIENT_SECRET, give_consent, identity_provider
from tests.ports import free_port

START = "/api/session/oidc"
ACCOUNTS = {
    "dana": {"name": "Dana", "email": "dana@example.com", "email_verified": True, "groups": ["releasers", "staff"]},
    "dana2": {"name": "Dana", "email": "dana@example.org", "email_verified": True, "groups": ["staff"]},
    "sam": {"name": "Sam", "email": "sam@example.com", "email_verified": True, "groups": ["visitors"]},
    "kim": {"name": "Kim", "email": "kim@example.com", "email_verified": True, "groups": ["staff"]},
    "eve": {"name": "Eve", "email": "root@example.com", "email_verified": False, "groups": ["staff"]},
    "admin": {"name": "admin", "groups": ["staff"]},
}


@dataclass
class Provided:
    stack: Stack
    issuer: str

    @asynccontextmanager
    async def signed_in(self, login: str, then: str = "/") -> AsyncIterator[httpx.AsyncClient]:
        """A browser in which this person has gone through the sign-in."""
        async with httpx.AsyncClient(base_url=self.stack.url, timeout=60) as browser:
            begun = await browser.get(START, params={"then": then})
            assert begun.status_code == 303
            back = await give_consent(browser, begun.headers["location"], login)
            self.ended = await browser.get(back)
            yield browser


@pytest.fixture(scope="module")
async def provided(temporal_server: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Provided]:
    port = free_port()
    with identity_provider(f"http://127.0.0.1:{port}", ACCOUNTS) as issuer:
        entry = OidcEntry(
            issuer=issuer,
            client_id=CLIENT_ID,
            name="Team login",
            scopes=["openid", "profile", "email", "groups"],
            groups={"releasers": ["approver@payments"], "staff": ["author"]},
        )
        options = {"oidc": entry, "oidc_client_secret": CLIENT_SECRET, "api_key": SERVER_KEY, "port": port}
        async with running_stack(temporal_server, tmp_path_factory.mktemp("openid"), worker=False, **options) as stack:
            stack.http.headers.update(ADMIN)
            yield Provided(stack, issuer)


async def test_a_person_signs_in_and_has_the_roles_of_their_groups(provided: Provided) -> None:
    async with httpx.AsyncClient(base_url=provided.stack.url, timeout=90) as stranger:
        assert (await stranger.get("/api/session")).json()["provider"] == "Team login"
    async with provided.signed_in("dana", "/projects/proj_1?tab=record") as browser:
        assert (provided.ended.status_code, provided.ended.headers["location"]) == (303, "/projects/proj_1?tab=record")
        cookie = provided.ended.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        me = (await browser.get("/api/me")).json()
        roles = [{"role": "approver", "labels": ["payments"]}, {"role": "author", "labels": []}]
        assert (me["name"], me["via"], me["roles"]) == ("Dana", "session", roles)
        made = (await browser.post("/api/projects", json={"description": OUTLINE})).json()
        events = (await provided.stack.http.get(f"/api/projects/{made['id']}/events?follow=false")).text
        assert f'"actor_id": "{me["id"]}", "via": "session"' in events
    async with provided.signed_in("dana") as again:
        assert (await again.get("/api/me")).json()["id"] == me["id"]


async def test_a_person_without_a_password_adds_a_passkey_soon_after_signing_in(provided: Provided) -> None:
    origin = f"http://localhost:{provided.stack.settings.port}"
    headers = {"Host": origin.removeprefix("http://"), "Origin": origin}
    async with provided.signed_in("dana") as browser:
        asked = await browser.post("/api/me/passkeys/challenge", json={}, headers=headers)
        assert asked.status_code == 200, asked.text
        made = {"name": "Laptop", **Device(origin).register(asked.json())}
        assert (await browser.post("/api/me/passkeys", json=made, headers=headers)).status_code == 201
        long_ago = update(sessions).values(created_at="2020-01-01T00:00:00.000Z")
        await provided.stack.database.transact(lambda conn: conn.execute(long_ago))
        late = await browser.post("/api/me/passkeys/challenge", json={}, headers=headers)
        assert (late.status_code, late.json()["code"]) == (409, "sign_in_again")


async def test_two_people_with_one_name_are_two_people(provided: Provided) -> None:
    async with provided.signed_in("dana") as one, provided.signed_in("dana2") as two:
        first, second = [(await browser.get("/api/me")).json() for browser in (one, two)]
    assert (first["name"], second["name"]) == ("Dana", "Dana (dana@example.org)")
    assert first["id"] != second["id"]


async def test_nobody_gets_a_name_that_the_record_uses_otherwise(provided: Provided) -> None:
    async with provided.signed_in("admin") as browser:
        assert (await browser.get("/api/me")).json()["name"] not in {"admin", "local"}


async def test_somebody_without_a_role_is_told_so(provided: Provided) -> None:
    async with provided.signed_in("sam") as browser:
        assert (provided.ended.status_code, provided.ended.headers["location"]) == (303, "/?sign_in=no_role")
        assert (await browser.get("/api/me")).status_code == 401
    people = (await provided.stack.http.get("/api/people")).json()["people"]
    assert [person["roles"] for person in people if person["name"] == "Sam"] == [[]]


async def test_an_address_that_nobody_verified_makes_nobody_the_person_with_it(provided: Provided) -> None:
    body = {"name": "Kim of the team", "email": "kim@example.com", "roles": [{"role": "viewer"}]}
    kim = (await provided.stack.http.post("/api/people", json=body)).json()
    root = {"name": "Root", "email": "root@example.com", "roles": [{"role": "admin"}]}
    added = (await provided.stack.http.post("/api/people", json=root)).json()
    async with provided.signed_in("kim") as browser:
        assert (await browser.get("/api/me")).json()["id"] == kim["id"]
    async with provided.signed_in("eve") as browser:
        me = (await browser.get("/api/me")).json()
        assert (me["id"] != added["id"], me["name"], me["roles"]) == (True, "Eve", [{"role": "author", "labels": []}])


async def test_a_disabled_person_cannot_sign_in_and_their_sessions_end(provided: Provided) -> None:
    async with provided.signed_in("dana2") as browser:
        person_id = (await browser.get("/api/me")).json()["id"]
        path = f"/api/people/{person_id}"
        (await provided.stack.http.put(path, json={"disabled": True})).raise_for_status()
        assert (await browser.get("/api/me")).json()["code"] == "session_ended"
        async with provided.signed_in("dana2"):
            assert provided.ended.headers["location"] == "/?sign_in=person_disabled"
        (await provided.stack.http.put(path, json={"disabled": False})).raise_for_status()


@pytest.mark.parametrize("change", ["state", "code", "iss", "cookie"])
async def test_an_answer_that_the_provider_did_not_give_this_browser_is_refused(
    provided: Provided, change: str
) -> None:
    async with httpx.AsyncClient(base_url=provided.stack.url, timeout=60) as browser:
        begun = await browser.get(START)
        back = httpx.URL(await give_consent(browser, begun.headers["location"], "dana"))
        if change == "cookie":
            # Another browser: the attacker's own answer must not sign a victim in.
            async with httpx.AsyncClient(base_url=provided.stack.url, timeout=90) as other:
                ended = await other.get(back)
        else:
            ended = await browser.get(back.copy_set_param(change, "another"))
        code = "sign_in_expired" if change in {"state", "cookie"} else "sign_in_refused"
        assert (ended.status_code, ended.headers["location"]) == (303, f"/?sign_in={code}")
        assert (await browser.get("/api/me")).status_code == 401
        if change != "code":
            return
        # A code is good for one session only.
        again = await browser.get(back)
        assert again.headers["location"] == "/?sign_in=sign_in_expired"


@pytest.mark.parametrize("then", ["https://example.com/", "//example.com", "/\\example.com", "x", "/a\nb"])
async def test_a_link_to_sign_in_leads_nowhere_else(provided: Provided, then: str) -> None:
    async with provided.signed_in("dana", then):
        assert provided.ended.headers["location"] == "/"


async def test_a_server_without_a_provider_says_so(signoff: Stack) -> None:
    for path in (START, f"{START}/callback"):
        answer = await signoff.http.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_provider_that_is_away_is_named(temporal_server: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    entry = OidcEntry(issuer=f"http://127.0.0.1:{free_port()}", client_id=CLIENT_ID)
    folder = tmp_path_factory.mktemp("away")
    async with running_stack(temporal_server, folder, worker=False, oidc=entry, api_key=SERVER_KEY) as stack:
        answer = await stack.http.get(START)
        assert (answer.status_code, answer.headers["location"]) == (303, "/?sign_in=unavailable")
