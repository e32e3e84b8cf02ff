"""Serves the app over HTTP from within a test."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from litestar.types import ASGIApp

from app.serving.limits import Limits
from app.serving.server import server_config
from app.settings import Settings
from tests.waiting import eventually


@asynccontextmanager
async def served(
    app: ASGIApp,
    settings: Settings,
    limits: Limits | None = None,
    sockets: Sequence[socket.socket] | None = None,
    **changes: Any,
) -> AsyncIterator[None]:
    """Serve `app` at the address of the settings, or on `sockets`, until the block ends."""
    server = uvicorn.Server(server_config(app, settings, limits, log_level="warning", **changes))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined, method-assign]
    serving = asyncio.create_task(server.serve(list(sockets) if sockets else None))

    async def up() -> bool:
        return server.started

    await eventually(up, what="the app answers")
    try:
        yield
    finally:
        server.should_exit = True
        await serving
