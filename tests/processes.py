"""Queries real processes."""

from __future__ import annotations

import contextlib
from pathlib import Path


def alive(pid: int) -> bool:
    """Whether a process is running. A zombie is not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"


def with_environment(name: str, value: str) -> list[int]:
    """Return the pids of live processes with `name=value` in their environment: all that a task started, at any depth."""
    wanted = f"{name}={value}".encode()
    found: list[int] = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                environment = (folder / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if wanted in environment and alive(int(folder.name)):
                found.append(int(folder.name))
    return found


def children_of(pid: int) -> list[int]:
    """Return the pids of a process's children that are running."""
    children: list[int] = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the thread has ended
            children += map(int, (thread / "children").read_text().split())
    return [child for child in children if alive(child)]
