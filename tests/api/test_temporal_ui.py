"""Temporal's Web UI behind the gateway: which requests reach it, and what comes back."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from app.main import create_app
from app.settings import Settings
from tests.api.answers import check_error
from tests.ports import free_port
from tests.serving import served

KEY = "a key that is long enough to be taken for one"
SETTINGS = b'{"DisableWriteActions":false,"Version":"2"}'
QUERY = "/api/v1/namespaces/default/workflows/proj_1/query/snapshot"


@dataclass
class Ui:
    """A server in place of the Web UI, which stores the header and body of each request."""

    url: str
    heads: list[str] = field(default_factory=list[str])
    bodies: list[bytes] = field(default_factory=list[bytes])


@pytest.fixture
async def ui() -> AsyncIterator[Ui]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                seen.heads.append(head)
                lengths = [line for line in head.lower().splitlines() if line.startswith("content-length:")]
                seen.bodies.append(await reader.readexactly(int(lengths[0].partition(":")[2]) if lengths else 0))
                body = SETTINGS if " /api/v1/settings " in head else b"<title>Temporal</title>"
                facts = f"Content-Length: {len(body)}\r\nSet-Cookie: _csrf=1; Path=/\r\nX-Of-The-Ui: yes"
                writer.write(f"HTTP/1.1 200 OK\r\n{facts}\r\n\r\n".encode() + body)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    seen = Ui(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    yield seen
    server.close()


def check_refusal(answer: httpx.Response, status: int, code: str) -> None:
    check_error(answer)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@contextlib.asynccontextmanager
async def visitor(folder: Path, upstream: str, **values: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose requests arrive on the port of the Web UI."""
    settings = Settings.model_validate(
        {"data_dir": folder, "temporal_ui_port": free_port(), "temporal_ui_upstream": upstream, **values}
    )
    address = ("127.0.0.1", settings.temporal_ui_port)
    with socket.create_server(address) as listening:
        async with (
            served(create_app(settings), settings, sockets=[listening], lifespan="off"),
            httpx.AsyncClient(base_url=f"http://{address[0]}:{address[1]}") as client,
        ):
            yield client


async def test_reading_reaches_the_ui_without_what_is_for_the_app_alone(ui: Ui, tmp_path: Path) -> None:
    async with visitor(tmp_path, ui.url) as client:
        headers = {"Cookie": "signoff_session=secret", "Authorization": "Bearer secret", "X-Kept": "yes"}
        answer = await client.get("/namespaces/default/workflows?query=a%20b&x=%2F", headers=headers)
    assert (answer.status_code, answer.text) == (200, "<title>Temporal</title>")
    assert "set-cookie" not in answer.headers
    assert answer.headers["x-of-the-ui"] == "yes"
    [head] = ui.heads
    assert head.startswith("GET /namespaces/default/workflows?query=a%20b&x=%2F HTTP/1.1\r\n")
    assert "secret" not in head
    assert "x-kept: yes" in head.lower()


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/namespaces/default/workflows/proj_1/signal/approve",
        "/api/v1/namespaces/default/workflows/proj_1/terminate",
        "/api/v1/namespaces/default/batch-operations/x",
        f"{QUERY}/../../signal/approve",
        "/",
    ],
)
async def test_nothing_that_could_change_something_reaches_it(ui: Ui, tmp_path: Path, method: str, path: str) -> None:
    async with visitor(tmp_path, ui.url) as client:
        # A DELETE with a body is refused because of the body.
        answer = await client.request(method, path, json=None if method == "DELETE" else {})
    check_refusal(answer, 403, "read_only")
    assert ui.heads == []


async def test_a_query_of_a_workflow_passes_and_needs_no_token_of_the_ui(ui: Ui, tmp_path: Path) -> None:
    async with visitor(tmp_path, ui.url) as client:
        assert (await client.post(QUERY, json={"query": 1})).status_code == 200
    assert ui.bodies == [b'{"query":1}']
    assert "authorization: bearer signoff\r\n" in ui.heads[0].lower()


async def test_the_ui_hides_the_buttons_that_would_be_refused(ui: Ui, tmp_path: Path) -> None:
    async with visitor(tmp_path, ui.url) as client:
        answer = await client.get("/api/v1/settings")
    assert answer.json() == {"DisableWriteActions": True, "Version": "2"}


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Host": "evil.example"}, "bad_host"),
        ({"Host": "127.0.0.1.evil.example:8233"}, "bad_host"),
    ],
)
async def test_other_names_are_refused(ui: Ui, tmp_path: Path, headers: dict[str, str], code: str) -> None:
    async with visitor(tmp_path, ui.url) as client:
        check_refusal(await client.get("/", headers=headers), 403, code)
    assert ui.heads == []


async def test_another_site_cannot_send_a_query(ui: Ui, tmp_path: Path) -> None:
    async with visitor(tmp_path, ui.url) as client:
        answer = await client.post(QUERY, json={}, headers={"Origin": "http://evil.example"})
    check_refusal(answer, 403, "foreign_origin")
    assert ui.heads == []


@pytest.mark.parametrize("path", ["/", "/health", "/projects/x", "/assets/x", "/api/v1/settings", "/schema"])
async def test_where_the_app_has_a_key_the_ui_needs_it_for_everything(ui: Ui, tmp_path: Path, path: str) -> None:
    async with visitor(tmp_path, ui.url, api_key=KEY) as client:
        check_refusal(await client.get(path), 401, "unauthorized")
        assert ui.heads == []
        assert (await client.get(path, headers={"Authorization": f"Bearer {KEY}"})).status_code == 200
    assert KEY not in ui.heads[0]


async def test_a_ui_that_is_away_is_said_to_be(tmp_path: Path) -> None:
    async with visitor(tmp_path, f"http://127.0.0.1:{free_port()}") as client:
        check_refusal(await client.get("/"), 503, "temporal_ui_unavailable")
