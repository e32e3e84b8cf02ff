"""The memory of processes (Linux)."""

from __future__ import annotations

from pathlib import Path


def peak_mib(pid: int) -> float:
    """Return the peak memory of a process so far."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("this system does not report peak memory")
