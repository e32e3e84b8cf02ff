"""Attempts to guess keys are logged and slowed down, and lock nobody else out."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import httpx
import pytest

from app.api.http import throttle
from app.api.http.throttle import FailedKeys
from tests.app_process import AppProcess, app_process
from tests.conftest import Stack

KEY = "a key of 32 characters or a few more"
WRONG = "a wrong key that must not be in any log"
RIGHT = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture
async def locked(signoff: Stack, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AppProcess]:
    monkeypatch.setenv("SIGNOFF_API_KEY", KEY)
    async with app_process(signoff.settings) as process:
        yield process


async def test_wrong_keys_are_logged_and_slowed_down_and_the_right_one_still_gets_in(locked: AppProcess) -> None:
    async with httpx.AsyncClient(base_url=str(locked.http.base_url), timeout=60) as client:
        token = (await client.post("/api/session", json={"key": KEY})).cookies["signoff_session"]
        client.cookies.clear()
        for number in range(4):
            assert (await client.get("/api/projects", headers={"Authorization": f"Bearer {WRONG}"})).status_code == 401
            assert (await client.post("/api/session", json={"key": f"{WRONG}{number}"})).status_code == 401
        begun = time.monotonic()
        answer = await client.get("/api/projects", headers=RIGHT)
        waited = time.monotonic() - begun
        assert answer.status_code == 200
        assert waited >= throttle.FIRST_DELAY * 2 ** (6 - throttle.FREE_FAILURES)
        # Another address, as a proxy reports it, is not delayed, and neither is a session.
        elsewhere = {**RIGHT, "X-Forwarded-For": "192.0.2.7"}
        for headers in (elsewhere, {"Cookie": f"signoff_session={token}"}):
            begun = time.monotonic()
            assert (await client.get("/api/projects", headers=headers)).status_code == 200
            assert time.monotonic() - begun < waited
    lines = [line for line in locked.log.read_text().splitlines() if "failed sign-in" in line]
    assert len(lines) == 8
    assert all("address=127.0.0.1" in line for line in lines)
    assert any(f"failures={number}" in lines[-1] for number in (6, 7, 8))
    assert WRONG not in locked.log.read_text()


def test_the_delay_grows_has_a_limit_and_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = FailedKeys()
    delays: list[float] = []
    for _ in range(1000):
        failed.note("192.0.2.1")
        delays.append(failed.delay_of("192.0.2.1"))
    assert delays[: throttle.FREE_FAILURES - 1] == [0.0] * (throttle.FREE_FAILURES - 1)
    assert delays == sorted(delays)
    assert delays[-1] == throttle.MAX_DELAY
    assert failed.delay_of("192.0.2.2") == 0.0
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 1000 * throttle.FORGOTTEN_AFTER)
    assert failed.delay_of("192.0.2.1") == 0.0


def test_no_number_of_addresses_takes_more_memory() -> None:
    failed = FailedKeys()
    for number in range(throttle.MAX_ADDRESSES + 100):
        failed.note(f"made up {number}" * 100)
    assert len(failed) == throttle.MAX_ADDRESSES
    for _ in range(20):
        failed.note("2001:db8::1")
    assert failed.delay_of("2001:db8::2") == throttle.MAX_DELAY


async def test_what_is_open_to_all_writes_nothing_for_strangers(locked: AppProcess) -> None:
    headers = {"Idempotency-Key": "stranger"}
    for path in ("/health", "/ready", "/schema/openapi.json"):
        assert (await locked.http.post(path, headers=headers, json={})).status_code == 401
        assert (await locked.http.post(path, headers=headers | RIGHT, json={})).status_code == 405
