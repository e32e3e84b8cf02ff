"""The processor time of processes and of everything below them (Linux)."""

from __future__ import annotations

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def used_by(*roots: int) -> float:
    """Return the seconds of processor time that these processes and all their descendants have used so far."""
    ticks = _ticks_below(*roots)
    return sum(ticks.values()) / TICKS


def processes_below(root: int) -> list[int]:
    """Return the pids of a process and all its descendants."""
    return list(_ticks_below(root))


def _ticks_below(*roots: int) -> dict[int, int]:
    ticks: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            # proc(5): starts with the third field. The parent is the fourth; utime to cstime are the 14th to 17th.
            fields = entry.read_bytes().rpartition(b")")[2].split()
        except OSError:
            continue
        pid = int(entry.parent.name)
        ticks[pid] = sum(map(int, fields[11:15]))
        children.setdefault(int(fields[1]), []).append(pid)
    found, level = dict[int, int](), list(roots)
    while level:
        found |= {pid: ticks.get(pid, 0) for pid in level}
        level = [child for pid in level for child in children.get(pid, ())]
    return found
