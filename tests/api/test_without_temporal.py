"""Without Temporal: reading and drafting still work, and operations that need it say so."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.main import create_app
from app.settings import Settings
from app.storage.migrate import migrate
from tests.api.answers import check_error
from tests.ports import free_port
from tests.serving import served


@asynccontextmanager
async def serving(folder: Path, temporal_address: str) -> AsyncIterator[httpx.AsyncClient]:
    """The app over HTTP, with the given address of Temporal."""
    port = free_port()
    settings = Settings(data_dir=folder, port=port, temporal_address=temporal_address)
    await asyncio.to_thread(migrate, settings.effective_database_url)
    async with (
        served(create_app(settings), settings),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
    ):
        yield client


@pytest.fixture(scope="module")
async def alone(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """The app without a Temporal server."""
    async with serving(tmp_path_factory.mktemp("alone"), f"127.0.0.1:{free_port()}") as client:
        yield client


@pytest.fixture
async def unanswered(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The app with a Temporal that accepts connections but never answers."""
    connections: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _reader, writer: connections.append(writer), "127.0.0.1", 0)
    async with serving(tmp_path, f"127.0.0.1:{silent.sockets[0].getsockname()[1]}") as client:
        yield client
    silent.close()
    for writer in connections:
        writer.close()


async def made(client: httpx.AsyncClient) -> str:
    return (await client.post("/api/projects", json={"name": "Alone"})).json()["id"]


async def with_a_plan(client: httpx.AsyncClient) -> str:
    project_id = await made(client)
    assert (await client.post(f"/api/projects/{project_id}/tasks", json={"title": "Look"})).status_code == 201
    return project_id


async def test_ready_says_what_is_missing_and_health_is_fine(alone: httpx.AsyncClient) -> None:
    answer = await alone.get("/ready")
    assert answer.status_code == 503
    body = answer.json()
    assert (body["status"], body["checks"]["database"], body["checks"]["workers"]) == ("unavailable", "ok", 0)
    assert "Temporal does not answer at 127.0.0.1:" in body["checks"]["temporal"]
    assert (await alone.get("/health")).status_code == 200


async def test_drafting_goes_on(alone: httpx.AsyncClient) -> None:
    project_id = await with_a_plan(alone)
    address = f"/api/projects/{project_id}"
    assert (await alone.put(address, json={"strategy": "careful"})).json()["plan"]["version"] == 2
    project = (await alone.get(address)).json()
    assert (project["live"], project["stage"]) == (False, "awaiting_approval")
    assert (await alone.get(f"{address}/plan")).json()["version"] == 2
    assert (await alone.get("/api/projects")).json()["total"] >= 1
    assert "plan.ready" in (await alone.get(f"{address}/events", params={"follow": "false"})).text


async def test_reading_does_not_wait_for_temporal(unanswered: httpx.AsyncClient) -> None:
    address = f"/api/projects/{await with_a_plan(unanswered)}"
    began = time.monotonic()
    for _ in range(40):
        assert (await unanswered.get(address)).json()["live"] is False
    # Asked once, for 500 ms, then not for five seconds, instead of 40 times. The remaining time is for a loaded machine.
    assert time.monotonic() - began < 10


async def test_agents_are_listed_without_their_workers(alone: httpx.AsyncClient, unanswered: httpx.AsyncClient) -> None:
    for client in (alone, unanswered):
        began = time.monotonic()
        answer = await client.get("/api/agents")
        assert answer.status_code == 200
        assert [agent["workers"] for agent in answer.json()["agents"]] == [None]
        assert time.monotonic() - began < 10


@pytest.mark.parametrize("make", [made, with_a_plan])
async def test_what_no_workflow_carries_can_be_cancelled_and_deleted(alone: httpx.AsyncClient, make: Any) -> None:
    address = f"/api/projects/{await make(alone)}"
    assert (await alone.post(f"{address}/cancel")).json()["status"] == "cancelled"
    assert (await alone.delete(address)).json()["deleted"] is True
    assert (await alone.get(address)).status_code == 404


async def test_what_needs_a_workflow_says_that_it_may_be_repeated(alone: httpx.AsyncClient) -> None:
    async def refused(project_id: str, call: str) -> None:
        answer = await alone.post(f"/api/projects/{project_id}/{call}")
        assert answer.status_code == 503, answer.text
        assert check_error(answer)["code"] == "temporal_unavailable"
        assert int(answer.headers["retry-after"]) > 0
        assert (await alone.get(f"/api/projects/{project_id}")).json()["status"] == "pending"

    planned, draft = await with_a_plan(alone), await made(alone)
    await asyncio.gather(
        refused(planned, "approve"), refused(draft, "generate-plan"), refused(planned, "regenerate-plan")
    )


async def test_what_the_record_refuses_needs_no_temporal(alone: httpx.AsyncClient) -> None:
    draft, planned = await made(alone), await with_a_plan(alone)
    for project_id, call, code in ((draft, "approve", "no_plan"), (planned, "generate-plan", "plan_exists")):
        answer = await alone.post(f"/api/projects/{project_id}/{call}")
        assert (answer.status_code, check_error(answer)["code"]) == (409, code)
