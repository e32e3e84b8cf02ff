"""Signing in with a browser: the key once, and then a cookie."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.api.bodies import SignIn
from app.api.credentials import COOKIE, SESSION_SECONDS, Credentials
from app.storage.tables import idempotency
from tests.api.answers import check_error, fields_of
from tests.conftest import OWNER, Stack, running_stack

KEY = "a key of 32 characters or a few more"
PATH = "/api/session"


@pytest.fixture(scope="module")
async def locked(temporal_server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    folder = tmp_path_factory.mktemp("session")
    async with running_stack(temporal_server, folder, worker=False, api_key=KEY) as stack:
        yield stack


@pytest.fixture
async def browser(locked: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """One that has no cookies yet, and keeps those that it gets."""
    async with httpx.AsyncClient(base_url=locked.url) as client:
        yield client


async def signed_in(browser: httpx.AsyncClient, **headers: str) -> str:
    """The `Set-Cookie` of a sign-in."""
    answer = await browser.post(PATH, json={"key": KEY}, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"key_needed": True, "actor": "admin"})
    return answer.headers["set-cookie"]


async def status_with(browser: httpx.AsyncClient, value: str) -> int:
    return (await browser.get("/api/projects", headers={"Cookie": f"{COOKIE}={value}"})).status_code


async def test_a_browser_signs_in_works_and_signs_out(browser: httpx.AsyncClient) -> None:
    assert (await browser.get(PATH)).json() == {"key_needed": True, "actor": None}
    assert (await browser.get("/api/projects")).status_code == 401
    await signed_in(browser)
    assert (await browser.get(PATH)).json() == {"key_needed": True, "actor": "admin"}
    made = await browser.post("/api/projects", headers={"Origin": str(browser.base_url).rstrip("/")})
    assert (made.status_code, made.json()["created_by"]) == (201, "admin")
    left = await browser.delete(PATH)
    assert (left.status_code, left.json()) == (200, {"key_needed": True, "actor": None})
    assert (await browser.get("/api/projects")).status_code == 401


async def test_the_cookie_says_nothing_of_the_key_and_is_kept_from_others(browser: httpx.AsyncClient) -> None:
    sent = await signed_in(browser)
    cookie = SimpleCookie(sent)[COOKIE]
    assert (cookie["path"], cookie["samesite"].lower(), cookie["httponly"]) == ("/", "strict", True)
    assert (cookie["max-age"], cookie["secure"], cookie["domain"]) == ("2592000", "", "")
    end, _, signature = cookie.value.partition(".")
    assert abs(int(end) - time.time() - SESSION_SECONDS) < 60
    assert len(signature) == 64
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


async def test_a_cookie_that_the_server_did_not_sign_counts_for_nothing(browser: httpx.AsyncClient) -> None:
    known = Credentials(KEY, checks_users=True)
    good = known.new_session()
    end, _, signature = good.partition(".")
    assert await status_with(browser, good) == 200
    bad = [
        "", ".", KEY, end, f".{signature}", f"{end}.", f"{int(end) + 1}.{signature}", f"{end}.{signature[:-1]}",
        f"{end}.{signature}0", f"{end}.{signature.upper()}", f"0{end}.{signature}", f"+{end}.{signature}", f'"{good}"',
        f"{end}.{'0' * 64}", f"{'9' * 12}.{signature}", f"{'9' * 5000}.{signature}", f"{end}.{signature}.{signature}",
        Credentials("another key", checks_users=True).new_session(), Credentials("", checks_users=True).new_session(),
    ]  # fmt: skip
    for value in bad:
        assert await status_with(browser, value) == 401, value[:100]


async def test_a_session_ends(browser: httpx.AsyncClient) -> None:
    known, now = Credentials(KEY, checks_users=True), time.time()
    assert await status_with(browser, known.new_session(at=now - SESSION_SECONDS + 60)) == 200
    assert await status_with(browser, known.new_session(at=now - SESSION_SECONDS - 1)) == 401


async def test_other_cookies_and_credentials_do_no_harm(browser: httpx.AsyncClient) -> None:
    good = Credentials(KEY, checks_users=True).new_session()
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
        {"Origin": "http://evil.example"}, {"Origin": "http://127.0.0.1:1"}, {"Sec-Fetch-Site": "same-site"},
        {"Origin": me, "Sec-Fetch-Site": "cross-site"},
    ]  # fmt: skip
    for headers in foreign:
        for method, path in (("POST", "/api/projects"), ("POST", PATH), ("DELETE", PATH), ("PUT", "/api/projects/x")):
            answer = await browser.request(method, path, headers=headers)
            assert (answer.status_code, check_error(answer)["code"]) == (403, "foreign_origin"), (method, path, headers)
    own = {"Origin": me, "Sec-Fetch-Site": "same-origin"}
    assert (await browser.post("/api/projects", headers=own)).status_code == 201


@pytest.mark.parametrize("path", [PATH, f"{PATH}/", "/api//session", "/api/session?x"])
async def test_nothing_of_a_sign_in_is_kept(locked: Stack, browser: httpx.AsyncClient, path: str) -> None:
    headers = {"Idempotency-Key": "sign-in"}
    if path == "/api//session":
        # Not an address that is open to all, though the router takes it for one.
        headers["Authorization"] = f"Bearer {KEY}"
    for key, status in ((KEY, 200), ("wrong", 401), (KEY, 200)):
        answer = await browser.post(path, json={"key": key}, headers=headers)
        assert answer.status_code == status
        assert "idempotency-replayed" not in answer.headers
        assert ("set-cookie" in answer.headers) == (status == 200)
    async with httpx.AsyncClient(base_url=locked.url) as other:
        answer = await other.post(path, json={}, headers=headers)
        assert (answer.status_code, "set-cookie" in answer.headers) == (422, False)
    rows = await locked.database.read(lambda conn: conn.execute(select(idempotency)).all())
    assert [row for row in rows if "sign-in" in str(row)] == []


async def test_where_no_key_is_needed_the_sender_is_the_user_who_runs_the_server(signoff: Stack) -> None:
    for method, body in (("GET", None), ("POST", {"key": "anything"}), ("DELETE", None)):
        answer = await signoff.http.request(method, PATH, json=body)
        assert (answer.status_code, answer.json()) == (200, {"key_needed": False, "actor": OWNER})
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
