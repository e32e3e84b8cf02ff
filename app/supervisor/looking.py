"""Looks whether the parts of a stack are ready, without the libraries of their clients, which take long to load."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import urlsplit

# A part that accepts a connection and then does not answer is asked again.
_ANSWER_SECONDS = 2.0


async def listens(address: str) -> bool:
    """Whether something accepts connections at `HOST:PORT`."""
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    return True


async def has_worker(app_url: str) -> bool:
    """Whether the app can reach the database, Temporal and a worker."""
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            status, body = await _get(app_url, "/ready")
        return status == "200" and json.loads(body)["checks"]["workers"] >= 1
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return False


async def _get(url: str, path: str) -> tuple[str, bytes]:
    """The status and the body of an answer. In HTTP/1.0, a body ends with its connection."""
    server = urlsplit(url)
    reader, writer = await asyncio.open_connection(server.hostname, server.port)
    try:
        writer.write(f"GET {path} HTTP/1.0\r\nHost: {server.netloc}\r\n\r\n".encode("ascii"))
        answer = await reader.read()
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.split()[1].decode("ascii"), body
