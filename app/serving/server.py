"""The uvicorn configuration that serves the app."""

from __future__ import annotations

from typing import Any

import uvicorn
from litestar.types import ASGIApp

from app.serving.limits import Limits
from app.serving.protocol import guarded_protocol
from app.settings import Settings

# How long a connection may be idle between two requests. This is longer than the 5 seconds after which common clients close
# theirs: if both ends closed at the same moment, a client could send a request on a connection that was just closed.
_IDLE_SECONDS = 30
# How long a stopping app waits for requests to finish; event streams never finish by themselves.
_GRACE_SECONDS = 2


def server_config(app: ASGIApp, settings: Settings, limits: Limits | None = None, **changes: Any) -> uvicorn.Config:
    """Configure a server for `app` at the address in the settings.

    Args:
        app: the app to serve.
        settings: contain the address, and the maximum number of connections per client.
        limits: connection limits that replace the defaults.
        changes: other options of the uvicorn configuration.
    """
    limits = limits or Limits(connections=settings.max_connections)
    usual: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "http": guarded_protocol(limits),
        "ws": "none",
        "access_log": settings.log_level == "debug",
        "log_config": None,
        "timeout_keep_alive": _IDLE_SECONDS,
        "timeout_graceful_shutdown": _GRACE_SECONDS,
        "server_header": False,
    }
    return uvicorn.Config(app, **(usual | changes))  # pyright: ignore[reportArgumentType] - options by name
