"""Which Signoff a client command speaks to."""

from __future__ import annotations

import fcntl
import json
import socket
from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app.cli.api_client import ApiClient, is_loopback
from app.settings import Settings

LOCK_FILE = "up.lock"


@dataclass(frozen=True)
class Target:
    """A Signoff: `temporary` where it was brought up for this command and ends with it."""

    url: str
    temporary: bool = False

    @property
    def is_local(self) -> bool:
        """Whether its folders are folders of this machine."""
        return is_loopback(self.url)


def running_copy(data_dir: Path) -> str | None:
    """The address of the `signoff up` that holds the data folder, or None."""
    with suppress(OSError, ValueError, TypeError), (data_dir / LOCK_FILE).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            url = json.load(file).get("url")
            return str(url) if url else None
    return None


def client_of(settings: Settings, target: Target | None = None) -> ApiClient:
    """A client of `target`; without one, of `url`, else of the copy on this data folder, else of the default address."""
    url = target.url if target else settings.url or running_copy(settings.data_dir) or settings.app_url
    return ApiClient(url, settings.api_key.get_secret_value())


@asynccontextmanager
async def serving(settings: Settings, *, folders: list[Path]) -> AsyncGenerator[Target]:
    """The Signoff to use, brought up for as long as this lasts where none is set or running.

    Args:
        settings: `url` names one; else the copy on the data folder is used.
        folders: more folders in which a Signoff that is brought up may have workspaces.
    """
    url = settings.url or running_copy(settings.data_dir)
    if url:
        yield Target(url)
        return
    # It brings Temporal's client and the database along, which no other command of a client needs.
    from app.supervisor import running_stack  # noqa: PLC0415

    port, temporal_port, temporal_ui_port = _free_ports(3)
    ports = {"port": port, "temporal_port": temporal_port, "temporal_ui_port": temporal_ui_port}
    roots = {"workspace_roots": [*settings.workspace_roots, *folders]}
    async with running_stack(settings.model_copy(update=ports | roots)) as addresses:
        yield Target(addresses.url, temporary=True)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for bound in sockets:
            bound.bind(("127.0.0.1", 0))
        return [bound.getsockname()[1] for bound in sockets]
