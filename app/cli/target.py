"""Which Signoff a client command speaks to."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from app.cli.api_client import ApiClient
from app.settings import Settings
from app.supervisor.data_folder import holder


@dataclass(frozen=True)
class Target:
    """A Signoff: `temporary` where it was brought up for this command and ends with it."""

    url: str
    temporary: bool = False


def client_of(settings: Settings, target: Target | None = None) -> ApiClient:
    """A client of `target`; without one, of `url`, else of the copy on this data folder, else of the default address."""
    url = target.url if target else settings.url or _running_url(settings) or settings.app_url
    return ApiClient(url, settings.api_key.get_secret_value())


@asynccontextmanager
async def serving(settings: Settings, *, folders: list[Path]) -> AsyncGenerator[Target]:
    """The Signoff to use, brought up for as long as this lasts where none is set or running.

    Args:
        settings: `url` names one; else the copy on the data folder is used.
        folders: more folders in which a Signoff that is brought up may have workspaces.
    """
    url = settings.url or _running_url(settings)
    if url:
        yield Target(url)
        return
    # It brings Temporal's client and the database along, which no other command of a client needs.
    from app.supervisor import running_stack  # noqa: PLC0415
    from app.supervisor.ports import with_free_ports  # noqa: PLC0415

    roots = {"workspace_roots": [*settings.workspace_roots, *folders]}
    async with running_stack(with_free_ports(settings.model_copy(update=roots))) as addresses:
        yield Target(addresses.url, temporary=True)


def _running_url(settings: Settings) -> str | None:
    """The address of the `signoff up` that works on the data folder."""
    running = holder(settings.data_dir)
    return running.url if running else None
