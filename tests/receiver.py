"""A receiver of webhooks, as a user of Signoff would run one: it checks the signature, and remembers what it was sent."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes, ok").decode()


@dataclass
class Receiver:
    """What arrived. `status` is the answer to each request; while `mute`, connections are closed without one."""

    port: int = 0
    status: int = 204
    mute: bool = False
    # The numbers of the events that it answers with 503.
    refuses: set[int] = field(default_factory=set[int])
    # Set to hold requests back after they were read: the receiver has the message, the sender has no answer.
    hold: asyncio.Event | None = None
    # The numbers of the events that are held back; None: all.
    holds: set[int] | None = None
    taken: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])
    refused: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def ids(self) -> list[str]:
        return [message_id for message_id, _ in self.taken]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in head.split("\r\n")[1:])
            }
            body = await reader.readexactly(int(headers["content-length"]))
            if self.mute:
                self.refused += 1
            else:
                self.check(headers, body)
                message = json.loads(body)
                status = 503 if message["data"]["seq"] in self.refuses else self.status
                if 200 <= status < 300:
                    self.taken.append((headers["webhook-id"], message))
                else:
                    self.refused += 1
                if self.hold is not None and (self.holds is None or message["data"]["seq"] in self.holds):
                    await self.hold.wait()
                writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\nlocation: /other\r\n\r\n".encode())
                await writer.drain()
        writer.close()

    @staticmethod
    def check(headers: dict[str, str], body: bytes) -> None:
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{expected}"
        assert abs(time.time() - int(headers["webhook-timestamp"])) < 60


@contextlib.asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
