"""Signing in with a browser: the key once, then a cookie."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from app.api.http import session_streams
from app.api.http.bodies import SignIn
from app.api.http.credentials import COOKIE, Credentials
from app.domain.identity import isoformat
from app.domain.people import ALL, Caller
from app.storage.people_tables import sessions
from app.storage.tables import idempotency
from tests.api.answers import check_error, fields_of
from tests.api.many_addresses import from_another_address
from tests.conftest import OWNER, Stack, running_stack

KEY = "a key of 32 characters or a few more"
PATH = "/api/session"
BEARER = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
async def locked(temporal_server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    folder = tmp_path_factory.mktemp("session")
    async with running_stack(temporal_server, folder, worker=False, api_key=KEY) as stack:
        yield stack


@pytest.fixture
async def browser(locked: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without cookies, which stores those that it receives."""
    hooks = {"request": [from_another_address]}
    async with httpx.AsyncClient(base_url=locked.url, event_hooks=hooks, timeout=90) as client:
        yield client


def said(answer: httpx.Response) -> dict[str, Any]:
    """Whether a key is needed, and who the sender is."""
    return {name: answer.json()[name] for name in ("key_needed", "actor")}


async def signed_in(browser: httpx.AsyncClient, **headers: str) -> str:
    """The `Set-Cookie` header of a sign-in."""
    answer = await browser.post(PATH, json={"key": KEY}, headers=headers)
    assert (answer.status_code, said(answer)) == (200, {"key_needed": True, "actor": "admin"})
    return answer.headers["set-cookie"]


async def token_of(browser: httpx.AsyncClient, **headers: str) -> str:
    """The cookie of a new session. The browser does not store it."""
    token = SimpleCookie(await signed_in(browser, **headers))[COOKIE].value
    browser.cookies.clear()
    return token


async def status_with(browser: httpx.AsyncClient, value: str) -> int:
    return (await browser.get("/api/projects", headers={"Cookie": f"{COOKIE}={value}"})).status_code


async def test_a_browser_signs_in_works_and_signs_out(browser: httpx.AsyncClient) -> None:
    assert said(await browser.get(PATH)) == {"key_needed": True, "actor": None}
    assert (await browser.get("/api/projects")).status_code == 401
    await signed_in(browser)
    assert said(await browser.get(PATH)) == {"key_needed": True, "actor": "admin"}
    made = await browser.post("/api/projects", headers={"Origin": str(browser.base_url).rstrip("/")})
    assert (made.status_code, made.json()["created_by"]) == (201, "admin")
    left = await browser.delete(PATH)
    assert (left.status_code, said(left)) == (200, {"key_needed": True, "actor": None})
    assert (await browser.get("/api/projects")).status_code == 401


async def test_the_cookie_says_nothing_of_the_key_and_is_kept_from_others(browser: httpx.AsyncClient) -> None:
    sent = await signed_in(browser)
    cookie = SimpleCookie(sent)[COOKIE]
    assert (cookie["path"], cookie["samesite"].lower(), cookie["httponly"]) == ("/", "strict", True)
    assert (cookie["max-age"], cookie["secure"], cookie["domain"]) == ("2592000", "", "")
    assert re.fullmatch("[A-Za-z0-9_-]{43}", cookie.value)
    assert KEY not in sent
    assert (await browser.get(PATH)).headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("forwarded", "secure"),
    [("https", True), ("HTTPS, http", True), ("http", False), ("http, https", False), ("", False)],
)
async def test_over_https_the_cookie_stays_there(browser: httpx.AsyncClient, forwarded: str, secure: bool) -> None:
    sent = await signed_in(browser, **{"X-Forwarded-Proto": forwarded})
    assert bool(SimpleCookie(sent)[COOKIE]["secure"]) == secure


@pytest.mark.parametrize("key", ["", " ", "wrong", KEY[:-1], f"{KEY}x", KEY.upper(), "Ä", "\x00", "x" * 1000])
async def test_a_wrong_key_gets_nothing(browser: httpx.AsyncClient, key: str) -> None:
    answer = await browser.post(PATH, json={"key": key})
    assert answer.status_code == 401
    assert check_error(answer)["code"] == "unauthorized"
    assert "set-cookie" not in answer.headers


async def test_a_key_is_taken_as_people_paste_it(browser: httpx.AsyncClient) -> None:
    assert (await browser.post(PATH, json={"key": f" {KEY}\n"})).status_code == 200


ODD = [
    {},
    {"key": None},
    {"key": 1},
    {"key": [KEY]},
    {"key": {"key": KEY}},
    {"key": f"{KEY}x" * 1000},
    {"key": KEY, "x": KEY},
]


@pytest.mark.parametrize("body", ODD, ids=lambda body: str(body)[:40])
async def test_a_bad_body_is_refused_without_the_key_in_the_answer(
    browser: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    answer = await browser.post(PATH, json=body)
    assert answer.status_code == 422
    assert fields_of(check_error(answer)) == ["x" if "x" in body else "key"]
    assert KEY not in answer.text


async def test_what_is_no_json_is_refused_without_the_key_in_the_answer(browser: httpx.AsyncClient) -> None:
    for content in (f'{{"key": "{KEY}', f'"{KEY}"', f'["{KEY}"]', f'{{"key": "{KEY}\\ud800"}}'):
        answer = await browser.post(PATH, content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code in {400, 422}, content
        assert KEY not in answer.text
    form = await browser.post(PATH, data={"key": KEY})
    assert (form.status_code, KEY in form.text) == (415, False)


async def test_a_cookie_that_stands_for_no_session_counts_for_nothing(
    locked: Stack, browser: httpx.AsyncClient
) -> None:
    good = await token_of(browser)
    row = await locked.database.read(lambda conn: conn.execute(select(sessions)).all()[-1])
    assert good not in str(row)
    assert await status_with(browser, good) == 200
    bad = [
        "",
        ".",
        KEY,
        good[:-1],
        f"{good}x",
        good.swapcase(),
        f'"{good}"',
        "x" * 43,
        "x" * 5000,
        row.token_hash,
        row.key_hash,
        row.id,
        "%",
        "' OR 1=1 --",
    ]
    for value in bad:
        assert await status_with(browser, value) == 401, value[:100]


async def test_a_session_ends(locked: Stack, browser: httpx.AsyncClient) -> None:
    good = await token_of(browser)
    hashed = hashlib.sha256(good.encode()).hexdigest()

    async def end_at(seconds: float) -> None:
        values = {"expires_at": isoformat(datetime.now(UTC) + timedelta(seconds=seconds))}
        change = update(sessions).where(sessions.c.token_hash == hashed).values(**values)
        await locked.database.transact(lambda conn: conn.execute(change))

    await end_at(60)
    assert await status_with(browser, good) == 200
    await end_at(-1)
    assert await status_with(browser, good) == 401
    assert good not in (await browser.get("/api/sessions", headers=BEARER)).text
    await token_of(browser)
    kept = select(sessions).where(sessions.c.token_hash == hashed)
    assert await locked.database.read(lambda conn: conn.execute(kept).all()) == []


async def test_with_another_key_every_session_is_over(locked: Stack, browser: httpx.AsyncClient) -> None:
    good = await token_of(browser)
    assert await status_with(browser, good) == 200
    other = Credentials(KEY + "x", locked.database, checks_users=True)
    sent = {"cookie": f"{COOKIE}={good}"}
    asked = {"peer": None, "from_task": False, "address": "192.0.2.1"}
    assert await other.caller_of(sent, **asked) is None
    assert await other.list_sessions(Caller("admin", access=ALL)) == []
    same = Credentials(KEY, locked.database, checks_users=True)
    assert (await same.caller_of(sent, **asked)).actor == "admin"


async def test_signing_out_ends_the_session_on_the_server(browser: httpx.AsyncClient) -> None:
    good, other = await token_of(browser), await token_of(browser)
    assert good != other
    left = await browser.delete(PATH, headers={"Cookie": f"{COOKIE}={good}"})
    assert said(left) == {"key_needed": True, "actor": None}
    assert await status_with(browser, good) == 401
    assert await status_with(browser, other) == 200


async def test_sessions_are_listed_and_revoked(browser: httpx.AsyncClient) -> None:
    token = await token_of(browser, **{"User-Agent": "a browser", "X-Forwarded-For": "192.0.2.9"})
    mine = {"Cookie": f"{COOKIE}={token}"}
    listed = (await browser.get("/api/sessions", headers=mine)).json()["sessions"]
    (current,) = [session for session in listed if session["current"]]
    assert (current["actor"], current["address"], current["user_agent"]) == ("admin", "192.0.2.9", "a browser")
    assert listed == sorted(listed, key=lambda session: session["id"], reverse=True)
    assert token not in str(listed)
    answer = await browser.delete(f"/api/sessions/{current['id']}", headers=BEARER)
    assert answer.json() == {"id": current["id"], "revoked": True}
    assert await status_with(browser, token) == 401
    for session_id in (current["id"], "nope", "%00", "x" * 500):
        again = await browser.delete(f"/api/sessions/{session_id}", headers=BEARER)
        assert (again.status_code, check_error(again)["code"]) == (404, "not_found")
    for method, path in (("GET", "/api/sessions"), ("DELETE", f"/api/sessions/{current['id']}")):
        assert (await browser.request(method, path)).status_code == 401


async def test_the_stream_of_a_revoked_session_ends(
    locked: Stack, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_streams, "CHECK_SECONDS", 0.0)
    mine = {"Cookie": f"{COOKIE}={await token_of(browser)}"}
    async with browser.stream("GET", "/api/events", headers=mine) as stream:
        pieces = stream.aiter_bytes()
        assert stream.status_code == 200
        listed = (await browser.get("/api/sessions", headers=mine)).json()["sessions"]
        (current,) = [session["id"] for session in listed if session["current"]]
        assert (await browser.delete(f"/api/sessions/{current}", headers=BEARER)).status_code == 200
        made = await browser.post("/api/projects", headers=BEARER, json={"name": "a secret name"})
        assert made.status_code == 201
        assert b"a secret name" not in b"".join([piece async for piece in pieces])


async def test_other_cookies_and_credentials_do_no_harm(browser: httpx.AsyncClient) -> None:
    good = await token_of(browser)
    for cookies in (f"a=b; {COOKIE}={good}; c", f"{COOKIE}=x; {COOKIE}={good}", f";;={good};{COOKIE}={good}"):
        assert (await browser.get("/api/projects", headers={"Cookie": cookies})).status_code == 200, cookies
    for cookies in (f"other={good}", f"{COOKIE}x={good}", f"{COOKIE.upper()}={good}", good):
        assert (await browser.get("/api/projects", headers={"Cookie": cookies})).status_code == 401, cookies
    mixed = {"Authorization": "Basic eDp5", "Cookie": f"{COOKIE}={good}"}
    assert (await browser.get("/api/projects", headers=mixed)).status_code == 200


async def test_a_cookie_opens_nothing_to_other_sites(browser: httpx.AsyncClient) -> None:
    await signed_in(browser)
    me = str(browser.base_url).rstrip("/")
    foreign: list[dict[str, str]] = [
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": me, "Sec-Fetch-Site": "cross-site"},
    ]
    for headers in foreign:
        for method, path in (("POST", "/api/projects"), ("POST", PATH), ("DELETE", PATH), ("PUT", "/api/projects/x")):
            answer = await browser.request(method, path, headers=headers)
            assert (answer.status_code, check_error(answer)["code"]) == (403, "foreign_origin"), (method, path, headers)
    own = {"Origin": me, "Sec-Fetch-Site": "same-origin"}
    assert (await browser.post("/api/projects", headers=own)).status_code == 201


@pytest.mark.parametrize("path", [PATH, f"{PATH}/", "/api//session"])
async def test_nothing_of_a_sign_in_is_kept(locked: Stack, browser: httpx.AsyncClient, path: str) -> None:
    headers = {"Idempotency-Key": "sign-in"}
    if path == "/api//session":
        # Not one of the addresses that are open to all, although the router treats it as one.
        headers["Authorization"] = f"Bearer {KEY}"
    for key, status in ((KEY, 200), ("wrong", 401), (KEY, 200)):
        answer = await browser.post(path, json={"key": key}, headers=headers)
        assert answer.status_code == status
        assert "idempotency-replayed" not in answer.headers
        assert ("set-cookie" in answer.headers) == (status == 200)
    async with httpx.AsyncClient(base_url=locked.url, timeout=90) as other:
        answer = await other.post(path, json={}, headers=headers)
        assert (answer.status_code, "set-cookie" in answer.headers) == (422, False)
    rows = await locked.database.read(lambda conn: conn.execute(select(idempotency)).all())
    assert [row for row in rows if "sign-in" in str(row)] == []


async def test_where_no_key_is_needed_the_sender_is_the_user_who_runs_the_server(signoff: Stack) -> None:
    for method, body in (("GET", None), ("POST", {"key": "anything"}), ("DELETE", None)):
        answer = await signoff.http.request(method, PATH, json=body)
        assert (answer.status_code, said(answer)) == (200, {"key_needed": False, "actor": OWNER})
        assert COOKIE not in signoff.http.cookies


async def test_only_these_methods_are_open(browser: httpx.AsyncClient) -> None:
    assert (await browser.head(PATH)).status_code == 200
    for method, path in (
        ("PUT", PATH),
        ("PATCH", PATH),
        ("OPTIONS", PATH),
        ("GET", f"{PATH}/x"),
        ("GET", "/api/sessions"),
    ):
        assert (await browser.request(method, path)).status_code == 401, (method, path)


def test_a_body_does_not_show_its_key() -> None:
    body = SignIn.model_validate(json.loads(json.dumps({"key": KEY})))
    assert KEY not in f"{body!r} {body} {body.model_dump_json()}"
