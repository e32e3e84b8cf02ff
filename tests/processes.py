"""Queries real processes."""

from __future__ import annotations

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
    threads = Path(f"/proc/{pid}/task").iterdir()
    return [
        child for thread in threads for child in map(int, (thread / "children").read_text().split()) if alive(child)
    ]
