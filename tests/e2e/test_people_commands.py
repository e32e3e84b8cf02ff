"""People and keys are added, changed and revoked on the command line."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.testing import WorkflowEnvironment

from tests.conftest import Stack, running_stack
from tests.e2e.command_line import CommandLine

KEY = "a key of 32 characters or a few more"


@pytest.fixture
async def locked(temporal_server: WorkflowEnvironment, tmp_path: Path) -> AsyncIterator[Stack]:
    async with running_stack(temporal_server, tmp_path, worker=False, api_key=KEY) as stack:
        yield stack


def command_line(stack: Stack, folder: Path, key: str = KEY) -> CommandLine:
    return CommandLine(
        folder, {"SIGNOFF_URL": stack.url, "SIGNOFF_API_KEY": key, "SIGNOFF_DATA_DIR": str(folder / "client")}
    )


async def test_people_are_added_changed_and_disabled(locked: Stack, tmp_path: Path) -> None:
    cli = command_line(locked, tmp_path)
    without = await cli("people", "add", "Dana")
    assert (without.code, "--role" in without.err) == (2, True), without
    wrong = await cli("people", "add", "Dana", "--role", "boss")
    assert (wrong.code, "viewer, author" in wrong.err) == (2, True), wrong
    added = await cli(
        "people",
        "add",
        "Dana",
        "--email",
        "dana@example.com",
        "--role",
        "author",
        "--role",
        "approver@payments,reports",
    )
    assert (added.code, "Dana  author approver@payments,reports (no password)" in added.out) == (0, True), added
    listed = await cli("people", "list")
    assert "no password" in listed.out, listed

    async def person() -> dict[str, Any]:
        return json.loads((await cli("people", "list", "--json")).out)["people"][0]

    assert (await cli("people", "change", "Dana", "--role", "viewer", "--name", "Dana Two")).code == 0
    changed = await person()
    assert (changed["name"], changed["roles"]) == ("Dana Two", [{"role": "viewer", "labels": []}])
    assert (changed["email"], changed["disabled"]) == ("dana@example.com", False)
    assert (await cli("people", "disable", "Dana Two")).code == 0
    assert (await person())["disabled"] is True
    assert (await cli("people", "enable", changed["id"])).code == 0
    assert (await person())["disabled"] is False
    missing = await cli("people", "disable", "Nobody")
    assert (missing.code, "Nobody" in missing.err) == (1, True), missing


async def test_keys_are_added_rotated_and_revoked(locked: Stack, tmp_path: Path) -> None:
    cli = command_line(locked, tmp_path)

    async def whoami(key: str) -> int:
        return (await locked.http.get("/api/me", headers={"Authorization": f"Bearer {key}"})).status_code

    made = json.loads((await cli("keys", "add", "Nightly", "--role", "author@imports", "--days", "30", "--json")).out)
    assert (await whoami(made["key"])) == 200
    mine = await command_line(locked, tmp_path, made["key"])("whoami")
    assert (mine.code, "Nightly" in mine.out, "author@imports" in mine.out) == (0, True, True), mine
    refused = await command_line(locked, tmp_path, made["key"])("people", "list")
    assert (refused.code, "admin" in refused.err) == (1, True), refused
    changed = json.loads(
        (await cli("keys", "change", "Nightly", "--role", "author@imports,reports", "--days", "0", "--json")).out
    )
    assert (changed["roles"], changed["expires_at"]) == ([{"role": "author", "labels": ["imports", "reports"]}], None)
    grows = await cli("keys", "change", "Nightly", "--role", "approver")
    assert (grows.code, "Add a new key for that" in grows.err) == (1, True), grows
    rotated = json.loads((await cli("keys", "rotate", "Nightly", "--json")).out)
    assert [await whoami(made["key"]), await whoami(rotated["key"])] == [401, 200]
    shown = await cli("keys", "list")
    assert rotated["prefix"] in shown.out, shown
    assert rotated["key"] not in shown.out
    revoked = await cli("keys", "revoke", "Nightly")
    assert (revoked.code, revoked.out.strip()) == (0, f"{made['id']} is revoked."), revoked
    assert await whoami(rotated["key"]) == 401
    async with httpx.AsyncClient(base_url=locked.url, timeout=90) as nobody:
        assert (await nobody.get("/api/me")).status_code == 401
