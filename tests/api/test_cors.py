"""Scripts of other sites: refused by default, and with a key of their own if the settings name their origin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from app.settings import Settings
from tests.conftest import Stack, running_stack

ORIGIN = "https://tools.example.com"
OTHER = "https://evil.example"
KEY = "cors-6f0d4be1c2a94f35b7e8d9a1c3f5e7b9"
BEARER = {"Authorization": f"Bearer {KEY}"}
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
}


@pytest.fixture(scope="module")
async def shared(temporal_server: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A server with a key that one other site may use."""
    folder = tmp_path_factory.mktemp("cors")
    async with running_stack(temporal_server, folder, worker=False, api_key=KEY, cors_origins=[ORIGIN]) as stack:
        yield stack


def cors_fields(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


async def test_it_is_off_by_default(signoff: Stack) -> None:
    for headers in ({"Origin": ORIGIN}, {"Origin": ORIGIN, **PREFLIGHT}):
        for method in ("OPTIONS", "GET"):
            answer = await signoff.http.request(method, "/api/projects", headers=headers)
            assert cors_fields(answer) == {}
            assert "vary" not in answer.headers
    answer = await signoff.http.post("/api/projects", json={}, headers={"Origin": ORIGIN})
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")


@pytest.mark.parametrize("path", ["/api/projects", "/api/projects/proj_1/approve", "/api/nothing"])
async def test_a_preflight_is_answered_without_a_key(shared: Stack, path: str) -> None:
    answer = await shared.http.options(path, headers={"Origin": ORIGIN, **PREFLIGHT})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "POST" in answer.headers["access-control-allow-methods"].split(", ")
    allowed = {name.lower() for name in answer.headers["access-control-allow-headers"].split(", ")}
    assert {"authorization", "content-type", "idempotency-key", "if-match", "last-event-id", "prefer"} <= allowed
    assert answer.headers["vary"] == "Origin"
    # Cookies are never allowed, so browsers do not send a request with them.
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin",
    [
        OTHER,
        "null",
        "http://tools.example.com",
        "https://tools.example.com:8443",
        "https://tools.example.com.evil.example",
        "https://eviltools.example.com",
        "",
        "*",
    ],
)
async def test_other_origins_get_nothing(shared: Stack, origin: str) -> None:
    answer = await shared.http.options("/api/projects", headers={"Origin": origin, **PREFLIGHT})
    assert cors_fields(answer) == {}
    answer = await shared.http.get("/api/projects", headers={"Origin": origin, **BEARER})
    assert (cors_fields(answer), answer.headers["vary"]) == ({}, "Origin")
    answer = await shared.http.post("/api/projects", json={}, headers={"Origin": origin, **BEARER})
    assert (answer.status_code, answer.json()["code"], cors_fields(answer)) == (403, "foreign_origin", {})


async def test_two_origins_are_none(shared: Stack) -> None:
    headers = [("Origin", ORIGIN), ("Origin", OTHER), *BEARER.items()]
    answer = await shared.http.get("/api/projects", headers=headers)
    assert (answer.status_code, cors_fields(answer)) == (400, {})


async def test_a_script_with_a_key_works(shared: Stack) -> None:
    headers = {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site", **BEARER}
    created = await shared.http.post("/api/projects", json={"name": "From a script"}, headers=headers)
    assert created.status_code == 201
    assert created.headers["access-control-allow-origin"] == ORIGIN
    shown = {name.lower() for name in created.headers["access-control-expose-headers"].split(", ")}
    assert {"etag", "location", "x-request-id", "idempotency-replayed", "signoff-seal"} <= shown
    address = created.headers["location"]
    assert (await shared.http.get(address, headers=headers)).json()["name"] == "From a script"
    stream = await shared.http.get(f"{address}/events?follow=false", headers=headers)
    assert (stream.headers["access-control-allow-origin"], "project.created" in stream.text) == (ORIGIN, True)
    refused = await shared.http.get("/api/projects/none", headers=headers)
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (404, ORIGIN)


async def test_a_session_does_not_count_for_another_site(shared: Stack) -> None:
    signed_in = await shared.http.post("/api/session", json={"key": KEY})
    cookie = {"Cookie": f"signoff_session={signed_in.cookies['signoff_session']}"}
    shared.http.cookies.clear()
    assert (await shared.http.get("/api/projects", headers=cookie)).status_code == 200
    for method in ("GET", "POST"):
        answer = await shared.http.request(method, "/api/projects", headers={"Origin": ORIGIN, **cookie})
        assert answer.status_code == 401
        # The script may read why.
        assert answer.headers["access-control-allow-origin"] == ORIGIN


async def test_a_wrong_key_is_refused(shared: Stack) -> None:
    headers = {"Origin": ORIGIN, "Authorization": "Bearer wrong"}
    assert (await shared.http.get("/api/projects", headers=headers)).status_code == 401


async def test_no_session_begins_from_another_site(shared: Stack) -> None:
    for headers in ({}, BEARER):
        answer = await shared.http.post("/api/session", json={"key": KEY}, headers={"Origin": ORIGIN, **headers})
        assert (answer.status_code, answer.json()["code"], cors_fields(answer)) == (403, "foreign_origin", {})
        assert "set-cookie" not in answer.headers
    assert cors_fields(await shared.http.options("/api/session", headers={"Origin": ORIGIN, **PREFLIGHT})) == {}


async def test_only_the_api_is_shared(shared: Stack) -> None:
    for path in ("/", "/projects/x", "/schema", "/health"):
        answer = await shared.http.get(path, headers={"Origin": ORIGIN})
        assert cors_fields(answer) == {}, path


async def test_without_a_key_of_its_own_a_script_is_nobody(temporal_server: Any, tmp_path: Any) -> None:
    """A server without a key trusts the programs of its user. A page in that user's browser is not one of them."""
    async with running_stack(temporal_server, tmp_path, worker=False, cors_origins=[ORIGIN]) as stack:
        assert (await stack.http.get("/api/projects")).status_code == 200
        for headers in ({}, {"Authorization": "Bearer anything"}):
            answer = await stack.http.post("/api/projects", json={}, headers={"Origin": ORIGIN, **headers})
            assert answer.status_code == 401
        body = {"name": "script", "roles": [{"role": "author"}]}
        key = (await stack.http.post("/api/keys", json=body)).json()["key"]
        headers = {"Origin": ORIGIN, "Authorization": f"Bearer {key}"}
        assert (await stack.http.post("/api/projects", json={}, headers=headers)).status_code == 201


@pytest.mark.parametrize(
    "origin", ["*", "https://*.example.com", "null", "tools.example.com", "https://a.example/path", "ftp://a.example"]
)
def test_a_setting_that_is_no_origin_is_refused(tmp_path: Any, origin: str) -> None:
    with pytest.raises(ValidationError, match="cors_origins"):
        Settings(data_dir=tmp_path, cors_origins=[origin])


def test_the_setting_may_be_a_list_with_commas(tmp_path: Any) -> None:
    settings = Settings(data_dir=tmp_path, cors_origins="https://A.example/, http://b.example:8080")  # type: ignore[arg-type]
    assert settings.cors_origins == ["https://a.example", "http://b.example:8080"]


@pytest.mark.parametrize(
    "url",
    ["https://a.example/api", "https://a.example/projects/x", "https://a.example/x?y=1", "https://a.example/x/../y"],
)
def test_a_public_address_that_cannot_work_is_refused(tmp_path: Any, url: str) -> None:
    with pytest.raises(ValidationError, match="public_url"):
        Settings(data_dir=tmp_path, public_url=url)
