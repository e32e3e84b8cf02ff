"""Without a key, the app serves only the user who started it."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import socket
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.api.http.credentials import name_of_user
from app.serving.peers import Endpoint, NetlinkLookup, TableLookup
from tests.conftest import OWNER, Stack, eventually, running_stack
from tests.second_user import SECOND_UID, as_second_user, second_user_command
from tests.warm_processes import warm_command

LOOKUPS = [NetlinkLookup, TableLookup]


async def as_other(stack: Stack, method: str, path: str, *more: str) -> tuple[int, dict[str, Any]]:
    """The status and body of a request that curl sends as another user of this machine."""
    command = ["curl", "--silent", "--max-time", "30", "--write-out", "\n%{http_code}", "-X", method, *more]
    done = await asyncio.to_thread(as_second_user, *command, f"{stack.url}{path}")
    assert done.returncode == 0, done.stderr
    body, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body) if body else {}


async def test_another_user_neither_reads_nor_changes_anything(signoff: Stack) -> None:
    project_id = await signoff.create("- Say: `echo hi`")
    json_body = ("-H", "Content-Type: application/json", "-d", '{"auto_approve_plan": true, "description": "- `id`"}')
    before = (await signoff.call("GET", ""))["total"]
    for method, path, more in (
        ("GET", "/api/projects", ()),
        ("GET", f"/api/projects/{project_id}", ()),
        ("GET", "/api/events", ()),
        ("GET", "/metrics", ()),
        ("POST", "/api/projects", json_body),
        ("POST", f"/api/projects/{project_id}/generate-plan", json_body),
        ("DELETE", f"/api/projects/{project_id}", ()),
        ("POST", "/api/session", ("-H", "Content-Type: application/json", "-d", '{"key": "x"}')),
        ("GET", "/api/projects", ("-H", "Authorization: Bearer anything")),
        ("GET", "/api/projects", ("-H", "X-Forwarded-For: 127.0.0.1", "-H", "Forwarded: for=127.0.0.1")),
    ):
        status, body = await as_other(signoff, method, path, *more)
        assert (status, body["code"]) == (401, "unauthorized"), path
        assert OWNER in body["message"]
        assert "signoff key" in body["message"]
    assert (await signoff.call("GET", ""))["total"] == before


async def test_what_is_open_to_all_stays_so(signoff: Stack) -> None:
    assert (await as_other(signoff, "GET", "/health"))[0] == 200
    assert (await as_other(signoff, "GET", "/ready"))[0] == 200
    status, session = await as_other(signoff, "GET", "/api/session")
    assert (status, session["key_needed"], session["actor"], session["scopes"]) == (200, False, None, [])


async def test_the_owner_acts_under_their_own_name(signoff: Stack) -> None:
    assert (await signoff.project(await signoff.create()))["created_by"] == OWNER != "local"
    session = (await signoff.http.get("/api/session")).json()
    assert (session["key_needed"], session["actor"], session["via"]) == (False, OWNER, "loopback")


def test_names_that_mean_something_else_in_a_record_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    assert name_of_user(2**31) == f"uid {2**31}"
    assert name_of_user(0) == "root"
    entry = pwd.struct_passwd(("signoff", "x", 10001, 10001, "", "/", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: entry)
    assert name_of_user(10001) == "signoff (uid 10001)"


async def test_with_a_key_any_user_may_connect(temporal_server, tmp_path) -> None:
    key = "a key of 32 characters or a few more"
    async with running_stack(temporal_server, tmp_path, worker=False, api_key=key) as stack:
        assert (await as_other(stack, "GET", "/api/projects"))[0] == 401
        status, _ = await as_other(stack, "GET", "/api/projects", "-H", f"Authorization: Bearer {key}")
        assert status == 200


SEND_AND_CLOSE = """
import socket, sys
body = b'{"name": "sent by a stranger"}'
request = (b"POST /api/projects HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nContent-Type: application/json\\r\\n"
           b"Content-Length: %d\\r\\n\\r\\n" % len(body)) + body
for _ in range(int(sys.argv[2])):
    connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    connection.sendall(request)
    connection.close()
"""


async def test_one_who_sends_and_closes_at_once_is_not_taken_for_root(signoff: Stack) -> None:
    """The kernel reports root as the owner of a socket that its process has closed."""
    command = second_user_command(sys.executable, "-I", "-S", "-c", SEND_AND_CLOSE, str(signoff.settings.port), "200")
    process = await asyncio.create_subprocess_exec(*command, cwd="/")
    assert await process.wait() == 0
    assert (await signoff.call("GET", "?search=sent by a stranger"))["total"] == 0


async def test_a_connection_that_stays_open_is_still_the_owners(signoff: Stack) -> None:
    async with httpx.AsyncClient(base_url=signoff.url, timeout=90) as client:
        for _ in range(3):
            assert (await client.get("/api/projects")).status_code == 200


@pytest.fixture(params=[(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")], ids=["IPv4", "IPv6"])
def listener(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    family, host = request.param
    with socket.socket(family) as server:
        server.bind((host, 0))
        server.listen()
        yield server


@pytest.mark.parametrize("kind", LOOKUPS)
def test_the_user_at_the_other_end_is_found(listener: socket.socket, kind: type[NetlinkLookup | TableLookup]) -> None:
    lookup = kind()
    with socket.create_connection(listener.getsockname()[:2]) as client:
        accepted, _ = listener.accept()
        with accepted:
            peer, local = Endpoint.of(accepted.getpeername()), Endpoint.of(accepted.getsockname())
            assert lookup.find(peer, local).uid == os.geteuid()
            assert lookup.find(Endpoint(peer.address, 1), local) is None
            # For a port without a connection, the kernel reports the listener unless the exact pair of addresses is requested.
            assert lookup.find(local, peer).uid == os.geteuid()
            assert lookup.find(local, Endpoint(peer.address, 1)) is None
            client.shutdown(socket.SHUT_WR)
            assert lookup.find(peer, local).uid == os.geteuid()
            client.close()
            assert lookup.find(peer, local) is None


CONNECT_AND_WAIT = """
import socket, sys
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])))
sys.stdin.read()
"""


@pytest.mark.parametrize("kind", LOOKUPS)
async def test_another_user_is_found(listener: socket.socket, kind: type[NetlinkLookup | TableLookup]) -> None:
    host, port = listener.getsockname()[:2]
    command = second_user_command(sys.executable, "-I", "-S", "-c", CONNECT_AND_WAIT, host, str(port))
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, cwd="/")
    accepted, _ = await asyncio.to_thread(listener.accept)
    with accepted:
        peer, local = Endpoint.of(accepted.getpeername()), Endpoint.of(accepted.getsockname())
        assert kind().find(peer, local).uid == SECOND_UID
    await process.communicate(b"")


@pytest.mark.parametrize("kind", LOOKUPS)
def test_an_ipv4_address_within_ipv6_is_found(kind: type[NetlinkLookup | TableLookup]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_INET6) as client:
        client.connect(("::ffff:127.0.0.1", server.getsockname()[1]))
        accepted, _ = server.accept()
        with accepted:
            peer, local = Endpoint.of(accepted.getpeername()), Endpoint.of(accepted.getsockname())
            assert kind().find(peer, local).uid == os.geteuid()
            assert Endpoint.of(client.getsockname()) == peer


async def test_doctor_and_log_say_who_may_connect(signoff: Stack) -> None:
    async def asked() -> bool:
        process = await asyncio.create_subprocess_exec(
            *warm_command("doctor", "--json"),
            env={**os.environ, "SIGNOFF_DATA_DIR": str(signoff.settings.data_dir), "SIGNOFF_URL": signoff.url},
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
        found = {finding["part"]: finding for finding in json.loads(out)}
        return (found["who may connect"]["state"], OWNER in found["who may connect"]["found"]) == ("ok", True)

    await eventually(asked, what="doctor says it")
