"""The PostgreSQL server stops during a run: callers are told, and the run continues when the server is back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.chaos.conftest import Processes
from tests.chaos.test_kill import check_outcome, ten_tasks
from tests.conftest import eventually
from tests.postgresql import PostgresServer


@pytest.fixture
async def on_postgres(tmp_path: Path, postgres_server: PostgresServer) -> AsyncIterator[Processes]:
    async with Processes.running(tmp_path, database_url=postgres_server.make_database()) as processes:
        yield processes


async def test_server_is_killed_in_the_middle_of_ten_tasks(
    on_postgres: Processes, postgres_server: PostgresServer
) -> None:
    processes = on_postgres
    project_id, workspace = await processes.started(ten_tasks())

    async def in_flight() -> bool:
        started = workspace / "started"
        return started.exists() and "5" in started.read_text().split()

    await eventually(in_flight, what="the fifth task is under way")
    await asyncio.to_thread(postgres_server.stop)
    try:
        for method, path in (("GET", f"/{project_id}"), ("POST", f"/{project_id}/cancel"), ("POST", "")):
            answer = await processes.http.request(method, f"/api/projects{path}", json={} if method == "POST" else None)
            assert (answer.status_code, answer.json()["code"]) == (503, "database_busy"), answer.text
            assert answer.headers["Retry-After"]
        ready = await processes.http.get("/ready")
        assert ready.status_code == 503
        assert "database" in ready.json()["checks"]["database"].lower()
        assert (await processes.http.get("/health")).status_code == 200
    finally:
        await asyncio.to_thread(postgres_server.start)
    await check_outcome(processes, project_id, workspace, in_flight="")
