"""The processor time of processes and of everything below them (Linux)."""

from __future__ import annotations

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def used_by(*roots: int) -> float:
    """Return the seconds of processor time that these processes and all their descendants have used so far."""
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
    total, level = 0, list(roots)
    while level:
        total += sum(ticks.get(pid, 0) for pid in level)
        level = [child for pid in level for child in children.get(pid, ())]
    return total / TICKS
