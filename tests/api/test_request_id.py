"""X-Request-ID: received or generated, in the answer, and in every log line of the request."""

from __future__ import annotations

import asyncio
import io
import logging
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar.types import Receive, Scope, Send

from app.api.http.credentials import Credentials
from app.api.http.gateway import Gateway
from app.database.database import Database
from app.log import configure_logging
from app.settings import Settings
from tests.api.answers import check_error
from tests.app_process import AppProcess, app_process
from tests.conftest import Stack, running_stack
from tests.ports import free_port
from tests.serving import served

LINE = re.compile(r"timestamp=\S+ level=\w+ logger=\S+ event=")


def lines_of(process: AppProcess, request_id: str) -> list[str]:
    return [line for line in process.log.read_text().splitlines() if f" request_id={request_id} " in f"{line} "]


async def test_every_answer_and_every_line_has_it(signoff: Stack) -> None:
    async with app_process(signoff.settings, log_level="debug") as process:
        sent: dict[str, tuple[str, str]] = {}
        for number, (method, path) in enumerate(
            [("GET", "/api/projects"), ("POST", "/api/projects"), ("GET", "/nothing"), ("PATCH", "/api/projects")]
        ):
            given = f"given-{number}"
            answer = await process.http.request(method, path, headers={"X-Request-ID": given})
            assert answer.headers["x-request-id"] == given
            sent[given] = (method, path)
        made = await process.http.get("/api/projects", params={"search": "made"})
        sent[made.headers["x-request-id"]] = ("GET", "/api/projects?search=made")
        for request_id, (method, path) in sent.items():
            lines = lines_of(process, request_id)
            access = [line for line in lines if f"{method} {path} " in line]
            assert len(access) == 1, process.log.read_text()[-3000:]
            assert all(LINE.match(line) for line in lines)
        of_requests = [line for line in process.log.read_text().splitlines() if "uvicorn.access" in line]
        assert all(line.count("request_id=") == 1 for line in of_requests)


async def test_concurrent_requests_do_not_mix(signoff: Stack) -> None:
    async with app_process(signoff.settings, log_level="debug") as process:
        names = [f"mixed-{number}" for number in range(40)]
        await asyncio.gather(
            *(
                process.http.post(
                    "/api/projects", json={"name": name}, params={"q": name}, headers={"X-Request-ID": name}
                )
                for name in names
            )
        )
        for name in names:
            access = [line for line in lines_of(process, name) if "uvicorn.access" in line]
            assert len(access) == 1
            assert f"q={name} " in access[0]


@pytest.mark.usefixtures("sqlite_only")
async def test_what_goes_wrong_in_another_thread_has_it(temporal_server: Any, tmp_path: Any) -> None:
    async with (
        running_stack(temporal_server, tmp_path, worker=False) as stack,
        app_process(stack.settings) as process,
    ):
        database = next(stack.settings.data_dir.glob("*.db"))
        with sqlite3.connect(database) as other:
            other.execute("ALTER TABLE tombstones RENAME TO gone")
            other.execute("ALTER TABLE events RENAME TO gone_as_well")
        project = {"name": "x"}
        written = await process.http.post("/api/projects", json=project, headers={"X-Request-ID": "written"})
        read = await process.http.get("/api/projects/nope", headers={"X-Request-ID": "read"})
        for name, answer in (("written", written), ("read", read)):
            assert answer.status_code == 503
            assert check_error(answer)["request_id"] == name
            assert [line for line in lines_of(process, name) if "no such table" in line]


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """The log output, as it is written."""
    root, text = logging.getLogger(), io.StringIO()
    before, level = root.handlers[:], root.level
    # Other test servers may have configured uvicorn's logger differently.
    server = logging.getLogger("uvicorn")
    ways = server.handlers[:], server.propagate
    server.handlers[:], server.propagate = [], True
    configure_logging("info")
    handler = logging.StreamHandler(text)
    handler.setFormatter(root.handlers[0].formatter)
    root.handlers[:] = [handler]
    yield text
    root.handlers[:] = before
    root.setLevel(level)
    server.handlers[:], server.propagate = ways


async def broken(scope: Scope, _receive: Receive, send: Send) -> None:
    """An app that fails before or during its answer."""
    if scope["path"] == "/late":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    raise RuntimeError(f"broken at {scope['path']}")


async def test_what_nobody_foresaw_is_answered_and_logged_with_it(logged: io.StringIO, tmp_path: Path) -> None:
    port = free_port()
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/none.db")
    gateway: Any = Gateway(
        broken,
        allowed_hosts=[],
        credentials=Credentials("", database, checks_users=True),
    )
    async with (
        served(gateway, Settings(port=port), lifespan="off"),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        answer = await client.get("/early", headers={"X-Request-ID": "early-1"})
        assert answer.status_code == 500
        text = answer.text
        assert (answer.json()["code"], answer.json()["request_id"]) == ("internal_error", "early-1")
        assert "broken at" not in text
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/late", headers={"X-Request-ID": "late-1"})
    events = [line for line in logged.getvalue().splitlines() if "level=error" in line]
    assert len(events) == 2
    assert "request_id=early-1" in events[0]
    assert "request_id=late-1" in events[1]
