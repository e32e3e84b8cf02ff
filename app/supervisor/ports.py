"""Which ports a stack needs, whether they are free, and who has them."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from app.settings import Settings
from app.supervisor.errors import PortTaken

# The children of a stack that was killed need a moment to go.
_PATIENCE_SECONDS = 1.0
_WHAT = {"port": "the app", "temporal_port": "Temporal", "temporal_ui_port": "Temporal's Web UI"}


def needed(settings: Settings) -> dict[str, tuple[str, int]]:
    """Host and port of everything that a stack listens on, by the setting that names it."""
    wanted = {"port": (settings.host, settings.port)}
    if not settings.temporal_address:
        wanted["temporal_port"] = ("127.0.0.1", settings.temporal_port)
        wanted["temporal_ui_port"] = ("127.0.0.1", settings.temporal_ui_port)
    return wanted


def check(settings: Settings) -> None:
    """Wait up to a second until all ports are free.

    Raises:
        PortTaken: one is not; names it, its setting and, where that can be told, who has it.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while complaints := complaints_about(settings):
        if time.monotonic() > deadline:
            raise PortTaken("\n".join(complaints))
        time.sleep(0.05)


def complaints_about(settings: Settings) -> list[str]:
    """One sentence for each port that cannot be used, and for each that two settings name."""
    found = list[str]()
    users = dict[int, str]()
    for field, (host, port) in needed(settings).items():
        flag, variable = f"--{field.replace('_', '-')}", f"SIGNOFF_{field.upper()}"
        if port in users:
            found.append(f"Port {port} is named for {users[port]} and for {_WHAT[field]}; change one with {flag} or {variable}.")
        elif not _is_free(host, port):
            owner = _owner(port)
            by = f" by {owner}" if owner else ""
            found.append(f"Port {port} for {_WHAT[field]} is in use{by}; choose another with {flag} or {variable}.")
        users[port] = _WHAT[field]
    return found


def with_free_ports(settings: Settings) -> Settings:
    """The same settings with ports that are free now, on loopback."""
    names = ("port", "temporal_port", "temporal_ui_port")
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in names]
        chosen = {name: one.getsockname()[1] for name, one in zip(names, sockets, strict=True)}
    return settings.model_copy(update=chosen | {"host": "127.0.0.1"})


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # create_server sets SO_REUSEADDR, so that connections in TIME_WAIT do not count.
        with socket.create_server((host, port), family=family):
            return True
    except OSError:
        return False


def _owner(port: int) -> str:
    """`name (process N)` of the one that listens on `port`, as far as /proc tells."""
    inodes = {inode for file in ("tcp", "tcp6") for inode in _listening(Path("/proc/net") / file, port)}
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if str(link.readlink()) in inodes:
                process = link.parts[2]
                return f"{(link.parents[1] / 'comm').read_text().strip()} (process {process})"
    return ""


def _listening(table: Path, port: int) -> list[str]:
    """The sockets that listen on `port`, as /proc/PID/fd names them (proc(5): state 0A is LISTEN)."""
    with suppress(OSError):
        rows = [line.split() for line in table.read_text().splitlines()[1:]]
        return [f"socket:[{row[9]}]" for row in rows if row[3] == "0A" and int(row[1].rsplit(":", 1)[1], 16) == port]
    return []
