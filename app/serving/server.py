"""How uvicorn is set to serve the app, wherever it is started."""

from __future__ import annotations

from typing import Any

import uvicorn
from litestar.types import ASGIApp

from app.serving.limits import Limits
from app.serving.protocol import guarded_protocol
from app.settings import Settings

# How long a connection may be idle between two requests. Longer than the 5 seconds after which common clients drop theirs: where
# both ends give up at the same moment, a request is sent into a connection that has just been closed.
_IDLE_SECONDS = 30
# How long a stopping app lets requests finish; event streams go on for ever.
_GRACE_SECONDS = 2


def server_config(app: ASGIApp, settings: Settings, limits: Limits | None = None, **changes: Any) -> uvicorn.Config:
    """The configuration of a server of `app` at the address of the settings.

    Args:
        app: what is served.
        settings: have the address, and how many connections a client may have.
        limits: of a connection, instead of the usual ones.
        changes: further fields of the configuration.
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
    return uvicorn.Config(app, **(usual | changes))  # pyright: ignore[reportArgumentType]
