"""Limits on connections before the sender is authenticated."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import sys
from collections.abc import AsyncIterator

import httpx
import psutil
import pytest

from app.serving.limits import Limits, client_of
from app.serving.peers import ip_address
from tests.app_process import AppProcess, app_process
from tests.conftest import Stack, eventually, running_stack
from tests.raw_http import RawAnswer, exchange, read_answer
from tests.second_user import second_user_command

MIB = 1024 * 1024
HEAD = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
# Long enough that a request on a loaded machine is not too slow.
SHORT = Limits(head_seconds=1.5, silence_seconds=1.5, connections=8)


@pytest.fixture(scope="module")
async def hasty(temporal_server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """An app with short timeouts."""
    async with running_stack(temporal_server, tmp_path_factory.mktemp("hasty"), worker=False, limits=SHORT) as stack:
        yield stack


@pytest.fixture(scope="module")
async def apart(signoff: Stack) -> AsyncIterator[AppProcess]:
    """A separate app process, whose memory can be measured."""
    async with app_process(signoff.settings) as process:
        yield process


def check(answer: RawAnswer, status: int, code: str) -> None:
    assert (answer.status, answer.json()["code"], answer.json()["status"]) == (status, code, status)
    assert f"x-request-id: {answer.json()['request_id']}" in answer.head


@pytest.mark.parametrize(
    "fields",
    [
        b"X: " + b"a" * (64 * 1024),
        b"\r\n".join(b"X-%d: a" % number for number in range(100)),
        b"\r\n".join(b"X-%d: " % number + b"a" * 1000 for number in range(70)),
        b"a" * (65 * 1024) + b": a",
    ],
    ids=["one long field", "101 fields", "many fields", "a long name"],
)
async def test_a_head_that_is_too_large_is_refused(signoff: Stack, fields: bytes) -> None:
    answer = await exchange(signoff.settings.port, HEAD + fields + b"\r\n\r\n")
    check(answer, 431, "headers_too_large")
    assert "100 fields or 64 KiB" in answer.json()["message"]


async def test_a_long_address_is_refused(signoff: Stack) -> None:
    request = b"GET /health?" + b"a" * (65 * 1024) + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
    check(await exchange(signoff.settings.port, request), 431, "headers_too_large")


@pytest.mark.parametrize(
    "fields",
    [b"X: " + b"a" * (60 * 1024), b"\r\n".join(b"X-%d: a" % number for number in range(99))],
    ids=["60 KiB", "100 fields"],
)
async def test_a_head_within_the_limits_is_taken(signoff: Stack, fields: bytes) -> None:
    assert (await exchange(signoff.settings.port, HEAD + fields + b"\r\n\r\n")).status == 200


@pytest.mark.parametrize(
    "begin",
    [
        HEAD + b"X: ",
        b"GET /",
        b"",
        b"POST /api/projects HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2;x=",
        b"POST /api/projects HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
    ],
    ids=["field", "address", "method", "chunk extension", "trailer"],
)
async def test_150_mb_without_an_end_cost_no_memory_and_hold_nobody_up(apart: AppProcess, begin: bytes) -> None:
    memory = psutil.Process(apart.pid).memory_info
    # Memory for code that the app loads at the first request is not counted.
    assert (await apart.http.get("/health")).status_code == 200
    before = memory().rss
    reader, writer = await asyncio.open_connection("127.0.0.1", apart.port)
    writer.write(begin)
    piece = b"a" * MIB
    with contextlib.suppress(ConnectionError):
        for _ in range(150):
            writer.write(piece)
            await writer.drain()
    assert (await apart.http.get("/health")).status_code == 200
    assert memory().rss - before < 32 * MIB
    assert (await read_answer(reader)).status in {0, 400, 431}
    writer.close()


async def test_the_answer_arrives_though_more_was_sent(signoff: Stack) -> None:
    """If the server closed the connection at once, with unread bytes, the answer would be lost."""
    reader, writer = await asyncio.open_connection("127.0.0.1", signoff.settings.port)
    writer.write(HEAD + b"X: " + b"a" * (4 * MIB))
    check(await read_answer(reader), 431, "headers_too_large")
    assert await reader.read() == b""
    writer.close()


async def test_line_breaks_for_ever_are_no_request(signoff: Stack) -> None:
    answer = await exchange(signoff.settings.port, b"\r\n" * (64 * 1024))
    check(answer, 431, "headers_too_large")


async def test_what_is_no_http_is_refused(signoff: Stack) -> None:
    check(await exchange(signoff.settings.port, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n"), 400, "bad_request")


@pytest.mark.parametrize("begin", [HEAD, b"G", b"\r\n", b""], ids=["head", "letter", "line break", "nothing"])
async def test_a_head_that_does_not_end_is_ended(hasty: Stack, begin: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", hasty.settings.port)
    writer.write(begin)
    check(await read_answer(reader), 408, "request_timeout")
    assert await reader.read() == b""
    writer.close()


async def test_a_head_that_comes_byte_by_byte_is_ended_too(hasty: Stack) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", hasty.settings.port)
    answer = asyncio.ensure_future(read_answer(reader))
    writer.write(HEAD)
    with contextlib.suppress(ConnectionError):
        while not answer.done():
            writer.write(b"X")
            await writer.drain()
            await asyncio.wait([answer], timeout=0.05)
    check(await answer, 408, "request_timeout")
    writer.close()


async def test_a_second_head_on_the_same_connection_is_ended_too(hasty: Stack) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", hasty.settings.port)
    writer.write(HEAD + b"\r\n")
    assert (await read_answer(reader)).status == 200
    writer.write(HEAD)
    check(await read_answer(reader), 408, "request_timeout")
    writer.close()


POST = b"POST /api/projects HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "body",
    [b"Content-Length: 10\r\n\r\n", b"Content-Length: 10\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"],
    ids=["none of it", "a part", "a chunk"],
)
async def test_a_body_that_falls_silent_is_ended(hasty: Stack, body: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", hasty.settings.port)
    writer.write(POST + body)
    check(await read_answer(reader), 408, "request_timeout")
    assert await reader.read() == b""
    writer.close()
    assert (await hasty.http.get("/health")).status_code == 200


async def test_a_body_that_takes_its_time_is_taken(hasty: Stack) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", hasty.settings.port)
    writer.write(POST + b"Content-Length: 12\r\n\r\n")
    for byte in b'{"name":"x"}':
        writer.write(bytes([byte]))
        await asyncio.sleep(0.4)  # why: three times the silence limit for a body, in total
    assert (await read_answer(reader)).status == 201
    writer.close()


async def test_an_answer_that_takes_its_time_is_waited_for(hasty: Stack) -> None:
    async with hasty.http.stream("GET", "/api/events") as stream:
        assert stream.status_code == 200
        pieces = stream.aiter_bytes()
        project = asyncio.ensure_future(anext(pieces))
        await asyncio.wait([project], timeout=4 * SHORT.head_seconds)
        await hasty.create()
        assert await anext(pieces)


async def test_one_address_does_not_take_the_connections_of_all(hasty: Stack) -> None:
    async with contextlib.AsyncExitStack() as stack:
        opened: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

        async def many() -> list[RawAnswer]:
            for _ in range(SHORT.connections + 1):
                reader, writer = await asyncio.open_connection("127.0.0.1", hasty.settings.port)
                stack.callback(writer.close)
                opened.append((reader, writer))
            return [await read_answer(reader) for reader, _ in opened]

        answers = await many()
        assert 429 in {answer.status for answer in answers}
        check(next(answer for answer in answers if answer.status == 429), 429, "too_many_connections")

    async def served() -> bool:
        with contextlib.suppress(httpx.TransportError):
            return (await hasty.http.get("/health")).status_code == 200
        return False

    await eventually(served, what="the connections that were closed count no more")


HOLD = """
import socket, sys
held = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(int(sys.argv[2]))]
print(held[-1].recv(12).decode(), flush=True)
sys.stdin.read()
"""


async def test_another_user_does_not_take_the_connections_of_the_owner(temporal_server, tmp_path) -> None:
    limits = Limits(connections=8)
    async with running_stack(temporal_server, tmp_path, worker=False, limits=limits) as stack:
        command = second_user_command(sys.executable, "-I", "-S", "-c", HOLD, str(stack.settings.port), "9")
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, cwd="/")
        assert process.stdout is not None
        assert (await process.stdout.readline()).decode().strip() == "HTTP/1.1 429"
        assert (await stack.http.get("/api/projects")).status_code == 200
        await process.communicate(b"")


async def test_many_tabs_and_a_command_line_have_room(signoff: Stack) -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft > 300
    async with contextlib.AsyncExitStack() as stack:
        limits = httpx.Limits(max_connections=None)
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=signoff.url, limits=limits, timeout=60))
        for _ in range(100):
            answer = await stack.enter_async_context(client.stream("GET", "/api/events"))
            assert answer.status_code == 200
        assert (await client.get("/api/projects")).status_code == 200


def test_addresses_that_one_client_can_have_at_will_count_as_one() -> None:
    def client(address: str, uid: int | None = None) -> object:
        return client_of(ip_address(address), uid)

    assert client("127.0.0.1", 0) == client("127.3.2.1", 0) == client("::1", 0)
    assert client("127.0.0.1", 0) != client("127.0.0.1", 1)
    assert client("2001:db8::1") == client("2001:db8::ffff:1")
    assert client("2001:db8::1") != client("2001:db8:0:1::1")
    assert client("192.0.2.1") != client("192.0.2.2")
