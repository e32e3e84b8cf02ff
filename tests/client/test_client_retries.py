"""When answers are lost, the client repeats the request with the same key, for a limited time."""

from __future__ import annotations

import asyncio
import re
import time
import uuid

import pytest

from signoff import AsyncSignoff, NoAnswer, NotASignoff, Signoff
from tests.client.proxy import Proxy
from tests.conftest import Stack, free_port


async def test_a_request_whose_answer_was_lost_is_repeated_and_takes_effect_once(signoff: Stack) -> None:
    async with Proxy(signoff.url) as proxy, AsyncSignoff(proxy.url) as client:
        name = f"Only once {uuid.uuid4().hex}"
        proxy.cut_after(1)
        project = await client.projects.create(name=name)
        assert proxy.cuts == 1
        keys = re.findall(rb"(?i)idempotency-key: (\w+)", b"".join(proxy.requests))
        assert len(keys) == 2
        assert keys[0] == keys[1]
        found = [row.id for row in (await client.projects.list(search=name)).projects]
        assert found == [project.id]


async def test_each_call_has_its_own_key(signoff: Stack) -> None:
    async with Proxy(signoff.url) as proxy, AsyncSignoff(proxy.url) as client:
        first, second = await client.projects.create(), await client.projects.create()
        assert first.id != second.id
        assert len(set(re.findall(rb"(?i)idempotency-key: (\w+)", b"".join(proxy.requests)))) == 2


async def test_a_change_with_an_etag_is_not_repeated(signoff: Stack) -> None:
    project = await signoff.create("")
    async with Proxy(signoff.url) as proxy, AsyncSignoff(proxy.url) as client:
        _, etag = await client.projects.get_with_etag(project)
        proxy.cut_after(1)
        with pytest.raises(NoAnswer):
            await client.projects.update(project, if_match=etag, name="Changed")
    assert (await signoff.project(project))["name"] == "Changed"


async def test_events_resume_where_the_connection_was_lost(signoff: Stack) -> None:
    project = await signoff.started("# Two\n\n- One: `echo 1` {#one}\n- Two: `echo 2` {#two after=one}\n")
    async with Proxy(signoff.url) as proxy, AsyncSignoff(proxy.url) as client:
        proxy.cut_after(1500)
        seen = [event.seq async for event in client.projects.events(project)]
        assert proxy.cuts == 1
        assert seen == list(range(1, len(seen) + 1))
        assert (await client.projects.get(project)).status == "completed"


def test_without_an_answer_the_client_gives_up() -> None:
    began = time.monotonic()
    with Signoff(f"http://127.0.0.1:{free_port()}", retry_seconds=1) as client, pytest.raises(NoAnswer) as caught:
        client.projects.list()
    assert 0.3 < time.monotonic() - began < 20
    assert "signoff up" in str(caught.value)


async def test_a_server_that_is_not_a_signoff_is_reported() -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server, AsyncSignoff(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as client:
        with pytest.raises(NotASignoff, match="is not a Signoff"):
            await client.projects.list()
