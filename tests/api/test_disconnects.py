"""A client that disconnects while it sends a request."""

from __future__ import annotations

import asyncio

from tests.app_process import app_process
from tests.conftest import Stack, eventually


async def test_a_client_that_leaves_in_the_middle_of_a_body_costs_one_line_of_log(signoff: Stack) -> None:
    async with app_process(signoff.settings) as process:
        _, writer = await asyncio.open_connection("127.0.0.1", process.port)
        writer.write(
            b"POST /api/projects HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b'Content-Length: 1000\r\n\r\n{"name": '
        )
        await writer.drain()
        await asyncio.sleep(0.5)  # why: the app must be reading the body; no sign of that reaches the client
        writer.close()

        async def logged() -> bool:
            return "disconnected" in process.log.read_text()

        await eventually(logged, what="the disconnect is logged")
        lines = [line for line in process.log.read_text().splitlines() if "disconnected" in line]
        assert len(lines) == 1
        assert "level=info" in lines[0]
        assert "Traceback" not in process.log.read_text()
