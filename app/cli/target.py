"""Chooses the Signoff that a client command talks to."""

from __future__ import annotations

import fcntl
import json
import socket
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from signoff import AsyncSignoff

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from app.settings import Settings
    from app.settings.of_clients import ClientSettings

# Someone is waiting at the terminal.
_RETRY_SECONDS = 2.0


@dataclass(frozen=True)
class Target:
    """A running Signoff. `temporary` means that it was started for this command and ends with it."""

    url: str
    temporary: bool = False


def running_url(data_dir: Path) -> str | None:
    """The address of the `signoff up` that is using the data folder, or None."""
    with suppress(OSError, ValueError, KeyError, TypeError), (data_dir / "up.lock").open(encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return str(json.load(file)["url"])
    return None


def address_of(settings: ClientSettings) -> str:
    """The `url` of the settings, otherwise the address of the `signoff up` on this data folder, otherwise the default."""
    return settings.url or running_url(settings.data_dir) or settings.app_url


def client_of(settings: ClientSettings, target: Target | None = None) -> AsyncSignoff:
    """A client of `target`; without a target, of the Signoff that the settings point to."""
    url = target.url if target else address_of(settings)
    return AsyncSignoff(url, api_key=settings.api_key, retry_seconds=_RETRY_SECONDS)


@asynccontextmanager
async def serving(settings: Settings, *, folders: list[Path]) -> AsyncGenerator[Target]:
    """Yield the Signoff to use. If none is set or running, start one for the duration of the context.

    Args:
        settings: the settings; their `url` names a Signoff, otherwise the `signoff up` on the data folder is used.
        folders: more folders in which a Signoff started here may have workspaces.

    Raises:
        click.ClickException: no Signoff could be started.
    """
    url = settings.url or running_url(settings.data_dir)
    if url:
        yield Target(url)
        return
    # Temporal's client and the database are slow to import, and no other client command needs them.
    from app.supervisor.errors import StackError  # noqa: PLC0415
    from app.supervisor.stack import running_stack  # noqa: PLC0415

    changes = _free_ports() | {"host": "127.0.0.1", "workspace_roots": [*settings.workspace_roots, *folders]}
    try:
        async with running_stack(settings.model_copy(update=changes)) as addresses:
            yield Target(addresses.url, temporary=True)
    except StackError as error:
        raise click.ClickException(str(error)) from error


def _free_ports() -> dict[str, int]:
    names = ("port", "temporal_port", "temporal_ui_port")
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in names]
        return {name: bound.getsockname()[1] for name, bound in zip(names, sockets, strict=True)}
