"""The ports that a stack needs, whether they are free, and which process uses them."""

from __future__ import annotations

import errno
import socket
import time
from contextlib import suppress
from pathlib import Path

from app.settings import Settings
from app.supervisor.errors import PortTaken

# The children of a killed stack need a moment to exit.
_PATIENCE_SECONDS = 1.0
_PURPOSES = {"port": "the app", "temporal_port": "Temporal", "temporal_ui_port": "Temporal's Web UI"}
_LISTEN = "0A"


def check(settings: Settings) -> None:
    """Wait up to a second until all ports are free.

    Raises:
        PortTaken: a port is not free. The message names the port, its setting and, if known, the process that uses it.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while complaints := find_complaints(settings):
        if time.monotonic() > deadline:
            raise PortTaken("\n".join(complaints))
        time.sleep(0.05)


def find_complaints(settings: Settings) -> list[str]:
    """One sentence for each port that cannot be used or is configured twice."""
    required = {"port": (settings.host, settings.port)}
    if not settings.temporal_address:
        required["temporal_port"] = ("127.0.0.1", settings.temporal_port)
    if not settings.temporal_address or settings.temporal_ui_upstream:
        required["temporal_ui_port"] = (settings.host, settings.temporal_ui_port)
    complaints = list[str]()
    purposes = dict[int, str]()
    for field, (host, port) in required.items():
        purpose = _PURPOSES[field]
        trouble = f"is also configured for {purposes[port]}" if port in purposes else _trouble(host, port)
        if trouble:
            flag, variable = f"--{field.replace('_', '-')}", f"SIGNOFF_{field.upper()}"
            complaints.append(f"Port {port} for {purpose} {trouble}; choose another with {flag} or {variable}.")
        purposes[port] = purpose
    return complaints


def _trouble(host: str, port: int) -> str:
    """Why a process cannot listen on this address; empty if it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # create_server sets SO_REUSEADDR, so connections in TIME_WAIT do not matter.
        with socket.create_server((host, port), family=family):
            return ""
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            return f"cannot be opened on {host} ({error.strerror})"
        owner = _owner(port)
        return f"is in use by {owner}" if owner else "is in use"


def _owner(port: int) -> str:
    """`name (process N)` of the process that listens on `port`; empty if /proc does not show it."""
    inodes = {inode for table in ("tcp", "tcp6") for inode in _listening(Path("/proc/net") / table, port)}
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if str(link.readlink()) in inodes:
                process = link.parents[1]
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return ""


def _listening(table: Path, port: int) -> list[str]:
    """The sockets that listen on `port`, in the notation of /proc/PID/fd (proc(5), /proc/net/tcp)."""
    with suppress(OSError):
        rows = [line.split() for line in table.read_text().splitlines()[1:]]
        return [
            f"socket:[{row[9]}]" for row in rows if row[3] == _LISTEN and int(row[1].rpartition(":")[2], 16) == port
        ]
    return []
