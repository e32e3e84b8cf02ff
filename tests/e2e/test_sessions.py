"""Browser sessions are listed and revoked through the client and the command line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from temporalio.testing import WorkflowEnvironment

from signoff import AsyncSignoff, NotFound, Signoff
from tests.conftest import Stack, running_stack
from tests.e2e.command_line import CommandLine

KEY = "a key of 32 characters or a few more"


@pytest.fixture
async def locked(temporal_server: WorkflowEnvironment, tmp_path: Path) -> AsyncIterator[Stack]:
    async with running_stack(temporal_server, tmp_path, worker=False, api_key=KEY) as stack:
        yield stack


async def signed_in(stack: Stack, name: str) -> httpx.Cookies:
    """Sign in as a browser with this name, and return its cookies."""
    async with httpx.AsyncClient(base_url=stack.url, headers={"User-Agent": name}, timeout=90) as browser:
        (await browser.post("/api/session", json={"key": KEY})).raise_for_status()
        return browser.cookies


async def gets_in(stack: Stack, cookies: httpx.Cookies) -> bool:
    async with httpx.AsyncClient(base_url=stack.url, cookies=cookies, timeout=90) as browser:
        return (await browser.get("/api/projects")).status_code == 200


async def test_the_client_lists_and_revokes(locked: Stack) -> None:
    one, two, three = [await signed_in(locked, name) for name in ("one", "two", "three")]
    async with AsyncSignoff(locked.url, api_key=KEY) as client:
        ids = {session.user_agent: session.id for session in (await client.sessions()).sessions}
        assert list(ids) == ["three", "two", "one"], "newest first"
        assert (await client.revoke_session(ids["one"])).revoked
        with pytest.raises(NotFound):
            await client.revoke_session(ids["one"])

    def by_the_other_client() -> list[str]:
        with Signoff(locked.url, api_key=KEY) as client:
            client.revoke_session(ids["two"])
            return [session.user_agent for session in client.sessions().sessions]

    assert await asyncio.to_thread(by_the_other_client) == ["three"]
    assert [await gets_in(locked, cookies) for cookies in (one, two, three)] == [False, False, True]


async def test_the_command_lists_and_revokes(locked: Stack, tmp_path: Path) -> None:
    cookies = await signed_in(locked, "a browser")
    cli = CommandLine(
        tmp_path, {"SIGNOFF_URL": locked.url, "SIGNOFF_API_KEY": KEY, "SIGNOFF_DATA_DIR": str(tmp_path / "client")}
    )
    shown = await cli("sessions", "list")
    assert (shown.code, "a browser" in shown.out) == (0, True), shown
    [session] = json.loads((await cli("sessions", "list", "--json")).out)["sessions"]
    ended = await cli("sessions", "revoke", session["id"])
    assert (ended.code, ended.out.strip()) == (0, f"{session['id']} is revoked."), ended
    assert not await gets_in(locked, cookies)
    again = await cli("sessions", "revoke", session["id"])
    assert (again.code, session["id"] in again.err) == (1, True), again
